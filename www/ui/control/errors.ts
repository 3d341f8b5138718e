import { HeadstartError } from '../../headstart.js';
import type { Store } from '../../state/store.js';
import type { Area } from '../../state/types.js';

export function codeOf(error: unknown): string | null {
  return error instanceof HeadstartError ? error.code : null;
}

/** One sentence for a person, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message !== '') return error.message;
  return 'Something went wrong that Headstart has no words for.';
}

/** Shows an error beside what it concerns; that the worker is gone concerns the engine, whatever was asked of it. */
export function report(store: Store, area: Area, error: unknown): void {
  if (codeOf(error) === 'worker_failed') {
    store.dispatch({ type: 'engine-failed', problem: messageOf(error) });
    return;
  }
  store.dispatch({ type: 'noticed', area, tone: 'error', text: messageOf(error) });
}
