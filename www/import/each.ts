import { throwIfCancelled } from './refusal.js';
import type { OnProgress } from './types.js';

/** So many files are read at a time. */
const AT_ONCE = 6;

/** Does something with each of many, a few at a time, and tells how far it is. Stops where it is cancelled. */
export async function eachOf<T>(
  all: readonly T[],
  signal: AbortSignal,
  onProgress: OnProgress,
  work: (one: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let done = 0;
  const run = async (): Promise<void> => {
    while (next < all.length) {
      throwIfCancelled(signal);
      const one = all[next++] as T;
      await work(one);
      onProgress(++done, all.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}
