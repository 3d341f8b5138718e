import type { Trainer } from '../../../../www/headstart.js';
import { drawn } from './drawn.js';
import type { Examples, Plan, Rows, TrainHead } from './examples.js';
import { ENGINE, openSite } from './headstart.js';
import type { TfjsBackend } from './tfjs-backend.js';

const jax = (device: 'wasm' | 'webgpu') => async (examples: Examples) => (await import('./head-jax.js')).openJaxHead(device, examples);
const tfjs = (backend: TfjsBackend) => async (examples: Examples) => (await import('./head-tfjs.js')).openTfjsHead(backend, examples);

/** Libraries by name, that train heads on given features. */
const LIBRARIES: Record<string, (examples: Examples) => Promise<TrainHead>> = {
  'tfjs-wasm': tfjs('wasm'),
  'tfjs-cpu': tfjs('cpu'),
  'tfjs-webgl': tfjs('webgl'),
  'tfjs-webgpu': tfjs('webgpu'),
  jax: jax('wasm'),
  'jax-webgpu': jax('webgpu'),
};

/** Heads trained on the same pictures: ours in its project, the others on the features that our backbone made of them. */
export class Heads {
  readonly #heads = new Map<string, TrainHead>();
  #trainer: Trainer | undefined;

  /** Draws so many pictures of so many classes, and opens libraries on them; the share `validation` is held out. */
  async open(names: string[], { pictures, classes, validation }: { pictures: number; classes: number; validation: number }): Promise<void> {
    const site = await openSite();
    // The CPU makes the features for all; on another engine ours is given them too.
    const embedder = await site.create({ engine: 'cpu' });
    const trainer = ENGINE === 'cpu' ? embedder : await site.create({ engine: ENGINE });
    const labels = Int32Array.from({ length: pictures }, (_, i) => i % classes);
    for (const each of new Set([embedder, trainer])) {
      for (let label = 0; label < classes; label++) await each.addClass(`class ${label}`);
    }
    const rows: Float32Array[] = [];
    for (const [i, label] of labels.entries()) {
      const picture = await drawn(label, classes, i);
      const id = await embedder.addImage(`class ${label}`, picture);
      if (trainer !== embedder) await trainer.addImage(`class ${label}`, picture, { features: (await embedder.features(id))! });
      rows.push(await embedder.embed(picture));
      picture.close();
    }
    const held = pictures * validation;
    const part = (from: number, to: number): Rows => {
      const values = new Float32Array((to - from) * rows[0]!.length);
      rows.slice(from, to).forEach((row, i) => values.set(row, i * row.length));
      return { values, labels: labels.slice(from, to) };
    };
    const examples = { classes, features: rows[0]!.length, train: part(held, pictures), validation: part(0, held) };
    for (const name of names) {
      this.#heads.set(name, name === 'headstart' ? (plan) => trainOurs(trainer, plan) : await LIBRARIES[name]!(examples));
    }
    if (trainer !== embedder) embedder.close();
    this.#trainer = trainer;
  }

  /** Trains so many times; milliseconds of one, and the accuracy of the last on held-out pictures. */
  async train(name: string, plan: Plan, runs: number): Promise<{ ms: number; accuracy: number }> {
    const start = performance.now();
    let accuracy = 0;
    for (let i = 0; i < runs; i++) accuracy = await this.#heads.get(name)!(plan);
    return { ms: (performance.now() - start) / runs, accuracy };
  }

  close(): void {
    this.#trainer?.close();
    this.#heads.clear();
  }
}

async function trainOurs(trainer: Trainer, plan: Plan): Promise<number> {
  const report = await trainer.train({ ...plan, optimizer: 'adam' }).report;
  if (report.epochsRun !== plan.epochs) throw new Error(`${report.epochsRun} epochs ran`);
  return report.validationAccuracy!;
}
