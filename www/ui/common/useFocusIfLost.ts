import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

// Before anything has had the focus none can be lost: a page that was just opened is read from its top.
let everHeld = false;
document.addEventListener('focusin', () => (everHeld = true), { once: true });

/** Takes the focus when the element that had it has just gone from the page, so that the keyboard goes on from here. */
export function useFocusIfLost(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (everHeld && document.activeElement === document.body) ref.current?.focus({ preventScroll: true });
  }, []);
}
