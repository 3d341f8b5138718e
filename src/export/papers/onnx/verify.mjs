// Compares what ONNX Runtime says of the golden pictures with what Headstart says of them.
//
//     npm install onnxruntime-node sharp && node verify.mjs
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

const file = (name) => new URL(name, import.meta.url);
const golden = JSON.parse(await readFile(file('golden.json'), 'utf8'));
const session = await InferenceSession.create(await readFile(file('model.onnx')));
// Where two classes are as good as equally probable, either may come out first.
const isClear = ([...values]) => ((sorted) => sorted[0] - sorted[1] > golden.bound)(values.sort((a, b) => b - a));
let [worst, others] = [0, 0];
for (const { file: name, probabilities: expected } of golden.pictures) {
  const { data, info } = await sharp(await readFile(file(name))).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const picture = new Tensor('uint8', new Uint8Array(data), [1, info.height, info.width, 3]);
  const { probabilities, label } = await session.run({ picture });
  expected.forEach((value, index) => (worst = Math.max(worst, Math.abs(value - probabilities.data[index]))));
  if (isClear(expected) && label.data[0] !== golden.classes[expected.indexOf(Math.max(...expected))]) others += 1;
}
console.log(`largest difference of a probability: ${worst.toExponential(1)} (bound ${golden.bound}), other answers: ${others}`);
process.exitCode = worst <= golden.bound && others === 0 ? 0 : 1;
