import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threads from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import * as tf from '@tensorflow/tfjs-core';

/** It wants to know all three, of which it fetches one. */
const FILES = { 'tfjs-backend-wasm.wasm': plain, 'tfjs-backend-wasm-simd.wasm': simd, 'tfjs-backend-wasm-threaded-simd.wasm': threads };

/** Says where the backend's files are, once: it refuses to be told again. */
export async function locateWasm(): Promise<void> {
  if (tf.findBackend('wasm')) return;
  setWasmPaths(Object.fromEntries(Object.entries(FILES).map(([name, path]) => [name, new URL(path, location.href).href])));
  setThreadsCount(1);
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) throw new Error('tfjs has no SIMD here');
}
