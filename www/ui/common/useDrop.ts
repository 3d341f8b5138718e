import { useRef, useState } from 'preact/hooks';

/** What a drag within the page carries: the keys of pictures, as JSON. */
export const PICTURES_TYPE = 'application/x-headstart-pictures';

export interface DropTarget {
  /** Something that would be taken is held above. */
  readonly over: boolean;
  readonly handlers: {
    readonly onDragEnter: (event: DragEvent) => void;
    readonly onDragOver: (event: DragEvent) => void;
    readonly onDragLeave: () => void;
    readonly onDrop: (event: DragEvent) => void;
  };
}

/** Makes an element take what is dropped on it, when it carries one of `types` ('Files' or {@link PICTURES_TYPE}). */
export function useDrop(types: readonly string[], take: (transfer: DataTransfer) => void): DropTarget {
  const [over, setOver] = useState(false);
  // Enter and leave also come from every element inside.
  const depth = useRef(0);
  const wanted = (event: DragEvent): boolean => types.some((type) => event.dataTransfer?.types.includes(type));
  const leave = (): void => {
    depth.current = 0;
    setOver(false);
  };
  return {
    over,
    handlers: {
      onDragEnter(event) {
        if (!wanted(event)) return;
        event.preventDefault();
        depth.current += 1;
        setOver(true);
      },
      onDragOver(event) {
        if (wanted(event)) event.preventDefault();
      },
      onDragLeave() {
        depth.current -= 1;
        if (depth.current <= 0) leave();
      },
      onDrop(event) {
        leave();
        if (!wanted(event) || event.dataTransfer === null) return;
        event.preventDefault();
        event.stopPropagation();
        take(event.dataTransfer);
      },
    },
  };
}
