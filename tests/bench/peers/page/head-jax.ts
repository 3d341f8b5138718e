/** A head in jax-js, a step being one compiled function. */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { shuffled, type Examples, type Rows, type TrainHead } from './examples.js';

type Parameters = { weight: np.Array; bias: np.Array };
type State = { parameters: Parameters; mean: Parameters; variance: Parameters };

export async function openJaxHead(device: 'wasm' | 'webgpu', { classes, features, train, validation }: Examples): Promise<TrainHead> {
  if (!(await init(device)).includes(device)) throw new Error(`jax-js has no ${device} here`);
  defaultDevice(device);
  const logits = ({ weight, bias }: Parameters, x: np.Array): np.Array => np.add(np.matmul(x, weight), bias);
  const loss = (parameters: Parameters, x: np.Array, y: np.Array): np.Array =>
    np.negative(np.sum(nn.logSoftmax(logits(parameters, x)).mul(y))).mul(1 / x.shape[0]!);
  // Adam's usual constants; the rate comes with its correction of the bias.
  const step = jit(({ parameters, mean, variance }: State, x: np.Array, y: np.Array, rate: np.Array): State => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(parameters), x, y) as [np.Array, Parameters];
    value.dispose();
    const next = { parameters: {}, mean: {}, variance: {} } as State;
    for (const part of ['weight', 'bias'] as const) {
      const m = mean[part].mul(0.9).add(gradient[part].ref.mul(0.1));
      const v = variance[part].mul(0.999).add(np.square(gradient[part]).mul(0.001));
      next.parameters[part] = parameters[part].sub(m.ref.mul(rate.ref).div(np.sqrt(v.ref).add(1e-8)));
      [next.mean[part], next.variance[part]] = [m, v];
    }
    rate.dispose();
    return next;
  });
  const validate = jit(loss);
  const oneHot = (labels: Int32Array): Float32Array => {
    const out = new Float32Array(labels.length * classes);
    labels.forEach((label, i) => (out[i * classes + label] = 1));
    return out;
  };
  const matrix = (values: Float32Array, columns: number): np.Array => np.array(values).reshape([values.length / columns, columns]);
  const pick = ({ values, labels }: Rows, places: Int32Array): [np.Array, np.Array] => {
    const some = new Float32Array(places.length * features);
    places.forEach((place, i) => some.set(values.subarray(place * features, (place + 1) * features), i * features));
    return [matrix(some, features), matrix(oneHot(places.map((place) => labels[place]!)), classes)];
  };
  const [heldX, heldY] = [matrix(validation.values, features), matrix(oneHot(validation.labels), classes)];
  const fresh = (): Parameters => ({ weight: np.zeros([features, classes]), bias: np.zeros([classes]) });

  return async ({ epochs, batchSize }) => {
    defaultDevice(device);
    let state: State = { parameters: fresh(), mean: fresh(), variance: fresh() };
    let steps = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = shuffled(train.labels.length);
      for (let from = 0; from < order.length; from += batchSize) {
        steps += 1;
        const rate = (1e-3 * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps);
        state = step(state, ...pick(train, order.subarray(from, from + batchSize)), np.array(rate)) as State;
      }
      await (validate(tree.ref(state.parameters), heldX.ref, heldY.ref) as np.Array).data();
    }
    const guesses = await np.argmax(logits(state.parameters, heldX.ref), 1).data();
    tree.dispose([state.mean, state.variance]);
    return validation.labels.filter((label, i) => label === guesses[i]).length / validation.labels.length;
  };
}
