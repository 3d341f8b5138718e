/** TensorFlow.js: its fused operations, which is what its converter makes of a frozen network. */
import * as tf from '@tensorflow/tfjs-core';
import type { Convolution, Network } from '../network.js';
import { fetchNetwork, Normaliser, type Extractor } from './extractor.js';
import { startTfjs, type TfjsBackend } from './tfjs-backend.js';

type Layer = (x: tf.Tensor4D) => tf.Tensor4D;

export async function openTfjs(folder: string, _batch: number, backend: TfjsBackend = 'wasm'): Promise<Extractor> {
  await startTfjs(backend);
  const network = await fetchNetwork(folder);
  const weights: tf.Tensor[] = [];
  const keep = <T extends tf.Tensor>(tensor: T): T => {
    weights.push(tensor);
    return tensor;
  };
  const stages = network.stages.map(({ convolutions, residual }) => ({ layers: convolutions.map((each) => layer(network, each, keep)), residual }));
  const normaliser = new Normaliser(network, 'last');

  const run = async (input: Float32Array): Promise<Float32Array> => {
    // Another one may have computed meanwhile.
    await tf.setBackend(backend);
    const features = tf.tidy(() => {
      let x = tf.tensor4d(input, [input.length / (3 * network.size ** 2), network.size, network.size, 3]);
      for (const { layers, residual } of stages) {
        const y = layers.reduce((value, each) => each(value), x);
        x = residual ? tf.add(x, y) : y;
      }
      return tf.mean(x, [1, 2]);
    });
    const values = (await features.data()) as Float32Array;
    features.dispose();
    return values;
  };

  return {
    picture: (picture) => run(normaliser.pictures([picture])),
    pictures: (pictures) => run(normaliser.pictures(pictures)),
    prepare: (picture) => normaliser.pixels(picture),
    prepared: (prepared) => run(prepared as Float32Array),
    close: () => tf.dispose(weights),
  };
}

/** The weights of a convolution in TensorFlow's layout. */
export function filterOf({ numbers }: Network, { inputs, outputs, kernel, depthwise, weight }: Convolution): tf.Tensor4D {
  const shape: [number, number, number, number] = [outputs, depthwise ? 1 : inputs, kernel, kernel];
  const values = numbers.slice(weight, weight + shape.reduce((a, b) => a * b));
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, shape), depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]));
}

function layer(network: Network, convolution: Convolution, keep: <T extends tf.Tensor>(tensor: T) => T): Layer {
  const { outputs, kernel, stride: strides, depthwise, relu6 } = convolution;
  const filter = keep(filterOf(network, convolution));
  const bias = keep(tf.tensor1d(network.numbers.slice(convolution.bias, convolution.bias + outputs)));
  const rest = { filter, bias, strides, pad: kernel >> 1, activation: relu6 ? 'relu6' : 'linear' } as const;
  return (x) => (depthwise ? tf.fused.depthwiseConv2d({ x, ...rest }) : tf.fused.conv2d({ x, ...rest }));
}
