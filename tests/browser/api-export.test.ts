/** Models as other programs take them, in those programs: they say there what they say on the page. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainConfig } from '../../www/generated/types.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { askOnnx, blotches, compared } from './support/onnx.js';

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

/** Trains on the page, exports in each of these forms, and predicts. */
function exported(config: Partial<TrainConfig>, weights: readonly ('f32' | 'f16' | 'int8')[]) {
  return api.page.evaluate(
    async ({ config, weights, pictures }) => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const names = ['circles “round”', 'stripes'];
      await tools.fill(trainer, 'circles', 8);
      await tools.fill(trainer, 'stripes', 8);
      await trainer.renameClass('circles', names[0]!);
      await trainer.train({ epochs: 4, batchSize: 8, ...config }).report;
      const files: string[] = [];
      for (const each of weights) files.push(await tools.base64(await trainer.export('onnx', { weights: each })));
      const predictions = [];
      for (const { rgba, width, height } of pictures) predictions.push(await trainer.predict(tools.image(rgba, width, height)));
      trainer.close();
      return { files, predictions };
    },
    { config, weights, pictures: PICTURES.map(({ rgba, width, height }) => ({ rgba, width, height })) },
  );
}

describe('ONNX', () => {
  it.each(CASES)('says in ONNX Runtime what the page says, with %s', async (what, config) => {
    const { files, predictions } = await exported(config, ['f32']);
    const found = compared(predictions, await askOnnx(Buffer.from(files[0]!, 'base64'), PICTURES));
    console.log(`${what}: ${found.apart.toExponential(1)}`);
    expect(found.apart).toBeLessThan(BOUND);
    expect(found.others).toBe(0);
    // Nothing is compared with nothing.
    expect(new Set(predictions.map(([best]) => best!.probability.toFixed(6))).size).toBeGreaterThan(15);
  });

  it('takes less room with smaller weights, and says nearly the same', async () => {
    const { files, predictions } = await exported({}, ['f32', 'f16', 'int8']);
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
