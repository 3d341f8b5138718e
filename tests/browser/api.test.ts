import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import rules from '../../www/generated/rules.json';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { foreignRequests } from './support/browser.js';
import { jsonIn, unpacked } from './support/tensorflow.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('headstart.js', () => {
  it('exports what it documents and nothing else', async () => {
    expect(await api.page.evaluate(() => Object.keys(headstart).sort())).toEqual(['Classifier', 'HeadstartError', 'Trainer', 'eachFrame', 'listBackbones', 'listCameras', 'newGroup', 'openCamera', 'record']);
  });

  it('trains, predicts, saves, and predicts the same from the saved file', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      await tools.fill(trainer, 'circles', 12);
      await tools.fill(trainer, 'stripes', 12);
      await tools.fill(trainer, 'squares', 12);
      const run = trainer.train({ epochs: 15, learningRate: 0.003 });
      const events = [];
      for await (const event of run) events.push(event);
      const report = await run.report;

      const unseen = await drawing.draw('stripes', 1000, 300);
      const predictions = await trainer.predict(unseen);
      const file = await trainer.save();
      const magic = await file.slice(0, 2).text();
      const evaluation = await trainer.evaluate();
      const modelClasses = trainer.modelClasses;
      const { engine, classes, backbone, defaults, rules } = trainer;
      trainer.close();

      const fromBlob = await headstart.Classifier.load(file, { engine: 'cpu' });
      const again = await fromBlob.classify(unseen);
      const { classes: labels, report: told } = fromBlob;
      fromBlob.close();
      const other = await headstart.Trainer.create({ engine: 'cpu' });
      const toldToo = await other.load(file);
      other.close();
      const url = URL.createObjectURL(file);
      const fromUrl = await headstart.Classifier.load(url, { engine: 'cpu' });
      const onceMore = await fromUrl.classify(await createImageBitmap(unseen));
      fromUrl.close();
      return { events, report, predictions, magic, evaluation, modelClasses, engine, classes, backbone, defaults, rules, again, labels, told, toldToo, onceMore };
    });

    const { classes: named, validationAccuracy, epochsRun, seed, confusionMatrix } = seen.report;
    for (const told of [seen.told, seen.toldToo]) expect(told).toMatchObject({ classes: named, validationAccuracy, epochsRun, seed, confusionMatrix });
    expect(seen.engine.kind).toBe('cpu');
    expect(seen.backbone.inputSize).toBe(128);
    expect(seen.defaults.epochs).toBeGreaterThan(0);
    expect(seen.rules).toEqual(rules);
    expect(seen.classes.map(({ name, images }) => [name, images.length])).toEqual([['circles', 12], ['stripes', 12], ['squares', 12]]);
    expect(new Set(seen.classes.flatMap(({ images }) => images)).size).toBe(36);
    const ids = seen.classes.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);

    const epochs = seen.events.filter(({ kind }) => kind === 'epoch');
    expect(epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(seen.events.at(-1)?.kind).toBe('done');
    // Pictures are mirrored for a training while there is nothing else to do, or by the training.
    const trained = seen.events.filter(({ phase }) => phase !== 'prepare');
    for (const [i, event] of trained.entries()) {
      expect(Number.isFinite(event.loss) && event.loss >= 0).toBe(true);
      expect(event.accuracy).toBeGreaterThanOrEqual(0);
      expect(event.accuracy).toBeLessThanOrEqual(1);
      expect(event.step).toBeGreaterThanOrEqual(trained[i - 1]?.step ?? 0);
      expect(event.step).toBeLessThanOrEqual(event.steps);
      expect(event.epochs).toBe(15);
    }
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss * 0.7);
    expect(epochs.every(({ validationLoss }) => validationLoss !== null)).toBe(true);

    expect(seen.report).toMatchObject({ stopped: 'finished', epochsRun: 15, engine: 'cpu', classes: ['circles', 'stripes', 'squares'] });
    expect(seen.report.classIds).toEqual(ids);
    expect(seen.report.images.train + seen.report.images.validation).toBe(36);
    expect(seen.report.trainAccuracy).toBeGreaterThan(0.9);
    expect(seen.report.confusionMatrix?.flat().reduce((sum, count) => sum + count)).toBe(seen.report.images.validation);
    expect(seen.evaluation.images).toBe(seen.report.images.validation);
    expect(seen.evaluation.accuracy).toBeCloseTo(seen.report.validationAccuracy ?? -1, 6);

    expect(seen.modelClasses).toEqual(seen.classes.map(({ id, name }) => ({ id, name })));
    expect(seen.predictions[0]).toMatchObject({ classId: ids[1], className: 'stripes' });
    const probabilities = seen.predictions.map(({ probability }) => probability);
    expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 4);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));

    expect(seen.magic).toBe('PK');
    expect(seen.labels).toEqual(['circles', 'stripes', 'squares']);
    for (const others of [seen.again, seen.onceMore]) {
      expect(others.map(({ className }) => className)).toEqual(seen.predictions.map(({ className }) => className));
      // There are no classes beside the model.
      expect(others.map(({ classId }) => classId)).toEqual([null, null, null]);
      others.forEach(({ probability }, i) => expect(Math.abs(probability - probabilities[i]!)).toBeLessThan(1e-4));
    }
  });

  it('answers every prediction that is asked for at once, and of live ones the first and the newest', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      await trainer.train({ epochs: 3 }).report;
      const file = await trainer.save();
      const pictures = await Promise.all(Array.from({ length: 20 }, (_, i) => drawing.draw(i % 2 === 0 ? 'circles' : 'stripes', 200 + i)));
      const singly = [];
      for (const picture of pictures) singly.push(await trainer.predict(picture));
      const together = await Promise.all(pictures.map((picture) => trainer.predict(picture)));
      const live = await Promise.allSettled(pictures.map((picture) => trainer.predictLatest(picture)));
      const bitmap = await createImageBitmap(pictures[0]!);
      const bitmaps = await Promise.all([bitmap, bitmap, bitmap].map((each) => trainer.predict(each)));
      trainer.close();
      const classifier = await headstart.Classifier.load(file, { engine: 'cpu' });
      const classified = await classifier.classify(pictures);
      classifier.close();
      const outcomes = (settled: PromiseSettledResult<unknown>[]) =>
        settled.map((each) => (each.status === 'fulfilled' ? 'answered' : (each.reason as { code: string }).code));
      const best = (all: { className: string }[][]) => all.map(([first]) => first!.className);
      return { singly, together, bitmaps, live: outcomes(live), best: best(singly), classified: best(classified) };
    });
    expect(seen.together).toEqual(seen.singly);
    for (const predictions of seen.bitmaps) expect(predictions).toEqual(seen.bitmaps[0]);
    expect(seen.classified).toEqual(seen.best);
    const between = Array.from({ length: 18 }, () => 'busy');
    expect(seen.live).toEqual(['answered', ...between, 'answered']);
  });

  it('asks for no backbone where a model is all that is used', async () => {
    await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      await trainer.train({ epochs: 1 }).report;
      Object.assign(globalThis, { saved: await trainer.save() });
      trainer.close();
    });
    const before = api.record.requests.length;
    const best = await api.page.evaluate(async () => {
      const { saved } = globalThis as unknown as { saved: Blob };
      const classifier = await headstart.Classifier.load(saved, { engine: 'cpu' });
      const [best] = await classifier.classify(await drawing.draw('circles', 300));
      classifier.close();
      return best;
    });
    expect(best!.probability).toBeGreaterThan(0.5);
    const requests = api.record.requests.slice(before);
    // The list is only worth something if it holds what workers ask for.
    expect(requests.some((url) => url.endsWith('.wasm'))).toBe(true);
    expect(requests.filter((url) => url.includes('/backbones/'))).toEqual([]);
  });

  it('tells what keeps training from starting, and going on', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const none = await trainer.readiness();
      await tools.fill(trainer, 'circles', 3);
      await trainer.addClass('stripes');
      const empty = await trainer.readiness();
      await tools.fill(trainer, 'stripes', 3);
      const ready = await trainer.readiness({ epochs: 1 });
      await trainer.train({ epochs: 1 }).report;
      const trained = await trainer.readiness();
      const head = await trainer.readiness({ head: 'mlp:16' });
      await tools.fill(trainer, 'squares', 3);
      const classes = await trainer.readiness();
      // What is said beforehand is what the run is refused with.
      const refused = await tools.refused(trainer.train({ warmStart: true, head: 'mlp:16' }).report);
      trainer.close();
      return { none, empty, ready, trained, head, classes, refused };
    });
    expect(seen.none.train).toMatchObject({ code: 'too_few_classes', value: '0' });
    expect(seen.empty.train).toMatchObject({ code: 'class_without_pictures', value: 'stripes' });
    expect(seen.ready.train).toBeNull();
    expect(seen.ready.further).toMatchObject({ code: 'not_trained' });
    expect(seen.trained).toEqual({ train: null, further: null });
    expect(seen.head).toMatchObject({ train: null, further: { code: 'model_head_differs', value: 'linear' } });
    // A class more is no obstacle.
    expect(seen.classes).toEqual({ train: null, further: null });
    const { code, value, message } = seen.refused;
    expect({ code, value, message }).toEqual(seen.head.further);
  });

  it('goes on with a class more, one merged into another and one less', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      for (const kind of ['circles', 'stripes'] as const) await tools.fill(trainer, kind, 8);
      const first = await trainer.train({ epochs: 10 }).report;
      await tools.fill(trainer, 'squares', 8);
      const again = { epochs: 10, warmStart: true };
      const grown = await trainer.train(again).report;
      const [square] = await trainer.predict(await drawing.draw('squares', 500));
      const exported = await trainer.export('tfjs');
      await tools.fill(trainer, 'squares', 1, 900);
      await trainer.addImage('squares', await drawing.draw('squares', 901), { part: 'test' });
      const answers = [];
      for await (const answer of trainer.answers()) answers.push(answer);
      const last = trainer.classes[2]!;
      await trainer.removeImage(last.images.at(-1)!);
      await trainer.removeImage(last.test[0]!);
      const [pictures, unknown] = [trainer.classes.map(({ images }) => images.length), await tools.refused(trainer.mergeClasses('circles', 'nothing'))];
      await trainer.mergeClasses('circles', 'squares');
      const merged = trainer.classes.map(({ name, images }) => [name, images.length]);
      const less = await trainer.train(again).report;
      const model = trainer.modelClasses;
      const answer = await trainer.predict(await drawing.draw('circles', 501));
      trainer.close();
      return { first, grown, square, answers, pictures, unknown, merged, less, model, answer, exported: await tools.base64(exported) };
    });
    expect(seen.first.classes).toEqual(['circles', 'stripes']);
    expect(seen.grown.classes).toEqual(['circles', 'stripes', 'squares']);
    expect(seen.square!.className).toBe('squares');
    const roles = (role: string) => seen.answers.filter((answer) => answer.role === role).length;
    expect([roles('trained'), roles('held-out'), roles('new'), roles('test')]).toEqual([seen.grown.images.train, seen.grown.images.validation, 1, 1]);
    const hits = seen.answers.filter(({ classId, predictions }) => predictions[0]!.classId === classId);
    expect(hits.length / seen.answers.length).toBeGreaterThan(0.8);
    expect(jsonIn(unpacked(seen.exported), 'golden.json').classes).toEqual(['circles', 'stripes', 'squares']);
    expect(seen.unknown).toMatchObject({ code: 'class_unknown', value: 'nothing' });
    expect(seen.pictures).toEqual([8, 8, 8]);
    expect(seen.merged).toEqual([['stripes', 8], ['squares', 16]]);
    expect(seen.less.classes).toEqual(['stripes', 'squares']);
    expect(seen.model!.map(({ name }) => name)).toEqual(['stripes', 'squares']);
    expect(seen.answer.map(({ className }) => className)[0]).toBe('squares');
  });

  it('pauses, resumes and cancels, and keeps what was learned', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      // Without mirrored pictures there is nothing to prepare.
      const run = trainer.train({ epochs: 1000, flip: false });
      const iterator = run[Symbol.asyncIterator]();
      const first = await iterator.next();
      run.pause();
      // Whatever was on its way has arrived once the worker has answered something that was asked later.
      await trainer.layers();
      const drained = async () => {
        // Where the pause was served at once, the first event is also the last.
        let last = first.done ? 0 : first.value.step;
        for (;;) {
          const next = await Promise.race([iterator.next(), new Promise<null>((resolve) => setTimeout(resolve, 400, null))]);
          if (!next || next.done) return last;
          last = next.value.step;
        }
      };
      const paused = await drained();
      const state = run.state;
      run.resume();
      let resumed = paused;
      for (let next = await iterator.next(); !next.done && resumed === paused; next = await iterator.next()) resumed = next.value.step;
      await run.cancel();
      const report = await run.report;
      const predictions = await trainer.predict(await drawing.draw('circles', 500));
      const early = trainer.train();
      void early.cancel();
      const nothing = await tools.refused(early.report);
      const kept = await trainer.predict(await drawing.draw('circles', 500));
      const next = await trainer.train({ epochs: 2 }).report;
      trainer.close();
      return { paused, state, resumed, report, predictions, nothing, kept, next };
    });
    expect(seen.paused).toBeGreaterThan(0);
    expect(seen.state).toBe('paused');
    expect(seen.resumed).toBeGreaterThan(seen.paused);
    expect(seen.report.stopped).toBe('cancelled');
    expect(seen.report.epochsRun).toBeLessThan(1000);
    expect(seen.predictions).toHaveLength(2);
    expect(seen.nothing).toMatchObject({ code: 'not_trained', message: 'Training was cancelled before anything was learned.' });
    expect(seen.kept).toEqual(seen.predictions);
    expect(seen.next).toMatchObject({ stopped: 'finished', epochsRun: 2 });
  });

  it('takes pictures and predicts while it trains, and the page stays alive', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      await trainer.train({ epochs: 1 }).report;
      const run = trainer.train({ epochs: 1000, batchSize: 1, head: 'mlp:256' });
      let longest = 0;
      let last = performance.now();
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 10);
      const ids = await tools.fill(trainer, 'circles', 5, 100);
      const predictions = await trainer.predict(await drawing.draw('circles', 501));
      const state = run.state;
      clearInterval(timer);
      await run.cancel();
      const before = (await run.report).images;
      const after = (await trainer.train({ epochs: 1 }).report).images;
      const thumbnails = await Promise.all(ids.map((id) => trainer.thumbnail(id)));
      trainer.close();
      return { longest, ids, state, predictions, before, after, thumbnails: thumbnails.map(({ type, size }) => ({ type, size })) };
    });
    expect(seen.state).toBe('running');
    expect(seen.ids).toHaveLength(5);
    expect(seen.predictions).toHaveLength(2);
    expect(seen.before.train + seen.before.validation).toBe(24);
    expect(seen.after.train + seen.after.validation).toBe(29);
    expect(seen.thumbnails.every(({ type, size }) => type === 'image/jpeg' && size > 300)).toBe(true);
    expect(seen.longest).toBeLessThan(500);
  });

  it('undoes what it removes', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const [first, second] = await tools.fill(trainer, 'circles', 2);
      await tools.fill(trainer, 'stripes', 1);
      const before = trainer.classes;
      await trainer.removeImage(first!);
      await trainer.moveImage(second!, 'stripes');
      const between = trainer.classes.map(({ images }) => images.length);
      await trainer.moveImage(second!, 'circles');
      await trainer.restoreImage(first!);
      await trainer.removeClass('circles');
      const without = trainer.classes.map(({ name }) => name);
      await trainer.restoreClass('circles');
      const sorted = (classes: typeof before) =>
        Object.fromEntries(classes.map(({ name, images }) => [name, [...images].sort((a, b) => a - b)]));
      const after = sorted(trainer.classes);
      trainer.close();
      return { before: sorted(before), between, without, after };
    });
    expect(seen.between).toEqual([0, 2]);
    expect(seen.without).toEqual(['stripes']);
    expect(seen.after).toEqual(seen.before);
  });

  it('works from any folder, and finds its worker, wasm and backbone there', async () => {
    const page = await api.page.context().newPage();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    const folder = `${api.site.url}some/folder/`;
    await page.goto(`${folder}blank.html`);
    const kind = await page.evaluate(`import('${folder}headstart.js').then(({ Trainer }) => Trainer.create({ engine: 'cpu' })).then(({ engine }) => engine.kind)`);
    await page.close();
    expect(kind).toBe('cpu');
    for (const part of ['.wasm', 'config.json', 'model.safetensors']) expect(requests.some((url) => url.endsWith(part))).toBe(true);
    expect(requests.filter((url) => !url.startsWith(folder) && !url.startsWith('data:'))).toEqual([]);
  });

  it('tells what its worker has fetched', async () => {
    const fetched = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const addresses = await trainer.fetched();
      trainer.close();
      return addresses;
    });
    expect(fetched.filter((url) => url.endsWith('.wasm'))).toHaveLength(1);
    for (const name of ['config.json', 'model.safetensors']) expect(fetched).toContain(`${api.site.url}backbones/mobilenet-v2-0.75-128/${name}`);
  });

  it('has asked no other site for anything, and the console is clean', () => {
    // The list is only worth something if it holds what workers ask for.
    expect(api.record.requests.some((url) => url.endsWith('.wasm'))).toBe(true);
    expect(api.record.requests.some((url) => url.endsWith('model.safetensors'))).toBe(true);
    expect(foreignRequests(api.record, api.site.url)).toEqual([]);
    expect(api.record.errors).toEqual([]);
  });
});
