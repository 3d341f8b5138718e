import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toLearn, toTest } from '../../www/state/classes.js';
import type { AppState, ClassState, Key } from '../../www/state/types.js';
import { whyNotReady } from '../../www/state/readiness.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import { FakeTrainers, refusal } from './support/fake-trainer.js';
import { everythingOn } from './support/state.js';

let trainers: FakeTrainers;
let app: App;
let urls: number;

beforeEach(async () => {
  vi.useFakeTimers();
  // A tab in the background draws no frames, so that pictures are shown by a timer.
  vi.stubGlobal('document', { hidden: true });
  urls = 0;
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${(urls += 1)}-${Math.random()}`);
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation(() => void (urls -= 1));
  trainers = new FakeTrainers();
  app = createApp(trainers.create);
  await app.session.start('cpu');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const state = (): AppState => app.store.get();
const soon = () => vi.advanceTimersByTimeAsync(500);
const later = () => vi.advanceTimersByTimeAsync(5000);
const keysOf = (key: Key): Key[] => state().classes.find((each) => each.key === key)?.pictures.map((each) => each.key) ?? [];
const said = (): string[] => state().notices.map(({ text }) => text);

async function add(key: Key, count: number): Promise<void> {
  app.pictures.addFiles(key, Array.from({ length: count }, (_, index) => new File(['x'], `${key} ${index}.png`)));
  await soon();
}

/** Two classes with three pictures each. */
async function fill(): Promise<void> {
  app.pictures.renameClass(1, 'cat');
  app.pictures.renameClass(2, 'dog');
  await add(1, 3);
  await add(2, 3);
}

async function train(): Promise<void> {
  await app.training.start();
  await soon();
}

/** The trainer has the very classes and pictures that the page shows, and all of what is on them. */
function expectAgreement(): void {
  const byId = <T extends { id: number }>(list: readonly T[]): T[] => [...list].sort((one, other) => one.id - other.id);
  const sorted = (keys: readonly Key[]): Key[] => [...keys].sort((a, b) => a - b);
  const of = ({ pictures }: ClassState): Key[] => sorted(pictures.map((each) => each.key));
  const shown = state().classes.map((each) => ({ id: each.key, name: each.name, images: of(toLearn(each)), test: of(toTest(each)) }));
  const held = trainers.last.classes.map((each) => ({ ...each, images: sorted(each.images), test: sorted(each.test) }));
  expect(byId(held)).toEqual(byId(shown));
  expect(trainers.last.pixels).toEqual(expect.arrayContaining(shown.flatMap(({ images, test }) => [...images, ...test])));
  expect(said()).toEqual([]);
}

describe('classes of one name', () => {
  it('are never taken for each other: a model answers what it has learned', async () => {
    await fill();
    await train();
    app.pictures.removeClass(1);
    const again = app.pictures.addClass('cat');
    app.pictures.renameClass(again, 'bird');
    await soon();
    expect(state().model).toEqual([{ id: 1, name: 'cat' }, { id: 2, name: 'dog' }]);
    await app.predictor.tryPicture(new File(['x'], 'a.png'));
    expect(state().trial.predictions?.[0]).toEqual({ classId: 1, className: 'cat', probability: 1 });
    expect(state().run.report?.classes).toEqual(['cat', 'dog']);
    expectAgreement();
  });

  it('come back in any order', async () => {
    await fill();
    app.pictures.removeClass(1);
    const second = app.pictures.addClass('cat');
    await add(second, 1);
    app.pictures.removeClass(second);
    const third = app.pictures.addClass('cat');
    await add(third, 1);
    app.pictures.renameClass(2, 'cow');
    for (let left = state().undo.length; left > 0; left -= 1) {
      app.pictures.undo();
      await soon();
      expectAgreement();
    }
    expect(state().classes.map(({ key, name }) => [key, name])).toEqual([[1, 'Class 1'], [2, 'Class 2'], [second, 'cat (2)'], [third, 'cat']]);
  });

  it('were told before there was an engine', async () => {
    app = createApp(trainers.create);
    app.pictures.removeClass(2);
    const again = app.pictures.addClass('Class 2');
    app.pictures.undo();
    await app.session.start('cpu');
    await add(again, 1);
    expect(state().classes.map(({ key, name }) => [key, name])).toEqual([[1, 'Class 1'], [2, 'Class 2 (2)'], [3, 'Class 2']]);
    expectAgreement();
  });
});

describe('a class that is merged into another', () => {
  it('comes back as it was, with its test pictures and those that were deleted before', async () => {
    await fill();
    app.pictures.addFiles(1, [new File(['x'], 'a.png'), new File(['x'], 'b.png')], 'test');
    await soon();
    const before = state().classes;
    app.pictures.remove(new Set([keysOf(1)[0]!, keysOf(1)[3]!]));
    const left = state().classes;
    app.pictures.mergeClass(1, 2);
    await soon();
    expect(state().classes.map(({ name, pictures }) => [name, pictures.length, pictures.filter(({ test }) => test).length])).toEqual([['dog', 6, 1]]);
    expectAgreement();
    app.pictures.undo();
    await soon();
    expect(state().classes).toEqual(left);
    expectAgreement();
    app.pictures.undo();
    await soon();
    expect(state().classes).toEqual(before);
    expectAgreement();
  });

  it('comes back after a worker died that had merged it, and stays merged in the one that follows', async () => {
    await fill();
    app.pictures.mergeClass(1, 2);
    await later();
    trainers.last.crash();
    await app.session.start('cpu');
    await soon();
    expect(keysOf(2)).toHaveLength(6);
    expectAgreement();
    app.pictures.undo();
    await soon();
    expect([keysOf(1), keysOf(2)]).toEqual([[1, 2, 3], [4, 5, 6]]);
    expectAgreement();
  });

  it('is told to be merged as long as that is not saved and not taken back', async () => {
    await fill();
    await train();
    await later();
    const merges = () => app.session.merges;
    app.pictures.mergeClass(1, 2);
    expect(merges()).toEqual([[1, 2]]);
    app.pictures.undo();
    expect(merges()).toEqual([]);
    app.pictures.removeClass(1);
    expect(merges()).toEqual([]);
    app.pictures.undo();
    app.pictures.mergeClass(2, 1);
    expect(merges()).toEqual([[2, 1]]);
    await later();
    expect(merges()).toEqual([]);
    expectAgreement();
  });

  it('goes after one that was merged into it, and each comes back', async () => {
    await fill();
    const third = app.pictures.addClass('cow');
    await add(third, 1);
    app.pictures.mergeClass(1, 2);
    app.pictures.mergeClass(2, third);
    await soon();
    expect(keysOf(third)).toHaveLength(7);
    expectAgreement();
    for (const sizes of [[6, 1], [3, 3, 1]]) {
      app.pictures.undo();
      await soon();
      expect(state().classes.map(({ pictures }) => pictures.length)).toEqual(sizes);
      expectAgreement();
    }
  });

  it('is not merged while its pictures come in, nor into itself or into none', async () => {
    await fill();
    const goOn = trainers.last.hang();
    app.pictures.addFiles(1, [new File(['x'], 'late.png')]);
    app.pictures.mergeClass(1, 2);
    expect(state().classes).toHaveLength(2);
    goOn();
    await soon();
    app.pictures.mergeClass(1, 1);
    app.pictures.mergeClass(1, 99);
    await soon();
    expect(keysOf(1)).toHaveLength(4);
    expect(state().undo.some(({ kind }) => kind === 'class-merged')).toBe(false);
    expectAgreement();
  });

  it('is one that the model goes on telling apart until it is trained again', async () => {
    await fill();
    await add(app.pictures.addClass('cow'), 1);
    await train();
    app.pictures.mergeClass(1, 2);
    expect(state().toast?.text).toBe('Class “cat” merged into “dog”. The model goes on telling “cat” apart until it is trained again.');
    await soon();
    expect(state().run.stale).toBe(true);
    expect(state().model?.map(({ name }) => name)).toEqual(['cat', 'dog', 'cow']);
    await train();
    expect(state().model?.map(({ name }) => name)).toEqual(['dog', 'cow']);
  });
});

describe('test pictures', () => {
  it('stay apart through moves, deletions, another engine and a worker that dies', async () => {
    await fill();
    app.pictures.addFiles(1, [new File(['x'], 'a.png'), new File(['x'], 'b.png')], 'test');
    await soon();
    const [first, second] = state().classes[0]!.pictures.filter(({ test }) => test).map(({ key }) => key);
    expect(trainers.last.classes.map(({ images, test }) => [images.length, test])).toEqual([[3, [first, second]], [3, []]]);
    expectAgreement();
    app.pictures.move(new Set([first!]), 2);
    app.pictures.remove(new Set([second!]));
    await soon();
    expectAgreement();
    app.pictures.undo();
    await app.session.start('auto');
    await soon();
    expect(trainers.last.classes.map(({ test }) => test)).toEqual([[second], [first]]);
    expectAgreement();
    // Nothing is saved of this one, so every picture is sent again.
    trainers.last.crash();
    await app.session.start('cpu');
    await later();
    expect(trainers.last.classes.map(({ images, test }) => [images.length, test])).toEqual([[3, [second]], [3, [first]]]);
  });

  it('alone are nothing to train on', async () => {
    app.pictures.addFiles(1, [new File(['x'], 'a.png')], 'test');
    await add(2, 1);
    expect(whyNotReady(state())).toBe('Class 1 has no pictures yet.');
  });
});

describe('names', () => {
  it('never lead to a class that there is not', () => {
    const keys = ['cat', ' cat', '', ' '].map((name) => app.pictures.addClass(name));
    expect(state().classes.slice(2).map(({ key, name }) => [key, name])).toEqual([
      [keys[0], 'cat'],
      [keys[1], 'cat (2)'],
      [keys[2], 'Class 5'],
      [keys[3], 'Class 6'],
    ]);
  });
});

describe('the first engine', () => {
  it('is any other where the remembered one does not start any more', async () => {
    app = createApp(trainers.create);
    app.store.dispatch({ type: 'settings-changed', change: { engine: 'webgpu' } });
    trainers.failure = refusal('engine_unavailable', 'There is no GPU.');
    await app.start();
    expect([state().engine.status, state().settings.engine, trainers.last.options.engine]).toEqual(['ready', 'auto', 'auto']);
    expect(said()).toEqual([expect.stringContaining('WebGPU, the engine chosen before, did not start')]);
  });
});

describe('another engine', () => {
  it('is shown once the trainer has chosen it by itself', () => {
    trainers.last.engine = everythingOn('webgpu', 'It measured faster.');
    trainers.last.options.onEngine?.(trainers.last.engine);
    expect(state().engine).toMatchObject({ status: 'ready', report: { kind: 'webgpu', reason: 'It measured faster.' } });
  });

  it('takes over everything, without reading a file again', async () => {
    await fill();
    await train();
    app.pictures.remove(new Set(keysOf(1).slice(0, 1)));
    const before = state();
    await app.chooseEngine('webgpu');
    expect(trainers.made).toHaveLength(2);
    expect([trainers.made[0]!.closed, trainers.last.options.engine]).toEqual([true, 'webgpu']);
    expect(trainers.last.calls.filter((call) => call.startsWith('addImage'))).toEqual([]);
    // It was handed over just now.
    await later();
    expect(trainers.last.calls.filter((call) => call.startsWith('saveProject'))).toEqual([]);
    expect(state().settings.engine).toBe('webgpu');
    expect([state().model, state().run, state().classes]).toEqual([before.model, before.run, before.classes]);
    app.pictures.undo();
    app.pictures.renameClass(2, 'wolf');
    await soon();
    expect(state().model?.[1]).toEqual({ id: 2, name: 'wolf' });
    expectAgreement();
  });

  it('gets what is done while it starts, and the pictures that are being read', async () => {
    await fill();
    let open = (): void => undefined;
    trainers.gate = new Promise((resolve) => (open = resolve));
    app.pictures.addFiles(1, Array.from({ length: 20 }, (_, index) => new File(['x'], `late ${index}.png`)));
    const change = app.chooseEngine('webgpu');
    await soon();
    app.pictures.renameClass(1, 'lion');
    app.pictures.move(new Set(keysOf(2).slice(0, 1)), 1);
    app.pictures.remove(new Set(keysOf(2).slice(0, 1)));
    const third = app.pictures.addClass('bird');
    app.pictures.addFiles(third, [new File(['x'], 'bird.png')]);
    await soon();
    open();
    await change;
    await soon();
    expect(state().classes.map(({ name, pictures }) => [name, pictures.length])).toEqual([['lion', 24], ['dog', 1], ['bird', 1]]);
    expectAgreement();
  });

  it('that does not start leaves the one before as it was', async () => {
    await fill();
    app.pictures.addFiles(2, [new File(['x'], 'late.png')]);
    trainers.failure = refusal('engine_unavailable', 'There is no GPU.');
    await app.chooseEngine('webgpu');
    await soon();
    expect([state().engine.status, said(), trainers.made.length]).toEqual(['ready', ['There is no GPU.'], 1]);
    app.store.dispatch({ type: 'area-cleared', area: 'train' });
    expect(keysOf(2)).toHaveLength(4);
    expectAgreement();
  });

  it('that does not start has the one before shown as failed where that died meanwhile', async () => {
    await fill();
    trainers.last.hang();
    trainers.failure = refusal('engine_unavailable', 'There is no GPU.');
    const change = app.chooseEngine('webgpu');
    await soon();
    trainers.last.crash();
    await change;
    expect([state().engine.status, app.session.trainer, said()]).toEqual(['failed', null, []]);
  });

  it('and the opening of a model wait for each other', async () => {
    await fill();
    const goOn = trainers.last.hang();
    const opening = app.models.open(new File(['x'], 'model.zip'));
    expect(state().modelFileBusy).toBe(true);
    await app.chooseEngine('webgpu');
    goOn();
    await opening;
    expect([trainers.made.length, state().modelFileBusy, state().model?.length]).toEqual([1, false, 2]);
    const change = app.chooseEngine('webgpu');
    await app.models.open(new File(['x'], 'model.zip'));
    await change;
    expect(trainers.made.map(({ calls }) => calls.includes('load'))).toEqual([true, false]);
    expect(state().notices.map(({ area }) => area)).toEqual(['try']);
  });

  it('is not held to account for a prediction that the one before did not get to', async () => {
    await fill();
    await train();
    trainers.last.saveProject = ((saving) => (options: { pictures?: boolean }) => {
      const saved = saving(options);
      trainers.last.hang();
      return saved;
    })(trainers.last.saveProject);
    const change = app.chooseEngine('webgpu');
    const tried = app.predictor.tryPicture(new File(['x'], 'a.png'));
    await change;
    await tried;
    expect([state().engine.status, said()]).toEqual(['ready', []]);
    expect(state().trial.picture?.name).toBe('a.png');
    await app.predictor.again();
    expect(state().trial.predictions).not.toBeNull();
  });

  it('does not wait for one that hangs for ever', async () => {
    await fill();
    await train();
    trainers.last.hang();
    const change = app.chooseEngine('webgpu');
    await vi.advanceTimersByTimeAsync(60_000);
    await change;
    expect([state().engine.status, state().model?.length]).toEqual(['ready', 2]);
    expectAgreement();
  });

  it('is started once where it is asked for twice, and after another one that is being started', async () => {
    app = createApp(trainers.create);
    trainers.made.length = 0;
    await Promise.all([app.session.start('cpu'), app.session.start('cpu')]);
    expect(trainers.made).toHaveLength(1);
    await Promise.all([app.chooseEngine('webgpu'), app.chooseEngine('cpu'), app.session.start('cpu')]);
    expect(trainers.made.map(({ options, closed }) => [options.engine, closed])).toEqual([['cpu', true], ['webgpu', true], ['cpu', false]]);
    expect([state().settings.engine, state().engine.status]).toEqual(['cpu', 'ready']);
  });
});

describe('a worker that dies', () => {
  /** It shows when the worker is asked for something. */
  async function crash(): Promise<void> {
    trainers.last.crash();
    app.pictures.renameClass(2, 'wolf');
    await soon();
    expect(state().engine.status).toBe('failed');
  }

  it('leaves the model, the result and all pictures', async () => {
    await fill();
    await train();
    await crash();
    const { run } = state();
    expect(run.report?.classes).toEqual(['cat', 'wolf']);
    app.pictures.move(new Set(keysOf(1).slice(0, 1)), 2);
    app.pictures.remove(new Set(keysOf(1).slice(0, 1)));
    const again = app.session.start('cpu');
    // The dead one is not asked any more.
    app.pictures.renameClass(1, 'tiger');
    app.pictures.renameClass(1, 'cat');
    await Promise.resolve();
    expect(state().engine.status).toBe('switching');
    await again;
    await soon();
    expect(trainers.last.options.project).toMatchObject({ pictures: null });
    expect(state().model).toEqual([{ id: 1, name: 'cat' }, { id: 2, name: 'wolf' }]);
    expect(state().run).toEqual({ ...run, stale: true });
    expectAgreement();
    // Deleted when its pixels were gone.
    app.pictures.undo();
    await soon();
    expectAgreement();
  });

  it('leaves an opened model too', async () => {
    await fill();
    await train();
    await app.models.open(new File(['x'], 'model.zip'));
    expect(state().run.replaced).toBe(true);
    app.store.dispatch({ type: 'area-cleared', area: 'try' });
    await soon();
    await crash();
    await app.session.start('cpu');
    await soon();
    expect(state().model?.map(({ name }) => name)).toEqual(['x', 'y']);
    expectAgreement();
  });

  it('before anything was saved takes the model with it, and the result says so', async () => {
    await fill();
    await app.training.start();
    expect(state().run.replaced).toBe(false);
    trainers.last.crash();
    app.pictures.renameClass(2, 'wolf');
    await soon();
    await app.session.start('cpu');
    await soon();
    expect([state().model, state().run.replaced, said()]).toEqual([null, true, [expect.stringContaining('train again')]]);
    app.store.dispatch({ type: 'area-cleared', area: 'train' });
    expectAgreement();
  });

  it('while it trains leaves the model before', async () => {
    await fill();
    await train();
    const before = state();
    trainers.last.hang();
    const run = app.training.start();
    await soon();
    trainers.last.crash();
    await run;
    expect([state().engine.status, state().run]).toEqual(['failed', before.run]);
    await app.session.start('cpu');
    await soon();
    expect([state().model, state().run]).toEqual([before.model, before.run]);
    expectAgreement();
  });

  it('while another engine starts is replaced by that one', async () => {
    await fill();
    await train();
    let open = (): void => undefined;
    trainers.gate = new Promise((resolve) => (open = resolve));
    const change = app.chooseEngine('webgpu');
    await soon();
    await crash();
    const again = app.start();
    open();
    await Promise.all([change, again]);
    await soon();
    expect([trainers.made.length, state().engine.status, state().model?.[1]?.name]).toEqual([2, 'ready', 'wolf']);
    expect([trainers.last.options.engine, state().settings.engine]).toEqual(['webgpu', 'webgpu']);
    expectAgreement();
  });

  it('after a run that failed before it made a model takes none with it', async () => {
    await fill();
    trainers.last.train = () => {
      const ended = Promise.reject(refusal('config_invalid', 'No.'));
      ended.catch(() => undefined);
      return { report: ended, async *[Symbol.asyncIterator]() { await ended; } };
    };
    await app.training.start();
    app.store.dispatch({ type: 'area-cleared', area: 'train' });
    await crash();
    await app.session.start('cpu');
    expect(said()).toEqual([]);
  });

  it('leaves no empty tile where a file has gone since', async () => {
    await fill();
    await crash();
    trainers.unreadable.add('1 1.png');
    await app.session.start('cpu');
    await soon();
    expect(state().classes[0]?.pictures.map(({ name }) => name)).toEqual(['1 0.png', '1 2.png']);
    expect(said()).toEqual([expect.stringContaining('1 1.png')]);
    app.store.dispatch({ type: 'area-cleared', area: 'class-1' });
    expectAgreement();
  });
});

describe('what is saved for that case', () => {
  const saved = (): number => trainers.last.calls.filter((call) => call === 'saveProject false').length;

  it('is saved at once after a training, and else when it has been quiet', async () => {
    await fill();
    await later();
    const before = saved();
    for (let time = 0; time < 5; time += 1) await add(1, 10);
    expect(saved()).toBe(before);
    await later();
    expect(saved()).toBe(before + 1);
    await train();
    expect(saved()).toBe(before + 2);
    await later();
    expect(saved()).toBe(before + 2);
  });

  it('is a new model at once, although pictures keep coming', async () => {
    await fill();
    await later();
    const before = saved();
    await app.training.start();
    app.store.dispatch({ type: 'pictures-read', key: 1, added: [{ key: 1000, name: 'a.png' }], done: 0 });
    await vi.advanceTimersByTimeAsync(1);
    expect(saved()).toBe(before + 1);
  });

  it('has the very files of its backbone as long as that is the same, so that they are not written again', async () => {
    await fill();
    const { saveProject } = trainers.last;
    trainers.last.saveProject = async (options) => ({ ...(await saveProject(options)), backbone: { weights: new Blob(['weights']) } });
    await train();
    const first = app.session.saved?.backbone;
    expect(first).toHaveProperty('weights');
    await train();
    expect(app.session.saved?.backbone).toBe(first);
    trainers.last.backbone = { ...trainers.last.backbone };
    await train();
    expect(app.session.saved?.backbone).not.toBe(first);
  });

  it('is tried again where it did not work', async () => {
    await fill();
    await later();
    const { saveProject } = trainers.last;
    trainers.last.saveProject = () => Promise.reject(refusal('internal', 'No.'));
    await train();
    trainers.last.saveProject = saveProject;
    const before = saved();
    app.store.dispatch({ type: 'pictures-read', key: 1, added: [{ key: 1000, name: 'a.png' }], done: 0 });
    await vi.advanceTimersByTimeAsync(1);
    expect(saved()).toBe(before + 1);
  });

  it('waits for the end of a training', async () => {
    await fill();
    await later();
    const before = saved();
    const goOn = trainers.last.hang();
    const run = app.training.start();
    app.pictures.renameClass(1, 'lion');
    await later();
    expect(saved()).toBe(before);
    goOn();
    await run;
    await soon();
    expect(saved()).toBe(before + 1);
  });
});

describe('memory', () => {
  it('is freed of pictures that nobody can bring back', async () => {
    const held: number[][] = [];
    for (let time = 0; time < 5; time += 1) {
      app.pictures.addFiles(1, Array.from({ length: 600 }, (_, index) => new File(['x'], `${index}.png`)));
      await vi.advanceTimersByTimeAsync(20_000);
      const keys = keysOf(1);
      expect(keys).toHaveLength(600);
      const shown = await Promise.all(keys.map((key) => app.library.thumbnail(key, app.session.trainer)));
      expect(shown.every((address) => address?.startsWith('data:'))).toBe(true);
      app.pictures.remove(new Set(keys));
      await soon();
      const files = Array.from({ length: 600 * (time + 1) }, (_, index) => app.library.source(index + 1)).filter((source) => source !== undefined);
      held.push([trainers.last.pixels.length, files.length]);
    }
    expect(held).toEqual(Array.from({ length: 5 }, () => [600, 600]));
    app.pictures.undo();
    await soon();
    expect(keysOf(1)).toHaveLength(600);
    expectAgreement();
  });

  it('is freed of pictures that wait for a class that is gone', async () => {
    await add(1, 1);
    const goOn = trainers.last.hang();
    app.pictures.addFiles(2, Array.from({ length: 20 }, (_, index) => new File(['x'], `${index}.png`)));
    app.pictures.removeClass(2);
    for (let time = 0; time < 60; time += 1) app.pictures.renameClass(1, `name ${time}`);
    goOn();
    await later();
    expect(state().undo.some(({ kind }) => kind === 'class-removed')).toBe(false);
    expect([state().intake, trainers.last.pixels, app.library.source(2), app.library.source(21)]).toEqual([{}, [1], undefined, undefined]);
  });

  it('is not taken by a frame of a camera whose class is gone', async () => {
    await add(1, 1);
    app.store.dispatch({ type: 'classes-dropped', keys: [2] });
    app.pictures.addSources(2, [{ blob: new Blob(['x']), name: 'frame', group: 'g' }]);
    expect([state().intake, app.library.source(2)]).toEqual([{}, undefined]);
  });

  it('is freed of pictures that came too late by the next engine too, which was handed them', async () => {
    await fill();
    const goOn = trainers.last.hang();
    app.pictures.addFiles(2, [new File(['x'], 'late.png')]);
    app.pictures.removeClass(2);
    for (let time = 0; time < 60; time += 1) app.pictures.renameClass(1, `name ${time}`);
    let open = (): void => undefined;
    trainers.gate = new Promise((resolve) => (open = resolve));
    const change = app.chooseEngine('webgpu');
    goOn();
    await soon();
    open();
    await change;
    await soon();
    expect([trainers.made.length, trainers.last.pixels]).toEqual([2, [1, 2, 3]]);
    expectAgreement();
  });

  it('is freed of a tried picture, whatever takes its place', async () => {
    const file = new File(['x'], 'a.png');
    await app.predictor.tryPicture(file);
    await app.predictor.tryPicture(file);
    expect(urls).toBe(1);
    app.store.dispatch({ type: 'camera-given', to: 'try' });
    expect(urls).toBe(0);
    await app.predictor.tryPicture(file);
    expect(urls).toBe(1);
    app.store.dispatch({ type: 'picture-tried', picture: null });
    expect(urls).toBe(0);
  });
});

it('live pictures are predicted as far as there is time, a chosen one always', async () => {
  await fill();
  await train();
  app.store.dispatch({ type: 'camera-given', to: 'try' });
  const close = vi.fn();
  await app.predictor.tryFrame({ close } as unknown as ImageBitmap);
  await app.predictor.tryPicture(new File(['x'], 'a.png'));
  expect(trainers.last.calls.filter((call) => call.startsWith('predict'))).toEqual(['predictLatest', 'predict']);
  expect(close).toHaveBeenCalledOnce();
});
