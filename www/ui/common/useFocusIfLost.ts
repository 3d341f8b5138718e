import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Takes the focus when the element that had it has just gone from the page, so that the keyboard goes on from here. */
export function useFocusIfLost(ref: RefObject<HTMLElement | null>, when = true): void {
  useEffect(() => {
    if (when && document.activeElement === document.body) ref.current?.focus({ preventScroll: true });
  }, []);
}
