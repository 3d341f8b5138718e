/** The one place where the state is kept. */
import { reduce, type Action } from './reducer.js';
import type { AppState } from './types.js';

export interface Store {
  get(): AppState;
  dispatch(action: Action): void;
  /** Calls back after every change; returns the way out. */
  subscribe(listener: () => void): () => void;
}

export function createStore(initial: AppState): Store {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
