import * as tf from '@tensorflow/tfjs-core';

/** Those of TensorFlow.js that train; each comes when it is asked for. */
export type TfjsBackend = 'wasm' | 'cpu' | 'webgl' | 'webgpu';

/** Makes a backend the one that computes; that of wasm with SIMD and without threads. */
export async function startTfjs(backend: TfjsBackend): Promise<void> {
  if (backend === 'wasm') await (await import('./tfjs-wasm.js')).locateWasm();
  if (backend === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
  if (backend === 'webgl') await import('@tensorflow/tfjs-backend-webgl');
  if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} here`);
}
