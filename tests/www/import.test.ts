import { describe, expect, it } from 'vitest';
import { choose } from '../../www/import/choose.js';
import { packPictures } from '../../www/import/pack.js';
import { planImport, type PlanTools } from '../../www/import/plan.js';
import type { ImportPlan, PlannedClass } from '../../www/import/types.js';
import { openZip } from '../../www/import/zip.js';
import type { FoundFile } from '../../www/media/index.js';
import { png, zipOf } from './support/zip.js';

const ftyp = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1${brand}`, 'latin1');

/** A file at a path, as a dropped folder gives it; a PNG of its own unless told otherwise. */
function at(path: string, bytes: Uint8Array | string = png(path)): FoundFile {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return { file: new File([Buffer.from(bytes as string)], name), folders };
}

const loose = (file: File): FoundFile => ({ file, folders: [] });

function plan(found: readonly FoundFile[], tools: Partial<PlanTools> = {}): Promise<ImportPlan> {
  return planImport(found, {
    decodes: () => Promise.resolve(false),
    looseClass: 'Class 1',
    present: [],
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...tools,
  });
}

const names = (classes: readonly PlannedClass[]) => Object.fromEntries(classes.map(({ name, items }) => [name, items.map((item) => item.name)]));
const reasons = ({ leftOut }: ImportPlan) => Object.fromEntries(leftOut.map(({ name, reason }) => [name, reason]));

describe('planImport', () => {
  it('takes folders as deep as they come, and tells test sets apart', async () => {
    const made = await plan(['all/train/birds/owl/1.png', 'all/train/cats/2.png', 'all/test/cats/3.png', '4.png'].map((path) => at(path)));
    expect(names(made.classes)).toEqual({ owl: ['1.png'], cats: ['2.png'], 'Class 1': ['4.png'] });
    expect(made.tests.map(({ folder, classes }) => [folder, names(classes)])).toEqual([['test', { cats: ['3.png'] }]]);
    expect(made.leftOut).toEqual([]);
  });

  it('goes by what is in a file, not by its name', async () => {
    const files = [at('a/1.jpg'), at('a/2.jpg', 'Dear reader'), at('a/3.png', ''), at('a/notes.txt', 'of mine'), at('a/extensionless')];
    const made = await plan(files);
    expect(names(made.classes)).toEqual({ a: ['1.jpg', 'extensionless'] });
    expect(reasons(made)).toEqual({
      'a/2.jpg': 'is damaged, or no picture for all its name',
      'a/3.png': 'is empty',
      'a/notes.txt': 'is no picture',
    });
  });

  it('names kinds that this browser cannot decode, and asks it about each of them', async () => {
    const files = [at('a/1.heic', ftyp('heic')), at('a/2.heic', ftyp('heic')), at('a/3.avif', ftyp('avif')), at('a/4.tif', 'II*\0'), at('a/5.png')];
    const made = await plan(files, { decodes: async (blob) => (await blob.text()).includes('avif') });
    expect(names(made.classes)).toEqual({ a: ['3.avif', '5.png'] });
    const heic = 'is HEIC, and HEIC pictures cannot be read by this browser: export them as JPEG';
    expect(reasons(made)).toEqual({ 'a/1.heic': heic, 'a/2.heic': heic, 'a/4.tif': heic.replaceAll('HEIC', 'TIFF') });
  });

  it('finds equal pictures among all and in the project, reading only those of one length', async () => {
    const read: string[] = [];
    const spied = (found: FoundFile): FoundFile => {
      const { file } = found;
      return { ...found, file: Object.assign(file, { arrayBuffer: () => (read.push(file.name), File.prototype.arrayBuffer.call(file)) }) };
    };
    const files = [at('a/1.png', png('one')), at('b/2.png', png('one')), at('b/3.png', png('two')), at('b/4.png', png('longer')), at('c/5.png', png('there'))];
    const there = new Blob([Buffer.from(png('there'))]);
    const made = await plan(files.map(spied), { present: [{ size: there.size, read: async () => there }] });
    expect(read.sort()).toEqual(['1.png', '2.png', '3.png', '5.png']);
    const chosen = (without: string[], withEquals = false) => choose(made, { without: new Set(without), withEquals });
    expect(chosen([])).toMatchObject({ equals: 2, present: 1 });
    expect(names(chosen([]).classes)).toEqual({ a: ['1.png'], b: ['3.png', '4.png'], c: [] });
    expect(names(chosen([], true).classes)).toEqual({ a: ['1.png'], b: ['2.png', '3.png', '4.png'], c: ['5.png'] });
    // Without the class of the first, the second comes in.
    expect(names(chosen(['a']).classes)).toEqual({ a: ['1.png'], b: ['2.png', '3.png', '4.png'], c: [] });
  });

  it('stops where it is cancelled', async () => {
    const stop = new AbortController();
    const files = Array.from({ length: 50 }, (_, index) => at(`a/${index}.png`));
    const onProgress = (done: number) => void (done === 10 && stop.abort());
    await expect(plan(files, { signal: stop.signal, onProgress })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('refuses to make a class of every picture', async () => {
    const rows = Array.from({ length: 1001 }, (_, index) => `${index}.png,label ${index}`);
    const files = [...rows.map((_, index) => at(`${index}.png`)), at('labels.csv', rows.join('\n'))];
    await expect(plan(files)).rejects.toMatchObject({ code: 'too_many_classes', message: 'It would make 1,001 classes, and at most 1,000 are made at once.' });
  });
});

describe('zips', () => {
  const entries = (...paths: string[]) => paths.map((name) => ({ name, bytes: name.endsWith('/') ? '' : png(name) }));

  it.each([
    ['with one common folder', ['animals/', 'animals/cats/1.png', 'animals/cats/2.png', 'animals/dogs/3.png']],
    ['without one', ['cats/1.png', 'cats/2.png', 'dogs/3.png']],
    ['made by an old Windows tool', ['cats\\1.png', 'cats\\2.png', 'dogs\\3.png']],
    ['with what a Mac adds', ['cats/1.png', '__MACOSX/cats/._1.png', 'cats/.DS_Store', 'cats/2.png', 'dogs/3.png']],
  ])('are read %s', async (_, paths) => {
    const made = await plan([loose(zipOf('animals.zip', entries(...paths)))]);
    expect(names(made.classes)).toEqual({ cats: ['1.png', '2.png'], dogs: ['3.png'] });
    expect(made.leftOut).toEqual([]);
    expect(await made.classes[1]?.items[0]?.read().then((file) => file.text())).toBe(Buffer.from(png(paths.at(-1) ?? '')).toString());
  });

  it('without folders are a class of their name, and know train from test', async () => {
    const made = await plan([loose(zipOf('cats.zip', entries('1.png'))), loose(zipOf('all.zip', entries('train/dogs/2.png', 'test/dogs/3.png')))]);
    expect(names(made.classes)).toEqual({ cats: ['1.png'], dogs: ['2.png'] });
    expect(made.tests.map(({ folder }) => folder)).toEqual(['test']);
  });

  it('are compared by their checksums before anything is unpacked', async () => {
    const stored = (name: string, text: string) => ({ name, bytes: png(text), method: 0 });
    const made = await plan([loose(zipOf('a.zip', [stored('a/1.png', 'same'), stored('a/2.png', 'diff'), stored('b/3.png', 'same')]))]);
    expect(made.classes.flatMap(({ items }) => items).map(({ equal }) => equal !== null)).toEqual([true, false, true]);
  });

  it('within zips and saved models are told from zips of pictures', async () => {
    const made = await plan([loose(zipOf('a.zip', entries('a/1.png', 'a/more.zip'))), loose(zipOf('headstart-model.zip', entries('model.safetensors', 'config.json')))]);
    expect(reasons(made)).toEqual({
      'a/a/more.zip': 'is a zip within a zip: unpack it first',
      'headstart-model.zip': 'is a saved model and has no pictures in it: open it with “Open model” in step 3',
    });
  });
});

describe('a zip of all pictures', () => {
  const picture = (name: string, text: string, group?: string, test = false) => ({ name, test, read: async () => ({ blob: new Blob([Buffer.from(png(text))]), group }) });

  it('has a folder a class, names of their own and the bytes that came, and comes in again as it was', async () => {
    const progress: number[] = [];
    const blob = await packPictures(
      [
        { name: 'cats', pictures: [picture('a.png', '1', 'film'), picture('A.png', '2', 'film'), picture('webcam picture 1', '3')] },
        { name: 'CATS', pictures: [picture('../x:y?.png', '4')] },
        { name: 'aux', pictures: [picture('...', '5'), picture('say "hi", you.png', '6')] },
        { name: 'empty', pictures: [] },
      ],
      (done, total) => progress.push(done / total),
    );
    expect(progress.at(-1)).toBe(1);
    const { files } = await openZip(blob, []);
    expect(files.map(({ folders, name }) => [...folders, name].join('/'))).toEqual([
      'cats/a.png',
      'cats/A (2).png',
      'cats/webcam picture 1.png',
      'CATS (2)/__x_y_.png',
      '_aux/_png',
      '_aux/say _hi_, you.png',
      'labels.csv',
    ]);
    expect(await (await files[3]!.read()).text()).toBe(Buffer.from(png('4')).toString());
    const made = await plan([loose(new File([blob], 'headstart-pictures.zip'))]);
    expect(names(made.classes)).toEqual({ cats: ['a.png', 'A (2).png', 'webcam picture 1.png'], CATS: ['__x_y_.png'], aux: ['_png', 'say _hi_, you.png'] });
    expect(made.classes[0]?.items.map(({ group }) => group)).toEqual(['film', 'film', undefined]);
    expect([made.leftOut, made.remarks]).toEqual([[], []]);
  });

  it('keeps what is for testing apart, and so does an import of it', async () => {
    const pictures = [picture('a.png', '1', 'film'), picture('a.png', '2', undefined, true)];
    const blob = await packPictures([{ name: 'cats', pictures }, { name: 'dogs', pictures: [picture('b.png', '3')] }], () => undefined);
    const made = await plan([loose(new File([blob], 'pets.zip'))]);
    expect(names(made.classes)).toEqual({ cats: ['a.png'], dogs: ['b.png'] });
    expect(made.tests.map(({ folder, classes }) => [folder, names(classes)])).toEqual([['test', { cats: ['a (2).png'] }]]);
    expect(made.leftOut).toEqual([]);
  });

  it('has no list where nothing belongs together', async () => {
    const { files } = await openZip(await packPictures([{ name: 'cats', pictures: [picture('a.png', '1')] }], () => undefined), []);
    expect(files.map(({ name }) => name)).toEqual(['a.png']);
  });
});

describe('lists of labels', () => {
  it('put pictures into classes and groups, and tell what is missing', async () => {
    const made = await plan([at('set/images/1.png'), at('set/images/2.png'), at('set/images/3.png'), at('set/labels.csv', 'image_id;class;patient\n1;cat;p1\n2;dog;p1\n9;dog;p2')]);
    expect(names(made.classes)).toEqual({ cat: ['1.png'], dog: ['2.png'] });
    expect(made.classes[0]?.items[0]?.group).toBe('p1');
    expect(reasons(made)).toEqual({ 'set/images/3.png': 'has no label in “labels.csv”' });
    expect(made.remarks).toEqual(['“9” stands in “labels.csv”, but not among the pictures.']);
  });

  it('within a zip count for what is in it, and a folder for testing stays one', async () => {
    const list = JSON.stringify([{ file: 'train/1.png', label: 'cat' }, { file: 'test/1.png', label: 'dog' }]);
    const zip = zipOf('all.zip', [...['train/1.png', 'test/1.png'].map((name) => ({ name, bytes: png(name) })), { name: 'labels.json', bytes: list }]);
    const made = await plan([loose(zip), at('other/2.png')]);
    expect(names(made.classes)).toEqual({ cat: ['1.png'], other: ['2.png'] });
    expect(made.tests.map(({ classes }) => names(classes))).toEqual([{ dog: ['1.png'] }]);
    expect(made.remarks).toEqual([]);
  });

  it('that belong to something else are left out', async () => {
    const made = await plan([at('a/1.png'), at('a/scores.csv', 'round,points\n1,2'), at('a/package.json', '{"name":"x","files":[]}'), at('a/readme.json', 'no')]);
    expect(names(made.classes)).toEqual({ a: ['1.png'] });
    expect(reasons(made)).toEqual({
      'a/scores.csv': 'names none of the pictures that came with it',
      'a/package.json': 'names none of the pictures that came with it',
      'a/readme.json': 'is no list of labels',
    });
  });
});

describe('Teachable Machine projects', () => {
  const project = (type: string, ...files: string[]) =>
    loose(zipOf('project.tm', [...files.map((name) => ({ name, bytes: png(name), method: 0 })), { name: 'manifest.json', bytes: JSON.stringify({ type, version: '2.4.4', appdata: {} }) }]));

  it('bring their classes with them', async () => {
    const made = await plan([project('image', 'Class 1-!-0.jpg', 'Class 1-!-1.jpg', 'two -!- words-!-0.jpg', 'in/out-!-0.jpg')]);
    expect(names(made.classes)).toEqual({ 'Class 1': ['0.jpg', '1.jpg'], 'two -!- words': ['0.jpg'], 'in/out': ['0.jpg'] });
    expect(made.leftOut).toEqual([]);
  });

  it('of sounds are refused', async () => {
    expect(reasons(await plan([project('audio', 'Noise-!-0.jpg')]))).toEqual({
      'project.tm': 'is a Teachable Machine project of another kind (“audio”): only those of pictures can be read',
    });
  });
});
