/**
 * Backbones, a picture and golden values by the formula of tests/golden/make_architectures_golden.py, as tests/common/formula.rs has
 * them. Every weight here is equal to the one there, bit for bit.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readSafetensors, writeSafetensors, type Safetensors, type TensorEntry } from './safetensors.js';

const GOLDEN = new URL('../../golden/architectures/', import.meta.url);

/** A golden NAME.json, as far as it is read here; the script says what its fields are. */
export interface Description {
  architecture: string;
  gain: number;
  config: { architecture: string; num_features: number; pretrained_cfg: { input_size: [number, number, number] } };
  /** What its publisher's card says of pictures, which are smaller in the golden files. */
  published: { input_size: number; crop_pct: number };
  /** Name, kind and shape of the weight of each module that has tensors. */
  modules: [name: string, kind: 'norm' | 'weight' | 'weight and bias', shape: number[]][];
  unused: string[];
  examples: [tensor: string, index: number, value: number][];
}

/** The names of all golden architectures. */
export function architectures(): string[] {
  const files = readdirSync(GOLDEN).filter((file) => file.endsWith('.json'));
  return files.map((file) => file.slice(0, -'.json'.length)).sort();
}

/** Reads the description of an architecture. */
export function description(name: string): Description {
  return JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), 'utf8')) as Description;
}

/** The values of a tensor in float32. */
export function floats({ header, data }: Safetensors, name: string): number[] {
  const [from, to] = header[name]!.data_offsets;
  return Array.from({ length: (to - from) / 4 }, (_, i) => data.readFloatLE(from + 4 * i));
}

/** The pooled features of {@link picture}. */
export function pictureFeatures(name: string): number[] {
  return floats(readSafetensors(readFileSync(new URL(`${name}.safetensors`, GOLDEN))), 'picture');
}

/** FNV-1a with 32 bits. */
function seedOf(name: string): number {
  return [...Buffer.from(name)].reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}

/** A multiple of 2^-23 in [-1, 1) for a name's seed and an index. */
function unit(seed: number, index: number): number {
  let x = seed ^ Math.imul(index, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  x ^= x >>> 16;
  return (x >>> 8) / (1 << 23) - 1;
}

const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1);

/** The values of a tensor of this shape. */
export function values(name: string, shape: number[], gain: number): Float32Array {
  const [middle, spread] = scale(name, shape, gain);
  const seed = seedOf(name);
  return Float32Array.from({ length: count(shape) }, (_, i) => middle + spread * unit(seed, i));
}

function scale(name: string, shape: number[], gain: number): [middle: number, spread: number] {
  if (name.endsWith('.running_var')) return [1, 0.5];
  if (name.endsWith('.running_mean') || name.endsWith('.bias')) return [0, 0.25];
  if (shape.length === 1) return [1, 0.25];
  return [0, gain * Math.sqrt(3 / count(shape.slice(1)))];
}

/** A `model.safetensors` with all of timm's tensors. Those that are not used hold one zero each. */
export function weights({ gain, modules, unused }: Description): Buffer {
  const header: Record<string, TensorEntry> = {};
  const parts: Buffer[] = [];
  let at = 0;
  const add = (name: string, dtype: string, shape: number[], data: Uint8Array) => {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    at += data.byteLength;
  };
  for (const [module, kind, weight] of modules) {
    const tensors: [string, number[]][] = [['weight', weight]];
    if (kind !== 'weight') tensors.push(['bias', [weight[0]!]]);
    if (kind === 'norm') tensors.push(['running_mean', weight], ['running_var', weight]);
    for (const [part, shape] of tensors) {
      const name = `${module}.${part}`;
      const data = unused.includes(module) ? new Float32Array(1) : values(name, shape, gain);
      add(name, 'F32', data.length === 1 ? [1] : shape, new Uint8Array(data.buffer));
    }
    if (kind === 'norm') add(`${module}.num_batches_tracked`, 'I64', [], new Uint8Array(8));
  }
  return writeSafetensors({ header, data: Buffer.concat(parts) });
}

/** The golden picture as RGBA, opaque: fields of 8 pixels each way, and noise. */
export function picture(size: number): Buffer {
  const fields = Math.ceil(size / 8);
  const [coarse, noise] = [seedOf('picture.fields'), seedOf('picture.noise')];
  const rgba = Buffer.alloc(4 * size * size, 255);
  for (let plane = 0; plane < 3; plane++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const field = unit(coarse, (plane * fields + (y >> 3)) * fields + (x >> 3));
        rgba[4 * (y * size + x) + plane] = 128 + 96 * field + 31 * unit(noise, (plane * size + y) * size + x);
      }
    }
  }
  return rgba;
}
