import { useRef, useState } from 'preact/hooks';

/** What a drag within the page carries: the keys of pictures, as JSON. */
export const PICTURES_TYPE = 'application/x-headstart-pictures';

export interface DropTarget {
  /** Something that would be taken is held above. */
  readonly over: boolean;
  readonly handlers: {
    readonly onDragEnter: (event: DragEvent) => void;
    readonly onDragOver: (event: DragEvent) => void;
    readonly onDragLeave: (event: DragEvent) => void;
    readonly onDrop: (event: DragEvent) => void;
  };
}

/** Makes an element take what is dropped on it, when it carries one of `types` ('Files' or {@link PICTURES_TYPE}). */
export function useDrop(types: readonly string[], take: (transfer: DataTransfer) => void): DropTarget {
  const [over, setOver] = useState(false);
  // Enter and leave also come from every element inside: the next one is entered before the last one is left, and one that has gone
  // from the page meanwhile never says that it was left.
  const entered = useRef<EventTarget | null>(null);
  const wanted = (event: DragEvent): boolean => types.some((type) => event.dataTransfer?.types.includes(type));
  const leave = (): void => {
    entered.current = null;
    setOver(false);
  };
  return {
    over,
    handlers: {
      onDragEnter(event) {
        if (!wanted(event)) return;
        event.preventDefault();
        entered.current = event.target;
        setOver(true);
      },
      onDragOver(event) {
        if (wanted(event)) event.preventDefault();
      },
      onDragLeave(event) {
        if (event.target === entered.current) leave();
      },
      onDrop(event) {
        leave();
        // One inside of this one has taken it; that the drag is over concerns both.
        if (event.defaultPrevented || !wanted(event) || event.dataTransfer === null) return;
        event.preventDefault();
        take(event.dataTransfer);
      },
    },
  };
}
