import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { AppState } from '../../state/types.js';
import { useApp } from './app.js';

/** A part of the state; the component is drawn again when that part is another value. */
export function useAppState<T>(select: (state: AppState) => T): T {
  const { store } = useApp();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const value = select(store.get());
  const latest = useRef({ select, value });
  latest.current = { select, value };
  useEffect(() => {
    const check = (): void => {
      const { select: current, value: shown } = latest.current;
      if (!Object.is(current(store.get()), shown)) redraw(undefined);
    };
    // Something may have changed between drawing and subscribing.
    check();
    return store.subscribe(check);
  }, [store]);
  return value;
}
