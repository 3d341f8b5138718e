/** Models as other programs take them, in those programs: they say there what they say on the page. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportFormat, TrainConfig } from '../../www/generated/types.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { askOnnx, blotches, compared } from './support/onnx.js';
import { askGraph, askLayers, jsonIn, unpacked } from './support/tensorflow.js';

/** The largest difference of a probability. */
const BOUND = 1e-3;

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

/** Of all shapes: smaller and larger than what the network sees, and not square. */
const PICTURES = Array.from({ length: 20 }, (_, seed) => blotches(50 + ((seed * 37) % 260), 60 + ((seed * 53) % 200), seed));

const CASES: readonly (readonly [string, Partial<TrainConfig>])[] = [
  ['a linear head', {}],
  ['a linear SVM', { head: 'svm' }],
  ['two layers', { head: 'mlp:16', activation: 'silu' }],
  ['a convolution', { head: 'conv:8' }],
  ['a fine-tuned block and norms, and two layers', { head: 'mlp:8', activation: 'tanh', fineTune: 'last:1', fineTuneEpochs: 2, trainNorms: true }],
];

/** Of the size that Teachable Machine's library makes of all pictures. */
const SQUARES = Array.from({ length: 8 }, (_, seed) => blotches(224, 224, 100 + seed));

/** What is exported how. */
type Form = readonly [format: ExportFormat, weights: 'f32' | 'f16' | 'int8', bare: boolean];

const BARE_ONNX: Form = ['onnx', 'f32', true];

/** Trains on the page, exports in each of these forms, and predicts. */
function exported(config: Partial<TrainConfig>, forms: readonly Form[], pictures = PICTURES) {
  return api.page.evaluate(
    async ({ config, forms, pictures }) => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const names = ['circles “round”', 'stripes'];
      await tools.fill(trainer, 'circles', 8);
      await tools.fill(trainer, 'stripes', 8);
      await trainer.renameClass('circles', names[0]!);
      await trainer.train({ epochs: 4, batchSize: 8, ...config }).report;
      const files: string[] = [];
      for (const [format, weights, bare] of forms) files.push(await tools.base64(await trainer.export(format, { weights, bare })));
      const predictions = [];
      for (const { rgba, width, height } of pictures) predictions.push(await trainer.predict(tools.image(rgba, width, height)));
      trainer.close();
      return { files, predictions };
    },
    { config, forms, pictures: pictures.map(({ rgba, width, height }) => ({ rgba, width, height })) },
  );
}

describe('ONNX', () => {
  it.each(CASES)('says in ONNX Runtime what the page says, with %s', async (what, config) => {
    const { files, predictions } = await exported(config, [BARE_ONNX]);
    const found = compared(predictions, await askOnnx(Buffer.from(files[0]!, 'base64'), PICTURES));
    console.log(`${what}: ${found.apart.toExponential(1)}`);
    expect(found.apart).toBeLessThan(BOUND);
    expect(found.others).toBe(0);
    // Nothing is compared with nothing.
    expect(new Set(predictions.map(([best]) => best!.probability.toFixed(6))).size).toBeGreaterThan(15);
  });

  it('takes less room with smaller weights, and says nearly the same', async () => {
    const { files, predictions } = await exported({}, [BARE_ONNX, ['onnx', 'f16', true], ['onnx', 'int8', true]]);
    const [whole, half, quarter] = files.map((file) => Buffer.from(file, 'base64'));
    expect(half!.length / whole!.length).toBeLessThan(0.52);
    expect(quarter!.length / whole!.length).toBeLessThan(0.29);
    for (const [file, bound] of [[half!, 0.02], [quarter!, 0.1]] as const) {
      const { apart } = compared(predictions, await askOnnx(file, PICTURES));
      console.log(`${file.length} bytes: ${apart.toExponential(1)}`);
      expect(apart).toBeLessThan(bound);
      expect(apart).toBeGreaterThan(0);
    }
  });

  it('is refused where there is no model', async () => {
    const refused = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
      const refused = [await tools.refused(trainer.export('onnx')), await tools.refused(trainer.export('onnx', { weights: 'f8' as 'f16' }))];
      trainer.close();
      return refused;
    });
    expect(refused.map(({ code }) => code)).toEqual(['not_trained', 'config_invalid']);
  });
});

describe('TensorFlow.js', () => {
  // Its operations in JavaScript are slow: two heads, which have all there are between them.
  it.each([CASES[3]!, CASES[4]!])('says what the page says, with %s', async (what, config) => {
    const pictures = PICTURES.slice(0, 8);
    const { files, predictions } = await exported(config, [['tfjs', 'f32', false]], pictures);
    const found = compared(predictions, await askGraph(unpacked(files[0]!), pictures));
    console.log(`${what}: ${found.apart.toExponential(1)}`);
    expect(found.apart).toBeLessThan(BOUND);
    expect(found.others).toBe(0);
  });

  it('takes less room with smaller weights, and says nearly the same', async () => {
    const pictures = PICTURES.slice(0, 5);
    const forms: Form[] = [['tfjs', 'f32', false], ['tfjs', 'f16', false], ['tfjs', 'int8', false], ['onnx', 'int8', true]];
    const { files, predictions } = await exported({}, forms, pictures);
    const onnx = Buffer.from(files.pop()!, 'base64');
    const zips = files.map(unpacked);
    const [whole, half, quarter] = zips.map((zip) => zip.get('weights.bin')!.length);
    expect(half! / whole!).toBeLessThan(0.52);
    expect(quarter! / whole!).toBeLessThan(0.29);
    for (const [zip, bound] of [[zips[0]!, BOUND], [zips[1]!, 0.02], [zips[2]!, 0.1]] as const) {
      const { apart } = compared(predictions, await askGraph(zip, pictures));
      console.log(`${zip.get('weights.bin')!.length} bytes: ${apart.toExponential(1)}`);
      expect(apart).toBeLessThan(bound);
      expect(jsonIn(zip, 'golden.json').bound).toBe(bound);
    }
    // The same integers and scales in another order.
    const [theirs, ours] = [await askOnnx(onnx, pictures), await askGraph(zips[2]!, pictures)];
    theirs.forEach(({ shares }, at) => shares.forEach((share, name) => expect(ours[at]!.shares.get(name)).toBeCloseTo(share, 4)));
  });
});

describe('Teachable Machine', () => {
  it.each([CASES[0]!, CASES[4]!])('gets what the page says of pictures of its size, with %s', async (what, config) => {
    const { files, predictions } = await exported(config, [['teachable-machine', 'f32', false]], SQUARES);
    const zip = unpacked(files[0]!);
    const found = compared(predictions, await askLayers(zip, SQUARES));
    console.log(`${what}: ${found.apart.toExponential(1)}`);
    expect(found.apart).toBeLessThan(BOUND);
    expect(jsonIn(zip, 'golden.json').bound).toBe(BOUND);
    expect(found.others).toBe(0);
  });
});

describe('Every export', () => {
  it('tells what it was made of, and is refused where a format has no way to write it', async () => {
    const told = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      await trainer.train({ epochs: 2, head: 'mlp:4' }).report;
      const page = await trainer.export('page', { name: 'Birds' });
      const refused = [await tools.refused(trainer.export('timm')), await tools.refused(trainer.export('teachable-machine', { weights: 'f16' }))];
      trainer.close();
      return { name: page.name, type: page.type, zip: await tools.base64(page), refused };
    });
    expect([told.name, told.type]).toEqual(['Birds-page.zip', 'application/zip']);
    const files = unpacked(told.zip);
    for (const name of ['index.html', 'player.js', 'worker.js', 'headstart_bg.wasm', 'sw.js', 'model.zip', 'README.md']) expect([...files.keys()]).toContain(name);
    expect(jsonIn(files, 'manifest.webmanifest').name).toBe('Birds');
    expect(told.refused.map(({ code, value }) => [code, value])).toEqual([['export_unsupported', 'timm'], ['export_unsupported', 'teachable-machine']]);
  });
});
