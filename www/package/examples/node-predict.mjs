// What a model says of a picture, in Node.js: `trainer.export('onnx', { bare: true })` or the page's export for ONNX gives model.onnx.
//
//     npm install onnxruntime-node sharp
//     node node-predict.mjs model.onnx photo.jpg
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

const [model, file] = process.argv.slice(2);
const session = await InferenceSession.create(model);
// Upright, on white where it is transparent, and in RGB. Cropping and resizing are in the model.
const photo = sharp(file).rotate().flatten({ background: 'white' }).toColourspace('srgb');
const { data, info } = await photo.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
const picture = new Tensor('uint8', new Uint8Array(data), [1, info.height, info.width, info.channels]);
const { label, probabilities } = await session.run({ picture });
console.log(`${file}: ${label.data[0]} (${(100 * Math.max(...probabilities.data)).toFixed(1)} %)`);
