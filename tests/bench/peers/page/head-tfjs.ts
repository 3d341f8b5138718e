/** A head in TensorFlow.js’s own operations, step by step, with nothing done between the steps that the others do not do too. */
import * as tf from '@tensorflow/tfjs-core';
// They come with the whole library only.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { shuffled, type Examples, type TrainHead } from './examples.js';
import { startTfjs, type TfjsBackend } from './tfjs-backend.js';

export async function openTfjsHead(backend: TfjsBackend, { classes, features, train, validation }: Examples): Promise<TrainHead> {
  await startTfjs(backend);
  const [count, held] = [train.labels.length, validation.labels.length];
  const x = tf.tensor2d(train.values, [count, features]);
  const y = oneHot(train.labels, classes);
  const heldX = tf.tensor2d(validation.values, [held, features]);
  const heldY = oneHot(validation.labels, classes);
  return async ({ epochs, batchSize }) => {
    await tf.setBackend(backend);
    const weight = tf.variable(tf.randomUniform([features, classes], -1 / Math.sqrt(features), 1 / Math.sqrt(features)) as tf.Tensor2D);
    const bias = tf.variable(tf.zeros([classes]) as tf.Tensor1D);
    const optimizer = tf.train.adam(1e-3);
    const logits = (rows: tf.Tensor2D): tf.Tensor2D => tf.add(tf.matMul(rows, weight), bias);
    const loss = (rows: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar => tf.losses.softmaxCrossEntropy(labels, logits(rows));
    for (let epoch = 0; epoch < epochs; epoch++) {
      tf.tidy(() => {
        const order = tf.tensor1d(shuffled(count), 'int32');
        const [rows, labels] = [tf.gather(x, order), tf.gather(y, order)];
        for (let from = 0; from < count; from += batchSize) {
          const length = Math.min(batchSize, count - from);
          const [some, theirs] = [tf.slice2d(rows, [from, 0], [length, features]), tf.slice2d(labels, [from, 0], [length, classes])];
          optimizer.minimize(() => loss(some, theirs), false, [weight, bias]);
        }
      });
      const validated = tf.tidy(() => loss(heldX, heldY));
      await validated.data();
      validated.dispose();
    }
    const right = tf.tidy(() => tf.mean(tf.cast(tf.equal(tf.argMax(logits(heldX), 1), tf.argMax(heldY, 1)), 'float32')));
    const [accuracy] = await right.data();
    tf.dispose([right, weight, bias]);
    optimizer.dispose();
    return accuracy!;
  };
}

function oneHot(labels: Int32Array, classes: number): tf.Tensor2D {
  return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32') as tf.Tensor2D);
}
