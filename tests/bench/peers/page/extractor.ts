import { fromInt8, type Description, type Network } from '../network.js';

/** One library with one network, from pictures to pooled features. */
export interface Extractor {
  /** A picture as an app has it: resizing and normalising it is part of the work. */
  picture(picture: ImageBitmap): Promise<Float32Array>;
  /** Several of them, in whatever portions the library does best; their features one after the other. */
  pictures(pictures: readonly ImageBitmap[]): Promise<Float32Array>;
  /** What {@link Extractor.prepared} takes, of a picture of the network's own size. */
  prepare(picture: ImageData): unknown;
  /** What is left of the work for a picture that was prepared before, on the page's own thread. */
  prepared(prepared: unknown): Promise<Float32Array>;
  close(): void;
}

/** How an {@link Extractor} is made of a folder of the server. What takes `batch` pictures or prepared ones is made when it is first asked for. */
export type Open = (folder: string, batch: number) => Promise<Extractor>;

/** What the server has under `network.json` and `numbers.bin`. */
export async function fetchNetwork(folder: string): Promise<Network> {
  const description = (await (await fetch(`${folder}network.json`)).json()) as Description;
  const bytes = await (await fetch(`${folder}numbers.bin`)).arrayBuffer();
  const count = description.int8;
  if (count === undefined) return { ...description, numbers: new Float32Array(bytes) };
  return { ...description, numbers: fromInt8(description, { floats: new Float32Array(bytes, 0, count), weights: new Int8Array(bytes, 4 * count) }) };
}

/**
 * Pictures as a network takes them, resized by the browser's canvas and normalised in one loop: of all ways that were tried the fastest for
 * the libraries that leave it to their users (`tf.browser.fromPixels` with `resizeBilinear` takes 1 to 3 ms longer).
 */
export class Normaliser {
  readonly #size: number;
  readonly #scale: number[];
  readonly #shift: number[];
  readonly #context: OffscreenCanvasRenderingContext2D;

  /** With the channels of a pixel beside each other (`last`) or as planes (`first`). */
  constructor({ size, mean, std }: Description, readonly channels: 'first' | 'last') {
    this.#size = size;
    this.#scale = std.map((s) => 1 / (255 * s));
    this.#shift = mean.map((m, c) => -m / std[c]!);
    this.#context = new OffscreenCanvas(size, size).getContext('2d', { willReadFrequently: true })!;
  }

  /** One after the other. */
  pictures(pictures: readonly ImageBitmap[]): Float32Array {
    const all = new Float32Array(3 * this.#size ** 2 * pictures.length);
    pictures.forEach((picture, i) => {
      this.#context.drawImage(picture, 0, 0, this.#size, this.#size);
      this.#write(this.#context.getImageData(0, 0, this.#size, this.#size), all, i);
    });
    return all;
  }

  /** Pixels that have the right size already. */
  pixels(pixels: ImageData): Float32Array {
    const out = new Float32Array(3 * this.#size ** 2);
    this.#write(pixels, out, 0);
    return out;
  }

  #write({ data }: ImageData, out: Float32Array, place: number): void {
    const area = this.#size ** 2;
    const [beside, apart] = this.channels === 'last' ? [3, 1] : [1, area];
    for (let channel = 0; channel < 3; channel++) {
      const [scale, shift] = [this.#scale[channel]!, this.#shift[channel]!];
      const start = 3 * area * place + channel * apart;
      for (let i = 0; i < area; i++) out[start + i * beside] = data[4 * i + channel]! * scale + shift;
    }
  }
}
