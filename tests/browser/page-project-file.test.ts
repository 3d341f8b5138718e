import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BlobReader, BlobWriter, TextWriter, Uint8ArrayReader, Uint8ArrayWriter, ZipReader, ZipWriter, configure } from '../../www/node_modules/@zip.js/zip.js/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { announcing, zipOf } from '../www/support/zip.js';
import { AppPage, type PickedFile } from './support/app-page.js';

configure({ useWebWorkers: false });

declare global {
  /** What the trainer has made of pictures, to the last digit. */
  var predicted: string[];
}

/** Runs in the page, before anything of it: notes every prediction that comes from a worker. */
function notePredictions(): void {
  globalThis.predicted = [];
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener('message', ({ data }: MessageEvent<{ value?: unknown }>) => {
        const { value } = data;
        if (Array.isArray(value) && typeof value[0]?.probability === 'number') predicted.push(JSON.stringify(value));
      });
    }
  };
}

const dialog = (app: AppPage) => app.page.getByRole('dialog', { name: 'Projects on this device' });
const project = (buffer: Buffer): PickedFile => ({ name: 'Shapes.headstart', mimeType: 'application/zip', buffer });

async function open(app: AppPage, file: PickedFile): Promise<void> {
  if (!(await dialog(app).isVisible())) await app.page.getByRole('button', { name: 'Projects', exact: true }).click();
  await dialog(app).locator('input[type=file]').setInputFiles(file);
}

/** The file with some of its members changed; null leaves one out. */
async function changed(file: Buffer, changes: Readonly<Record<string, (text: string) => string | null>>): Promise<Buffer> {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const entry of await new ZipReader(new BlobReader(new Blob([Uint8Array.from(file)]))).getEntries()) {
    if (entry.directory) continue;
    const change = changes[entry.filename];
    const text = change?.(await entry.getData(new TextWriter()));
    if (text === null) continue;
    const bytes = text === undefined ? new Uint8Array(await (await entry.getData(new BlobWriter())).arrayBuffer()) : new TextEncoder().encode(text);
    await writer.add(entry.filename, new Uint8ArrayReader(bytes));
  }
  return Buffer.from(await writer.close());
}

type Members = Map<string, Uint8Array<ArrayBuffer>>;

async function membersOf(file: Uint8Array): Promise<Members> {
  const members: Members = new Map();
  for (const entry of await new ZipReader(new BlobReader(new Blob([Uint8Array.from(file)]))).getEntries()) {
    if (!entry.directory) members.set(entry.filename, new Uint8Array(await (await entry.getData(new BlobWriter())).arrayBuffer()));
  }
  return members;
}

async function zipped(members: Members): Promise<Buffer> {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const [name, bytes] of members) await writer.add(name, new Uint8ArrayReader(bytes));
  return Buffer.from(await writer.close());
}

/** The file as somebody makes it who knows how: with other members, and a manifest that says just that. */
async function forged(file: Buffer, change: (members: Members) => void | Promise<void>): Promise<Buffer> {
  const members = await membersOf(file);
  await change(members);
  const manifest = JSON.parse(new TextDecoder().decode(members.get('manifest.json'))) as { members: { [path: string]: object } };
  for (const [path, bytes] of members) {
    if (path in manifest.members) manifest.members[path] = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  members.set('manifest.json', bytesOf(JSON.stringify(manifest)));
  return zipped(members);
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

/** Changes text of a member. */
function rewrite(members: Members, path: string, change: (text: string) => string): void {
  members.set(path, bytesOf(change(new TextDecoder().decode(members.get(path)))));
}

/** A saved model with a number in the head, or in the backbone, that is none. */
async function withoutNumber(model: Uint8Array, tensor: RegExp): Promise<Uint8Array<ArrayBuffer>> {
  const members = await membersOf(model);
  const weights = members.get('model.safetensors')!;
  const view = new DataView(weights.buffer, weights.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + length))) as { [name: string]: { dtype: string; data_offsets: [number, number] } };
  const [, { data_offsets: [at] }] = Object.entries(header).find(([name, { dtype }]) => tensor.test(name) && dtype === 'F32')!;
  view.setFloat32(8 + length + at, NaN, true);
  return Uint8Array.from(await zipped(members));
}

describe('a project file', () => {
  let app: AppPage;
  let other: AppPage;
  let file: Buffer;
  let picture: PickedFile;
  let answers: string;
  beforeAll(async () => {
    app = await AppPage.open();
    other = await AppPage.open();
    for (const { page } of [app, other]) {
      await page.addInitScript(notePredictions);
      await page.reload();
    }
  });
  afterAll(async () => {
    await app?.close();
    await other?.close();
  });

  const bars = (each: AppPage): Promise<string> => each.page.locator('.bars').innerText();
  /** What is made of some pictures, to the last digit. */
  const digits = async (each: AppPage): Promise<string[]> => {
    const answers: string[] = [];
    for (const seed of [901, 902, 903]) {
      for (const kind of ['circles', 'stripes', 'squares'] as const) {
        await each.predict((await app.draw(kind, 1, seed))[0]!);
        answers.push(await each.page.evaluate(() => predicted.at(-1) ?? 'nothing'));
      }
    }
    return answers;
  };

  it('holds all of it: on another device it is the same, with the same predictions', async () => {
    await app.page.getByLabel('Name of the project').fill('Shapes');
    await app.fillTwoClasses(5);
    await app.train();
    await app.saved();
    [picture] = (await app.draw('stripes', 1, 901)) as [PickedFile];
    await app.predict(picture);
    answers = await bars(app);
    const result = await app.page.locator('.result-place').innerText();
    await app.page.getByRole('button', { name: 'Projects', exact: true }).click();
    const download = app.page.waitForEvent('download');
    await dialog(app).getByRole('button', { name: 'Save this one as a file' }).click();
    expect((await download).suggestedFilename()).toBe('Shapes.headstart');
    file = readFileSync(await (await download).path());

    await open(other, project(file));
    await other.card('Class 2').getByText('5 pictures', { exact: true }).waitFor();
    await other.predict(picture);
    expect(await bars(other)).toBe(answers);
    expect(await other.page.locator('.result-place').innerText()).toBe(result);
    const [here, there] = [await digits(app), await digits(other)];
    expect(new Set(here).size).toBe(9);
    expect(there).toEqual(here);
    await expect.poll(() => other.tiles('Class 1').locator('img').count()).toBe(5);
    await other.counts('Class 2', 5);
    // And after all of its pictures were read again.
    expect(await digits(other)).toEqual(here);
    await expect.poll(() => other.trainButton.isEnabled()).toBe(true);
  });

  it('that was written while the names in reports had underscores opens with the same result', async () => {
    const underscored = (report: object) => Object.fromEntries(Object.entries(report).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
    const before = await forged(file, (members) => {
      rewrite(members, 'project.json', (text) => {
        const written = JSON.parse(text) as { runs: object[]; model: { report: object } };
        return JSON.stringify({ ...written, headstart_project: 3, runs: written.runs.map(underscored), model: { ...written.model, report: underscored(written.model.report) } });
      });
      rewrite(members, 'manifest.json', (text) => text.replace('"Shapes"', '"Of before"'));
    });
    expect(new TextDecoder().decode((await membersOf(before)).get('project.json'))).toContain('"trainable_parameters"');
    const shown = other.page.locator('.result-place');
    const result = await shown.innerText();
    await open(other, project(before));
    await expect.poll(() => other.page.getByLabel('Name of the project').inputValue()).toBe('Of before');
    expect(await shown.innerText()).toBe(result);
    await other.predict(picture);
    expect(await bars(other)).toBe(answers);
    expect(other.record.errors).toEqual([]);
  });

  it('that is damaged, foreign or of another version is refused with the reason, and the open project stays', async () => {
    const members = (await new ZipReader(new BlobReader(new Blob([Uint8Array.from(file)]))).getEntries()).map(({ filename }) => filename);
    const some = members.find((name) => name.startsWith('pictures/'))!;
    const bad: [file: Buffer, reason: RegExp][] = [
      [Buffer.from('no zip at all'), /is no zip/],
      [file.subarray(0, file.length - 100), /Shapes.headstart” is damaged/],
      [await changed(file, { 'manifest.json': () => null }), /no manifest/],
      [await changed(file, { 'manifest.json': () => '{}' }), /no project file/],
      [await changed(file, { 'manifest.json': (text) => text.replace('"headstart_project_file":1', '"headstart_project_file":99') }), /version 99/],
      [await changed(file, { 'manifest.json': (text) => text.replace('"name":', '"title":') }), /damaged/],
      [await changed(file, { [some]: () => null }), /missing/],
      [await changed(file, { [some]: (text) => `${text}x` }), /not as long/],
      [await changed(file, { 'project.json': (text) => text.replace('Class 1', 'Klass 1') }), /was changed/],
    ];
    for (const [buffer, reason] of bad) {
      await open(app, project(buffer));
      await expect.poll(() => dialog(app).getByRole('alert').allInnerTexts(), { message: String(reason) }).toEqual([expect.stringMatching(reason)]);
    }
    expect(await dialog(app).locator('.project-title').allInnerTexts()).toEqual(['Shapes']);
    await app.page.keyboard.press('Escape');
    await app.predict(picture);
    expect(await bars(app)).toBe(answers);
  });

  it('that was made to do harm is refused with the reason, and leaves nothing behind', async () => {
    const kept = () =>
      app.page.evaluate(async () => {
        const database = await new Promise<IDBDatabase>((resolve) => {
          const request = indexedDB.open('headstart');
          request.onsuccess = () => resolve(request.result);
        });
        const tables = [...database.objectStoreNames];
        const transaction = database.transaction(tables);
        const counts = tables.map((name) => new Promise((resolve) => {
          const request = transaction.objectStore(name).count();
          request.onsuccess = () => resolve([name, request.result]);
        }));
        const all = await Promise.all(counts);
        database.close();
        return all;
      });
    const before = await kept();
    const model = (await membersOf(file)).get('model.zip')!;
    const long = 'x'.repeat(10_000_000);
    const manifest = new TextDecoder().decode((await membersOf(file)).get('manifest.json'));
    const bad: [what: string, file: Buffer, reason: RegExp][] = [
      ['NaN in the head', await forged(file, async (members) => void members.set('model.zip', await withoutNumber(model, /^head/))), /head.*not finite numbers/],
      ['NaN in the backbone', await forged(file, async (members) => void members.set('model.zip', await withoutNumber(model, /^(?!head)/))), /finite|number/],
      ['a project with a name of 10 MB', await forged(file, (members) => rewrite(members, 'manifest.json', (text) => text.replace('"Shapes"', `"${long}"`))), /a name of 10,000,000 letters/],
      ['a class with a name of 10 MB', await forged(file, (members) => rewrite(members, 'project.json', (text) => text.replace('Class 1', long))), /project\.json has a name of 10,000,000 letters/],
      ['a file with a long name', Buffer.from(await zipOf('x', [{ name: 'x'.repeat(60_000), bytes: 'x' }, { name: 'manifest.json', bytes: manifest }]).arrayBuffer()), /name of 60,000 letters/],
      ['ten million files announced', Buffer.from(await announcing(await zipOf('x', [{ name: 'manifest.json', bytes: manifest }]).arrayBuffer(), 10_000_000).arrayBuffer()), /has 10,000,000 files in it/],
      ['a list of ten million pictures', await changed(file, { 'manifest.json': (text) => text.replace('"pictures":[', `"pictures":[${'{"id":1},'.repeat(10_000_000)}`) }), /manifest\.json is larger than 32 MB/],
      ['a file that leads out of it', await forged(file, (members) => void members.set('../../evil.png', new Uint8Array(3))), /whose name leads out of it/],
      ['a picture that leads out of it', await forged(file, (members) => rewrite(members, 'manifest.json', (text) => text.replace(/"file":"pictures[^"]*"/, '"file":"../../evil.png"'))), /evil\.png” is missing/],
      ['a picture of another file', await forged(file, (members) => rewrite(members, 'manifest.json', (text) => text.replace(/"file":"pictures[^"]*"/, '"file":"/etc/passwd"'))), /passwd” is missing/],
    ];
    for (const [what, buffer, reason] of bad) {
      await open(app, project(buffer));
      await expect.poll(() => dialog(app).getByRole('alert').allInnerTexts(), { message: what, timeout: 60_000 }).toEqual([expect.stringMatching(reason)]);
    }
    expect(await dialog(app).locator('.project-title').allInnerTexts()).toEqual(['Shapes']);
    expect(await kept()).toEqual(before);
    await app.page.keyboard.press('Escape');
    await app.predict(picture);
    expect(await bars(app)).toBe(answers);
    await app.counts('Class 1', 5);
  });
});
