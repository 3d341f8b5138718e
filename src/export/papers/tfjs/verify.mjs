// Compares what TensorFlow.js says of the golden pictures with what Headstart says of them.
//
//     npm install @tensorflow/tfjs pngjs && node verify.mjs
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { PNG } from 'pngjs';

const file = (name) => readFile(new URL(name, import.meta.url));
const golden = JSON.parse(await file('golden.json'));
const { modelTopology, weightsManifest, signature, format } = JSON.parse(await file('model.json'));
const weights = await file('weights.bin');
const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength);
const weightSpecs = weightsManifest.flatMap((group) => group.weights);
const model = await tf.loadGraphModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData, signature, format }));
// Where two classes are as good as equally probable, either may come out first.
const isClear = ([...values]) => ((sorted) => sorted[0] - sorted[1] > golden.bound)(values.sort((a, b) => b - a));
let [worst, others] = [0, 0];
for (const { file: name, probabilities: expected } of golden.pictures) {
  const { data, width, height } = PNG.sync.read(await file(name));
  const picture = tf.tensor4d(new Int32Array(data), [1, height, width, 4], 'int32').slice([0, 0, 0, 0], [1, height, width, 3]);
  const found = await model.predict(picture).data();
  expected.forEach((value, index) => (worst = Math.max(worst, Math.abs(value - found[index]))));
  if (isClear(expected) && found.indexOf(Math.max(...found)) !== expected.indexOf(Math.max(...expected))) others += 1;
}
console.log(`largest difference of a probability: ${worst.toExponential(1)} (bound ${golden.bound}), other answers: ${others}`);
process.exitCode = worst <= golden.bound && others === 0 ? 0 : 1;
