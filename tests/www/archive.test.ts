import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seeded } from '../../www/samples/random.js';
import type { ClassState, Key, PictureState } from '../../www/state/types.js';
import type { CheckpointRecord, PictureRecord } from '../../www/storage/database.js';
import { changedPieces, PIECE, withPresent } from '../../www/storage/lists.js';
import type { Changes, KeptProject, ProjectPlace } from '../../www/storage/project.js';
import type { Shelf } from '../../www/storage/shelf.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import { NOTHING } from '../../www/ui/control/recall.js';
import { reconcile } from '../../www/ui/control/reconcile.js';
import { FakeTrainers, refusal } from './support/fake-trainer.js';

/** A device that lasts as long as a test. */
class FakePlace {
  readonly pictures = new Map<Key, PictureRecord>();
  kept: KeptProject | null = null;
  writes = 0;
  /** How many entries of lists each of them put. */
  readonly listed: number[] = [];
  /** What the next writes fail with. */
  failure: Error | null = null;

  constructor(readonly id: string) {}

  read = async (): Promise<KeptProject | null> => this.kept;
  picture = async (key: Key): Promise<PictureRecord | undefined> => this.pictures.get(key);

  write = async ({ summary, page, listed, trainer, added, removed }: Changes): Promise<void> => {
    if (this.failure !== null) throw this.failure;
    this.writes += 1;
    this.listed.push(changedPieces(listed, page.classes).put.reduce((sum, { pictures }) => sum + pictures.length, 0));
    for (const each of added) this.pictures.set(each.key, each);
    for (const key of removed) this.pictures.delete(key);
    this.kept = structuredClone({ summary, page, trainer: trainer ?? this.kept?.trainer ?? null, checkpoint: this.kept?.checkpoint ?? null });
  };

  /** Whether there is room for what a run can go on from. */
  roomy = true;
  writeCheckpoint = async (checkpoint: CheckpointRecord | null): Promise<void> => {
    if (!this.roomy) throw new DOMException('full', 'QuotaExceededError');
    if (this.kept !== null) this.kept = { ...this.kept, checkpoint };
  };

  /** By backbone and picture. */
  readonly #features = new Map<string, Map<Key, Uint8Array>>();
  features = async (backbone: string, key: Key) => this.#features.get(backbone)?.get(key);
  featured = async (backbone: string) => {
    for (const other of this.#features.keys()) if (other !== backbone) this.#features.delete(other);
    return [...(this.#features.get(backbone)?.keys() ?? [])];
  };
  writeFeatures = async (backbone: string, added: ReadonlyMap<Key, Uint8Array>, removed: readonly Key[]): Promise<void> => {
    const all = this.#features.get(backbone) ?? new Map<Key, Uint8Array>();
    this.#features.set(backbone, all);
    for (const [key, bytes] of added) all.set(key, bytes);
    for (const key of removed) all.delete(key);
  };
  get featuresKept(): Key[] {
    return [...this.#features.values()].flatMap((each) => [...each.keys()]).sort((one, other) => one - other);
  }

  /** What the next visit finds, without pictures that never came. */
  found(): KeptProject | null {
    const { kept } = this;
    return kept && { ...kept, page: { ...kept.page, classes: withPresent(kept.page.classes, (key) => this.pictures.has(key)) } };
  }
}

let places: Map<string, FakePlace>;
let trainers: FakeTrainers;
let app: App;

const shelf = {
  list: async () => [],
  persist: async () => true,
  place: (id: string) => {
    const place = places.get(id) ?? new FakePlace(id);
    places.set(id, place);
    return place;
  },
} as unknown as Shelf;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: true });
  // Its locks would wait for the real clock.
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('history', { replaceState: () => undefined });
  places = new Map();
  await visit();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Opens the page as somebody does who comes back, with what was kept. */
async function visit(place?: FakePlace, unreadable: readonly string[] = []): Promise<void> {
  trainers = new FakeTrainers();
  for (const name of unreadable) trainers.unreadable.add(name);
  const kept = place?.found();
  const project = kept ? { place: place as unknown as ProjectPlace, kept } : null;
  app = createApp(trainers.create, async () => [], { ...NOTHING, shelf, project });
  await app.session.start('cpu');
}

const place = (): FakePlace => [...places.values()][0]!;
const keeping = () => app.store.get().project.keeping;
const later = () => vi.advanceTimersByTimeAsync(6000);
const keysOf = (key: Key): Key[] => app.store.get().classes.find((each) => each.key === key)?.pictures.map((each) => each.key) ?? [];

async function add(key: Key, count: number): Promise<void> {
  app.pictures.addFiles(key, Array.from({ length: count }, (_, index) => new File([`${key} ${index}`], `${key} ${index}.png`)));
  await vi.advanceTimersByTimeAsync(500);
}

/** The page and the trainer have the same classes and pictures. */
function expectAgreement(): void {
  const sorted = (list: readonly number[]): number[] => [...list].sort((one, other) => one - other);
  const keys = (pictures: readonly PictureState[], test: boolean): Key[] => sorted(pictures.filter((each) => (each.test ?? false) === test).map((each) => each.key));
  const shown = app.store.get().classes.map(({ key, name, pictures }) => ({ id: key, name, images: keys(pictures, false), test: keys(pictures, true) }));
  const held = trainers.last.classes.map((each) => ({ ...each, images: sorted(each.images), test: sorted(each.test) }));
  expect(new Set(held)).toEqual(new Set(shown));
  expect(app.store.get().notices).toEqual([]);
}

describe('what is kept', () => {
  it('is nothing until there is something', async () => {
    await later();
    expect(places.size).toBe(0);
    await add(1, 1);
    await later();
    expect(keeping()).toBe('saved');
    expect(place().pictures.size).toBe(1);
  });

  it('is the page again on the next visit, with its model', async () => {
    await add(1, 3);
    await add(2, 3);
    app.pictures.addFiles(2, [new File(['test'], 'test.png')], 'test');
    await app.training.start();
    await later();
    const { classes, run, model } = app.store.get();
    expect(keeping()).toBe('saved');
    await visit(place());
    await later();
    expect(app.store.get()).toMatchObject({ classes, run: { report: run.report }, model });
    expect([...trainers.last.pixels].sort()).toEqual([...keysOf(1), ...keysOf(2)].sort());
    expectAgreement();
  });

  it('is also what was done after the trainer was last asked for its project', async () => {
    await add(1, 4);
    await add(2, 3);
    await later();
    const { trainer } = place().kept!;
    app.pictures.renameClass(1, 'Class 2 once');
    app.pictures.renameClass(2, 'Class 1');
    app.pictures.renameClass(1, 'Class 2');
    app.pictures.move(new Set(keysOf(1).slice(0, 1)), 2);
    app.pictures.remove(new Set(keysOf(1).slice(0, 1)));
    const third = app.pictures.addClass('third');
    await add(third, 2);
    await later();
    // As where the page went before that was saved.
    const { classes } = app.store.get();
    place().kept = { ...place().kept!, trainer };
    await visit(place());
    await later();
    expect(app.store.get().classes).toEqual(classes);
    expectAgreement();
  });

  it('tells where the model of the last run was not saved', async () => {
    await add(1, 3);
    await add(2, 3);
    await later();
    const { trainer } = place().kept!;
    await app.training.start();
    await later();
    place().kept = { ...place().kept!, trainer };
    await visit(place());
    await later();
    expect(app.store.get().model).toBeNull();
    expect(app.store.get().notices.map(({ text }) => text)).toEqual([expect.stringContaining('could not be kept')]);
    // There is nothing left to wait for, nor to tell another time.
    expect(keeping()).toBe('saved');
    await visit(place());
    await later();
    expect(app.store.get().notices).toEqual([]);
    expect(keeping()).toBe('saved');
  });

  it('is written once there is room again, and until then nothing is said to be saved', async () => {
    await add(1, 1);
    await later();
    place().failure = new DOMException('full', 'QuotaExceededError');
    await add(1, 1);
    await later();
    expect(keeping()).toBe('full');
    expect(place().pictures.size).toBe(1);
    place().failure = null;
    await later();
    expect(keeping()).toBe('saved');
    expect(place().pictures.size).toBe(2);
  });

  it('is all but the model where the engine goes with one that it has just made, and all of it again once there is an engine', async () => {
    await add(1, 3);
    await add(2, 3);
    await later();
    const { last } = trainers;
    last.saveProject = async () => {
      last.crash();
      throw refusal('worker_failed', 'The worker has died.');
    };
    await app.training.start();
    await later();
    expect(app.store.get().engine.status).toBe('failed');
    expect(keeping()).toBe('without-model');
    expect(app.wouldLose()).toBe(false);
    await app.session.start('cpu');
    await later();
    expect(keeping()).toBe('saved');
    expect(app.store.get().notices.map(({ text }) => text)).toContainEqual(expect.stringContaining('could not be kept'));
  });

  it('is not embedded again on the next visit, but what is new is', async () => {
    await add(1, 20);
    await add(2, 3);
    await later();
    expect(trainers.last.embedded).toHaveLength(23);
    expect(place().featuresKept).toHaveLength(23);
    await visit(place());
    await later();
    expect(trainers.last.pixels).toHaveLength(23);
    expect(trainers.last.embedded).toEqual([]);
    await add(2, 1);
    await later();
    expect(trainers.last.embedded).toEqual([24]);
    expect(place().featuresKept).toHaveLength(24);
    expectAgreement();
  });

  it('keeps what was computed of those pictures alone that can be seen or brought back', async () => {
    await add(1, 3);
    await later();
    const [first] = keysOf(1);
    app.pictures.remove(new Set([first!]));
    for (let index = 0; index < 50; index += 1) app.pictures.renameClass(1, `name ${index}`);
    await later();
    expect(place().featuresKept).toEqual(keysOf(1));
  });

  it('is written with as much work for the last pictures as for the first', async () => {
    await add(1, 600);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(keeping()).toBe('saved');
    expect(place().pictures.size).toBe(600);
    expect(place().found()!.page.classes[0]!.pictures).toHaveLength(600);
    // The piece that grows, and the one after it where it is full.
    expect(place().listed.length).toBeGreaterThan(600 / 10);
    expect(Math.max(...place().listed.slice(10))).toBeLessThanOrEqual(2 * PIECE);
  });

  it('takes fewer pictures at a time where they are large', async () => {
    const sizes: number[] = [];
    await add(1, 1);
    await later();
    const kept = place();
    const write = kept.write;
    kept.write = (changes) => {
      sizes.push(changes.added.reduce((sum, { blob }) => sum + blob.size, 0));
      return write(changes);
    };
    app.pictures.addFiles(1, Array.from({ length: 9 }, (_, index) => new File([new Uint8Array(3e6)], `${index}.png`)));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kept.pictures.size).toBe(10);
    // No more were taken once there were eight megabytes.
    expect(Math.max(...sizes)).toBe(9e6);
  });

  it('tells of no picture that is still to come, and goes on with those that are there', async () => {
    await add(1, 3);
    await later();
    const kept = place();
    // As where the page goes after it has written the list, before all of its pictures are there.
    const [first] = keysOf(1);
    kept.pictures.delete(first!);
    await visit(kept);
    await later();
    expect(keysOf(1)).toHaveLength(2);
    await add(1, 2);
    await later();
    await visit(kept);
    await later();
    expect(keysOf(1)).toHaveLength(4);
    expectAgreement();
  });

  it('lets go of pictures once they cannot be brought back, and of their files in memory at once', async () => {
    await add(1, 3);
    await later();
    const [first] = keysOf(1);
    expect(app.library.source(first!)).toBeInstanceOf(Promise);
    app.pictures.remove(new Set([first!]));
    await later();
    expect(place().pictures.has(first!)).toBe(true);
    expect(place().kept!.page.classes[0]!.pictures.map(({ key }) => key)).not.toContain(first);
    for (let index = 0; index < 50; index += 1) app.pictures.renameClass(1, `name ${index}`);
    await later();
    expect(place().pictures.has(first!)).toBe(false);
  });

  it('is never let go because it could not be read once, only where it is not there any more', async () => {
    await add(1, 3);
    await later();
    const [first, second] = keysOf(1);
    await app.projects.archive.flush();
    // As a device short of memory has it: one cannot be decoded, another not be fetched.
    const kept = place();
    const picture = kept.picture;
    kept.picture = async (key) => {
      if (key === second) throw new DOMException('busy', 'UnknownError');
      return picture(key);
    };
    await visit(kept, ['1 0.png']);
    await later();
    expect(keysOf(1)).toHaveLength(3);
    expect(kept.pictures.size).toBe(3);
    kept.picture = picture;
    kept.pictures.delete(first!);
    await visit(kept);
    await later();
    expect(keysOf(1)).toEqual(expect.not.arrayContaining([first]));
    expect(keysOf(1)).toHaveLength(2);
  });

  it('opens without its trainer where that cannot be read', async () => {
    await add(1, 3);
    await add(2, 3);
    await app.training.start();
    await later();
    trainers = new FakeTrainers();
    trainers.failure = refusal('project_file_invalid', 'It is damaged.');
    app = createApp(trainers.create, async () => [], { ...NOTHING, shelf, project: { place: place() as unknown as ProjectPlace, kept: place().kept! } });
    await app.session.start('cpu');
    await later();
    expect([...trainers.last.pixels].sort()).toEqual([...keysOf(1), ...keysOf(2)].sort());
    expect(app.store.get()).toMatchObject({ engine: { status: 'ready' }, model: null, run: { replaced: true } });
    expect(app.store.get().notices.map(({ text }) => text)).toEqual([expect.stringContaining('could not be kept')]);
  });

  it('is not all there is while something comes in or trains', async () => {
    expect(app.wouldLose()).toBe(false);
    app.pictures.addFiles(1, [new File(['x'], 'x.png')]);
    expect(app.wouldLose()).toBe(true);
    await later();
    expect(app.wouldLose()).toBe(false);
    await add(2, 1);
    await later();
    const trained = app.training.start();
    expect(app.wouldLose()).toBe(true);
    await trained;
    await later();
    expect(app.wouldLose()).toBe(false);
  });

  it('is asked for again where a worker dies', async () => {
    await add(1, 3);
    await later();
    trainers.last.crash();
    app.store.dispatch({ type: 'engine-failed', problem: 'gone' });
    await app.session.start('cpu');
    await later();
    expect([...trainers.last.pixels].sort()).toEqual([...keysOf(1)].sort());
    expectAgreement();
  });
});

describe('a run that is cut short', () => {
  const checkpoint = { epoch: 3, epochs: 10, checkpoint: new Blob(['three']) };
  const texts = () => app.store.get().notices.map(({ text }) => text);

  /** The page is closed after three epochs. */
  async function cutShort(): Promise<FakePlace> {
    await add(1, 3);
    await add(2, 3);
    await later();
    trainers.last.checkpoints = [checkpoint];
    trainers.last.hang();
    void app.training.start();
    await later();
    expect(place().kept?.checkpoint).toMatchObject({ epoch: 3, epochs: 10 });
    return place();
  }

  it('goes on on the next visit, if that is wanted, and only until there is its model', async () => {
    const kept = await cutShort();
    await visit(kept);
    await later();
    expect(app.store.get().cutShort).toEqual({ epoch: 3, epochs: 10 });
    expect(texts()).toEqual([]);
    // Nobody has decided by then.
    await add(1, 1);
    await later();
    await visit(kept);
    await later();
    const done = app.training.goOn();
    expect(app.store.get()).toMatchObject({ cutShort: null, run: { status: 'starting' } });
    await done;
    expect(await trainers.last.begun[0]!.text()).toBe('three');
    await later();
    expect(kept.kept).toMatchObject({ checkpoint: null, page: { models: 1 } });
    await visit(kept);
    expect(app.store.get().cutShort).toBeNull();
    expect(app.store.get().model).not.toBeNull();
  });

  it('can go on where its model was made and the page went before that was saved', async () => {
    const kept = await cutShort();
    await visit(kept);
    await later();
    const hangs = new Promise<never>(() => undefined);
    trainers.last.saveProject = () => hangs;
    await app.training.goOn();
    await later();
    await visit(kept);
    expect(app.store.get()).toMatchObject({ cutShort: { epoch: 3 }, model: null });
  });

  it('can go on where its model was made and its worker died before that was saved', async () => {
    const kept = await cutShort();
    await visit(kept);
    await later();
    const { last } = trainers;
    last.saveProject = async () => {
      last.crash();
      throw refusal('worker_failed', 'The worker has died.');
    };
    await app.training.goOn();
    await later();
    expect(app.store.get().cutShort).toBeNull();
    await app.session.start('cpu');
    await later();
    expect(app.store.get().cutShort).toEqual({ epoch: 3, epochs: 10 });
    expect(kept.kept?.checkpoint).toMatchObject({ epoch: 3 });
    await app.training.goOn();
    await later();
    expect(kept.kept?.checkpoint).toBeNull();
    expect(app.store.get().model).not.toBeNull();
  });

  it('costs nothing else where there is no room for it', async () => {
    await add(1, 3);
    await add(2, 3);
    await later();
    place().roomy = false;
    trainers.last.checkpoints = [checkpoint];
    const goOn = trainers.last.hang();
    const done = app.training.start();
    await later();
    expect(keeping()).toBe('saved');
    goOn();
    await done;
    await later();
    expect([keeping(), place().kept?.page.models]).toEqual(['saved', 1]);
  });

  it('is another tab’s where that has the project', async () => {
    const kept = await cutShort();
    trainers = new FakeTrainers();
    const project = { place: kept as unknown as ProjectPlace, kept: kept.found()! };
    app = createApp(trainers.create, async () => [], { ...NOTHING, shelf, project, elsewhere: true });
    await app.session.start('cpu');
    expect(app.store.get().cutShort).toBeNull();
    expect(texts()).toEqual([]);
  });

  it('is forgotten where that is wanted, and where another is begun', async () => {
    const kept = await cutShort();
    await visit(kept);
    await later();
    app.training.dropCutShort();
    await later();
    expect(app.store.get().cutShort).toBeNull();
    expect(kept.kept?.checkpoint).toBeNull();
    await app.training.goOn();
    expect(trainers.last.begun).toEqual([]);
    trainers.last.checkpoints = [checkpoint];
    trainers.last.hang();
    void app.training.start();
    await later();
    await visit(kept);
    await later();
    trainers.last.hang();
    void app.training.start();
    await later();
    expect(kept.kept?.checkpoint).toBeNull();
    expect(trainers.last.begun).toEqual([null]);
  });

  it('goes on with another worker where its own has died', async () => {
    await cutShort();
    trainers.last.crash();
    await later();
    expect(app.store.get()).toMatchObject({ engine: { status: 'failed' }, cutShort: { epoch: 3 } });
    await app.session.start('cpu');
    await later();
    await app.training.goOn();
    expect(trainers.last.begun).toHaveLength(1);
    expect(trainers.last.begun[0]).not.toBeNull();
    expect(app.store.get().run.report).not.toBeNull();
  });

  it('waits where its pictures are other ones, which can be undone, and is forgotten where what was kept is damaged', async () => {
    const kept = await cutShort();
    await visit(kept);
    await later();
    const refuse = (code: 'checkpoint_differs' | 'model_classes_differ' | 'checkpoint_invalid'): void => {
      trainers.last.train = () => {
        const report = Promise.reject(refusal(code, `It is refused as ${code}.`));
        return { report, async *[Symbol.asyncIterator]() { await report; } };
      };
    };
    refuse('checkpoint_differs');
    await app.training.goOn();
    expect(texts()).toEqual(['It is refused as checkpoint_differs.']);
    expect(app.store.get()).toMatchObject({ cutShort: { epoch: 3 }, run: { status: 'idle', points: [] } });
    refuse('model_classes_differ');
    await app.training.goOn();
    expect(app.store.get()).toMatchObject({ cutShort: { epoch: 3 }, run: { status: 'idle', points: [] } });
    refuse('checkpoint_invalid');
    await app.training.goOn();
    await later();
    expect(texts()).toEqual(['It is refused as checkpoint_invalid.']);
    expect(app.store.get()).toMatchObject({ cutShort: null, run: { status: 'idle', points: [] } });
    expect(kept.kept?.checkpoint).toBeNull();
  });
});

it('any classes can be told to a trainer that has any others', async () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const next = seeded(seed);
    const draw = (): ClassState[] => {
      const keys = [1, 2, 3, 4].filter(() => next() < 0.7);
      const names = ['a', 'b', 'c', 'd'].sort(() => next() - 0.5);
      const classes = keys.map((key, index) => ({ key, name: names[index]!, pictures: [] as PictureState[] }));
      for (let picture = 1; picture <= 6; picture += 1) {
        classes[Math.floor(next() * 5)]?.pictures.push({ key: picture, name: '', ...(next() < 0.3 && { test: true as const }) });
      }
      return classes;
    };
    const [before, wanted] = [draw(), draw()];
    const all = new FakeTrainers();
    const trainer = await all.create({ engine: 'cpu' });
    for (const { key, name, pictures } of before) {
      await trainer.addClass(name, { id: key });
      for (const { key: id, test } of pictures) await trainer.addImage(key, new Blob(), { id, name: '', part: test ? 'test' : 'learn' });
    }
    // Some had been deleted by then.
    for (const { key } of before.filter(() => next() < 0.2)) await trainer.removeClass(key);
    const known = new Set(before.flatMap(({ pictures }) => pictures.map(({ key }) => key)));
    await reconcile(trainer, wanted);
    const told = new Map(trainer.classes.map(({ id, name, images, test }) => [id, { name, images: [...images].sort(), test: [...test].sort() }]));
    const keys = (pictures: readonly PictureState[], test: boolean): Key[] =>
      pictures.filter((each) => (each.test ?? false) === test).map((each) => each.key).filter((id) => known.has(id)).sort();
    const expected = wanted.map(({ key, name, pictures }) => [key, { name, images: keys(pictures, false), test: keys(pictures, true) }] as const);
    expect(told, `seed ${seed}`).toEqual(new Map(expected));
  }
});
