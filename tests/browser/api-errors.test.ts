import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('classes and settings that are refused', () => {
  it('names the class, and nothing is lost', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const [id] = await tools.fill(trainer, 'circles', 1);
      const before = JSON.stringify(trainer.classes);
      const refusals = [
        await tools.refused(trainer.addClass('  ')),
        await tools.refused(trainer.addClass('circles')),
        await tools.refused(trainer.renameClass('nobody', 'x')),
        await tools.refused(trainer.addImage('nobody', await drawing.draw('circles', 1))),
        await tools.refused(trainer.moveImage(id!, 'nobody')),
        await tools.refused(trainer.removeImage(4711)),
        await tools.refused(trainer.predict(await drawing.draw('circles', 1))),
        await tools.refused(trainer.save()),
        await tools.refused(trainer.evaluate()),
        await tools.refused(trainer.load(new Blob(['no zip']))),
        await tools.refused(trainer.load('missing.zip')),
      ];
      const after = JSON.stringify(trainer.classes);
      trainer.close();
      return { refusals, nothingLost: before === after };
    });
    expect(seen.refusals.map(({ code }) => code)).toEqual([
      'class_name_empty',
      'class_name_taken',
      'class_unknown',
      'class_unknown',
      'class_unknown',
      'image_unknown',
      'not_trained',
      'not_trained',
      'not_trained',
      'model_file_invalid',
      'model_file_invalid',
    ]);
    expect(seen.refusals.map(({ value }) => value).slice(1, 6)).toEqual(['circles', 'nobody', 'nobody', 'nobody', '4711']);
    for (const { isHeadstartError, message } of seen.refusals) {
      expect(isHeadstartError).toBe(true);
      expect(message).toMatch(/[.]$/);
    }
    expect(seen.nothingLost).toBe(true);
  });

  it('needs two classes with pictures; one picture each is enough', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const none = await tools.refused(trainer.train().report);
      await tools.fill(trainer, 'circles', 1);
      const one = await tools.refused(trainer.train().report);
      await trainer.addClass('stripes');
      const empty = await tools.refused(trainer.train().report);
      await tools.fill(trainer, 'stripes', 1);
      const report = await trainer.train({ epochs: 3 }).report;
      const predictions = await trainer.predict(await drawing.draw('stripes', 3));
      trainer.close();
      return { none, one, empty, report, predictions };
    });
    expect(seen.none).toMatchObject({ code: 'too_few_classes', value: '0' });
    expect(seen.one).toMatchObject({ code: 'too_few_classes', value: '1' });
    expect(seen.empty).toMatchObject({ code: 'class_without_pictures', value: 'stripes' });
    expect(seen.report).toMatchObject({ stopped: 'finished', epochsRun: 3, images: { train: 2 } });
    expect(seen.predictions).toHaveLength(2);
  });

  it('names the setting and its value, and trains afterwards', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      await tools.fill(trainer, 'circles', 3);
      await tools.fill(trainer, 'stripes', 3);
      const bad: object[] = [
        { epochs: 0 },
        { epochs: 1.5 },
        { epochs: NaN },
        { learningRate: NaN },
        { learningRate: -1 },
        { batchSize: 0 },
        { validation: 1 },
        { dropout: 1 },
        { patience: -1 },
        { head: 'mlp:0' },
        { head: 'oracle' },
        { fineTune: 'last:0' },
        { fineTune: 'some' },
        { optimizer: 'sgdx' },
        { schedule: 'sometimes' },
        { epocs: 3 },
        { epochs: 'many' },
      ];
      const refusals = [];
      for (const config of bad) {
        refusals.push({ field: Object.keys(config)[0]!, ...(await tools.refused(trainer.train(config).report)) });
      }
      const report = await trainer.train({ epochs: 1 }).report;
      trainer.close();
      return { refusals, report };
    });
    for (const { field, code, value, message } of seen.refusals) {
      expect({ field, code }).toEqual({ field, code: 'config_invalid' });
      expect(`${value} ${message}`).toContain(field === 'epocs' ? 'epocs' : field);
    }
    expect(seen.report.stopped).toBe('finished');
  });

  it('names what there is none of, and trains afterwards', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      const refusals = [
        await tools.refused(trainer.train({ fineTune: 'last:99' }).report),
        await tools.refused(trainer.estimate({ fineTune: 'last:99' })),
        await tools.refused(trainer.layers({ fineTune: 'last:99' })),
        await tools.refused(trainer.estimate({ finetune: 'all' } as object)),
        await tools.refused(trainer.export('coreml' as 'onnx')),
      ];
      const report = await trainer.train({ epochs: 1 }).report;
      trainer.close();
      return { refusals, report };
    });
    for (const refused of seen.refusals) expect(refused).toMatchObject({ isHeadstartError: true });
    expect(seen.refusals.map(({ code }) => code)).toEqual([
      'config_invalid', 'config_invalid', 'config_invalid', 'config_invalid', 'format_unknown',
    ]);
    expect(seen.refusals.map(({ value }) => value)).toEqual(['fineTune=last:99', 'fineTune=last:99', 'fineTune=last:99', 'finetune', 'coreml']);
    expect(seen.report.stopped).toBe('finished');
  });

  it('refuses a second run and goes on with the first', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      // Long enough to be still running when the second is looked at.
      const first = trainer.train({ epochs: 300, patience: 0 });
      const second = await tools.refused(trainer.train().report);
      const report = await first.report;
      trainer.close();
      return { second, report };
    });
    expect(seen.second.code).toBe('training_running');
    expect(seen.report).toMatchObject({ stopped: 'finished', epochsRun: 300 });
  });
});

describe('engines and workers that fail', () => {
  it('tells that there is no WebGPU where it was asked for', async () => {
    const refused = await api.page.evaluate(() => tools.refused(headstart.Trainer.create({ engine: 'webgpu' })));
    expect(refused.code).toBe('engine_unavailable');
  });

  it.each(['**/*.wasm', '**/worker-*.js'])('rejects where %s is missing', async (missing) => {
    const page = await api.browser.newPage();
    await page.context().route(missing, (route) => route.fulfill({ status: 404 }));
    await page.goto(`${api.site.url}blank.html`);
    const code = await page.evaluate(
      `import('${api.site.url}headstart.js').then(({ Trainer }) => Trainer.create()).then(() => 'created', (error) => error.code)`,
    );
    await page.context().close();
    expect(code).toBe('worker_failed');
  });

  it('rejects what is pending when it is closed', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      const run = trainer.train({ epochs: 1000 });
      await run[Symbol.asyncIterator]().next();
      trainer.close();
      return [await tools.refused(run.report), await tools.refused(trainer.addClass('late'))];
    });
    for (const refused of seen) expect(refused).toMatchObject({ code: 'worker_failed', isHeadstartError: true });
  });
});
