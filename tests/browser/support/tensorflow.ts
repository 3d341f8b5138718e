/** TensorFlow.js, the consumer of two exports, as its packages come from the registry. */
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import { cast, div, io, sub, tensor4d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { unzipSync, strFromU8 } from 'fflate';
import type { Answer, RgbPicture } from './onnx.js';

/** An export's zip, unpacked: its files by their names. */
export function unpacked(zip: string): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(unzipSync(Buffer.from(zip, 'base64'))));
}

export function jsonIn(files: ReadonlyMap<string, Uint8Array>, name: string) {
  return JSON.parse(strFromU8(files.get(name)!));
}

/** What `model.json` and `weights.bin` are to a loader that takes them from memory. */
function artifacts(files: ReadonlyMap<string, Uint8Array>): io.IOHandler {
  const { weightsManifest, ...rest } = jsonIn(files, 'model.json');
  expectOneFile(weightsManifest);
  const weightData = Uint8Array.from(files.get('weights.bin')!).buffer;
  return io.fromMemory({ ...rest, weightSpecs: weightsManifest[0].weights, weightData });
}

function expectOneFile(manifest: { paths: string[] }[]): void {
  if (manifest.length !== 1 || manifest[0]!.paths.join() !== 'weights.bin') throw new Error('The weights are not where they are said to be.');
}

function answered(classes: readonly string[], values: Float32Array): Answer {
  return { shares: new Map(classes.map((name, index) => [name, values[index]!])), label: classes[values.indexOf(Math.max(...values))]! };
}

const pixels = ({ rgb, width, height }: RgbPicture) => tensor4d(Int32Array.from(rgb), [1, height, width, 3], 'int32');

/** What the graph for TensorFlow.js makes of pictures of any size. */
export async function askGraph(files: ReadonlyMap<string, Uint8Array>, pictures: readonly RgbPicture[]): Promise<Answer[]> {
  const model = await loadGraphModel(artifacts(files));
  const { classes } = jsonIn(files, 'golden.json') as { classes: string[] };
  return pictures.map((picture) => answered(classes, tidy(() => (model.predict(pixels(picture)) as Tensor).dataSync() as Float32Array)));
}

/**
 * What the model for Teachable Machine's library makes of pictures of the size that this hands over, scaled as it does it: from its source,
 * `byte / 127 - 1`. The library itself, which needs a page, is in `./build.sh bench exports`.
 */
export async function askLayers(files: ReadonlyMap<string, Uint8Array>, pictures: readonly RgbPicture[]): Promise<Answer[]> {
  const model = await loadLayersModel(artifacts(files));
  const { labels, imageSize } = jsonIn(files, 'metadata.json') as { labels: string[]; imageSize: number };
  return pictures.map((picture) => {
    if (picture.width !== imageSize || picture.height !== imageSize) throw new Error(`The library hands over ${imageSize} pixels a side.`);
    const captured = () => sub(div(cast(pixels(picture), 'float32'), 127), 1);
    return answered(labels, tidy(() => (model.predict(captured()) as Tensor).dataSync() as Float32Array));
  });
}
