/** Models that are saved with a reference to their backbone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { DIST } from './support/server.js';

declare global {
  /** The model that a test saved last. */
  var saved: Blob;
}

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('a model saved by reference', () => {
  it('is small, and predicts the same on the backbone that the site serves', async () => {
    const seen = await api.page.evaluate(async () => {
      const sizes: Record<string, number> = {};
      const answers = [];
      const trainer = await tools.trainerWithPictures();
      const unseen = await drawing.draw('circles', 90);
      for (const fineTune of ['none', 'last:1'] as const) {
        await trainer.train({ epochs: 8, fineTune, fineTuneEpochs: 2, monitor: 'loss' }).report;
        const files = { whole: await trainer.save(), reference: await trainer.save({ backbone: 'reference' }) };
        const said = [await trainer.predict(unseen)];
        for (const [name, file] of Object.entries(files)) {
          sizes[`${fineTune} ${name}`] = file.size;
          const classifier = await headstart.Classifier.load(file, { engine: 'cpu' });
          said.push(await classifier.classify(unseen));
          classifier.close();
        }
        await trainer.load(files.reference);
        said.push(await trainer.predict(unseen));
        answers.push(said.map((each) => each.map(({ className, probability }) => [className, probability])));
        globalThis.saved = files.reference;
      }
      trainer.close();
      return { sizes, answers };
    });
    console.info(seen.sizes);
    expect(seen.sizes['none reference']).toBeLessThan(40_000);
    expect(seen.sizes['last:1 reference']).toBeLessThan(seen.sizes['last:1 whole']! / 1.5);
    for (const said of seen.answers) for (const each of said) expect(each).toEqual(said[0]);
  });

  it('says so where the site has another backbone of that name by now, or none', async () => {
    const path = 'backbones/mobilenet-v2-0.75-128/config.json';
    const card = JSON.parse(readFileSync(join(DIST, path), 'utf8'));
    card.pretrained_cfg.interpolation = 'bicubic';
    api.site.files.set(path, Buffer.from(JSON.stringify(card)));
    api.site.files.set('old/config.json', readFileSync(join(DIST, path)));
    api.site.files.set('old/model.safetensors', readFileSync(join(DIST, path, '../model.safetensors')));
    const seen = await api.page.evaluate(async () => {
      const changed = await tools.refused(headstart.Classifier.load(globalThis.saved, { engine: 'cpu' }));
      const nowhere = await tools.refused(headstart.Classifier.load(globalThis.saved, { engine: 'cpu', backbone: 'nowhere' }));
      const classifier = await headstart.Classifier.load(globalThis.saved, { engine: 'cpu', backbone: 'old' });
      const [best] = await classifier.classify(await drawing.draw('stripes', 91));
      classifier.close();
      return { changed, nowhere, best };
    });
    api.site.files.delete(path);
    expect(seen.changed).toMatchObject({ code: 'model_backbone_changed', value: 'mobilenet-v2-0.75-128', isHeadstartError: true });
    expect(seen.nowhere).toMatchObject({ code: 'backbone_not_found' });
    expect(seen.best?.className).toBe('stripes');
  });

  it('is not to be had of a backbone from the disk', async () => {
    const refused = await api.page.evaluate(async () => {
      const file = async (name: string) => (await fetch(`backbones/mobilenet-v2-0.75-128/${name}`)).blob();
      const backbone = { config: await file('config.json'), weights: await file('model.safetensors') };
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone });
      await tools.fill(trainer, 'circles', 4);
      await tools.fill(trainer, 'stripes', 4);
      await trainer.train({ epochs: 1 }).report;
      const refused = await tools.refused(trainer.save({ backbone: 'reference' }));
      const whole = await trainer.save();
      trainer.close();
      return { ...refused, whole: whole.size };
    });
    expect(refused).toMatchObject({ code: 'model_backbone_unnamed', isHeadstartError: true });
    expect(refused.whole).toBeGreaterThan(1_000_000);
  });
});
