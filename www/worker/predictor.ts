import init, { Predictor } from '../pkg/predict/headstart.js';
import type { ModelSession, OpenSession } from './session.js';

/** Fetches the wasm package that only predicts, on the CPU. */
export async function loadPredictor(): Promise<OpenSession> {
  await init();
  // All of it is synchronous, and it comes with the types that wasm-bindgen leaves out.
  return async (...args) => Predictor.ofModel(...args) as unknown as ModelSession;
}
