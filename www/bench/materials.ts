/** The pictures that every contender is given, and features of them: made once, when they are first asked for. */
import type { Trainer } from '../headstart.js';
import { drawPicture } from './draw.js';
import { BATCH, HEAD, SIDE, TAIL } from './works.js';

/** Features with their labels, one row after the other. */
export interface Rows {
  values: Float32Array;
  labels: Int32Array;
}

/** What a head learns from and is tried on. */
export interface Examples {
  classes: number;
  /** Length of a row. */
  features: number;
  train: Rows;
  validation: Rows;
}

/** A picture with its class, and what our backbone makes of it in our own form. */
export interface Learned {
  picture: ImageBitmap;
  label: number;
  features: Uint8Array;
}

/** They are not measured, and small ones are drawn sooner. */
const LEARNED_SIDE = 128;
/** Cosine of the angle between features. Each library makes a picture smaller in its own way, which changes a little. */
const LEAST_LIKENESS = 0.99;
/** Held out by ours. */
const VALIDATION = 0.2;

export class Materials {
  #pictures: ImageBitmap[] | undefined;
  #tail: { picture: ImageBitmap; label: number }[] | undefined;
  #expected: Promise<Float32Array> | undefined;
  #learned: Promise<Learned[]> | undefined;
  #examples: Promise<Examples> | undefined;

  constructor(readonly site: { Trainer: typeof Trainer }) {}

  get pictures(): ImageBitmap[] {
    return (this.#pictures ??= Array.from({ length: BATCH }, (_, seed) => drawPicture(seed % HEAD.classes, HEAD.classes, seed, SIDE)));
  }

  /** As many of each class as are taken together. */
  get tail(): { picture: ImageBitmap; label: number }[] {
    return (this.#tail ??= Array.from({ length: TAIL.classes * TAIL.batch }, (_, i) => {
      const label = i % TAIL.classes;
      return { label, picture: drawPicture(label, TAIL.classes, i, SIDE) };
    }));
  }

  /** Throws where these are not about the features of the first picture: a driver that computes wrongly would look fast. */
  async check(features: Float32Array): Promise<void> {
    const expected = await (this.#expected ??= this.#expect());
    const likeness = cosine(features, expected);
    if (!(likeness > LEAST_LIKENESS)) throw new Error(`It computes other features than the CPU (likeness ${likeness.toFixed(3)}).`);
  }

  learned(): Promise<Learned[]> {
    return (this.#learned ??= this.#learn());
  }

  examples(): Promise<Examples> {
    return (this.#examples ??= this.#embed());
  }

  async #expect(): Promise<Float32Array> {
    const trainer = await this.site.Trainer.create({ engine: 'cpu' });
    const features = await trainer.embed(this.pictures[0]!);
    trainer.close();
    return features;
  }

  /** On the CPU, which every device has: features are the same on each engine. */
  async #learn(): Promise<Learned[]> {
    const { pictures, classes } = HEAD;
    const trainer = await this.site.Trainer.create({ engine: 'cpu' });
    for (let label = 0; label < classes; label += 1) await trainer.addClass(`class ${label}`);
    const learn = async (_: unknown, i: number): Promise<Learned> => {
      const label = i % classes;
      const picture = drawPicture(label, classes, i, LEARNED_SIDE);
      const features = await trainer.features(await trainer.addImage(`class ${label}`, picture));
      if (features === null) throw new Error('A picture has no features.');
      return { picture, label, features };
    };
    const learned = await Promise.all(Array.from({ length: pictures }, learn));
    trainer.close();
    return learned;
  }

  /** The same as plain numbers, for the libraries that take nothing else. */
  async #embed(): Promise<Examples> {
    const learned = await this.learned();
    const trainer = await this.site.Trainer.create({ engine: 'cpu' });
    const width = trainer.backbone.features;
    const values = new Float32Array(learned.length * width);
    for (const [i, { picture }] of learned.entries()) values.set(await trainer.embed(picture), i * width);
    trainer.close();
    const held = learned.length * VALIDATION;
    const labels = Int32Array.from(learned, ({ label }) => label);
    const part = (from: number, to: number): Rows => ({ values: values.slice(from * width, to * width), labels: labels.slice(from, to) });
    return { classes: HEAD.classes, features: width, train: part(held, learned.length), validation: part(0, held) };
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
