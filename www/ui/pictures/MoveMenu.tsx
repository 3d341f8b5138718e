import { useEffect, useRef } from 'preact/hooks';
import type { ClassState, Key } from '../../state/types.js';
import { hueOfKey } from '../common/hue.js';

interface MoveMenuProps {
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
  readonly classes: readonly ClassState[];
  readonly onMove: (to: Key) => void;
}

/** The classes that pictures can be moved to, for fingers and keyboards; a mouse can drag. */
export function MoveMenu({ open, onOpen, classes, onMove }: MoveMenuProps) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>('.menu button')?.focus();
    const outside = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) onOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  return (
    <div
      ref={root}
      class="menu-place"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        onOpen(false);
        root.current?.querySelector('button')?.focus();
      }}
    >
      <button type="button" class="button small" aria-expanded={open} onClick={() => onOpen(!open)}>
        Move to…
      </button>
      {open && (
        <ul class="menu">
          {classes.map((each) => (
            <li key={each.key}>
              <button type="button" class={hueOfKey(each.key)} onClick={() => onMove(each.key)}>
                <span class="swatch" aria-hidden="true" />
                {each.name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
