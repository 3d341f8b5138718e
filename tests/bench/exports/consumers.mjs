// What onnxruntime-node makes of exported models: a job in JSON on the standard input, an answer in JSON on the standard output.
import { readFile } from 'node:fs/promises';
import { json } from 'node:stream/consumers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { PNG } from 'pngjs';

const { model, pictures } = await json(process.stdin);
const session = await InferenceSession.create(model);
const answer = { probabilities: [], labels: [] };
for (const picture of pictures) {
  const { data, width, height } = PNG.sync.read(await readFile(picture));
  const rgb = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at += 1) rgb.set(data.subarray(at * 4, at * 4 + 3), at * 3);
  const { probabilities, label } = await session.run({ picture: new Tensor('uint8', rgb, [1, height, width, 3]) });
  answer.probabilities.push([...probabilities.data]);
  answer.labels.push(label.data[0]);
}
console.log(JSON.stringify(answer));
