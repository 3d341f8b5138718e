/** A step of fine-tuning in TensorFlow.js, in plain operations: its fused ones have no gradient of ReLU6. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import type { Convolution } from '../network.js';
import { fetchNetwork } from './extractor.js';
import type { Steps, Tail } from './steps.js';
import { startTfjs, type TfjsBackend } from './tfjs-backend.js';
import { filterOf } from './tfjs.js';

type Layer = (x: tf.Tensor4D) => tf.Tensor4D;

export async function openTfjsSteps(backend: TfjsBackend, { folder, stages, classes, batch }: Tail): Promise<Steps> {
  await startTfjs(backend);
  const network = await fetchNetwork(folder);
  const tail = network.stages.slice(-stages).map(({ convolutions, residual }) => ({
    residual,
    layers: convolutions.map((each) => layer(each, tf.variable(filterOf(network, each)), tf.variable(biasOf(network.numbers, each)))),
  }));
  const weight = tf.variable(tf.zeros([network.features, classes]) as tf.Tensor2D);
  const side = network.size / 32;
  const x = tf.randomUniform([batch, side, side, network.stages.at(-stages)!.convolutions[0]!.inputs]) as tf.Tensor4D;
  const y = tf.cast(tf.oneHot(tf.tensor1d(Array.from({ length: batch }, (_, i) => i % classes), 'int32'), classes), 'float32');
  const optimizer = tf.train.adam(1e-3);
  const loss = (): tf.Scalar => {
    let value = x;
    for (const { layers, residual } of tail) {
      const y = layers.reduce((input, each) => each(input), value);
      value = residual ? tf.add(value, y) : y;
    }
    return tf.losses.softmaxCrossEntropy(y, tf.matMul(tf.mean(value, [1, 2]) as tf.Tensor2D, weight));
  };
  return async (count) => {
    await tf.setBackend(backend);
    const start = performance.now();
    let last = NaN;
    for (let step = 0; step < count; step++) {
      const value = optimizer.minimize(loss, true)!;
      [last = NaN] = await value.data();
      // The loss is there before the update is, where a GPU computes.
      await weight.data();
      value.dispose();
    }
    return { ms: (performance.now() - start) / count, loss: last };
  };
}

const biasOf = (numbers: Float32Array, { bias, outputs }: Convolution): tf.Tensor1D => tf.tensor1d(numbers.slice(bias, bias + outputs));

function layer({ kernel, stride, depthwise, relu6 }: Convolution, filter: tf.Variable<tf.Rank.R4>, bias: tf.Variable<tf.Rank.R1>): Layer {
  const pad = kernel >> 1;
  return (x) => {
    const y: tf.Tensor4D = tf.add(depthwise ? tf.depthwiseConv2d(x, filter, stride, pad) : tf.conv2d(x, filter, stride, pad), bias);
    return relu6 ? tf.relu6(y) : y;
  };
}
