import type { Arithmetic } from '../../../../www/headstart.js';
import { drawn } from './drawn.js';
import { openSite } from './headstart.js';
import type { TfjsBackend } from './tfjs-backend.js';

/** A way from pictures by class to a trained model. */
export interface Recipe {
  /** Makes features of all of them, where they are kept. */
  addPictures(): Promise<void>;
  /** Trains on these; gives the accuracy on held-out pictures. */
  train(): Promise<number>;
  close(): void;
}

/** Gets ready what is no part of the time: the library and its network. */
type OpenRecipe = (folder: string, pictures: readonly ImageBitmap[][]) => Promise<Recipe>;

/** What Teachable Machine does with what it was given, by default. */
const PLAN = { epochs: 50, batchSize: 16 };

const tfjs = (backend: TfjsBackend): OpenRecipe => async (folder, pictures) => (await import('./teachable.js')).openTeachable(backend, folder, pictures, PLAN);

/** Ours with the same network and head, or with what we have by default. */
const ours = (usual: boolean, arithmetic: Arithmetic = 'float'): OpenRecipe => async (folder, pictures) => {
  const trainer = await (await openSite()).create({ engine: 'cpu', arithmetic, ...(usual ? {} : { backbone: folder }) });
  return {
    async addPictures() {
      for (const [label, some] of pictures.entries()) {
        await trainer.addClass(`class ${label}`);
        const { failures } = await trainer.addImages(`class ${label}`, some);
        if (failures.length > 0) throw failures[0]!.error;
      }
    },
    async train() {
      // Its recipe mirrors nothing.
      const report = await trainer.train(usual ? {} : { ...PLAN, head: 'mlp:100', optimizer: 'adam', validation: 0.15, flip: false }).report;
      return report.validationAccuracy!;
    },
    close: () => trainer.close(),
  };
};

const RECIPES: Record<string, OpenRecipe> = {
  headstart: ours(false),
  'headstart int8': ours(false, 'int8'),
  'headstart, its defaults': ours(true),
  'tfjs-wasm': tfjs('wasm'),
  'tfjs-webgl': tfjs('webgl'),
};

/** Which pictures there are. */
interface Drawn {
  classes: number;
  each: number;
  side: number;
}

/** Pictures of a camera to a trained model: milliseconds of the two parts, and the accuracy on held-out pictures. */
export async function run(name: string, folder: string, { classes, each, side }: Drawn): Promise<{ features: number; training: number; accuracy: number }> {
  const labels = Array.from({ length: classes }, (_, label) => label);
  const pictures = await Promise.all(labels.map((label) => Promise.all(Array.from({ length: each }, (_, seed) => drawn(label, classes, seed, side)))));
  const recipe = await RECIPES[name]!(folder, pictures);
  const start = performance.now();
  await recipe.addPictures();
  const added = performance.now();
  const accuracy = await recipe.train();
  const end = performance.now();
  recipe.close();
  return { features: added - start, training: end - added, accuracy };
}
