import { startFrom } from './start-worker.js';

/** Starts the worker that only predicts. In a file of its own: bundlers take in every worker that a module they read names. */
export function startPredictWorker(assets: string | undefined): Worker {
  // Written so that bundlers find it.
  return startFrom(assets, 'predict-worker.js', () => new Worker(new URL('../worker/predict.ts', import.meta.url), { type: 'module', name: 'headstart' }));
}
