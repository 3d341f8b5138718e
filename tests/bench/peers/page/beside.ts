/** What `bench.html` of the site finds beside itself where it was put there. */
import type { Peer, PeerModule } from '../../../../www/bench/peers.js';
import { LIBRARIES } from './libraries.js';

const tfjs = (backend: 'wasm' | 'webgpu'): Omit<Peer, 'engine'> => ({
  library: 'TensorFlow.js',
  open: async (folder, batch) => (await import('./tfjs.js')).openTfjs(folder, batch, backend),
  head: async (examples) => (await import('./head-tfjs.js')).openTfjsHead(backend, examples),
});
const ort = (name: 'ort' | 'ort-webgpu'): Omit<Peer, 'engine'> => ({
  library: 'onnxruntime-web',
  open: async (folder, batch) => (await LIBRARIES[name]!())(folder, batch),
});
const jax = (device: 'wasm' | 'webgpu'): Omit<Peer, 'engine'> => ({
  library: 'jax-js',
  head: async (examples) => (await import('./head-jax.js')).openJaxHead(device, examples),
});

export const peers: PeerModule['peers'] = [
  { engine: 'cpu', ...tfjs('wasm') },
  { engine: 'cpu', ...ort('ort') },
  { engine: 'cpu', ...jax('wasm') },
  // Its backend of wasm has no gradients of convolutions.
  { engine: 'webgpu', ...tfjs('webgpu'), steps: async (tail) => (await import('./step-tfjs.js')).openTfjsSteps('webgpu', tail) },
  { engine: 'webgpu', ...ort('ort-webgpu') },
  { engine: 'webgpu', ...jax('webgpu') },
];
