/** ONNX Runtime, the consumer of what is exported as ONNX, as its package comes from the registry. */
import { env, InferenceSession, Tensor } from 'onnxruntime-web';
import type { Prediction } from '../../../www/generated/types.js';

env.wasm.numThreads = 1;

/** A picture as any program has it. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  /** Row by row. */
  readonly rgb: Uint8Array;
}

/** Seeded noise in blotches of 9 pixels, as RGB and, for a page, as RGBA in base 64: no two seeds give the same. */
export function blotches(width: number, height: number, seed: number): RgbPicture & { readonly rgba: string } {
  const rgb = new Uint8Array(width * height * 3);
  const rgba = Buffer.alloc(width * height * 4, 255);
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)];
    for (let channel = 0; channel < 3; channel += 1) {
      const place = (Math.floor(x / 9) * 73856093) ^ (Math.floor(y / 9) * 19349663) ^ ((seed * 3 + channel) * 83492791);
      rgb[at * 3 + channel] = (Math.imul(place, 2654435761) >>> 24) ^ (x * y) % 16;
      rgba[at * 4 + channel] = rgb[at * 3 + channel]!;
    }
  }
  return { width, height, rgb, rgba: rgba.toString('base64') };
}

/** What a program makes of a picture: the probability of each class, and the label that it gives. */
export interface Answer {
  readonly shares: ReadonlyMap<string, number>;
  readonly label: string;
}

/** What ONNX Runtime makes of pictures, one by one. */
export async function askOnnx(file: Uint8Array, pictures: readonly RgbPicture[]): Promise<Answer[]> {
  const session = await InferenceSession.create(file);
  // Names of classes are in the file's metadata, which this runtime does not tell; the one of the label says where it stands.
  const answers: Answer[] = [];
  const names = classesIn(file);
  for (const { width, height, rgb } of pictures) {
    const { probabilities, label } = await session.run({ picture: new Tensor('uint8', rgb, [1, height, width, 3]) });
    const values = probabilities!.data as Float32Array;
    answers.push({ shares: new Map(names.map((name, index) => [name, values[index]!])), label: String(label!.data[0]) });
  }
  await session.release();
  return answers;
}

/** The list of names that stands in the file's metadata under `classes`. */
function classesIn(file: Uint8Array): string[] {
  const text = new TextDecoder('latin1').decode(file);
  const list = /classes\x12[\s\S]{1,2}(\[".*?"\])/.exec(text)?.[1];
  if (list === undefined) throw new Error('The metadata name no classes.');
  return JSON.parse(Buffer.from(list, 'latin1').toString()) as string[];
}

/** The largest difference of a probability, and how many answers are other ones. */
export function compared(own: readonly (readonly Prediction[])[], theirs: readonly Answer[]): { apart: number; others: number } {
  let [apart, others] = [0, 0];
  own.forEach((predictions, index) => {
    const { shares, label } = theirs[index]!;
    for (const { className, probability } of predictions) apart = Math.max(apart, Math.abs(probability - (shares.get(className) ?? NaN)));
    others += label === predictions[0]!.className ? 0 : 1;
  });
  return { apart, others };
}
