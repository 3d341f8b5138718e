import { startFrom } from './start-worker.js';

/** Starts the worker that does everything. */
export function startWorker(assets: string | undefined): Worker {
  // Written so that bundlers find it.
  return startFrom(assets, 'worker.js', () => new Worker(new URL('../worker/index.ts', import.meta.url), { type: 'module', name: 'headstart' }));
}
