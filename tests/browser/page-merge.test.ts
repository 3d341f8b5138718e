/** Merging a class into another on the page: by mouse, keyboard and finger, and back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { violations } from './support/axe.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open({ context: { viewport: { width: 1280, height: 1600 }, hasTouch: true } });
  await app.fillTwoClasses(8);
  await app.page.getByRole('button', { name: 'Add a class' }).click();
  await app.pick('Class 3', await app.draw('squares', 8));
  await app.page.locator('.test-set > summary').click();
  await app.pick('Test pictures of Class 1', await app.draw('circles', 3, 100));
  await app.train();
});
afterAll(() => app?.close());

const mergeButton = (name: string) => app.page.getByRole('button', { name: `Merge class ${name} into…` });
const menu = () => app.page.getByRole('group', { name: /^Put all pictures of “.*” into$/ });
const focused = () => app.page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
const names = () => app.page.getByRole('textbox', { name: /Name of class/ }).evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value));
const tileNames = (name: string) => app.tiles(name).evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));

it('puts all pictures into the other class, by keyboard, and says what the model makes of it', async () => {
  const { page } = app;
  await mergeButton('Class 1').focus();
  await page.keyboard.press('Enter');
  await menu().getByText('The model goes on telling “Class 1” apart until it is trained again.').waitFor();
  expect(await violations(app)).toEqual([]);
  await expect.poll(focused).toBe('Class 2');
  await page.keyboard.press('Escape');
  await menu().waitFor({ state: 'detached' });
  expect(await focused()).toBe('Merge class Class 1 into…');
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Class 2');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await app.counts('Class 3', 16);
  await app.counts('Test pictures of Class 3', 3);
  expect(await names()).toEqual(['Class 2', 'Class 3']);
  await expect.poll(focused).toBe('Class 3');
  await page.getByText('Class “Class 1” merged into “Class 3”. The model goes on').waitFor();
});

it('leaves the model telling the two apart, and the next one not', async () => {
  const { page } = app;
  expect(await app.predict((await app.draw('circles', 1, 900))[0]!)).toMatch(/^Class 1, /);
  await app.trainButton.click();
  await expect.poll(() => page.locator('.class-figures tbody th').allInnerTexts()).toEqual(['Class 2', 'Class 3']);
  expect(await app.predict((await app.draw('circles', 1, 901))[0]!)).toMatch(/^Class 3, /);
});

it('brings the class and the places of its pictures back, those of the test set too, also to the trainer', async () => {
  const { page } = app;
  await page.locator('body').press('Control+z');
  for (const name of ['Class 1', 'Class 2', 'Class 3']) await app.counts(name, 8);
  await app.counts('Test pictures of Class 1', 3);
  await app.counts('Test pictures of Class 3', 0);
  expect(await names()).toEqual(['Class 1', 'Class 2', 'Class 3']);
  // The grid comes after the count, when it knows its width.
  await expect.poll(() => tileNames('Class 1')).toEqual([7, 6, 5, 4, 3, 2, 1, 0].map((seed) => `circles ${seed}.png`));
  await app.trainButton.click();
  await expect.poll(() => page.locator('.class-figures tbody th').allInnerTexts()).toEqual(['Class 1', 'Class 2', 'Class 3']);
  await page.getByText(/^On your test pictures: \d+% of 3 /).waitFor();
});

it('closes its list for good where pictures come in', async () => {
  const { page } = app;
  await mergeButton('Class 1').click();
  await menu().waitFor();
  // Not with the mouse: a press beside the list would close it.
  await page.locator('#class-1 input[type=file]').setInputFiles(await app.draw('circles', 4, 500));
  await menu().waitFor({ state: 'detached' });
  await expect.poll(focused).toBe('Class 1');
  await page.getByRole('textbox', { name: 'Name of class 2' }).focus();
  await app.counts('Class 1', 12);
  await expect.poll(() => mergeButton('Class 1').isEnabled()).toBe(true);
  await page.waitForTimeout(300);
  expect([await menu().count(), await focused()]).toEqual([0, 'Name of class 2']);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
});

it('names the one other class that there is, for a finger, and is not offered where there is none', async () => {
  const { page } = app;
  await page.getByRole('button', { name: 'Delete class Class 3' }).click();
  await mergeButton('Class 2').tap();
  expect(await menu().getByRole('button').allInnerTexts()).toEqual(['Class 1']);
  await menu().getByRole('button', { name: 'Class 1' }).tap();
  await app.counts('Class 1', 20);
  expect(await page.getByRole('button', { name: /^Merge class/ }).count()).toBe(0);
  await app.undoButton.tap();
  await app.counts('Class 2', 8);
  await app.counts('Class 1', 12);
});

it('is the same merge where the page is gone before the trainer’s part is saved', async () => {
  const own = await AppPage.open();
  await own.fillTwoClasses(6);
  await own.page.getByRole('button', { name: 'Add a class' }).click();
  await own.pick('Class 3', await own.draw('squares', 6));
  await own.train();
  await own.saved();
  await own.page.getByRole('button', { name: 'Merge class Class 1 into…' }).click();
  await own.page.getByRole('button', { name: 'Class 3', exact: true }).click();
  // That is written at once, what the trainer knows two seconds later.
  const written = () => own.page.evaluate(async () => {
    const request = indexedDB.open('headstart');
    const database = await new Promise<IDBDatabase>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const pages = database.transaction('pages').objectStore('pages').getAll();
    const [page] = await new Promise<{ classes: unknown[]; merges: unknown[] }[]>((resolve) => (pages.onsuccess = () => resolve(pages.result)));
    database.close();
    return [page?.classes.length, page?.merges];
  });
  await expect.poll(async () => (await written())[0], { interval: 20 }).toBe(2);
  await own.page.reload();
  await own.counts('Class 3', 12);
  const [circle] = await own.draw('circles', 1, 900);
  expect(await own.predict(circle!)).toMatch(/^Class 1, /);
  await own.saved();
  await expect.poll(written).toEqual([2, []]);
  await own.page.reload();
  expect(await own.predict(circle!)).toMatch(/^Class 1, /);
  await own.close();
});
