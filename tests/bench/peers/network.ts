/** A MobileNetV2 of a backbone's folder as plain convolutions, for libraries that know nothing of its files. */
import { readSafetensors, type Safetensors } from '../../browser/support/safetensors.js';

/** A convolution with its BatchNorm folded in. Where its numbers lie is counted in floats. */
export interface Convolution {
  inputs: number;
  outputs: number;
  /** Side of the kernel; half of it is the padding. */
  kernel: number;
  stride: number;
  /** One channel each instead of all. */
  depthwise: boolean;
  /** Whether ReLU6 follows. */
  relu6: boolean;
  /** `[outputs, inputs or 1, kernel, kernel]`. */
  weight: number;
  bias: number;
}

/** Convolutions one after the other. */
export interface Stage {
  convolutions: Convolution[];
  /** Whether what came in is added to what goes out. */
  residual: boolean;
}

/** What a network is, but for its numbers. */
export interface Description {
  /** How many `floats` lie before the weights where the numbers are served as {@link Int8Numbers}. */
  int8?: number;
  /** Side of the picture. */
  size: number;
  features: number;
  mean: number[];
  std: number[];
  stages: Stage[];
}

export interface Network extends Description {
  numbers: Float32Array;
}

/** PyTorch's. */
const EPSILON = 1e-5;
/** The stages that halve the picture; all others have stride 1. */
const HALVING = [0, 2, 4, 7, 14];

/** Reads a backbone with torchvision's names from its two files. */
export function readNetwork(config: Buffer, weights: Buffer): Network {
  const { pretrained_cfg: card } = JSON.parse(config.toString()) as {
    pretrained_cfg: { input_size: [number, number, number]; mean: number[]; std: number[] };
  };
  const file = readSafetensors(weights);
  const numbers: Float32Array[] = [];
  let at = 0;
  const keep = (values: Float32Array): number => {
    numbers.push(values);
    return (at += values.length) - values.length;
  };

  const names = Object.keys(file.header).filter((name) => file.header[name]!.shape?.length === 4);
  const stages = Array.from({ length: 19 }, (_, stage): Stage => {
    const own = names.filter((name) => name.startsWith(`features.${stage}.`)).sort();
    const convolutions = own.map((name, i): Convolution => {
      const [outputs, inputs, kernel] = file.header[name]!.shape as [number, number, number];
      const depthwise = inputs === 1;
      const { weight, bias } = folded(file, name);
      return {
        inputs: depthwise ? outputs : inputs,
        outputs,
        kernel,
        stride: kernel > 1 && HALVING.includes(stage) ? 2 : 1,
        depthwise,
        // A block ends in a projection without one.
        relu6: own.length === 1 || i < own.length - 1,
        weight: keep(weight),
        bias: keep(bias),
      };
    });
    const [first, last] = [convolutions[0]!, convolutions.at(-1)!];
    return { convolutions, residual: convolutions.length > 1 && !HALVING.includes(stage) && first.inputs === last.outputs };
  });

  const all = new Float32Array(at);
  let start = 0;
  for (const values of numbers) {
    all.set(values, start);
    start += values.length;
  }
  return { size: card.input_size[1], features: stages.at(-1)!.convolutions[0]!.outputs, mean: card.mean, std: card.std, stages, numbers: all };
}

/** A convolution's weight and bias with the norm that follows it folded in. */
function folded(file: Safetensors, name: string): { weight: Float32Array; bias: Float32Array } {
  const norm = name.replace(/(\d+)\.weight$/, (_, place) => String(Number(place) + 1));
  const [scale, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) => tensor(file, `${norm}.${part}`));
  const factors = scale!.map((value, o) => value / Math.sqrt(variance![o]! + EPSILON));
  const weight = tensor(file, name);
  const each = weight.length / factors.length;
  return {
    weight: weight.map((value, i) => value * factors[Math.floor(i / each)]!),
    bias: shift!.map((value, o) => value - mean![o]! * factors[o]!),
  };
}

function tensor({ header, data }: Safetensors, name: string): Float32Array {
  const { dtype, shape, data_offsets: [from, to] } = header[name]!;
  const bytes = data.subarray(from, to);
  const length = shape.reduce((a, b) => a * b, 1);
  if (dtype === 'F32') return Float32Array.from({ length }, (_, i) => bytes.readFloatLE(4 * i));
  if (dtype === 'F16') return Float32Array.from({ length }, (_, i) => half(bytes.readUInt16LE(2 * i)));
  if (dtype !== 'I8') throw new Error(`${name} holds ${dtype}, which is not read here`);
  const scale = tensor({ header, data }, `${name}.scale`);
  return Float32Array.from({ length }, (_, i) => bytes.readInt8(i) * scale[Math.floor((i * shape[0]!) / length)]!);
}

/** A float16 by its bits; the weights have no infinities. */
function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** A network's numbers in a quarter of the room: int8 with a scale for each output of a convolution. */
export interface Int8Numbers {
  /** Of each convolution in turn, its scales and then its biases. */
  floats: Float32Array;
  /** In the places that they have in `numbers`; 0 where those hold something else. */
  weights: Int8Array;
}

export function toInt8({ stages, numbers }: Network): Int8Numbers {
  const floats: number[] = [];
  const weights = new Int8Array(numbers.length);
  for (const convolution of stages.flatMap((stage) => stage.convolutions)) {
    const scales = rows(convolution).map(([from, to]) => Math.max(...numbers.subarray(from, to).map(Math.abs)) / 127 || 1);
    rows(convolution).forEach(([from, to], o) => weights.set(numbers.subarray(from, to).map((value) => Math.round(value / scales[o]!)), from));
    floats.push(...scales, ...numbers.subarray(convolution.bias, convolution.bias + convolution.outputs));
  }
  return { floats: Float32Array.from(floats), weights };
}

export function fromInt8({ stages }: Description, { floats, weights }: Int8Numbers): Float32Array {
  const numbers = new Float32Array(weights.length);
  let at = 0;
  for (const convolution of stages.flatMap((stage) => stage.convolutions)) {
    rows(convolution).forEach(([from, to], o) => {
      for (let i = from; i < to; i++) numbers[i] = weights[i]! * floats[at + o]!;
    });
    at += convolution.outputs;
    numbers.set(floats.subarray(at, at + convolution.outputs), convolution.bias);
    at += convolution.outputs;
  }
  return numbers;
}

/** Where the weights of each output begin and end. */
function rows({ weight, inputs, outputs, kernel, depthwise }: Convolution): [from: number, to: number][] {
  const each = (depthwise ? 1 : inputs) * kernel ** 2;
  return Array.from({ length: outputs }, (_, o) => [weight + o * each, weight + (o + 1) * each]);
}
