/** The classifiers of both modules, each on a fake worker: what one does the other does. */
import { describe, expect, it, vi } from 'vitest';
import { Classifier } from '../../www/headstart.js';
import { Classifier as PredictClassifier, HeadstartError } from '../../www/predict.js';
import { FakeWorker, fetched, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();

describe.each([
  ['headstart', Classifier, 'worker/index.ts'],
  ['headstart/predict', PredictClassifier, 'worker/predict.ts'],
] as const)('Classifier of %s', (_, Classifier, file) => {
  it('starts its own worker', async () => {
    await Classifier.load(new Blob(['zip']));
    expect(FakeWorker.last.address.pathname).toMatch(new RegExp(`/${file}$`));
    await Classifier.load(new Blob(['zip']), { assetsBase: 'https://example.test/files/' });
    expect(FakeWorker.last.address.href).toBe(`https://example.test/files/${file === 'worker/index.ts' ? 'worker.js' : 'predict-worker.js'}`);
  });

  it('fetches nothing but the model', async () => {
    const classifier = await Classifier.load(new Blob(['zip']));
    expect(fetched).toEqual([]);
    expect(classifier.classes).toEqual(['from a file']);
    expect(await classifier.classify(picture(7))).toEqual([{ classId: null, className: 'seen 7', probability: 1 }]);
    classifier.close();
    await Classifier.load('model.zip');
    expect(fetched).toEqual(['https://example.test/site/model.zip']);
  });

  it('answers for one picture and for many, in order, and with so many classes as are asked for', async () => {
    const classifier = await Classifier.load(new Blob(['zip']));
    const widths = Array.from({ length: 9 }, (_, i) => i + 1);
    const names = (all: { className: string }[][]) => all.map(([best]) => best!.className);
    expect(names(await classifier.classify(widths.map(picture)))).toEqual(widths.map((width) => `seen ${width}`));
    expect(names(await Promise.all(widths.map((width) => classifier.classify(picture(width)))))).toEqual(widths.map((width) => `seen ${width}`));
    expect(await classifier.classify([])).toEqual([]);
    expect(await classifier.classify(picture(3), { top: 0 })).toEqual([]);
  });

  it('asks for no more once it is told to stop', async () => {
    const classifier = await Classifier.load(new Blob(['zip']));
    const stop = new AbortController();
    const all = classifier.classify(Array.from({ length: 50 }, (_, i) => picture(i + 1)), { signal: stop.signal });
    await classifier.classify(picture(99));
    stop.abort(new Error('enough'));
    await expect(all).rejects.toThrow('enough');
    const before = FakeWorker.last.session.calls.length;
    for (let i = 0; i < 20; i += 1) await classifier.classify(picture(100));
    // Those that were on their way, and no others.
    expect(FakeWorker.last.session.calls.length - before - 20).toBeLessThanOrEqual(4);
    await expect(classifier.classify(picture(1), { signal: stop.signal })).rejects.toThrow('enough');
    await expect(classifier.stream({} as HTMLCanvasElement, { signal: stop.signal }).next()).rejects.toThrow('enough');
  });

  it('begins on the CPU and says when work has moved', async () => {
    FakeWorker.faults = { triesGpu: true };
    const told = vi.fn();
    const classifier = await Classifier.load(new Blob(['zip']), { onEngine: told });
    expect(classifier.engine).toMatchObject({ kind: 'cpu', undecided: true });
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    expect(told).toHaveBeenCalledWith(classifier.engine);
    expect(classifier.engine.kind).toBe('webgpu');
  });

  it('is not loaded once it is told to stop', async () => {
    const stop = new AbortController();
    vi.stubGlobal('fetch', () => new Promise(() => undefined));
    const loading = Classifier.load('model.zip', { signal: stop.signal });
    stop.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    expect(FakeWorker.last.terminated).toBe(true);
    const workers = FakeWorker.last;
    await expect(Classifier.load('model.zip', { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(FakeWorker.last).toBe(workers);
  });

  it('closes its worker where the model cannot be had', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
    const missing = Classifier.load('model.zip');
    await expect(missing).rejects.toMatchObject({ code: 'model_file_invalid', value: 'https://example.test/site/model.zip' });
    expect(FakeWorker.last.terminated).toBe(true);
  });

  it('goes on after a picture that cannot be read', async () => {
    const classifier = await Classifier.load(new Blob(['zip']));
    FakeWorker.gone.add(5);
    const [refused, seen] = [classifier.classify(picture(5)), classifier.classify(picture(6))];
    await expect(refused).rejects.toMatchObject({ code: 'picture_unreadable' });
    expect(await seen).toMatchObject([{ className: 'seen 6' }]);
  });

  it('tells of a GPU that has gone', async () => {
    FakeWorker.faults = { losesGpu: true };
    const classifier = await Classifier.load(new Blob(['zip']));
    const { reason } = classifier.engine;
    await classifier.classify(picture(1));
    expect([reason, classifier.engine.reason]).toEqual([expect.not.stringContaining('stopped'), 'the GPU stopped answering']);
  });

  it('answers nothing more once the wasm code has stopped', async () => {
    FakeWorker.faults = { predict: new WebAssembly.RuntimeError('unreachable') };
    const classifier = await Classifier.load(new Blob(['zip']));
    const asked = [1, 2, 3].map((width) => classifier.classify(picture(width)));
    for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'worker_failed', message: expect.stringContaining('unreachable') });
    expect(FakeWorker.last.sent.filter(({ kind }) => kind === 'fatal')).toHaveLength(1);
    expect(FakeWorker.last.terminated).toBe(true);
    await expect(classifier.classify(picture(4))).rejects.toMatchObject({ code: 'worker_failed' });
  });

  it('says so where the wasm code cannot be had', async () => {
    FakeWorker.faults = { core: new Error('404') };
    await expect(Classifier.load(new Blob(['zip']))).rejects.toMatchObject({ code: 'worker_failed', message: expect.stringContaining('404') });
  });
});

describe('Classifier of headstart/predict', () => {
  it('has the CPU and nothing else', async () => {
    for (const engine of ['auto', 'cpu', undefined] as const) {
      await PredictClassifier.load(new Blob(['zip']), engine && { engine });
      expect(FakeWorker.last.received[0]).toMatchObject({ call: 'ofModel', args: ['cpu', {}, {}] });
    }
    const before = FakeWorker.last;
    const refused = await PredictClassifier.load(new Blob(['zip']), { engine: 'webgpu' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(HeadstartError);
    expect(refused).toMatchObject({ code: 'engine_unavailable', value: 'webgpu' });
    // Nothing is started, let alone fetched.
    expect(FakeWorker.last).toBe(before);
  });
});
