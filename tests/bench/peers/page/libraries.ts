import type { Open } from './extractor.js';
import { openHeadstart } from './headstart.js';

/** A library by name; each is a bundle of its own, fetched where it is asked for. */
export const LIBRARIES: Record<string, () => Promise<Open>> = {
  headstart: async () => openHeadstart('float'),
  'headstart int8': async () => openHeadstart('int8'),
  tfjs: async () => (await import('./tfjs.js')).openTfjs,
  'tfjs-webgpu': async () => {
    const { openTfjs } = await import('./tfjs.js');
    return (folder, batch) => openTfjs(folder, batch, 'webgpu');
  },
  ort: async () => (await import('./ort-wasm.js')).openOrt,
  'ort-webgpu': async () => (await import('./ort-webgpu.js')).openOrt,
};
