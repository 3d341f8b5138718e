/** Changing the backbone through the trainer: the real server on a fake session. */
import { describe, expect, it, vi } from 'vitest';
import { Trainer, listBackbones, type BackboneProgress, type BackboneRef } from '../../www/headstart.js';
import { FakeWorker, fetched, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();

/** The files of a backbone for pictures of a size. */
function backbone(inputSize: number, weights = 5): BackboneRef {
  return { config: JSON.stringify({ inputSize }), weights: new Blob([new Uint8Array(weights)]) };
}

/** Two classes with so many pictures, of as many bytes as their numbers, counted from 1. */
async function filled(count: number): Promise<Trainer> {
  const trainer = await Trainer.create({ backbone: backbone(96) });
  await Promise.all([trainer.addClass('a'), trainer.addClass('b')]);
  for (let id = 1; id <= count; id += 1) await trainer.addImage(id % 2 === 0 ? 'a' : 'b', picture(id), { id });
  return trainer;
}

const given = () => FakeWorker.last.session.calls.filter((call) => call.startsWith('givePixels'));
const sizes = (trainer: Trainer) => [trainer.backbone.inputSize, trainer.change];

describe('setBackbone', () => {
  it('prepares every picture from what it was added as, and tells how far it is', async () => {
    const trainer = await filled(6);
    const change = trainer.setBackbone(backbone(64));
    expect([trainer.backbone.inputSize, trainer.change, change.progress]).toEqual([96, change, null]);
    const seen: BackboneProgress[] = [];
    const shown: number[] = [];
    for await (const progress of change) {
      seen.push(progress);
      shown.push(trainer.backbone.inputSize);
    }
    expect(await change.finished).toEqual({ cancelled: false, unreadable: [] });
    expect([seen[0]!.total, seen.at(-1)]).toEqual([6, { done: 6, total: 6 }]);
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort((a, b) => a - b));
    expect(new Set(shown)).toEqual(new Set([64]));
    expect(given()).toEqual([1, 2, 3, 4, 5, 6].map((id) => `givePixels ${id} ${id}`));
    expect([...sizes(trainer), change.ended]).toEqual([64, null, true]);
    // And back: nothing is decoded, nothing is to be prepared.
    const decoded = FakeWorker.last.decoded;
    await trainer.setBackbone(backbone(96)).finished;
    expect([given().length, FakeWorker.last.decoded, ...sizes(trainer)]).toEqual([6, decoded, 96, null]);
  });

  it('has the engines measured again, on the way back too', async () => {
    FakeWorker.faults = { triesGpu: true };
    const told: boolean[] = [];
    const trainer = await Trainer.create({ backbone: backbone(96), onEngine: ({ undecided }) => told.push(undecided) });
    await vi.waitFor(() => expect(told).toEqual([false]));
    await trainer.setBackbone(backbone(64)).finished;
    await vi.waitFor(() => expect(told).toEqual([false, true, false]));
    expect(trainer.engine.kind).toBe('webgpu');
    await trainer.addClass('a');
    for (let id = 1; id <= 20; id += 1) await trainer.addImage('a', picture(id), { id });
    const change = trainer.setBackbone(backbone(32));
    await change[Symbol.asyncIterator]().next();
    change.cancel();
    expect((await change.finished).cancelled).toBe(true);
    await vi.waitFor(() => expect(trainer.engine).toMatchObject({ kind: 'webgpu', undecided: false }));
    expect([trainer.backbone.inputSize, told.at(-1)]).toEqual([64, false]);
  });

  it('takes its turn with predictions and new pictures, and keeps training out until it is over', async () => {
    const trainer = await filled(40);
    const change = trainer.setBackbone(backbone(64));
    await change[Symbol.asyncIterator]().next();
    const [predicted, added] = [trainer.predict(picture(7)), trainer.addImage('a', picture(50), { id: 50 })];
    const refused = trainer.train().report;
    await expect(refused).rejects.toMatchObject({ code: 'backbone_changing' });
    expect((await predicted)[0]?.className).toBe('seen 7');
    expect(await added).toBe(50);
    expect(change.ended).toBe(false);
    await change.finished;
    const { calls } = FakeWorker.last.session;
    const last = calls.lastIndexOf('givePixels 40 40');
    expect(calls.indexOf('predict 7')).toBeLessThan(last);
    expect(calls.indexOf('addImage a 50 -')).toBeLessThan(last);
    expect(given()).toHaveLength(40);
    await trainer.train({ epochs: 1 }).report;
  });

  it('decodes pictures that came as pixels again, too, and forgets what is forgotten', async () => {
    vi.stubGlobal('ImageData', class { constructor(readonly data: Uint8ClampedArray, readonly width: number, readonly height: number) {} });
    const trainer = await filled(2);
    const frame = (width: number) => new ImageData(new Uint8ClampedArray(4 * width), width, 1);
    for (let id = 10; id < 20; id += 1) await trainer.addImage('a', frame(id), { id });
    await trainer.removeImage(11);
    await trainer.forgetImages([11]);
    const { sources } = await trainer.saveProject({ pictures: true });
    expect([...sources!.keys()]).toEqual([1, 2, 10, 12, 13, 14, 15, 16, 17, 18, 19]);
    const outcome = await trainer.setBackbone(backbone(64)).finished;
    expect(outcome.unreadable).toEqual([]);
    expect(given()).toContain('givePixels 19 19');
    expect(given()).toHaveLength(11);
  });

  it('says nothing of a picture that is forgotten meanwhile', async () => {
    const trainer = await filled(20);
    const change = trainer.setBackbone(backbone(64));
    await change[Symbol.asyncIterator]().next();
    await trainer.removeImage(20);
    await trainer.forgetImages([20]);
    expect(change.ended).toBe(false);
    expect((await change.finished).unreadable).toEqual([]);
    expect(given()).not.toContain('givePixels 20 20');
  });

  it('names pictures that cannot be read again, and loses none of them', async () => {
    const trainer = await filled(5);
    const before = trainer.classes;
    FakeWorker.gone.add(3);
    const { unreadable, cancelled } = await trainer.setBackbone(backbone(64)).finished;
    expect(cancelled).toBe(false);
    expect(unreadable).toEqual([{ id: 3, failure: expect.objectContaining({ code: 'picture_unreadable' }) }]);
    expect(trainer.classes).toEqual(before);
    // It takes no part, and nobody waits for it.
    await trainer.train({ epochs: 1 }).report;
    expect((await trainer.setBackbone(backbone(96)).finished).unreadable).toEqual([]);
  });
});

describe('A change of the backbone', () => {
  it('goes back when it is cancelled half-way', async () => {
    const trainer = await filled(80);
    const change = trainer.setBackbone(backbone(64, 7));
    for await (const { done } of change) if (done > 3) break;
    await trainer.addImage('a', picture(90), { id: 90 });
    await change.cancel();
    expect(await change.finished).toEqual({ cancelled: true, unreadable: [] });
    expect(sizes(trainer)).toEqual([96, null]);
    const { calls } = FakeWorker.last.session;
    expect(calls.filter((call) => call.startsWith('setBackbone'))).toEqual([
      'setBackbone {"inputSize":64} 7',
      'setBackbone {"inputSize":96} 5',
    ]);
    expect(given().length).toBeLessThan(80);
    // Only the one that came meanwhile had to be prepared for it.
    expect(calls.slice(calls.lastIndexOf('setBackbone {"inputSize":96} 5') + 1)).toEqual(['givePixels 90 90']);
    await change.cancel();
    await trainer.train({ epochs: 1 }).report;
  });

  it('is cancelled while the files are still on their way', async () => {
    const trainer = await filled(2);
    let aborted = false;
    vi.stubGlobal('fetch', (_: string, { signal }: { signal: AbortSignal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(new Error('aborted'));
      });
    }));
    const change = trainer.setBackbone('slow');
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Nobody waits for them but training.
    expect((await trainer.predict(picture(4)))[0]?.className).toBe('seen 4');
    await expect(trainer.train().report).rejects.toMatchObject({ code: 'backbone_changing' });
    await change.cancel();
    expect([aborted, ...sizes(trainer)]).toEqual([true, 96, null]);
    await trainer.train({ epochs: 1 }).report;
  });

  it('makes way for another one, which goes back to the one before both', async () => {
    const trainer = await filled(80);
    const first = trainer.setBackbone(backbone(64));
    for await (const { done } of first) if (done > 2) break;
    const second = trainer.setBackbone(backbone(32));
    expect(await first.finished).toMatchObject({ cancelled: true });
    expect(trainer.change).toBe(second);
    for await (const { done } of second) if (done > 2) break;
    expect(trainer.backbone.inputSize).toBe(32);
    await second.cancel();
    expect(sizes(trainer)).toEqual([96, null]);
  });

  it('changes nothing where the backbone cannot be used', async () => {
    const trainer = await filled(2);
    const refused = { config: JSON.stringify({ refused: 'vit' }), weights: new Blob([]) };
    await expect(trainer.setBackbone(refused).finished).rejects.toMatchObject({ code: 'backbone_unsupported', value: 'vit' });
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
    await expect(trainer.setBackbone('elsewhere').finished).rejects.toMatchObject({
      code: 'backbone_not_found',
      value: 'https://example.test/site/elsewhere/',
    });
    const change = trainer.setBackbone('elsewhere');
    await expect((async () => { for await (const _ of change); })()).rejects.toMatchObject({ code: 'backbone_not_found' });
    expect([...sizes(trainer), given()]).toEqual([96, null, []]);
    const run = trainer.train({ epochs: 1000 });
    await run[Symbol.asyncIterator]().next();
    await expect(trainer.setBackbone(backbone(64)).finished).rejects.toMatchObject({ code: 'training_running' });
    await run.cancel();
    expect(trainer.backbone.inputSize).toBe(96);
  });

  it('ends with the worker', async () => {
    const trainer = await filled(20);
    const change = trainer.setBackbone(backbone(64));
    await change[Symbol.asyncIterator]().next();
    FakeWorker.last.crash('out of memory');
    await expect(change.finished).rejects.toMatchObject({ code: 'worker_failed' });
    expect([trainer.change, change.ended]).toEqual([null, true]);
  });
});

describe('A saved project', () => {
  it('names its backbone and is opened with it', async () => {
    const trainer = await filled(3);
    await trainer.setBackbone('small').finished;
    const project = await trainer.saveProject({ pictures: true });
    expect(project.backbone).toBe('https://example.test/site/small/');
    expect([...project.sources!].map(([id, blob]) => [id, blob.size])).toEqual([[1, 1], [2, 2], [3, 3]]);
    fetched.length = 0;
    const again = await Trainer.create({ project });
    expect(fetched).toEqual(['config.json', 'model.safetensors'].map((name) => `https://example.test/site/small/${name}`));
    expect([again.change, given()]).toEqual([null, []]);
  });

  it('is changed where it is opened with another one', async () => {
    const trainer = await filled(8);
    const project = await trainer.saveProject({ pictures: true });
    trainer.close();
    const again = await Trainer.create({ project, backbone: backbone(64) });
    expect([again.backbone.inputSize, again.change?.ended]).toEqual([64, false]);
    await again.change?.finished;
    expect([given().length, again.change]).toEqual([8, null]);
    // Without its pictures there is nothing to change: they are added again.
    const bare = await (await filled(3)).saveProject();
    const without = await Trainer.create({ project: bare, backbone: backbone(64) });
    expect(without.change).toBeNull();
    expect(await without.addImage('a', picture(2), { id: 2 })).toBe(2);
  });
});

describe('What there is to choose from', () => {
  it('is listed with absolute addresses, the usual one first', async () => {
    const entry = { name: 'x', architecture: 'x', label: 'X', bytes: 1, inputSize: 96, features: 2, parameters: 3, top1: null, license: '', source: '' };
    const index = { version: 1, default: 'two', backbones: [{ ...entry, folder: 'one' }, { ...entry, folder: 'two', name: 'y' }] };
    vi.stubGlobal('fetch', async (url: string) => new Response(JSON.stringify(url.endsWith('backbones/index.json') ? index : {})));
    const found = await listBackbones();
    expect(found.map(({ name, folder, default: usual }) => [name, folder.split('/backbones/')[1], usual])).toEqual([['y', 'two/', true], ['x', 'one/', false]]);
    const trainer = await filled(1);
    await trainer.setBackbone(found[1]!).finished;
    expect((await trainer.saveProject()).backbone).toBe(found[1]!.folder);
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
    await expect(listBackbones()).rejects.toMatchObject({ code: 'backbone_not_found' });
  });

  it('begins with the one that the list names, which is asked for only where nobody chose', async () => {
    const last = () => fetched.map((url) => url.split('/backbones/')[1]);
    const trainer = await Trainer.create();
    expect(last()).toEqual(['index.json', 'usual/config.json', 'usual/model.safetensors']);
    expect((await trainer.saveProject()).backbone).toMatch(/\/backbones\/usual\/$/);
    fetched.length = 0;
    await Trainer.create({ backbone: 'other' });
    await Trainer.create({ project: await trainer.saveProject() });
    expect(last()).not.toContain('index.json');
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
    await expect(Trainer.create()).rejects.toMatchObject({ code: 'backbone_not_found', message: expect.stringContaining('index.json') });
    expect(FakeWorker.last.terminated).toBe(true);
  });

  it('is measured by its card alone, or by its weights where it has none', async () => {
    const trainer = await Trainer.create();
    fetched.length = 0;
    expect(await trainer.measureBackbone('small')).toBe(12.5);
    await trainer.measureBackbone(backbone(64));
    await trainer.measureBackbone({ weights: new Blob([new Uint8Array(9)]) });
    await trainer.measureBackbone({ config: new Blob(['{"a":1}']), weights: new Blob(['123']) });
    expect(fetched).toEqual(['https://example.test/site/small/config.json']);
    expect(FakeWorker.last.session.calls).toEqual(['measureBackbone {} -', 'measureBackbone {"inputSize":64} -', 'measureBackbone - 9', 'measureBackbone {"a":1} -']);
  });
});

describe('setArithmetic', () => {
  it('has the pictures prepared once more, and goes back for nothing', async () => {
    const trainer = await filled(4);
    expect(trainer.backbone.arithmetic).toBe('float');
    const progress: BackboneProgress[] = [];
    const change = trainer.setArithmetic('int8');
    for await (const each of change) progress.push(each);
    expect([await change.finished, trainer.backbone.arithmetic, trainer.backbone.inputSize]).toEqual([{ cancelled: false, unreadable: [] }, 'int8', 96]);
    expect(progress.at(-1)).toEqual({ done: 4, total: 4 });
    expect(given()).toHaveLength(4);
    await trainer.setArithmetic('float').finished;
    expect([given().length, trainer.backbone.arithmetic]).toEqual([4, 'float']);
  });

  it('can be cancelled, which brings back what there was before', async () => {
    const trainer = await filled(6);
    await trainer.setBackbone(backbone(64), { arithmetic: 'int8' }).finished;
    expect([trainer.backbone.inputSize, trainer.backbone.arithmetic]).toEqual([64, 'int8']);
    const change = trainer.setBackbone(backbone(32));
    for await (const { done } of change) if (done === 0) void change.cancel();
    expect((await change.finished).cancelled).toBe(true);
    expect([trainer.backbone.inputSize, trainer.backbone.arithmetic]).toEqual([64, 'int8']);
  });

  it('is what a trainer is created with', async () => {
    const trainer = await Trainer.create({ backbone: backbone(96), arithmetic: 'int8' });
    expect(trainer.backbone.arithmetic).toBe('int8');
  });
});
