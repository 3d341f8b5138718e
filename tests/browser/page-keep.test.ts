import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage, type PickedFile } from './support/app-page.js';
import { violations } from './support/axe.js';
import { foreignRequests } from './support/browser.js';

const keeping = (app: AppPage) => app.page.locator('.keeping');
const dialog = (app: AppPage) => app.page.getByRole('dialog', { name: 'Projects on this device' });

async function openDialog(app: AppPage): Promise<void> {
  await app.page.getByRole('button', { name: 'Projects', exact: true }).click();
  await dialog(app).waitFor();
}

async function rename(app: AppPage, label: string, to: string): Promise<void> {
  await app.page.getByLabel(label, { exact: true }).fill(to);
  await app.page.keyboard.press('Enter');
}

describe('a project', () => {
  let app: AppPage;
  let picture: PickedFile;
  let verdict: string;
  beforeAll(async () => {
    app = await AppPage.open();
    [picture] = (await app.draw('stripes', 1, 900)) as [PickedFile];
  });
  afterAll(() => app?.close());

  it('is there again after a reload: pictures, result and model', async () => {
    await app.fillTwoClasses(6);
    await app.train();
    await app.saved();
    verdict = await app.predict(picture);
    await app.page.reload();
    // All of it at once, before an engine has started.
    await app.card('Class 1').getByText('6 pictures', { exact: true }).waitFor();
    expect(await app.page.getByRole('heading', { name: 'Result' }).isVisible()).toBe(true);
    await expect.poll(() => app.tiles('Class 2').locator('img').count()).toBe(6);
    expect(await app.predict(picture)).toBe(verdict);
    await app.counts('Class 1', 6);
    await expect.poll(() => app.trainButton.isEnabled()).toBe(true);
  });

  it('keeps what was done with it after that', async () => {
    await rename(app, 'Name of class 1', 'rings');
    await rename(app, 'Name of the project', 'Shapes');
    await app.tiles('Class 2').first().click();
    await app.card('Class 2').getByRole('button', { name: 'Delete', exact: true }).click();
    await app.saved();
    await app.page.reload();
    await app.card('rings').getByText('6 pictures', { exact: true }).waitFor();
    await app.counts('rings', 6);
    await app.counts('Class 2', 5);
    expect(await app.page.getByLabel('Name of the project').inputValue()).toBe('Shapes');
    expect(await app.predict(picture)).toBe(verdict);
    // The trainer was told too.
    await app.trainButton.click();
    await expect.poll(() => app.page.locator('#train').innerText()).toContain('Trained on');
    await expect.poll(() => app.page.locator('#train, #try').allInnerTexts()).toContainEqual(expect.stringContaining('rings'));
  });

  it('is one of several', async () => {
    await openDialog(app);
    expect(await violations(app)).toEqual([]);
    await dialog(app).getByRole('button', { name: 'New project' }).click();
    await app.card('Class 1').getByText('0 pictures', { exact: true }).waitFor();
    await app.pick('Class 1', await app.draw('squares', 2));
    await app.saved();
    await openDialog(app);
    expect(await dialog(app).locator('.project-title').allInnerTexts()).toEqual(['My project', 'Shapes']);
    await dialog(app).getByRole('button', { name: 'Duplicate Shapes' }).click();
    await dialog(app).getByRole('button', { name: 'Rename Copy of Shapes' }).click();
    await rename(app, 'New name of Copy of Shapes', 'Second');
    await dialog(app).getByRole('button', { name: 'Delete Shapes' }).press('Enter');
    // The keyboard goes on where the project is now.
    const focused = () => app.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    await expect.poll(focused).toBe('Bring back Shapes');
    await app.page.keyboard.press('Enter');
    await expect.poll(focused).toBe('Open Shapes');
    await dialog(app).getByRole('button', { name: 'Open Second' }).click();
    await app.card('rings').waitFor();
    await app.counts('rings', 6);
    expect(await app.page.getByLabel('Name of the project').inputValue()).toBe('Second');
    expect(await app.predict(picture)).toMatch(/Class 2/);
  });

  it('is in one tab at a time, and elsewhere as a copy', async () => {
    const second = await app.context.newPage();
    await second.goto(app.page.url());
    await second.getByText('This project is open in another tab').waitFor();
    await second.getByRole('button', { name: 'Go on with a copy' }).click();
    await second.locator('.keeping', { hasText: 'Saved on this device' }).waitFor();
    await second.reload();
    await second.getByRole('listitem', { name: 'rings', exact: true }).getByText('6 pictures', { exact: true }).waitFor();
    expect(await second.getByLabel('Name of the project').inputValue()).toBe('Copy of Second');
    await expect.poll(() => second.getByRole('listitem', { name: 'rings', exact: true }).getByRole('option').locator('img').count()).toBe(6);
    expect(await second.getByText('open in another tab').count()).toBe(0);
    await second.close();
  });

  it('goes with all the others where everything is to be forgotten', async () => {
    await openDialog(app);
    await dialog(app).getByRole('button', { name: /^Forget everything on/ }).click();
    const loaded = app.page.waitForEvent('load');
    await dialog(app).getByRole('button', { name: 'Forget everything', exact: true }).click();
    await loaded;
    await app.card('Class 1').getByText('0 pictures', { exact: true }).waitFor();
    await openDialog(app);
    await dialog(app).getByText('There is none yet').waitFor();
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
    expect(app.record.errors).toEqual([]);
  });
});

/** Runs beside the page: makes of the database what the first version of the page would have left. */
async function asFirstVersion(): Promise<void> {
  const answer = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('it failed'));
    });
  const database = await answer(indexedDB.open('headstart'));
  const all = async (name: string) => answer(database.transaction(name).objectStore(name).getAll());
  const [projects, pages, lists, trainers, pictures] = [await all('projects'), await all('pages'), await all('lists'), await all('trainers'), await all('pictures')];
  database.close();
  await answer(indexedDB.deleteDatabase('headstart'));
  const opening = indexedDB.open('headstart', 1);
  opening.onupgradeneeded = () => {
    for (const name of ['projects', 'pages', 'trainers']) opening.result.createObjectStore(name, { keyPath: 'id' });
    opening.result.createObjectStore('pictures', { keyPath: ['project', 'key'] });
  };
  const first = await answer(opening);
  const transaction = first.transaction(['projects', 'pages', 'trainers', 'pictures'], 'readwrite');
  const put = (name: string, values: readonly unknown[]): void => {
    for (const value of values) transaction.objectStore(name).put(value);
  };
  put('projects', projects);
  put('trainers', trainers);
  // Its files were blobs, however small.
  const asBlob = (file: Blob | { bytes: Uint8Array<ArrayBuffer>; type: string } | null) => (file === null || file instanceof Blob ? file : new Blob([file.bytes], { type: file.type }));
  put('pictures', pictures.map((picture) => ({ ...picture, blob: asBlob(picture.blob), thumbnail: asBlob(picture.thumbnail) })));
  const listOf = (project: string, key: number) => lists.filter((each) => each.project === project && each.class === key).flatMap((each) => each.pictures);
  put('pages', pages.map((page) => ({ ...page, version: 1, classes: page.classes.map((each: { key: number }) => ({ ...each, pictures: listOf(page.id, each.key) })) })));
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  first.close();
}

/** Runs beside the page: gives reports the names that they had until version 3 of what stands in the tables, and tells those of the page's. */
async function withUnderscores(): Promise<string[]> {
  const answer = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('it failed'));
    });
  const underscored = (report: object) => Object.fromEntries(Object.entries(report).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
  const database = await answer(indexedDB.open('headstart'));
  const transaction = database.transaction(['pages', 'trainers'], 'readwrite');
  const [pages, trainers] = [transaction.objectStore('pages'), transaction.objectStore('trainers')];
  const names: string[] = [];
  for (const page of await answer(pages.getAll())) {
    const report = underscored(page.run.report);
    names.push(...Object.keys(report));
    pages.put({ ...page, version: 3, run: { ...page.run, report } });
  }
  for (const trainer of await answer(trainers.getAll())) {
    const project = { ...JSON.parse(trainer.project), headstart_project: 3 };
    project.model.report = underscored(project.model.report);
    project.runs = project.runs.map(underscored);
    trainers.put({ ...trainer, project: JSON.stringify(project) });
  }
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  database.close();
  return names;
}

/** Runs in the page, before anything of it: counts the pictures that are sent with what was computed of them, and those without. */
function countSent(): void {
  globalThis.sent = { withFeatures: 0, without: 0 };
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, message: { call?: string; args?: unknown[] }, ...rest: [never]) {
    if (message.call === 'addImage') sent[(message.args?.[3] as { features?: Uint8Array })?.features ? 'withFeatures' : 'without'] += 1;
    return post.call(this, message, ...rest);
  };
}

declare global {
  var sent: { withFeatures: number; without: number };
}

it('keeps what was computed of pictures, so that the next visit need not compute it again', async () => {
  const app = await AppPage.open();
  await app.page.addInitScript(countSent);
  await app.fillTwoClasses(6);
  await app.saved();
  const kept = () =>
    app.page.evaluate(async () => {
      const answer = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const database = await answer(indexedDB.open('headstart'));
      const records = await answer(database.transaction('features').objectStore('features').getAll());
      database.close();
      return records.map(({ key, bytes }: { key: number; bytes: Uint8Array }) => `${key} ${bytes.join()}`);
    });
  await expect.poll(async () => (await kept()).length).toBe(12);
  const before = await kept();
  await app.train();
  await app.saved();
  await app.page.reload();
  await app.counts('Class 1', 6);
  await app.counts('Class 2', 6);
  await expect.poll(() => app.page.evaluate(() => sent)).toEqual({ withFeatures: 12, without: 0 });
  await app.pick('Class 1', await app.draw('circles', 1, 70), 7);
  expect(await app.page.evaluate(() => sent)).toEqual({ withFeatures: 12, without: 1 });
  // The one that is new is added to them, and the others are what they were.
  await expect.poll(async () => (await kept()).length).toBe(13);
  expect(await kept()).toEqual(expect.arrayContaining(before));
  await app.train();
  expect(app.record.errors).toEqual([]);
  await app.close();
});

it('brings along what an earlier version of the page has kept', async () => {
  const app = await AppPage.open();
  // More than one piece of a list has room for.
  await app.pick('Class 1', await app.draw('circles', 110));
  await app.pick('Class 2', await app.draw('stripes', 5));
  await app.train();
  const picture = (await app.draw('stripes', 1, 900))[0]!;
  const verdict = await app.predict(picture);
  await app.saved();
  const result = await app.page.locator('.result-place').innerText();
  const names = await app.tiles('Class 2').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('aria-label')));
  await app.page.goto(`${app.site.url}blank.html`);
  await app.page.evaluate(withUnderscores);
  await app.page.evaluate(asFirstVersion);
  await app.page.goto(app.site.url);
  await app.card('Class 1').getByText('110 pictures', { exact: true }).waitFor();
  expect(await app.page.locator('.result-place').innerText()).toBe(result);
  expect(await app.predict(picture)).toBe(verdict);
  await app.counts('Class 1', 110);
  expect(await app.tiles('Class 2').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('aria-label')))).toEqual(names);
  // And what is done from here on is kept as ever.
  await app.pick('Class 2', await app.draw('stripes', 1, 50), 6);
  await app.saved();
  await app.page.reload();
  await app.card('Class 2').getByText('6 pictures', { exact: true }).waitFor();
  await app.card('Class 1').getByText('110 pictures', { exact: true }).waitFor();
  expect(app.record.errors).toEqual([]);
  await app.close();
});

it('shows a result that was kept while the names in reports had underscores, and goes on from it', async () => {
  const app = await AppPage.open();
  await app.fillTwoClasses(6);
  await app.train();
  await app.saved();
  const shown = app.page.locator('.result-place');
  const result = await shown.innerText();
  await app.page.goto(`${app.site.url}blank.html`);
  expect(await app.page.evaluate(withUnderscores)).toEqual(expect.arrayContaining(['class_ids', 'trainable_parameters', 'per_class']));
  await app.page.goto(app.site.url);
  await app.card('Class 1').getByText('6 pictures', { exact: true }).waitFor();
  expect(await shown.innerText()).toBe(result);
  // The result follows a new name, which it finds by the class's number.
  await rename(app, 'Name of class 1', 'rings');
  await expect.poll(() => shown.innerText()).toContain('rings');
  await app.counts('rings', 6);
  await app.train();
  await app.saved();
  await app.page.reload();
  await app.card('rings').getByText('6 pictures', { exact: true }).waitFor();
  expect(await shown.innerText()).toContain('rings');
  expect(app.record.errors).toEqual([]);
  await app.close();
});

it('says so where the browser stores nothing, and works all the same', async () => {
  const app = await AppPage.open();
  await app.context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('not here', 'SecurityError');
    };
  });
  await app.page.reload();
  await app.page.getByText('This browser does not let the page store anything').waitFor();
  await app.pick('Class 1', await app.draw('circles', 2));
  expect(await keeping(app).innerText()).toBe('Not saved');
  await app.close();
});

it('says so where there is no room left, loses nothing, and saves once there is room', async () => {
  const app = await AppPage.open();
  const devtools = await app.context.newCDPSession(app.page);
  const origin = new URL(app.site.url).origin;
  // The browser remembers for a while how much room there was when it last looked.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
  await app.pick('Class 1', await app.draw('circles', 2));
  await app.page.getByText('There is no room left on this device').waitFor();
  expect(await keeping(app).innerText()).toBe('Not saved: no room left');
  await app.counts('Class 1', 2);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  await app.saved();
  await app.page.reload();
  await app.card('Class 1').getByText('2 pictures', { exact: true }).waitFor();
  await app.close();
});
