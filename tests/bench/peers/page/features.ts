import type { Extractor } from './extractor.js';
import { LIBRARIES } from './libraries.js';

/** From what {@link Features} makes features: one picture, a batch of them, or what is left of one once it is prepared. */
export type Work = 'picture' | 'pictures' | 'prepared';

/** The same pictures to features, by every library. */
export class Features {
  readonly #extractors = new Map<string, Extractor>();
  #pictures: ImageBitmap[] = [];
  #own: ImageBitmap[] = [];
  readonly #prepared = new Map<string, unknown>();

  /** Opens libraries on a network, in place of those before, with so many pictures of a side, and as many of the network's own side. */
  async open(names: string[], folder: string, { batch, side, own }: { batch: number; side: number; own: number }): Promise<void> {
    this.close();
    for (const name of names) this.#extractors.set(name, await (await LIBRARIES[name]!())(folder, batch));
    this.#pictures = await Promise.all(Array.from({ length: batch }, (_, seed) => draw(seed, side)));
    this.#own = await Promise.all(Array.from({ length: batch }, (_, seed) => draw(seed, own)));
    const pixels = readPixels(this.#own[0]!);
    for (const [name, extractor] of this.#extractors) this.#prepared.set(name, extractor.prepare(pixels));
  }

  /** Features of pictures that need no resizing, which is done in another way by each. */
  async features(name: string, work: Work): Promise<number[]> {
    return [...(await this.#once(name, work, this.#own))];
  }

  /** Milliseconds that one run of so many took. */
  async time(name: string, work: Work, runs: number): Promise<number> {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await this.#once(name, work, this.#pictures);
    return (performance.now() - start) / runs;
  }

  close(): void {
    for (const extractor of this.#extractors.values()) extractor.close();
    for (const picture of [...this.#pictures, ...this.#own]) picture.close();
    this.#extractors.clear();
    this.#prepared.clear();
    [this.#pictures, this.#own] = [[], []];
  }

  #once(name: string, work: Work, pictures: readonly ImageBitmap[]): Promise<Float32Array> {
    const extractor = this.#extractors.get(name)!;
    if (work === 'prepared') return extractor.prepared(this.#prepared.get(name));
    return work === 'picture' ? extractor.picture(pictures[0]!) : extractor.pictures(pictures);
  }
}

async function draw(seed: number, side: number): Promise<ImageBitmap> {
  const kinds = ['circles', 'stripes', 'squares'] as const;
  return createImageBitmap(await drawing.draw(kinds[seed % kinds.length]!, seed, side));
}

function readPixels(picture: ImageBitmap): ImageData {
  const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d')!;
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
}
