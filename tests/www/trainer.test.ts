import { describe, expect, it, vi } from 'vitest';
import { HeadstartError, Trainer } from '../../www/headstart.js';
import type { Message } from '../../www/protocol.js';
import { FakeWorker, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();

/** Stands for an element: not a Blob, so that it has to become a bitmap first, which the tests can keep waiting. */
function slowPicture(width: number): { source: HTMLCanvasElement; arrive(): void } {
  let arrive = (): void => undefined;
  const bitmap = new Promise<Blob>((resolve) => (arrive = () => resolve(picture(width))));
  return { source: { bitmap } as unknown as HTMLCanvasElement, arrive };
}

/** Makes `createImageBitmap` give what a {@link slowPicture} holds, once it arrives. */
function useSlowPictures(): void {
  vi.stubGlobal('createImageBitmap', ({ bitmap }: { bitmap: Promise<Blob> }) => bitmap);
}

/** What a promise comes to within a moment, or `waiting`. */
function soon<T>(promise: Promise<T>): Promise<T | 'waiting'> {
  return Promise.race([promise, new Promise<'waiting'>((resolve) => setTimeout(resolve, 500, 'waiting'))]);
}

describe('Trainer', () => {
  it('keeps a copy of the classes that is up to date when a call is answered', async () => {
    const trainer = await Trainer.create();
    expect(trainer.classes).toEqual([]);
    const cat = await trainer.addClass('cat');
    const id = await trainer.addImage('cat', picture(5));
    expect(trainer.classes).toEqual([{ id: cat, name: 'cat', images: [id], test: [] }]);
    await trainer.renameClass('cat', 'lion');
    expect(trainer.classes).toEqual([{ id: cat, name: 'lion', images: [id], test: [] }]);
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

  it('adds many pictures in order, and tells of those that cannot be read', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    vi.stubGlobal('createImageBitmap', () => Promise.reject(new Error('no frame yet.')));
    const told: number[][] = [];
    const sources = [picture(1), {} as HTMLVideoElement, picture(3), picture(4), picture(5), picture(6)];
    const { ids, failures } = await trainer.addImages('a', sources, { group: 'g', onProgress: (...all) => told.push(all) });
    expect(ids).toEqual([1, null, 2, 3, 4, 5]);
    expect(failures).toMatchObject([{ index: 1, error: { code: 'picture_unreadable' } }]);
    expect(told.at(-1)).toEqual([6, 6]);
    expect(FakeWorker.last.session.calls.slice(1)).toEqual([1, 3, 4, 5, 6].map((width) => `addImage a ${width} g`));
    await expect(trainer.addImages('nobody', [picture(1)])).rejects.toMatchObject({ code: 'class_unknown' });
    const stop = new AbortController();
    const some = trainer.addImages('a', Array.from({ length: 50 }, () => picture(9)), { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(some).rejects.toMatchObject({ name: 'AbortError' });
    expect(trainer.classes[0]!.images.length).toBeLessThan(20);
  });

  it('does not wait for an address that never answers once it is told to stop', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    const hangs = (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    vi.stubGlobal('fetch', hangs);
    const stop = new AbortController();
    const adding = trainer.addImages('a', ['https://example.test/one.jpg', 'https://example.test/two.jpg'], { signal: stop.signal });
    const after = trainer.addImage('a', picture(3));
    stop.abort();
    await expect(adding).rejects.toMatchObject({ name: 'AbortError' });
    await expect(after).resolves.toBe(1);
  });

  it('fetches a picture that is given by its address', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    vi.stubGlobal('fetch', (address: string) => Promise.resolve(new Response('bytes', { status: String(address).endsWith('here.jpg') ? 200 : 404 })));
    await expect(trainer.addImage('a', 'https://example.test/gone.jpg')).rejects.toMatchObject({
      code: 'picture_unreadable',
      message: '“https://example.test/gone.jpg” could not be fetched (the server answered 404).',
      value: 'https://example.test/gone.jpg',
    });
    await expect(trainer.addImage('a', new URL('https://example.test/here.jpg'))).resolves.toBe(1);
  });

  it('answers every prediction, in the order of the calls', async () => {
    const trainer = await Trainer.create();
    const answered: number[] = [];
    const widths = [1, 2, 3, 4, 5];
    const results = await Promise.all(
      widths.map(async (width) => {
        const predictions = await trainer.predict(picture(width));
        answered.push(width);
        return predictions;
      }),
    );
    expect(results).toEqual(widths.map((width) => [{ classId: null, className: `seen ${width}`, probability: 1 }]));
    expect(answered).toEqual(widths);
    expect(FakeWorker.last.session.calls).toEqual(widths.map((width) => `predict ${width}`));
  });

  it('decodes no picture before its turn to be predicted', async () => {
    const trainer = await Trainer.create();
    const all = Array.from({ length: 50 }, (_, i) => trainer.predict(picture(i + 1)));
    await all[9];
    expect(FakeWorker.last.decoded).toBeLessThanOrEqual(11);
    await Promise.all(all);
    expect(FakeWorker.last.decoded).toBe(50);
  });

  it('lets one live prediction wait and drops the ones between', async () => {
    const trainer = await Trainer.create();
    const results = await Promise.allSettled([1, 2, 3, 4].map((width) => trainer.predictLatest(picture(width))));
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
    const results = await Promise.allSettled([trainer.predictLatest(picture(1)), trainer.predictLatest(video), trainer.predictLatest(video)]);
    expect(results[1]).toMatchObject({ reason: { code: 'busy' } });
    await expect(trainer.predict(video)).rejects.toMatchObject({ code: 'picture_unreadable' });
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
    const config = { fineTune: 'last:1', seed: undefined } as { fineTune: 'last:1' };
    expect(await trainer.estimate(config)).toMatchObject({ pictures: 1, epochSeconds: null });
    expect(await trainer.layers(config)).toEqual([]);
    await trainer.layers();
    expect(FakeWorker.last.session.calls.slice(2)).toEqual(['estimate {"fineTune":"last:1"}', 'layers {"fineTune":"last:1"}', 'layers {}']);
    await expect(trainer.estimate({ fineTune: 'last:5' })).rejects.toMatchObject({ code: 'not_fine_tunable', value: 'last:5' });
    for (const asked of [trainer.estimate({ finetune: 'all' } as object), trainer.layers({ finetune: 'all' } as object)]) {
      await expect(asked).rejects.toMatchObject({ code: 'config_invalid', value: 'finetune' });
    }
  });

  it('tells what keeps a run from starting', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    expect(await trainer.readiness({ epochs: 2 })).toEqual({
      train: { code: 'too_few_classes', value: '1', message: 'Training needs two classes.' },
      further: { code: 'not_trained', value: null, message: 'There is no trained model yet.' },
    });
    await trainer.addClass('b');
    await trainer.train().report;
    expect(await trainer.readiness()).toEqual({ train: null, further: null });
    await expect(trainer.readiness({ finetune: 'all' } as object)).rejects.toMatchObject({ code: 'config_invalid', value: 'finetune' });
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

  it('saves the model, and exports it for other programs', async () => {
    const trainer = await Trainer.create();
    expect((await trainer.save()).type).toBe('application/zip');
    const whole = await trainer.export('tfjs');
    expect([whole.name, whole.type]).toEqual(['model-tfjs.zip', 'application/zip']);
    const bare = await trainer.export('onnx', { weights: 'int8', bare: true, name: 'Cats' });
    expect([bare.name, await bare.text()]).toEqual(['Cats.onnx', 'onnx int8']);
    expect(FakeWorker.last.session.calls).toEqual(['export tfjs f32 model', 'export onnx int8 Cats']);
  });

  it('fetches the page that it exports, and says where it is missing', async () => {
    const trainer = await Trainer.create();
    const served = (address: string | URL) => {
      const name = String(address).split('/').at(-1)!;
      return Promise.resolve(String(address).includes('/player/') ? new Response(name === 'files.json' ? '["index.html"]' : 'a page') : new Response('', { status: 404 }));
    };
    vi.stubGlobal('fetch', served);
    await trainer.export('page');
    expect(FakeWorker.last.session.calls).toEqual(['export page f32 model index.html']);
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
    await expect(trainer.export('page')).rejects.toMatchObject({ code: 'export_page_missing', value: expect.stringContaining('player/files.json') });
  });
});

describe('Numbers', () => {
  it('are given by the caller or by the trainer, and stand for a class as its name does', async () => {
    const trainer = await Trainer.create();
    expect(await trainer.addClass('cat', { id: 12 })).toBe(12);
    const dog = await trainer.addClass('dog');
    expect(dog).not.toBe(12);
    expect(await trainer.addImage(12, picture(1), { id: 40 })).toBe(40);
    const second = await trainer.addImage('cat', picture(2), { group: 'g' });
    const third = await trainer.addImage(dog, picture(3));
    await expect(trainer.addClass('bird', { id: 12 })).rejects.toMatchObject({ code: 'id_taken', value: '12' });
    await expect(trainer.addImage('dog', picture(1), { id: 40 })).rejects.toMatchObject({ code: 'id_taken', value: '40' });
    await trainer.moveImage(40, dog);
    await trainer.renameClass(12, 'lion');
    expect(trainer.classes).toEqual([
      { id: 12, name: 'lion', images: [second], test: [] },
      { id: dog, name: 'dog', images: [40, third].sort((a, b) => a - b), test: [] },
    ]);
    await expect(trainer.addImage(77, picture(1))).rejects.toMatchObject({ code: 'class_unknown', value: '77' });
  });

  it('tell a class from another of the same name that was deleted', async () => {
    const trainer = await Trainer.create();
    const first = await trainer.addClass('cat');
    const old = await trainer.addImage(first, picture(1));
    await trainer.removeClass('cat');
    const second = await trainer.addClass('cat');
    expect(second).not.toBe(first);
    expect(trainer.classes).toEqual([{ id: second, name: 'cat', images: [], test: [] }]);
    await trainer.renameClass(second, 'bird');
    await trainer.restoreClass(first);
    expect(trainer.classes).toEqual([
      { id: first, name: 'cat', images: [old], test: [] },
      { id: second, name: 'bird', images: [], test: [] },
    ]);
  });

  it('come with the labels of the model, which follow a rename', async () => {
    const trainer = await Trainer.create();
    const [a, b] = [await trainer.addClass('a'), await trainer.addClass('b')];
    expect(trainer.modelClasses).toBeNull();
    await trainer.train().report;
    expect(trainer.modelClasses).toEqual([{ id: a, name: 'a' }, { id: b, name: 'b' }]);
    await trainer.renameClass(a, 'c');
    expect(trainer.modelClasses).toEqual([{ id: a, name: 'c' }, { id: b, name: 'b' }]);
    await trainer.load(new Blob(['zip']));
    expect(trainer.modelClasses).toEqual([{ id: null, name: 'from a file' }]);
  });
});

describe('What the worker tells', () => {
  const sizes = (messages: readonly Message[]) => messages.map((message) => JSON.stringify(message).length);

  it('is no longer for the last of many pictures than for the first', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a', { id: 1 });
    const before = FakeWorker.last.sent.length;
    // Numbers of one length, so that they are as long when written.
    for (let i = 0; i < 100; i++) await trainer.addImage('a', picture(1), { id: 1000 + i });
    expect(trainer.classes[0]?.images).toHaveLength(100);
    const lengths = sizes(FakeWorker.last.sent.slice(before));
    expect(lengths).toHaveLength(100);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(2);
  });

  it('names engine and model only where they changed', async () => {
    FakeWorker.faults = { losesGpu: true };
    const trainer = await Trainer.create();
    await Promise.all([trainer.addClass('a'), trainer.addClass('b'), trainer.addImage('a', picture(1)), trainer.layers()]);
    await trainer.train().report;
    await trainer.predict(picture(1));
    expect(trainer.engine.reason).toBe('the GPU stopped answering');
    await trainer.predict(picture(2));
    const changes = FakeWorker.last.sent.flatMap((message) => (message.kind === 'result' ? [message.change] : []));
    expect(changes.map((change) => Object.keys(change ?? {}).join(' '))).toEqual([
      'classes engine backbone', // create
      'classes', // addClass
      'classes',
      'image', // addImage
      '', // layers
      'model', // train
      'engine', // predict
      '',
    ]);
  });

  it('begins on the CPU and says when work has moved, though nothing was asked', async () => {
    FakeWorker.faults = { triesGpu: true };
    const told = vi.fn();
    const trainer = await Trainer.create({ onEngine: told });
    expect(trainer.engine).toMatchObject({ kind: 'cpu', undecided: true });
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    expect(trainer.engine).toMatchObject({ kind: 'webgpu', undecided: false });
    expect(told).toHaveBeenCalledWith(trainer.engine);
    expect(FakeWorker.last.sent.filter(({ kind }) => kind === 'news')).toHaveLength(1);
  });

  it('keeps the copy right where pictures come, move, go and come back', async () => {
    const trainer = await Trainer.create();
    const [a, b] = [await trainer.addClass('a'), await trainer.addClass('b')];
    const [first, second] = [await trainer.addImage(a, picture(1)), await trainer.addImage(a, picture(2))];
    const images = () => trainer.classes.map((each) => each.images);
    await trainer.moveImage(first, b);
    expect(images()).toEqual([[second], [first]]);
    await trainer.removeImage(second);
    expect(images()).toEqual([[], [first]]);
    await trainer.restoreImage(second);
    await trainer.moveImage(first, a);
    expect(images()).toEqual([[first, second], []]);
  });
});

describe('Forgetting', () => {
  it('frees the thumbnails of removed pictures, and of no others', async () => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    const [first, second] = [await trainer.addImage('a', picture(1)), await trainer.addImage('a', picture(2))];
    await trainer.removeImage(first);
    expect((await trainer.thumbnail(first)).size).toBeGreaterThan(0);
    await trainer.forgetImages([first]);
    await expect(trainer.thumbnail(first)).rejects.toMatchObject({ code: 'image_unknown', value: String(first) });
    await expect(trainer.restoreImage(first)).rejects.toMatchObject({ code: 'image_unknown' });
    await expect(trainer.forgetImages([second])).rejects.toMatchObject({ code: 'image_unknown', value: String(second) });
    expect((await trainer.thumbnail(second)).size).toBeGreaterThan(0);
  });
});

describe('A saved project', () => {
  it('opens with its classes, pictures, model and thumbnails', async () => {
    const trainer = await Trainer.create();
    const [a] = [await trainer.addClass('a'), await trainer.addClass('b')];
    const image = await trainer.addImage(a, picture(3));
    const bare = await trainer.saveProject();
    expect(bare).toMatchObject({ model: null, pictures: null, thumbnails: null });
    await trainer.train().report;
    const project = await trainer.saveProject({ pictures: true });
    expect(project.model?.type).toBe('application/zip');
    const { classes, modelClasses } = trainer;
    trainer.close();

    const again = await Trainer.create({ project });
    expect(FakeWorker.last.session.calls).toEqual(['open 2 3']);
    expect(again.classes).toEqual(classes);
    expect(again.modelClasses).toEqual(modelClasses);
    expect(await (await again.thumbnail(image)).text()).toBe('thumbnail');

    const without = await Trainer.create({ project: bare });
    expect(FakeWorker.last.session.calls).toEqual(['open - -']);
    expect(without.classes).toEqual(classes);
    expect(without.modelClasses).toBeNull();
    await expect(without.thumbnail(image)).rejects.toMatchObject({ code: 'image_unknown' });
  });
});

describe('Steering a run', () => {
  it('waits for no picture that is asked about later', async () => {
    useSlowPictures();
    const trainer = await Trainer.create();
    await Promise.all([trainer.addClass('a'), trainer.addClass('b')]);
    const run = trainer.train({ epochs: 1000 });
    for await (const _ of run) break;
    const slow = slowPicture(5);
    const added = trainer.addImage('a', slow.source);
    run.pause();
    const { session } = FakeWorker.last;
    await vi.waitFor(async () => {
      const before = session.steps;
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(session.steps).toBe(before);
    });
    expect(await soon(run.cancel())).toBeUndefined();
    expect(await run.report).toMatchObject({ stopped: 'cancelled' });
    slow.arrive();
    expect(await added).toBeGreaterThan(0);
  });

  it('leaves together with the request of its run, and not before', async () => {
    useSlowPictures();
    const trainer = await Trainer.create();
    await Promise.all([trainer.addClass('a'), trainer.addClass('b')]);
    const [earlier, later] = [slowPicture(5), slowPicture(6)];
    const first = trainer.addImage('a', earlier.source);
    const run = trainer.train({ epochs: 1000 });
    const second = trainer.addImage('a', later.source);
    const cancelled = run.cancel();
    expect(await soon(cancelled)).toBe('waiting');
    earlier.arrive();
    expect(await soon(cancelled)).toBeUndefined();
    await expect(run.report).rejects.toMatchObject({ code: 'not_trained' });
    later.arrive();
    await Promise.all([first, second]);
    const calls = FakeWorker.last.session.calls.filter((call) => call !== 'embedAhead');
    expect(calls.slice(2)).toEqual(['addImage a 5 -', 'estimate {"epochs":1000}', 'startTraining', 'cancelTraining', 'addImage a 6 -']);
  });

  it('does nothing once the run has ended or the worker has failed', async () => {
    const trainer = await Trainer.create();
    await Promise.all([trainer.addClass('a'), trainer.addClass('b')]);
    const run = trainer.train({ epochs: 1 });
    await run.report;
    await run.cancel();
    const next = trainer.train({ epochs: 1000 });
    trainer.close();
    await next.cancel();
    await expect(next.report).rejects.toMatchObject({ code: 'worker_failed' });
  });
});
