/** Small architectures in a browser, exported: their weights are those of tests/golden/make_architectures_golden.py. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { description, values, weights } from './support/formula.js';
import { askOnnx, blotches, compared } from './support/onnx.js';
import { askGraph, askLayers, jsonIn, unpacked } from './support/tensorflow.js';

const ARCHITECTURES = [
  'mobilenetv1_100',
  'mobilenetv2_050',
  'mobilenetv3_small_100',
  'mobilenetv4_conv_small',
  'lcnet_050',
  'efficientnet_lite0',
  'tf_efficientnet_b0',
  'resnet18',
  'inception_v3',
  'vgg16_bn',
];

/**
 * Those that take seconds a picture in TensorFlow.js's plain JavaScript, with the smallest pictures that they see: exported for these, they are
 * asked about one.
 */
const SLOW: Readonly<Record<string, number>> = { inception_v3: 75, vgg16_bn: 32 };

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

/** Trains a head on a few pictures on the CPU, exports the model and asks it about all of them. */
function exported(name: string, pictures: readonly { rgba: string; width: number; height: number }[]) {
  return api.page.evaluate(
    async ({ name, pictures }) => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: name });
      const all = pictures.map(({ rgba, width, height }) => tools.image(rgba, width, height));
      for (const [index, picture] of all.entries()) {
        const name = index % 2 === 0 ? 'even' : 'odd';
        if (index < 2) await trainer.addClass(name);
        await trainer.addImage(name, picture);
      }
      await trainer.train({ epochs: 3, validation: 0 }).report;
      const onnx = await tools.base64(await trainer.export('onnx', { bare: true }));
      const tfjs = await tools.base64(await trainer.export('tfjs'));
      const layers = await tools.base64(await trainer.export('teachable-machine'));
      const predictions = [];
      for (const picture of all) predictions.push(await trainer.predict(picture));
      trainer.close();
      return { onnx, tfjs, layers, predictions };
    },
    { name, pictures },
  );
}

describe.each(ARCHITECTURES)('%s', (name) => {
  const about = description(name);

  beforeAll(() => {
    const side = SLOW[name] ?? about.config.pretrained_cfg.input_size[1];
    const config = { ...about.config, pretrained_cfg: { ...about.config.pretrained_cfg, input_size: [3, side, side] } };
    api.site.files.set(`${name}/config.json`, Buffer.from(JSON.stringify(config)));
    api.site.files.set(`${name}/model.safetensors`, weights(about));
  });
  afterAll(() => {
    for (const file of api.site.files.keys()) if (file.startsWith(name)) api.site.files.delete(file);
  });

  it('has the weights that the script gave', () => {
    expect(about.examples.length).toBeGreaterThan(5);
    for (const [tensor, index, value] of about.examples) {
      const at = tensor.lastIndexOf('.');
      const [, , weight] = about.modules.find(([module]) => module === tensor.slice(0, at))!;
      const shape = tensor.endsWith('.weight') ? weight : weight.slice(0, 1);
      expect(values(tensor, shape, about.gain)[index], `${tensor} ${index}`).toBe(value);
    }
  });

  it('says in ONNX Runtime and in TensorFlow.js what it says here', async () => {
    // The last two are of the size that Teachable Machine's library makes of all.
    const sizes = [[150, 290], [210, 250], [270, 210], [330, 170], [224, 224], [224, 224]] as const;
    const pictures = sizes.map(([width, height], seed) => blotches(width, height, seed));
    const { onnx, tfjs, layers, predictions } = await exported(name, pictures.map(({ rgba, width, height }) => ({ rgba, width, height })));
    const [graph, model] = [unpacked(tfjs), unpacked(layers)];
    const [ofGraph, ofLayers] = name in SLOW ? [5, 5] : [3, 4];
    const answers = [
      ['ONNX', 1e-3, 0, await askOnnx(Buffer.from(onnx, 'base64'), pictures)],
      ['TensorFlow.js', 1e-3, ofGraph, await askGraph(graph, pictures.slice(ofGraph))],
      ['Teachable Machine', Number(jsonIn(model, 'golden.json').bound), ofLayers, await askLayers(model, pictures.slice(ofLayers))],
    ] as const;
    for (const [consumer, bound, from, theirs] of answers) {
      const { apart, others } = compared(predictions.slice(from), theirs);
      console.log(`${name}, ${consumer}: ${apart.toExponential(1)}`);
      expect(apart, consumer).toBeLessThan(bound);
      expect(others, consumer).toBe(0);
    }
  });
});

it('met no error on the way', () => {
  expect(api.record.errors).toEqual([]);
});
