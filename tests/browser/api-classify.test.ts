import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';

declare global {
  var classifier: import('../../www/headstart.js').Classifier;
  var predicting: typeof import('../../www/predict.js');
}

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
  await api.page.evaluate(async () => {
    const trainer = await tools.trainerWithPictures();
    await trainer.train({ epochs: 5 }).report;
    globalThis.classifier = await headstart.Classifier.load(await trainer.save(), { engine: 'cpu' });
    trainer.close();
  });
});
afterAll(() => api?.close());

describe('a classifier', () => {
  it('takes a picture in every form', async () => {
    const bytes = await api.page.evaluate(async () => tools.base64(await drawing.draw('stripes', 77)));
    api.site.files.set('stripes.png', Buffer.from(bytes, 'base64'));
    const { forms, gone } = await api.page.evaluate(async () => {
      const { classifier } = globalThis;
      const address = new URL('stripes.png', location.href);
      const image = Object.assign(new Image(), { src: address.href });
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d')!;
      context.drawImage(image, 0, 0);
      const data = context.getImageData(0, 0, canvas.width, canvas.height);
      const forms = await classifier.classify(['stripes.png', address, image, canvas, data, await drawing.draw('stripes', 77)], { top: 1 });
      return { forms, gone: await tools.refused(classifier.classify(['stripes.png', 'gone.png'])) };
    });
    expect(forms).toHaveLength(6);
    for (const seen of forms) expect(seen).toEqual(forms[0]);
    expect(forms[0]).toMatchObject([{ className: 'stripes' }]);
    expect(gone).toMatchObject({ code: 'picture_unreadable', value: 'gone.png', message: '“gone.png” could not be fetched (the server answered 404).' });
    expect(api.record.errors.splice(0)).toEqual([expect.stringContaining('404')]);
  });

  it('tells how much of a model has come', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      await trainer.train({ epochs: 1 }).report;
      const model = await trainer.save();
      trainer.close();
      return { base64: await tools.base64(model), size: model.size };
    });
    api.site.files.set('progress.zip', Buffer.from(seen.base64, 'base64'));
    const told = await api.page.evaluate(async () => {
      const [model, backbone]: import('../../www/headstart.js').LoadProgress[][] = [[], []];
      (await headstart.Classifier.load('progress.zip', { engine: 'cpu', onProgress: (progress) => model!.push(progress) })).close();
      (await headstart.Trainer.create({ engine: 'cpu', onProgress: (progress) => backbone!.push(progress) })).close();
      return { model: model!, backbone: backbone! };
    });
    // A model that only predicts wants less code, and says the same of its engine.
    const [predicts, trains] = api.record.requests.filter((url) => url.endsWith('.wasm')).slice(-2);
    const bytes = (url: string) => api.page.evaluate(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength, url);
    expect(await bytes(predicts!)).toBeLessThan((await bytes(trains!)) / 4);
    expect(await api.page.evaluate(() => globalThis.classifier.engine)).toMatchObject({ kind: 'cpu', adapter: 'CPU', reason: 'The CPU engine was asked for.' });
    expect(told.model.at(-1)).toEqual({ what: 'model', loaded: seen.size, total: seen.size });
    expect(told.model[0]!.loaded).toBe(0);
    expect(told.backbone.at(-1)).toMatchObject({ what: 'backbone', loaded: expect.any(Number) });
    expect(told.backbone.at(-1)!.loaded).toBeGreaterThan(1e6);
  });

  it('is there without what trains, and says the same', async () => {
    const base64 = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      await trainer.train({ epochs: 5 }).report;
      const models = { whole: await trainer.save(), reference: await trainer.save({ backbone: 'reference' }) };
      trainer.close();
      return { whole: await tools.base64(models.whole), reference: await tools.base64(models.reference) };
    });
    for (const [name, bytes] of Object.entries(base64)) api.site.files.set(`${name}.zip`, Buffer.from(bytes, 'base64'));
    const before = api.site.asked.length;
    await api.page.evaluate(`import('${api.site.url}predict.js').then((module) => { globalThis.predicting = module; })`);
    const seen = await api.page.evaluate(async () => {
      const { Classifier, HeadstartError } = globalThis.predicting;
      const picture = await drawing.draw('stripes', 77);
      const told: import('../../www/headstart.js').LoadProgress[] = [];
      const classifier = await Classifier.load('whole.zip', { onProgress: (progress) => told.push(progress) });
      const { engine, classes, report } = classifier;
      const here = await classifier.classify(picture);
      classifier.close();
      const closed = await tools.refused(classifier.classify(picture));
      const refused = await Classifier.load('whole.zip', { engine: 'webgpu' }).catch((error: unknown) => error instanceof HeadstartError && error.code);
      const misspelt = await Classifier.load('whole.zip', { engine: 'steam' as 'cpu' }).catch((error: unknown) => error instanceof HeadstartError && error.code);
      return { engine, classes, report, here, told, closed, refused, misspelt };
    });
    const asked = api.site.asked.slice(before).filter((path) => /\.(js|wasm)$/.test(path));
    expect(new Set(asked)).toEqual(new Set(['predict.js', expect.stringMatching(/^assets\/predict-worker-.*\.js$/), expect.stringMatching(/\.wasm$/)]));
    const size = async (path: string) => (await (await fetch(api.site.url + path)).arrayBuffer()).byteLength;
    // A third of what the worker that trains is, and the smallest wasm package.
    for (const path of new Set(asked)) expect(await size(path), path).toBeLessThan(path.endsWith('.wasm') ? 1e6 : 18_000);
    const there = await api.page.evaluate(async () => {
      const classifier = await headstart.Classifier.load('whole.zip', { engine: 'cpu' });
      const predictions = await classifier.classify(await drawing.draw('stripes', 77));
      const { classes, report } = classifier;
      classifier.close();
      return { predictions, classes, report };
    });
    expect(seen).toMatchObject({ classes: there.classes, report: there.report, here: there.predictions, engine: { kind: 'cpu' } });
    expect(seen.told.at(-1)).toMatchObject({ what: 'model', loaded: Buffer.from(base64.whole, 'base64').length });
    expect(seen.closed.code).toBe('worker_failed');
    expect([seen.refused, seen.misspelt]).toEqual(['engine_unavailable', 'config_invalid']);
    // The backbone that a model refers to is found beside the module, as ever.
    const referred = await api.page.evaluate(async () => {
      const classifier = await globalThis.predicting.Classifier.load('reference.zip');
      return (await classifier.classify(await drawing.draw('stripes', 77), { top: 1 }))[0]!.className;
    });
    expect(referred).toBe('stripes');
  });

  it('waits for a camera whose first frames cannot be taken, and not for ever', async () => {
    const seen = await api.page.evaluate(async () => {
      const picture = await createImageBitmap(await drawing.draw('stripes', 501));
      const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
      canvas.getContext('2d')!.drawImage(picture, 0, 0);
      const take = globalThis.createImageBitmap;
      let refusals = 5;
      globalThis.createImageBitmap = ((...args: Parameters<typeof take>) =>
        (refusals -= 1) >= 0 ? Promise.reject(new DOMException('The ImageBitmap could not be allocated.', 'InvalidStateError')) : take(...args)) as typeof take;
      const first = async () => {
        for await (const [best] of globalThis.classifier.stream(canvas)) return best!.className;
        return null;
      };
      const best = await first();
      refusals = 1e6;
      const refused = await tools.refused(first());
      globalThis.createImageBitmap = take;
      return { best, refused };
    });
    expect(seen).toMatchObject({ best: 'stripes', refused: { code: 'picture_unreadable' } });
  });

  it('keeps up with a canvas, and leaves out what it cannot look at', async () => {
    const seen = await api.page.evaluate(async () => {
      const pictures = await Promise.all((['circles', 'stripes'] as const).map(async (kind) => createImageBitmap(await drawing.draw(kind, 500))));
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [pictures[0]!.width, pictures[0]!.height];
      const context = canvas.getContext('2d')!;
      let [shown, kind] = [0, 0];
      const show = (): void => {
        shown += 1;
        context.drawImage(pictures[kind]!, 0, 0);
        requestAnimationFrame(show);
      };
      show();
      const best: string[] = [];
      for await (const [first] of globalThis.classifier.stream(canvas)) {
        best.push(first!.className);
        if (best.length === 3) kind = 1;
        if (best.length === 6) break;
        // A reader that is slower than what is shown.
        for (const from = shown; shown < from + 3; ) await new Promise(requestAnimationFrame);
      }
      return { best, shown };
    });
    // No frame of before is still in a queue: the first that is taken after the change shows it.
    expect(seen.best).toEqual(['circles', 'circles', 'circles', 'stripes', 'stripes', 'stripes']);
    expect(seen.shown).toBeGreaterThanOrEqual(15);
  });

  it('looks at a video until it is over, or until it is told to stop', async () => {
    const seen = await api.page.evaluate(async () => {
      const picture = await createImageBitmap(await drawing.draw('stripes', 501));
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [picture.width, picture.height];
      const context = canvas.getContext('2d')!;
      const show = (): void => context.drawImage(picture, 0, 0);
      show();
      const timer = setInterval(show, 20);
      const media = canvas.captureStream();
      const video = Object.assign(document.createElement('video'), { srcObject: media, muted: true });
      document.body.append(canvas, video);
      await video.play();
      const best: string[] = [];
      const stop = new AbortController();
      const told = (async () => {
        for await (const [first] of globalThis.classifier.stream(video, { signal: stop.signal })) if (best.push(first!.className) === 3) stop.abort();
      })().catch((error: Error) => error.name);
      const refused = await told;
      for await (const [first] of globalThis.classifier.stream(video)) if (best.push(first!.className) === 6) media.getTracks().forEach((track) => track.stop());
      clearInterval(timer);
      return { best, refused, active: media.active };
    });
    expect(seen.refused).toBe('AbortError');
    expect(seen.active).toBe(false);
    expect(new Set(seen.best)).toEqual(new Set(['stripes']));
    expect(seen.best.length).toBeGreaterThanOrEqual(6);
    expect(api.record.errors).toEqual([]);
  });
});
