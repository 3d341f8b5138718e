import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { oncePerFrame } from '../control/frames.js';

export interface Box {
  readonly width: number;
  readonly height: number;
  readonly scroll: number;
}

/** The size of a scrolling element and how far it is scrolled, kept up to date once a frame. */
export function useBox(ref: RefObject<HTMLElement | null>): Box {
  const [box, setBox] = useState<Box>({ width: 0, height: 0, scroll: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const measure = oncePerFrame(() => {
      const next = { width: element.clientWidth, height: element.clientHeight, scroll: element.scrollTop };
      setBox((before) =>
        before.width === next.width && before.height === next.height && before.scroll === next.scroll ? before : next,
      );
    });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, [ref]);
  return box;
}
