import { useEffect, useRef, useState } from 'preact/hooks';

const KEYS = ['Enter', ' '];

/**
 * Being held with the mouse, a finger, a pen or a key. A click that comes without holding, as assistive technology makes it, is
 * `onTap`.
 */
export function useHold(onStart: () => void, onEnd: () => void, onTap: () => void) {
  const [held, setHeld] = useState(false);
  // The events of one press can come faster than redrawing.
  const now = useRef(false);
  const justHeld = useRef(false);
  const start = (): void => {
    if (now.current) return;
    now.current = true;
    setHeld(true);
    onStart();
  };
  const end = (): void => {
    if (!now.current) return;
    now.current = false;
    justHeld.current = true;
    setHeld(false);
    onEnd();
  };
  const latestEnd = useRef(end);
  latestEnd.current = end;
  useEffect(() => () => latestEnd.current(), []);
  return {
    held,
    handlers: {
      onPointerDown(event: PointerEvent) {
        if (event.button !== 0) return;
        // The release counts wherever it happens.
        if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId);
        start();
      },
      onPointerUp: end,
      onPointerCancel: end,
      onLostPointerCapture: end,
      onBlur: end,
      onContextMenu: (event: Event) => event.preventDefault(),
      onKeyDown(event: KeyboardEvent) {
        if (!KEYS.includes(event.key)) return;
        event.preventDefault();
        start();
      },
      onKeyUp(event: KeyboardEvent) {
        if (!KEYS.includes(event.key)) return;
        event.preventDefault();
        end();
        justHeld.current = false;
      },
      onClick() {
        if (!justHeld.current) onTap();
        justHeld.current = false;
      },
    },
  };
}
