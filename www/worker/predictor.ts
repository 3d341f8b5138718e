import init, { Predictor } from '../pkg/predict/headstart.js';
import { whereRelaxed } from './relaxed-simd.js';
import type { ModelSession, OpenSession } from './session.js';

const RELAXED = new URL('../pkg/predict/relaxed/headstart_bg.wasm', import.meta.url);

/** Fetches the wasm package that only predicts, on the CPU. */
export async function loadPredictor(): Promise<OpenSession> {
  await init(whereRelaxed(RELAXED));
  // All of it is synchronous, and it comes with the types that wasm-bindgen leaves out.
  return async (...args) => Predictor.ofModel(...args) as unknown as ModelSession;
}
