import { describe, expect, it, vi } from 'vitest';
import { Classifier, HeadstartError, Trainer } from '../../www/headstart.js';
import { FakeWorker, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();

describe('Trainer', () => {
  it('keeps a copy of the classes that is up to date when a call is answered', async () => {
    const trainer = await Trainer.create();
    expect(trainer.classes).toEqual([]);
    await trainer.addClass('cat');
    const id = await trainer.addImage('cat', picture(5));
    expect(trainer.classes).toEqual([{ name: 'cat', images: [id] }]);
    await trainer.renameClass('cat', 'lion');
    expect(trainer.classes).toEqual([{ name: 'lion', images: [id] }]);
    expect(await (await trainer.thumbnail(id)).text()).toBe('thumbnail');
  });

  it('hands over code, message and value of an error', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('cat');
    const error = await trainer.addClass('cat').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HeadstartError);
    expect(error).toMatchObject({ code: 'class_name_taken', message: 'There is already a class named “cat”.', value: 'cat' });
    const empty = new File([], 'nothing.jpg');
    await expect(trainer.addImage('cat', empty)).rejects.toMatchObject({ code: 'picture_unreadable', value: 'nothing.jpg' });
    await expect(trainer.thumbnail(77)).rejects.toMatchObject({ code: 'image_unknown', value: '77' });
  });

  it('serves calls in their order where nobody waits and pictures take their time', async () => {
    // Stands for an element: not a Blob, so that it has to become a bitmap first.
    const slow = { slow: true } as unknown as HTMLCanvasElement;
    vi.stubGlobal('createImageBitmap', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return picture(9);
    });
    const trainer = await Trainer.create();
    await Promise.all([
      trainer.addClass('a'),
      trainer.addImage('a', slow, { group: 'g' }),
      trainer.addImage('a', picture(3)),
      trainer.renameClass('a', 'b'),
      trainer.addImage('b', picture(4)),
    ]);
    expect(FakeWorker.last.session.calls).toEqual(['addClass a', 'addImage a 9 g', 'addImage a 3 -', 'renameClass a b', 'addImage b 4 -']);
  });

  it('lets one prediction wait and drops the ones between', async () => {
    const trainer = await Trainer.create();
    const results = await Promise.allSettled([1, 2, 3, 4].map((width) => trainer.predict(picture(width))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(results[3]).toMatchObject({ value: [{ className: 'seen 4' }] });
    expect(results[1]).toMatchObject({ reason: { code: 'busy' } });
    expect(FakeWorker.last.session.calls).toEqual(['predict 1', 'predict 4']);
  });

  it('tells of a frame that could not be taken to its caller alone', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    vi.stubGlobal('createImageBitmap', () => Promise.reject(new Error('no frame yet.')));
    const trainer = await Trainer.create();
    const video = {} as HTMLVideoElement;
    const results = await Promise.allSettled([trainer.predict(picture(1)), trainer.predict(video), trainer.predict(video)]);
    expect(results[1]).toMatchObject({ reason: { code: 'busy' } });
    expect(results[2]).toMatchObject({ reason: { code: 'picture_unreadable', message: '“picture” has no picture to take: no frame yet.' } });
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('predicts ahead of pictures that wait to be added', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    const added = [1, 2, 3, 4, 5].map((width) => trainer.addImage('a', picture(width)));
    await Promise.all([trainer.predict(picture(9)), ...added]);
    const calls = FakeWorker.last.session.calls;
    expect(calls.indexOf('predict 9')).toBeLessThan(3);
    expect(calls.filter((call) => call.startsWith('addImage'))).toEqual([1, 2, 3, 4, 5].map((width) => `addImage a ${width} -`));
  });

  it('passes settings on to layers and estimate, and names those that there are none of', async () => {
    const trainer = await Trainer.create();
    expect(trainer.backbone.fineTunable).toBe(1);
    await trainer.addClass('a');
    await trainer.addImage('a', picture(1));
    const config = { fineTune: 'last:1', seed: undefined } as { fineTune: string };
    expect(await trainer.estimate(config)).toMatchObject({ pictures: 1, epochSeconds: null });
    expect(await trainer.layers(config)).toEqual([]);
    await trainer.layers();
    expect(FakeWorker.last.session.calls.slice(2)).toEqual(['estimate {"fineTune":"last:1"}', 'layers {"fineTune":"last:1"}', 'layers {}']);
    await expect(trainer.estimate({ fineTune: 'last:5' })).rejects.toMatchObject({ code: 'not_fine_tunable', value: 'last:5' });
    for (const asked of [trainer.estimate({ finetune: 'all' } as object), trainer.layers({ finetune: 'all' } as object)]) {
      await expect(asked).rejects.toMatchObject({ code: 'config_invalid', value: 'finetune' });
    }
  });

  it('rejects everything once the worker has crashed', async () => {
    const trainer = await Trainer.create();
    const waiting = [trainer.addClass('a'), trainer.predict(picture(1))].map((call) => call.catch((error: unknown) => error));
    await new Promise((resolve) => setImmediate(resolve));
    FakeWorker.last.crash('out of memory');
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ code: 'worker_failed', message: expect.stringContaining('out of memory') });
    }
    await expect(trainer.addClass('b')).rejects.toMatchObject({ code: 'worker_failed' });
    expect(FakeWorker.last.terminated).toBe(true);
  });

  it('rejects everything once the wasm code has trapped', async () => {
    FakeWorker.faults = { predict: new WebAssembly.RuntimeError('unreachable') };
    const trainer = await Trainer.create();
    const next = trainer.predict(picture(1));
    const after = trainer.addClass('a');
    await expect(next).rejects.toMatchObject({ code: 'worker_failed', message: expect.stringContaining('unreachable') });
    await expect(after).rejects.toMatchObject({ code: 'worker_failed' });
  });

  it('ends the worker on close, and where it cannot be set up', async () => {
    const trainer = await Trainer.create();
    const waiting = trainer.addClass('a');
    trainer.close();
    await expect(waiting).rejects.toMatchObject({ code: 'worker_failed' });
    expect(FakeWorker.last.terminated).toBe(true);

    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
    const missing = Trainer.create({ backbone: 'elsewhere' });
    await expect(missing).rejects.toMatchObject({ code: 'backbone_not_found', value: 'https://example.test/site/elsewhere/' });
    expect(FakeWorker.last.terminated).toBe(true);
  });

  it('tells of formats that it cannot export', async () => {
    const trainer = await Trainer.create();
    expect((await trainer.export('headstart')).type).toBe('application/zip');
    await expect(trainer.export('onnx')).rejects.toMatchObject({ code: 'format_unknown', value: 'onnx' });
  });
});

describe('Classifier', () => {
  it('predicts, and closes its worker where the model cannot be had', async () => {
    const classifier = await Classifier.load(new Blob(['zip']));
    expect(await classifier.predict(picture(7))).toEqual([{ className: 'seen 7', probability: 1 }]);

    vi.stubGlobal('fetch', (url: string) =>
      Promise.resolve(new Response('{}', { status: url.endsWith('model.zip') ? 404 : 200 })),
    );
    const missing = Classifier.load('model.zip');
    await expect(missing).rejects.toMatchObject({ code: 'model_file_invalid', value: 'https://example.test/site/model.zip' });
    expect(FakeWorker.last.terminated).toBe(true);
  });
});
