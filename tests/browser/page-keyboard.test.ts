import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
});
afterAll(() => app?.close());

/** Tabs on until an element of this name has the focus, as a person without a mouse would. */
async function tabTo(name: string | RegExp): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await app.page.keyboard.press('Tab');
    const focused = await app.page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      return element?.getAttribute('aria-label') ?? element?.innerText ?? '';
    });
    if (typeof name === 'string' ? focused.trim() === name : name.test(focused)) return;
  }
  throw new Error(`${String(name)} cannot be reached with Tab`);
}

it('leads from nothing to a trained model without a mouse', async () => {
  const { page } = app;
  const chooser = page.waitForEvent('filechooser');
  await tabTo('Choose files for Class 1');
  await page.keyboard.press('Enter');
  await (await chooser).setFiles(await app.draw('circles', 8));
  await app.counts('Class 1', 8);
  const second = page.waitForEvent('filechooser');
  await tabTo('Choose files for Class 2');
  await page.keyboard.press(' ');
  // Two that belong to the other class.
  await (await second).setFiles([...(await app.draw('stripes', 8)), ...(await app.draw('circles', 2, 50))]);
  await app.counts('Class 2', 10);

  await page.locator('body').evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo('Pictures of Class 2');
  await page.keyboard.press(' ');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(' ');
  await tabTo('Move to…');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Class 1');
  await page.keyboard.press('Enter');
  await app.counts('Class 1', 10);
  await app.counts('Class 2', 8);

  await page.locator('body').evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo('Pictures of Class 1');
  await page.keyboard.press('Delete');
  await app.counts('Class 1', 9);
  await page.keyboard.press('Control+z');
  await app.counts('Class 1', 10);

  await tabTo('Train');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Result' }).waitFor();
  const picture = page.waitForEvent('filechooser');
  await tabTo('Choose file to try');
  await page.keyboard.press('Enter');
  await (await picture).setFiles(await app.draw('stripes', 1, 70));
  await page.getByText(/^Class 2, \d+%/).waitFor();
});

it('undoes from wherever the focus is, except where somebody types', async () => {
  const { page } = app;
  const list = app.card('Class 1').getByRole('listbox');
  const fromRadio = page.getByRole('radio', { name: 'Head only (fast)' });
  await app.set({});
  for (const place of [fromRadio, page.getByRole('checkbox').first()]) {
    await list.focus();
    await page.keyboard.press('Delete');
    await app.counts('Class 1', 9);
    await place.focus();
    await page.keyboard.press('Control+z');
    await app.counts('Class 1', 10);
  }
  await list.focus();
  await page.keyboard.press('Delete');
  await app.counts('Class 1', 9);
  const field = page.getByRole('textbox', { name: 'Name of class 2' });
  await field.focus();
  await page.keyboard.press('End');
  await page.keyboard.type('!');
  await page.keyboard.press('Control+z');
  expect(await field.inputValue()).toBe('Class 2');
  await app.counts('Class 1', 9);
});

it('shows where the focus is', async () => {
  await tabTo('Save model');
  const outline = await app.page.evaluate(() => getComputedStyle(document.activeElement!).outlineWidth);
  expect(Number.parseFloat(outline)).toBeGreaterThanOrEqual(2);
});

it('keeps the focus where a run was steered, also when the first one is stopped before it learned anything', async () => {
  const fresh = await AppPage.open();
  const { page } = fresh;
  const focused = () => page.evaluate(() => (document.activeElement as HTMLElement).innerText.trim());
  // A page that was just opened is read from its top.
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
  await fresh.fillTwoClasses();
  // Preparing the pictures takes long enough to be stopped.
  await fresh.set({ ...LONG_RUN, rotation: '10', variants: '64' });
  await fresh.trainButton.focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused, { timeout: 10_000 }).toBe('Pause');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Stop');
  await page.keyboard.press('Enter');
  await expect.poll(focused, { timeout: 10_000 }).toBe('Train');
  await fresh.close();
});

it('keeps the focus at a class whose last pictures go, and where something comes back', async () => {
  const fresh = await AppPage.open();
  const { page } = fresh;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName);
  await fresh.pick('Class 1', await fresh.draw('circles', 2));
  const card = fresh.card('Class 1');
  const all = card.getByRole('button', { name: 'Select all' });
  await card.getByRole('listbox').focus();
  await page.keyboard.press('Delete');
  await fresh.counts('Class 1', 1);
  expect(await focused()).toBe('Pictures of Class 1');
  await page.keyboard.press('Delete');
  await fresh.counts('Class 1', 0);
  await expect.poll(focused).toBe('Class 1');

  await fresh.undoButton.focus();
  await page.keyboard.press('Enter');
  await fresh.counts('Class 1', 1);
  await expect.poll(focused).toBe('Class 1');
  await page.keyboard.press('Control+z');
  await fresh.counts('Class 1', 2);
  await all.focus();
  await page.keyboard.press('Enter');
  await card.getByRole('button', { name: 'Delete', exact: true }).focus();
  await page.keyboard.press('Enter');
  await fresh.counts('Class 1', 0);
  await expect.poll(focused).toBe('Class 1');
  await page.getByRole('button', { name: 'Close' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('MAIN');

  await page.getByRole('button', { name: 'Delete class Class 2' }).focus();
  await page.keyboard.press('Enter');
  await fresh.undoButton.focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Class 2');
  await fresh.close();
});
