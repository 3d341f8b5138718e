import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BackboneEntry } from '../../www/headstart.js';
import { otherBackboneOfModel } from '../../www/state/backbones.js';
import type { AppState, Key } from '../../www/state/types.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import { backboneFiles, entries, large } from './support/backbones.js';
import { FakeTrainers, refusal } from './support/fake-trainer.js';
import type { FakeChange } from './support/fake-change.js';
import { backbone } from './support/state.js';

let trainers: FakeTrainers;
let app: App;
let list: ReturnType<typeof vi.fn<() => Promise<BackboneEntry[]>>>;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: true });
  trainers = new FakeTrainers();
  list = vi.fn(async () => [...entries]);
  await open();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A visit, with what an earlier one had chosen. */
async function open(chosen: string | null = null): Promise<void> {
  app = createApp(trainers.create, list);
  app.store.dispatch({ type: 'settings-changed', change: { engine: 'cpu', backbone: chosen } });
  await app.start();
}

const state = (): AppState => app.store.get();
const soon = () => vi.advanceTimersByTimeAsync(500);
const said = (): string[] => state().notices.map(({ text }) => text);
const inUse = (): string | null => state().backbones.inUse;
const change = (): FakeChange => {
  const { change: present } = trainers.last;
  if (!present) throw new Error('The backbone is not being changed.');
  return present;
};
/** What the trainers were started with, and what the last one was told to take. */
const startedWith = () => trainers.made.map(({ options }) => options.backbone);
const folder = (name: string) => ({ folder: `https://example.org/app/backbones/${name}/` });

async function add(key: Key, count: number): Promise<void> {
  app.pictures.addFiles(key, Array.from({ length: count }, (_, index) => new File(['x'], `${key} ${index}.png`)));
  await soon();
}

async function take(id: string): Promise<void> {
  await app.picker.list();
  void app.picker.take(id);
  await soon();
}

/** Takes the large one, to the end. */
async function takeLarge(): Promise<void> {
  await take('large');
  change().load(large, 2);
  await soon();
  change().end();
  await soon();
}

async function bring(files = backboneFiles()): Promise<void> {
  await app.picker.list();
  void app.picker.takeFiles(files);
  await soon();
}

describe('the list', () => {
  it('is asked for once, and again only where it could not be read', async () => {
    expect(list).not.toHaveBeenCalled();
    list.mockRejectedValueOnce(refusal('backbone_not_found', 'No list.'));
    await app.picker.list();
    expect(state().backbones).toMatchObject({ list: 'failed', problem: 'No list.' });
    await Promise.all([app.picker.list(), app.picker.list()]);
    await app.picker.list();
    expect(list).toHaveBeenCalledTimes(2);
    expect(state().backbones).toMatchObject({ list: 'known', problem: null, usual: 'small' });
    expect(state().backbones.choices.map(({ id }) => id)).toEqual(['small', 'large']);
  });
});

describe('taking a backbone', () => {
  it('leaves the one in use in its place until the other is loaded, and is remembered once all is prepared', async () => {
    await take('large');
    expect(state().backbones.wanted).toEqual({ id: 'large', name: 'ResNet-50' });
    expect([inUse(), state().engine.backbone?.label, state().backboneChange]).toEqual([null, 'MobileNetV2 0.5', { progress: null }]);
    change().load(large, 6);
    await soon();
    expect([inUse(), state().engine.backbone?.label, state().backbones.wanted]).toEqual(['large', 'ResNet-50', null]);
    change().prepare(4, 6);
    await soon();
    expect(state().backboneChange).toEqual({ progress: { done: 4, total: 6 } });
    expect(state().settings.backbone).toBeNull();
    change().end();
    await soon();
    expect([state().backboneChange, state().settings.backbone, said()]).toEqual([null, 'large', []]);
  });

  it('of the usual one is not remembered: that may be another on the next visit', async () => {
    await takeLarge();
    await take('small');
    change().load(backbone, 0);
    change().end();
    await soon();
    expect([inUse(), state().settings.backbone]).toEqual(['small', null]);
  });

  it.each([false, true])('can be cancelled, prepared for by then (%s) or not', async (loaded) => {
    await take('large');
    if (loaded) change().load(large, 6);
    await soon();
    await app.picker.cancel();
    await soon();
    expect([inUse(), state().engine.backbone?.label]).toEqual([null, 'MobileNetV2 0.5']);
    expect(state()).toMatchObject({ backboneChange: null, backbones: { wanted: null }, settings: { backbone: null } });
    expect(said()).toEqual([]);
  });

  it('says why it cannot be used, and the one in use stays', async () => {
    await take('large');
    change().fail(refusal('backbone_tensor_missing', "The backbone's weights lack the tensor conv1.weight."));
    await soon();
    expect(said()).toEqual(["“ResNet-50” cannot be used. The backbone's weights lack the tensor conv1.weight. MobileNetV2 0.5 stays in use."]);
    expect(state().notices[0]).toMatchObject({ area: 'backbone', tone: 'error' });
    expect(state()).toMatchObject({ backboneChange: null, backbones: { wanted: null, inUse: null }, settings: { backbone: null } });
    // What was said goes with the next try.
    await take('large');
    expect(said()).toEqual([]);
  });

  it('takes the place of a change that is under way', async () => {
    await take('large');
    change().load(large, 6);
    await soon();
    await take('small');
    expect(state().backbones.wanted?.id).toBe('small');
    change().load(backbone, 0);
    change().end();
    await soon();
    expect(inUse()).toBe('small');
    expect(state()).toMatchObject({ backboneChange: null, backbones: { wanted: null }, settings: { backbone: null } });
    expect(said()).toEqual([]);
  });

  it('goes on with a change that is under way where the next one is refused, and that can still be cancelled', async () => {
    await take('large');
    change().load(large, 6);
    await soon();
    await bring();
    expect(state().backboneChange).toEqual({ progress: null });
    change().fail(refusal('backbone_truncated', 'It is damaged.'));
    await soon();
    expect(state().backboneChange).toEqual({ progress: { done: 0, total: 6 } });
    expect(said()).toEqual(['“mine” cannot be used. It is damaged. ResNet-50 stays in use.']);
    change().prepare(3, 6);
    await soon();
    expect(state().backboneChange).toEqual({ progress: { done: 3, total: 6 } });
    await app.picker.cancel();
    await soon();
    expect([inUse(), state().backboneChange]).toEqual([null, null]);
  });

  it('is not begun while training runs', async () => {
    app.store.dispatch({ type: 'run-started', config: {} });
    await take('large');
    await bring();
    expect(trainers.last.calls.join()).not.toContain('setBackbone');
    expect(said()).toEqual(['Wait until training has ended, or stop it.']);
  });

  it('names the pictures that could not be read again', async () => {
    await add(1, 2);
    await take('large');
    change().load(large, 2);
    change().end([{ id: state().classes[0]!.pictures[1]!.key, failure: { code: 'picture_unreadable', message: 'It has gone.' } }]);
    await soon();
    expect(said()).toEqual([
      '1 picture could not be read again: 1 1.png. It is left out while ResNet-50 is in use; add it once more to have it back.',
    ]);
  });

  it('keeps the model that there is, which is known by its own backbone', async () => {
    await add(1, 3);
    await add(2, 3);
    await app.training.start();
    await soon();
    expect(otherBackboneOfModel(state())).toBeNull();
    await takeLarge();
    expect(state().model).toHaveLength(2);
    expect(otherBackboneOfModel(state())).toBe('MobileNetV2 0.5');
  });
});

describe('a backbone from the disk', () => {
  it('is taken at once, on offer once it is loaded, and not remembered', async () => {
    const files = backboneFiles();
    await bring(files);
    expect(change().ref).toEqual({ weights: files[0]!.file, config: files[1]!.file });
    expect(state().backbones.wanted?.name).toBe('mine');
    expect(state().backbones.choices).toHaveLength(2);
    change().load(large, 0);
    change().end();
    await soon();
    expect(state().backbones.choices.at(-1)).toMatchObject({ id: inUse(), kind: 'disk', label: 'ResNet-50', name: 'mine', bytes: 7, inputSize: 224, top1: null });
    expect(state().settings.backbone).toBeNull();
    await take('small');
    change().load(backbone, 0);
    change().end();
    await soon();
    await take('disk:1');
    expect(change().ref).toEqual({ weights: files[0]!.file, config: files[1]!.file });
  });

  it('is the same one where the same files come again, and another where they have changed', async () => {
    const [weights, config] = backboneFiles();
    const again = { ...weights!, file: new File(['weights'], 'model.safetensors', { lastModified: weights!.file.lastModified }) };
    const changed = { ...weights!, file: new File(['weights'], 'model.safetensors', { lastModified: 1 }) };
    await bring([weights!, config!]);
    change().load(large, 4);
    await soon();
    await app.picker.cancel();
    await bring([again, config!]);
    change().load(large, 4);
    change().end();
    await soon();
    expect([inUse(), state().backbones.choices.length]).toEqual(['disk:1', 3]);
    await bring([again, config!]);
    expect(said()).toEqual(['ResNet-50 (mine): It is in use.']);
    await bring([changed, config!]);
    change().load(large, 4);
    change().end();
    await soon();
    expect([inUse(), state().backbones.choices.length]).toEqual(['disk:2', 4]);
  });

  it('says in a sentence what is missing, and asks the trainer for nothing', async () => {
    await app.picker.takeFiles(backboneFiles().slice(1));
    expect(said()).toEqual(['The weights are missing: choose or drop model.safetensors together with its config.json. MobileNetV2 0.5 stays in use.']);
    expect(trainers.last.calls.join()).not.toContain('setBackbone');
  });

  it('that is refused is not on offer', async () => {
    await bring(backboneFiles('', 'mine.safetensors'));
    change().fail(refusal('backbone_unsupported', 'Backbones of the architecture “vit_tiny” are not supported.'));
    await soon();
    expect(said()).toEqual([
      '“mine.safetensors” cannot be used. Backbones of the architecture “vit_tiny” are not supported. MobileNetV2 0.5 stays in use.',
    ]);
    expect(state().backbones.choices).toHaveLength(2);
  });
});

describe('measuring', () => {
  it('is done when asked for, and told', async () => {
    await app.picker.list();
    expect(state().backbones.costs).toEqual({});
    const goOn = trainers.last.hang();
    void app.picker.measure('large');
    void app.picker.measure('large');
    await soon();
    expect(state().backbones.costs).toEqual({ large: { status: 'measuring' } });
    goOn();
    await soon();
    expect(state().backbones.costs).toEqual({ large: { status: 'known', milliseconds: 25 } });
    expect(trainers.last.calls.filter((call) => call === 'measureBackbone')).toHaveLength(1);
  });

  it('is about the engine that it was done on', async () => {
    await app.picker.list();
    trainers.last.hang();
    void app.picker.measure('large');
    await soon();
    void app.chooseEngine('webgpu');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(trainers.made).toHaveLength(2);
    expect(state().backbones.costs).toEqual({});
  });

  it('that fails says why', async () => {
    await app.picker.list();
    trainers.last.measureBackbone = () => Promise.reject(refusal('backbone_not_found', 'There is nothing there.'));
    await app.picker.measure('large');
    expect(state().backbones.costs).toEqual({ large: { status: 'failed', problem: 'There is nothing there.' } });
  });
});

describe('the one in use', () => {
  it('is that of the next engine too, from the site or from the disk', async () => {
    await takeLarge();
    await app.chooseEngine('webgpu');
    expect(startedWith()).toEqual([undefined, folder('large')]);
    const files = backboneFiles();
    await bring(files);
    change().load(large, 0);
    change().end();
    await soon();
    await app.chooseEngine('cpu');
    expect(startedWith()[2]).toEqual({ weights: files[0]!.file, config: files[1]!.file });
    expect(inUse()).toBe('disk:1');
  });

  it('is asked of the next engine too where that came while it was loaded', async () => {
    await take('large');
    await app.chooseEngine('webgpu');
    await soon();
    expect(trainers.made).toHaveLength(2);
    expect(state().backbones.wanted?.id).toBe('large');
    change().load(large, 0);
    change().end();
    await soon();
    expect(state()).toMatchObject({ backboneChange: null, backbones: { inUse: 'large', wanted: null }, settings: { backbone: 'large' } });
  });

  it('holds up nothing where engines come and go while it is loaded', async () => {
    await take('large');
    void app.chooseEngine('webgpu');
    await app.chooseEngine('cpu');
    await soon();
    trainers.last.change?.load(large, 0);
    trainers.last.change?.end();
    await soon();
    expect(trainers.made).toHaveLength(3);
    expect(state()).toMatchObject({ backboneChange: null, backbones: { wanted: null } });
  });

  it('is prepared for on the next engine where that came in the middle', async () => {
    await add(1, 2);
    await take('large');
    change().load(large, 2);
    await soon();
    trainers.unprepared = 1;
    await app.chooseEngine('webgpu');
    expect(startedWith()).toEqual([undefined, folder('large')]);
    change().prepare(1, 2);
    await soon();
    expect(state().backboneChange).toEqual({ progress: { done: 1, total: 2 } });
    change().end([{ id: 1, failure: { code: 'picture_unreadable', message: 'It has gone.' } }]);
    await soon();
    expect(state()).toMatchObject({ backboneChange: null, settings: { backbone: 'large' } });
    expect(said()).toHaveLength(1);
  });

  it('survives the death of the worker, also in the middle of a change', async () => {
    await take('large');
    change().load(large, 6);
    await soon();
    trainers.last.crash();
    await soon();
    expect(state()).toMatchObject({ engine: { status: 'failed' }, backboneChange: null });
    await app.start();
    expect(startedWith()).toEqual([undefined, folder('large')]);
    expect(inUse()).toBe('large');
    // That one is settled now: there is nothing else to go back to.
    await bring();
    change().load(backbone, 0);
    await app.picker.cancel();
    await soon();
    expect(inUse()).toBe('large');
  });

  it('is the one before where the worker died while the other was loaded', async () => {
    await take('large');
    trainers.last.crash();
    await soon();
    await app.start();
    expect(startedWith()).toEqual([undefined, undefined]);
    expect(state().backbones).toMatchObject({ inUse: null, wanted: null });
  });

  it('is the usual one where its file has gone from the disk', async () => {
    await bring();
    change().load(large, 0);
    change().end();
    await soon();
    trainers.last.crash();
    app.store.dispatch({ type: 'engine-failed', problem: 'The worker has died.' });
    trainers.failure = refusal('backbone_not_found', 'The file has gone.');
    await app.start();
    expect(startedWith()).toEqual([undefined, folder('small')]);
    expect([inUse(), state().engine.status]).toEqual(['small', 'ready']);
    expect(said()).toEqual(['ResNet-50 (mine) could not be loaded: the usual backbone is in use.']);
  });
});

describe('the next visit', () => {
  it('begins with the one that was chosen', async () => {
    await open('large');
    expect(startedWith().at(-1)).toEqual(folder('large'));
    expect([inUse(), state().settings.backbone]).toEqual(['large', 'large']);
  });

  it('asks for no list where none was chosen', () => {
    expect(list).not.toHaveBeenCalled();
    expect(startedWith()).toEqual([undefined]);
  });

  it('begins with the usual one where that is not on offer any more, and forgets it', async () => {
    await open('gone');
    expect([startedWith().at(-1), inUse(), state().settings.backbone]).toEqual([undefined, null, null]);
    expect(said()).toEqual(['The backbone chosen before, “gone”, is not on offer any more. The usual one is in use.']);
  });

  it('begins with the usual one where the list cannot be read, and tries again another time', async () => {
    list.mockRejectedValueOnce(refusal('backbone_not_found', 'No list.'));
    await open('large');
    expect([startedWith().at(-1), state().settings.backbone, said()]).toEqual([undefined, 'large', ['No list. The usual one is in use.']]);
  });

  it('begins with the usual one where that cannot be loaded any more', async () => {
    trainers.failure = refusal('backbone_truncated', 'It is damaged.');
    await open('large');
    expect(startedWith().at(-1)).toEqual(folder('small'));
    expect([inUse(), state().settings.backbone]).toEqual(['small', null]);
    expect(said()).toEqual(['ResNet-50 could not be loaded: the usual backbone is in use.']);
  });

  it('says once that it could not be loaded, however often the usual one does not start either', async () => {
    app = createApp(() => Promise.reject(refusal('backbone_not_found', 'Nothing is there.')), list);
    app.store.dispatch({ type: 'settings-changed', change: { engine: 'cpu', backbone: 'large' } });
    await app.start();
    app.store.dispatch({ type: 'area-cleared', area: 'backbone' });
    await app.start();
    expect([state().engine.problem, said()]).toEqual(['Nothing is there.', []]);
  });
});
