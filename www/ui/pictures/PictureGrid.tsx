import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ClassState, Key, PictureState } from '../../state/types.js';
import { useApp } from '../control/app.js';
import { drawnTiles, inView, layOut, neighbour, position } from './layout.js';
import { PictureTile } from './PictureTile.js';
import { SelectionBar } from './SelectionBar.js';
import { useBox } from './useBox.js';
import { useSelection } from './useSelection.js';

/** The pictures of a class, newest first. Only the ones in view are in the document. */
export function PictureGrid({ shown, label }: { shown: ClassState; label: string }) {
  const { pictures: actions } = useApp();
  const { pictures } = shown;
  const selection = useSelection(pictures);
  const [active, setActive] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const { width, height, scroll } = useBox(scroller);
  const total = pictures.length;
  // Not a list turned round: thousands of pictures come in one after the other.
  const at = (index: number): PictureState | undefined => pictures[total - 1 - index];
  const layout = layOut(width, total);
  const view = inView(layout, total, scroll, height);
  const current = Math.min(active, total - 1);
  const drawn = width > 0 ? drawnTiles(view, current) : [];

  useLayoutEffect(() => {
    const element = scroller.current;
    return () => {
      // It goes with the last picture, and the focus would fall off the page with it.
      if (element?.parentElement?.contains(document.activeElement)) element.closest('li')?.focus({ preventScroll: true });
    };
  }, []);

  useEffect(() => {
    const element = scroller.current;
    // Only following the keyboard: new pictures must not move what somebody is looking at.
    if (element === null || !element.matches(':focus')) return;
    const { top } = position(layout, current);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + layout.tile > element.scrollTop + height) element.scrollTop = top + layout.tile - height;
  }, [current]);

  const affected = (): ReadonlySet<Key> => {
    const key = at(current)?.key;
    return selection.selected.size > 0 || key === undefined ? selection.selected : new Set([key]);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = neighbour(current, event.key, layout.columns, total);
    if (next !== null) setActive(next);
    else if (event.key === ' ' || event.key === 'Enter') selection.toggle(current, event.shiftKey);
    else if (event.key === 'Delete' || event.key === 'Backspace') actions.remove(affected());
    else if (event.key === 'Escape') selection.clear();
    else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) selection.all();
    else return;
    event.preventDefault();
  };
  const dragged = (key: Key): readonly Key[] => (selection.selected.has(key) ? [...selection.selected] : [key]);
  // What had the focus goes with the selection.
  const clear = (): void => {
    selection.clear();
    scroller.current?.focus({ preventScroll: true });
  };
  const optionId = (picture: PictureState | undefined): string | undefined => picture && `picture-${picture.key}`;

  return (
    <div class="pictures">
      <div
        ref={scroller}
        class="picture-scroller"
        role="listbox"
        aria-multiselectable
        aria-label={label}
        aria-activedescendant={drawn.includes(current) ? optionId(at(current)) : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div class="picture-plane" role="presentation" style={{ height: `${layout.height}px` }}>
          {drawn.map((index) => {
            const picture = at(index);
            return (
              picture && (
                <PictureTile
                  key={picture.key}
                  id={optionId(picture)}
                  picture={picture}
                  place={position(layout, index)}
                  side={layout.tile}
                  index={index}
                  total={total}
                  selected={selection.selected.has(picture.key)}
                  active={index === current}
                  onToggle={(extend) => {
                    setActive(index);
                    selection.toggle(index, extend);
                  }}
                  onDelete={() => actions.remove(new Set([picture.key]))}
                  dragged={dragged}
                />
              )
            );
          })}
        </div>
      </div>
      <SelectionBar classKey={shown.key} selected={selection.selected} total={total} onClear={clear} onAll={selection.all} />
    </div>
  );
}
