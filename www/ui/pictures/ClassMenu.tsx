import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { ClassState, Key } from '../../state/types.js';
import { hueOfKey } from '../common/hue.js';

interface ClassMenuProps {
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
  readonly classes: readonly ClassState[];
  readonly onChoose: (to: Key) => void;
  /** The CSS classes of its button, and what that is called where its content does not say it. */
  readonly kind: string;
  readonly label?: string;
  /** Why it cannot be opened; null where it can. */
  readonly problem?: string | null;
  /** What choosing one does, and what else somebody should know who does. */
  readonly title: string;
  readonly remark?: string | null;
  readonly children: ComponentChildren;
}

/** A button that opens a list of classes, for fingers and keyboards. */
export function ClassMenu({ open, onOpen, classes, onChoose, kind, label, problem = null, title, remark = null, children }: ClassMenuProps) {
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
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
      <button
        type="button"
        class={kind}
        aria-label={label}
        title={problem ?? label}
        aria-expanded={open}
        disabled={problem !== null}
        onClick={() => onOpen(!open)}
      >
        {children}
      </button>
      {open && (
        <div class="menu" role="group" aria-labelledby={`${id}-title`} aria-describedby={remark === null ? undefined : `${id}-remark`}>
          <p id={`${id}-title`} class="menu-title">
            {title}
          </p>
          <ul>
            {classes.map((each) => (
              <li key={each.key}>
                <button type="button" class={hueOfKey(each.key)} onClick={() => onChoose(each.key)}>
                  <span class="swatch" aria-hidden="true" />
                  {each.name}
                </button>
              </li>
            ))}
          </ul>
          {remark !== null && (
            <p id={`${id}-remark`} class="hint">
              {remark}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
