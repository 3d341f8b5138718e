/** Teachable Machine's recipe in TensorFlow.js, which it is made with. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as layers from '@tensorflow/tfjs-layers';
import { shuffled, type Plan } from './examples.js';
import type { Recipe } from './recipes.js';
import { openTfjs } from './tfjs.js';
import { startTfjs, type TfjsBackend } from './tfjs-backend.js';

/** Share of the pictures that is held out. */
const VALIDATION = 0.15;
const UNITS = 100;
const RATE = 1e-3;

export async function openTeachable(
  backend: TfjsBackend,
  folder: string,
  pictures: readonly ImageBitmap[][],
  { epochs, batchSize }: Plan,
): Promise<Recipe> {
  await startTfjs(backend);
  const extractor = await openTfjs(folder, 1, backend);
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  return {
    async addPictures() {
      for (const [label, some] of pictures.entries()) {
        for (const picture of some) {
          rows.push(await extractor.picture(picture));
          labels.push(label);
        }
      }
    },
    train: () => train(rows, labels, pictures.length, { epochs, batchSize }),
    close: () => extractor.close(),
  };
}

async function train(rows: readonly Float32Array[], labels: readonly number[], classes: number, { epochs, batchSize }: Plan): Promise<number> {
  const order = [...shuffled(rows.length)];
  const held = Math.ceil(VALIDATION * rows.length);
  const part = (places: number[]): [tf.Tensor2D, tf.Tensor2D] => [
    tf.stack(places.map((place) => tf.tensor1d(rows[place]!))) as tf.Tensor2D,
    tf.cast(tf.oneHot(tf.tensor1d(places.map((place) => labels[place]!), 'int32'), classes), 'float32') as tf.Tensor2D,
  ];
  const [x, y] = part(order.slice(held));
  const validationData = part(order.slice(0, held));
  const model = layers.sequential({
    layers: [
      layers.layers.dense({ inputShape: [rows[0]!.length], units: UNITS, activation: 'relu', kernelInitializer: 'varianceScaling', useBias: true }),
      layers.layers.dense({ units: classes, activation: 'softmax', kernelInitializer: 'varianceScaling', useBias: false }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(RATE), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const { history } = await model.fit(x, y, { epochs, batchSize, validationData });
  tf.dispose([x, y, validationData]);
  model.dispose();
  return Number(history['val_acc']!.at(-1));
}
