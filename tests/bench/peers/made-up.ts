/** A MobileNetV2 of any width with weights by a formula, where what it computes does not matter. */
import { values } from '../../browser/support/formula.js';
import { writeSafetensors, type TensorEntry } from '../../browser/support/safetensors.js';
import type { BackboneFiles } from './side-by-side.js';

/** Expansion, channels and repeats of the groups of blocks, as in the paper. */
const GROUPS = [[1, 16, 1], [6, 24, 2], [6, 32, 3], [6, 64, 4], [6, 96, 3], [6, 160, 3], [6, 320, 1]] as const;
const FEATURES = 1280;

/** With torchvision's names. */
export function madeUp(width: number, size: number): BackboneFiles {
  const header: Record<string, TensorEntry> = {};
  const parts: Buffer[] = [];
  let at = 0;
  const add = (name: string, shape: number[]): void => {
    const { buffer } = values(name, shape, 1.22);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + buffer.byteLength] };
    parts.push(Buffer.from(buffer));
    at += buffer.byteLength;
  };
  /** A convolution and the norm behind it, whose names differ in a number. */
  const addPair = (convolution: string, norm: string, shape: number[]): void => {
    add(`${convolution}.weight`, shape);
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) add(`${norm}.${part}`, [shape[0]!]);
  };

  let channels = divisible(32 * width);
  addPair('features.0.0', 'features.0.1', [channels, 3, 3, 3]);
  let stage = 1;
  for (const [expansion, base, repeats] of GROUPS) {
    for (let repeat = 0; repeat < repeats; repeat++, stage++) {
      const [hidden, outputs] = [channels * expansion, divisible(base * width)];
      const at = `features.${stage}.conv`;
      const wide = expansion > 1 ? 1 : 0;
      if (wide) addPair(`${at}.0.0`, `${at}.0.1`, [hidden, channels, 1, 1]);
      addPair(`${at}.${wide}.0`, `${at}.${wide}.1`, [hidden, 1, 3, 3]);
      addPair(`${at}.${wide + 1}`, `${at}.${wide + 2}`, [outputs, hidden, 1, 1]);
      channels = outputs;
    }
  }
  addPair(`features.${stage}.0`, `features.${stage}.1`, [FEATURES, channels, 1, 1]);

  const config = {
    architecture: 'mobilenetv2_made_up',
    width,
    num_features: FEATURES,
    pretrained_cfg: { input_size: [3, size, size], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], interpolation: 'bilinear', crop_pct: 1 },
  };
  return { config: Buffer.from(JSON.stringify(config)), weights: writeSafetensors({ header, data: Buffer.concat(parts) }) };
}

/** To a multiple of 8, losing less than a tenth. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
