import type { Open } from './extractor.js';
import { openHeadstart } from './headstart.js';

/** A library by name; each is a bundle of its own, fetched where it is asked for. */
export const LIBRARIES: Record<string, () => Promise<Open>> = {
  headstart: async () => openHeadstart,
  tfjs: async () => (await import('./tfjs.js')).openTfjs,
  ort: async () => (await import('./ort.js')).openOrt,
};
