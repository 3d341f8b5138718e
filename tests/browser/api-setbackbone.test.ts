/** Another backbone in a project with pictures, and back: the bundled one, and the same for smaller pictures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackboneProgress, Prediction, Trainer } from '../../www/headstart.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { crashWorker } from './support/crash.js';

declare global {
  /** Two classes with ten pictures each, or another number: every third as pixels, the others as files. */
  function filled(each?: number): Promise<Trainer>;
  /** What the model makes of pictures that it has not seen, one of each class. */
  function answers(trainer: Trainer): Promise<Prediction[][]>;
  /** Iterates until so many pictures are prepared. */
  function until(change: AsyncIterable<BackboneProgress>, count: number): Promise<BackboneProgress>;
}

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
  await api.page.evaluate(() => {
    const pixels = async (picture: Blob) => {
      const bitmap = await createImageBitmap(picture);
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height);
    };
    const filled = async (each = 10) => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      for (const [index, kind] of (['circles', 'stripes'] as const).entries()) {
        await trainer.addClass(kind, { id: index });
        for (let i = 0; i < each; i++) {
          const picture = await drawing.draw(kind, i);
          await trainer.addImage(index, i % 3 === 0 ? await pixels(picture) : picture, { id: each * index + i });
        }
      }
      return trainer;
    };
    const answers = (trainer: Trainer) =>
      Promise.all((['circles', 'stripes'] as const).map(async (kind) => trainer.predict(await drawing.draw(kind, 900))));
    const until = async (change: AsyncIterable<BackboneProgress>, count: number) => {
      for await (const progress of change) if (progress.done >= count) return progress;
      throw new Error(`It was over before ${count}.`);
    };
    Object.assign(globalThis, { filled, answers, until });
  });
});
afterAll(() => api?.close());

const best = (all: Prediction[][]) => all.map(([first]) => [first!.className, first!.probability > 0.8]);
const RIGHT = [['circles', true], ['stripes', true]];
const settings = { epochs: 30, seed: 1 };

describe('another backbone', () => {
  it('keeps classes, pictures and the model, trains on its own, and costs nothing on the way back', async () => {
    const seen = await api.page.evaluate(async (settings) => {
      const trainer = await filled();
      await trainer.train(settings).report;
      const [classes, first] = [trainer.classes, await answers(trainer)];
      const { loss } = await trainer.evaluate();
      const change = trainer.setBackbone('small');
      const progress: BackboneProgress[] = [];
      const during: string[] = [];
      for await (const each of change) {
        progress.push(each);
        if (each.done < each.total) during.push(JSON.stringify(await answers(trainer)));
      }
      const outcome = await change.finished;
      const on = trainer.backbone;
      const kept = [await answers(trainer), (await trainer.evaluate()).loss] as const;
      const further = (await trainer.readiness(settings)).further;
      let prepared = 0;
      const run = trainer.train(settings);
      for await (const { phase, steps } of run) if (phase === 'prepare') prepared = steps;
      const second = await answers(trainer);
      const report = await run.report;
      const start = performance.now();
      const back = trainer.setBackbone(new URL('backbones/mobilenet-v2-0.75-128/', location.href));
      const events: BackboneProgress[] = [];
      for await (const each of back) events.push(each);
      const milliseconds = performance.now() - start;
      const { prepareSeconds } = await trainer.estimate(settings);
      const anew = trainer.train(settings);
      let preparedAgain = 0;
      for await (const { phase } of anew) if (phase === 'prepare') preparedAgain += 1;
      const again = await anew.report;
      const third = await answers(trainer);
      trainer.close();
      return { classes, after: trainer.classes, first, loss, progress, during, outcome, on, kept, further, prepared, second, report, events, milliseconds, prepareSeconds, preparedAgain, again, third };
    }, settings);
    expect(best(seen.first)).toEqual(RIGHT);
    expect(seen.outcome).toEqual({ cancelled: false, unreadable: [] });
    expect([seen.progress[0], seen.progress.at(-1)]).toEqual([{ done: 0, total: 20 }, { done: 20, total: 20 }]);
    expect(seen.during.length).toBeGreaterThan(0);
    for (const each of seen.during) expect(each).toBe(JSON.stringify(seen.first));
    expect(seen.after).toEqual(seen.classes);
    expect(seen.kept).toEqual([seen.first, seen.loss]);
    expect([seen.on.inputSize, seen.further?.code]).toEqual([64, 'model_prepares_otherwise']);
    // At most what is mirrored of what trains: all else is there.
    expect(seen.prepared).toBeGreaterThan(0);
    expect(seen.prepared).toBeLessThanOrEqual(seen.report.images.train);
    expect(best(seen.second)).toEqual(RIGHT);
    expect(seen.second).not.toEqual(seen.first);
    expect(seen.report.images).toEqual(seen.again.images);
    // Back: not one picture is embedded again, and the model is what it would have been.
    expect(seen.events).toEqual([{ done: 0, total: 0 }]);
    expect(seen.preparedAgain).toBe(0);
    // Which pictures train is not decided yet: those that were held out have not been mirrored, and count as much as the others.
    expect(seen.prepareSeconds).toBeLessThan(0.05);
    expect(seen.third).toEqual(seen.first);
    console.info(`Back on the first backbone after ${seen.milliseconds.toFixed(0)} ms.`);
  });

  it('is given pictures that came as pixels just as they came', async () => {
    const hashes = await api.page.evaluate(async () => {
      const changed = await filled();
      await changed.setBackbone('small').finished;
      const project = await changed.saveProject({ pictures: true });
      changed.close();
      // The same twenty, added to a trainer that was on it from the start.
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
      for (const id of [0, 1]) await trainer.addClass(`${id}`, { id });
      for (const [id, source] of project.sources!) await trainer.addImage(id < 10 ? 0 : 1, source, { id });
      const other = await trainer.saveProject({ pictures: true });
      trainer.close();
      type Written = { pixels: { preparation: { size: number }; crops: { [id: string]: string } }[]; dataset: { samples: { [id: string]: { content: string } } } };
      const parsed = [project, other].map((each) => JSON.parse(each.project) as Written);
      return parsed.map(({ pixels, dataset }) => ({
        crops: pixels.find(({ preparation }) => preparation.size === 64)!.crops,
        contents: Object.values(dataset.samples).map(({ content }) => content),
      }));
    });
    expect(Object.keys(hashes[0]!.crops)).toHaveLength(20);
    expect(hashes[0]).toEqual(hashes[1]);
  });

  it('can be dropped as files, with its card or without', async () => {
    const seen = await api.page.evaluate(async () => {
      const [config, weights] = [await tools.file('small/config.json'), await tools.file('small/model.safetensors')];
      const trainer = await filled();
      await trainer.setBackbone({ config, weights }).finished;
      const small = trainer.backbone.inputSize;
      const project = await trainer.saveProject({ pictures: true });
      const again = await headstart.Trainer.create({ engine: 'cpu', project });
      const reopened = [again.backbone.inputSize, again.change];
      const refused = await tools.refused(again.setBackbone({ weights: new Blob(['no weights']) }).finished);
      const still = again.backbone.inputSize;
      for (const each of [trainer, again]) each.close();
      return { small, reopened, refused, still };
    });
    expect(seen).toMatchObject({ small: 64, reopened: [64, null], still: 64, refused: { code: 'backbone_truncated', isHeadstartError: true } });
  });

  it('takes about as long for a picture as was measured before', async () => {
    const [small, large, took] = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const picture = await drawing.draw('circles', 1);
      let [small, large, took] = [Infinity, Infinity, Infinity];
      // The best of some, for the browser compiles while it runs and other programs run beside it.
      for (let time = 0; time < 5; time += 1) {
        small = Math.min(small, await trainer.measureBackbone('small'));
        large = Math.min(large, await trainer.measureBackbone('backbones/mobilenet-v2-0.75-128'));
        const start = performance.now();
        await trainer.embed(picture);
        took = Math.min(took, performance.now() - start);
      }
      trainer.close();
      return [small, large, took] as const;
    });
    console.info(`Measured ${small.toFixed(1)} ms at 64 px and ${large.toFixed(1)} ms at 128 px; a picture takes ${took.toFixed(1)} ms with decoding.`);
    expect(small).toBeLessThan(large);
    expect(large / took).toBeGreaterThan(0.1);
    expect(large / took).toBeLessThan(3);
  });
});

describe('a change that does not come to its end', () => {
  it('goes back where it is cancelled half-way', async () => {
    const seen = await api.page.evaluate(async (settings) => {
      const trainer = await filled(40);
      await trainer.train(settings).report;
      const before = await answers(trainer);
      const change = trainer.setBackbone('small');
      const { done } = await until(change, 3);
      const refused = await tools.refused(trainer.train(settings).report);
      const added = await trainer.addImage(0, await drawing.draw('circles', 50));
      await change.cancel();
      const outcome = await change.finished;
      const after = await answers(trainer);
      const { inputSize } = trainer.backbone;
      const { prepareSeconds, pictures } = await trainer.estimate({ ...settings, validation: 0 });
      const report = await trainer.train({ ...settings, warmStart: true }).report;
      trainer.close();
      return { before, done, refused, added, outcome, after, inputSize, prepareSeconds, pictures, report };
    }, settings);
    expect(seen.done).toBeLessThan(80);
    expect(seen.refused).toMatchObject({ code: 'backbone_changing' });
    expect(Number(seen.refused.value)).toBeGreaterThan(0);
    expect(seen.outcome).toEqual({ cancelled: true, unreadable: [] });
    expect([seen.inputSize, seen.after]).toEqual([128, seen.before]);
    // The one that came meanwhile is still to be mirrored; here it counts as much as any other.
    expect(seen.prepareSeconds).toBeLessThan(0.1);
    expect(seen.pictures).toBe(81);
    expect(seen.report.images.train + seen.report.images.validation).toBe(81);
  });

  it('is gone on with where the worker dies in the middle', async () => {
    const seen = api.page.evaluate(async (settings) => {
      const trainer = await filled(100);
      await trainer.train(settings).report;
      const before = await answers(trainer);
      const change = trainer.setBackbone('small');
      await until(change, 3);
      const project = await trainer.saveProject({ pictures: true });
      document.title = 'half-way';
      const refused = await tools.refused(change.finished);
      const again = await headstart.Trainer.create({ engine: 'cpu', project });
      const left = again.change;
      const first = await left![Symbol.asyncIterator]().next();
      const outcome = await left!.finished;
      const after = await answers(again);
      const report = await again.train(settings).report;
      const trained = await answers(again);
      again.close();
      return { before, refused, first: first.value as BackboneProgress, outcome, after, report, trained };
    }, settings);
    seen.catch(() => undefined);
    await api.page.waitForFunction(() => document.title === 'half-way');
    await crashWorker(api.page);
    const { before, refused, first, outcome, after, report, trained } = await seen;
    expect(refused).toMatchObject({ code: 'worker_failed' });
    expect([first.done, outcome]).toEqual([0, { cancelled: false, unreadable: [] }]);
    expect(after).toEqual(before);
    expect(report.images.train + report.images.validation).toBe(200);
    expect(best(trained)).toEqual(RIGHT);
  });

  it('names a picture whose file has gone, which takes part again on the way back', async () => {
    const seen = await api.page.evaluate(async (settings) => {
      const folder = await navigator.storage.getDirectory();
      const handle = await folder.getFileHandle('gone.png', { create: true });
      const writable = await handle.createWritable();
      await writable.write(await drawing.draw('circles', 70));
      await writable.close();
      const trainer = await filled();
      await trainer.addImage(0, await handle.getFile(), { id: 70 });
      await folder.removeEntry('gone.png');
      const { unreadable } = await trainer.setBackbone('small').finished;
      const shown = trainer.classes[0]!.images.includes(70);
      const on = await trainer.train(settings).report;
      await trainer.setBackbone('backbones/mobilenet-v2-0.75-128').finished;
      const back = await trainer.train(settings).report;
      trainer.close();
      return { unreadable, shown, counts: [on, back].map(({ images }) => images.train + images.validation) };
    }, settings);
    expect(seen.unreadable).toEqual([{ id: 70, failure: expect.objectContaining({ code: 'picture_unreadable', value: 'gone.png' }) }]);
    expect([seen.shown, seen.counts]).toEqual([true, [20, 21]]);
  });
});

describe('the page', () => {
  it('asked nobody else', () => {
    expect(api.record.errors.filter((error) => !error.includes('a crash of the test'))).toEqual([]);
  });
});

describe('eight bits', () => {
  it('make features that are near those in floats, are kept by project and model, and are the same on helpers', async () => {
    const seen = await api.page.evaluate(async (settings) => {
      const picture = await drawing.draw('circles', 901);
      const floats = await headstart.Trainer.create({ engine: 'cpu' });
      const expected = [...(await floats.embed(picture))];
      floats.close();
      const trainer = await filled();
      const change = trainer.setArithmetic('int8');
      let last: BackboneProgress | null = null;
      for await (const progress of change) last = progress;
      const outcome = await change.finished;
      const found = [...(await trainer.embed(picture))];
      await trainer.train({ ...settings, fineTune: 'last:1', fineTuneEpochs: 3 }).report;
      const first = await answers(trainer);
      const project = await trainer.saveProject({ pictures: true });
      const model = await trainer.save();
      const again = await headstart.Trainer.create({ engine: 'cpu', project });
      const kept = [again.backbone.arithmetic, await answers(again)] as const;
      // Many pictures, as helpers look at them, and one of them by itself.
      const many = await headstart.Trainer.create({ engine: 'cpu', arithmetic: 'int8' });
      await many.addClass('any');
      const files = await Promise.all(Array.from({ length: 60 }, (_, i) => drawing.draw('circles', i)));
      const { ids } = await many.addImages('any', files);
      const features = async (of: Trainer, id: number | null) => tools.base64(new Blob([(await of.features(id!))! as Uint8Array<ArrayBuffer>]));
      const alone = await headstart.Trainer.create({ engine: 'cpu', arithmetic: 'int8' });
      await alone.addClass('any');
      const compared: string[][] = [];
      for (const at of [0, 30, 57, 58, 59]) compared.push([await features(many, ids[at]!), await features(alone, await alone.addImage('any', files[at]!))]);
      const classifier = await headstart.Classifier.load(model, { engine: 'cpu' });
      const classified = await Promise.all((['circles', 'stripes'] as const).map(async (kind) => classifier.classify(await drawing.draw(kind, 900))));
      for (const each of [trainer, again, many, alone, classifier]) each.close();
      return { expected, found, last, outcome, first, kept, compared, classified };
    }, settings);
    expect(seen.outcome).toEqual({ cancelled: false, unreadable: [] });
    expect(seen.last).toEqual({ done: 20, total: 20 });
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const cosine = dot(seen.expected, seen.found) / Math.sqrt(dot(seen.expected, seen.expected) * dot(seen.found, seen.found));
    expect(seen.found).not.toEqual(seen.expected);
    expect(cosine).toBeGreaterThan(0.99);
    expect(best(seen.first)).toEqual(RIGHT);
    expect(seen.kept).toEqual(['int8', seen.first]);
    for (const [together, singly] of seen.compared) expect(together).toBe(singly);
    expect(seen.classified.map((all) => all.map(({ probability }) => probability))).toEqual(seen.first.map((all) => all.map(({ probability }) => probability)));
  });

  it('are refused by a name that there is not, and nothing has changed', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await filled(1);
      const refused = await trainer.setArithmetic('int4' as 'int8').finished.catch((error: { code: string; value: string }) => [error.code, error.value]);
      const after = [trainer.backbone.arithmetic, trainer.change];
      trainer.close();
      return { refused, after };
    });
    expect(seen.refused).toEqual(['config_invalid', 'arithmetic=int4']);
    expect(seen.after).toEqual(['float', null]);
  });
});
