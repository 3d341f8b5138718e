import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppState } from '../../www/state/types.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import type { FoundFile } from '../../www/media/index.js';
import { FakeTrainers } from './support/fake-trainer.js';
import { png, zipOf } from './support/zip.js';

let trainers: FakeTrainers;
let app: App;

beforeEach(async () => {
  // A tab in the background draws no frames, so that pictures are shown by a timer.
  vi.stubGlobal('document', { hidden: true });
  trainers = new FakeTrainers();
  app = createApp(trainers.create);
  await app.session.start('cpu');
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const state = (): AppState => app.store.get();
const counts = () => Object.fromEntries(state().classes.map(({ name, pictures }) => [name, pictures.length]));
const said = (): string[] => state().notices.map(({ text }) => text);
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });
const found = (folder: string, names: readonly string[]): FoundFile[] =>
  names.map((name) => ({ file: new File([Buffer.from(png(`${folder} ${name}`))], name), folders: [folder] }));
const some = (folder: string, many: number): FoundFile[] => found(folder, Array.from({ length: many }, (_, index) => `${index}.png`));
const summary = () => {
  const shown = state().import;
  if (shown?.status !== 'ready') throw new Error(`nothing is asked: ${JSON.stringify(shown)} ${said().join()}`);
  return shown.summary;
};

async function look(files: readonly FoundFile[]): Promise<void> {
  app.pictures.addFound(files);
  await until(() => expect(state().import?.status).not.toBe('looking'));
}

async function bring(files: readonly FoundFile[]): Promise<void> {
  await look(files);
  await app.importer.start();
}

/** The trainer has the very pictures that the page shows. */
async function expectAgreement(): Promise<void> {
  const ids = (lists: readonly (readonly number[])[]) => lists.flat().sort((one, other) => one - other);
  await until(() => expect(ids(trainers.last.classes.map(({ images }) => images))).toEqual(ids(state().classes.map(({ pictures }) => pictures.map(({ key }) => key)))));
  expect(trainers.last.classes.map(({ name }) => name).sort()).toEqual(state().classes.map(({ name }) => name).sort());
  expect(trainers.last.pixels).toHaveLength(ids(state().classes.map(({ pictures }) => pictures.map(({ key }) => key))).length);
}

describe('an import', () => {
  it('asks first, changes nothing until then, and is taken back as one', async () => {
    await look([...some('cat', 12), ...some('dog', 5), ...found('dog', ['0.png'])]);
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
    expect(summary()).toMatchObject({ title: '2 files and folders', equals: 1, present: 0, withEquals: false });
    expect(summary().classes).toEqual([
      { name: 'cat', count: 12, wanted: true, present: false },
      { name: 'dog', count: 5, wanted: true, present: false },
    ]);
    await app.importer.start();
    expect(counts()).toEqual({ cat: 12, dog: 5 });
    expect(state().toast?.text).toBe('17 pictures imported');
    expect(state()).toMatchObject({ import: null, intake: {} });
    await expectAgreement();
    app.pictures.undo();
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
    expect(state().undo).toEqual([]);
    await expectAgreement();
    expect(said()).toEqual([]);
  });

  it('joins classes of the same name and leaves out what they have', async () => {
    await bring(some('cat', 3));
    await look([...some('cat', 4), ...some('dog', 2)]);
    expect(summary()).toMatchObject({ equals: 3, present: 3 });
    expect(summary().classes.map(({ name, count, present }) => [name, count, present])).toEqual([['cat', 1, true], ['dog', 2, false]]);
    app.importer.wantEquals(true);
    app.importer.want('dog', false);
    await until(() => expect(summary().classes.map(({ count, wanted }) => [count, wanted])).toEqual([[4, true], [2, false]]));
    await app.importer.start();
    expect(counts()).toEqual({ cat: 7 });
    app.pictures.undo();
    expect(counts()).toEqual({ cat: 3 });
    await expectAgreement();
  });

  it('keeps a class that something else was put into, and pictures that were moved go with it', async () => {
    await bring([...some('cat', 2), ...some('dog', 2)]);
    const [cat, dog] = state().classes.map(({ key }) => key);
    app.pictures.addFiles(dog!, [new File(['own'], 'own.png')]);
    await until(() => expect(counts()).toEqual({ cat: 2, dog: 3 }));
    app.pictures.undo();
    expect(state().classes.find(({ key }) => key === cat)).toBeUndefined();
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0, dog: 1 });
    await expectAgreement();
  });

  it('is cancelled in the middle and keeps what has come in, which one undo takes back', async () => {
    const goOn = trainers.last.hang();
    await look(some('cat', 300));
    const done = app.importer.start();
    await until(() => expect(state().import).toMatchObject({ status: 'adding', done: 0, total: 300 }));
    app.importer.cancel();
    goOn();
    await done;
    const { cat } = counts();
    expect(cat).toBeLessThan(20);
    expect(said()).toEqual([`The import was cancelled: ${cat} of 300 pictures have come in.`]);
    await expectAgreement();
    app.pictures.undo();
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
    await expectAgreement();
  });

  it('is taken back while it runs, with all that is on its way', async () => {
    await bring(some('cat', 2));
    await look([...some('cat', 200).slice(2), ...some('dog', 100)]);
    const done = app.importer.start();
    await until(() => expect(counts()['cat']).toBeGreaterThan(10));
    app.pictures.undo();
    await done;
    await until(() => expect(counts()).toEqual({ cat: 2 }));
    expect(state()).toMatchObject({ import: null, intake: {}, toast: null });
    expect(said()).toEqual([]);
    await expectAgreement();
  });

  it('goes on with another engine where the worker dies, and can be cancelled before there is one', async () => {
    await look(some('cat', 200));
    const done = app.importer.start();
    await until(() => expect(counts()['cat']).toBeGreaterThan(10));
    trainers.last.crash();
    await until(() => expect(state().engine.status).toBe('failed'));
    await app.session.start('cpu');
    await done;
    expect(counts()).toEqual({ cat: 200 });
    await expectAgreement();
    await look(some('dog', 200));
    const second = app.importer.start();
    await until(() => expect(counts()['dog']).toBeGreaterThan(10));
    trainers.last.crash();
    await until(() => expect(state().engine.status).toBe('failed'));
    app.importer.cancel();
    await second;
    expect(state()).toMatchObject({ import: null, intake: {} });
  });

  it('skips a class that is deleted meanwhile', async () => {
    await look([...some('cat', 100), ...some('dog', 3)]);
    const done = app.importer.start();
    await until(() => expect(counts()['cat']).toBeGreaterThan(10));
    app.pictures.removeClass(state().classes[0]!.key);
    await done;
    expect(counts()).toEqual({ dog: 3 });
    await until(() => expect(state().intake).toEqual({}));
    app.pictures.undo();
    expect(counts()['cat']).toBeGreaterThan(10);
    app.pictures.undo();
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
    await expectAgreement();
  });

  it('tells in one message what did not come in', async () => {
    trainers.unreadable.add('3.png');
    // So long that its first bytes do not tell what becomes of the last.
    const long = Buffer.concat([png(''), randomBytes(1e6)]);
    const zip = zipOf('cat.zip', [{ name: '1.png', bytes: png('1') }, { name: '2.png', bytes: long, crc: 7 }, { name: '3.png', bytes: png('3') }]);
    await bring([{ file: zip, folders: [] }]);
    expect(counts()).toEqual({ cat: 1 });
    expect(said()).toEqual([
      '2 of 3 pictures did not come in. “cat/2.png” is damaged: its bytes are not those that were packed. “cat/3.png” is damaged.',
    ]);
  });

  it('of something without pictures says why and asks nothing', async () => {
    await look([{ file: zipOf('evil.zip', [{ name: '../x.png', bytes: 'x' }]), folders: [] }]);
    expect(state().import).toBeNull();
    expect(said()).toEqual(['“evil.zip” has a file in it whose name leads out of it, “../x.png”.']);
    await look([{ file: new File(['{}'], 'labels.json'), folders: [] }, { file: new File([''], 'a.png'), folders: ['b'] }]);
    expect(said()).toEqual(['There is nothing to import. “b/a.png” is empty. “labels.json” is no list of labels.']);
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
    expect(state().undo).toEqual([]);
  });

  it('makes classes of the names of folders without the blanks around them, and none of blanks alone', async () => {
    app.pictures.renameClass(2, 'cow');
    await bring([...found('cat', ['1.png']), ...found('cat ', ['2.png']), ...found(' ', ['3.png'])]);
    expect(counts()).toEqual({ 'Class 1': 0, cow: 1, cat: 2 });
    await expectAgreement();
  });

  it('comes one at a time', async () => {
    await look(some('cat', 2));
    app.pictures.addFound(some('dog', 2));
    expect(said()).toEqual(['Another import is under way: wait for it, or cancel it first.']);
    app.importer.cancel();
    expect(state().import).toBeNull();
    expect(counts()).toEqual({ 'Class 1': 0, 'Class 2': 0 });
  });
});
