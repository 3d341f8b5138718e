import * as ort from 'onnxruntime-web/webgpu';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import { openerOf } from './ort.js';

export const openOrt = openerOf(ort, wasm, 'webgpu');
