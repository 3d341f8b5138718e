import * as ort from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { openerOf } from './ort.js';

export const openOrt = openerOf(ort, wasm, 'wasm');
