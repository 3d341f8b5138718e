/**
 * Thousands of pictures on the page: a zip of drawn ones is imported, trained on, and there again after a reload, which predicts before
 * they are read again. How long each takes, and the most that the tab has had of the machine's memory by then.
 *
 *     HEADSTART_PICTURES=1000,10000 ./build.sh bench many
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { AppPage, type PickedFile } from '../browser/support/app-page.js';
import { MemoryWatch } from '../browser/support/memory.js';
import { zipOf, type Written } from '../www/support/zip.js';

const COUNTS = (process.env['HEADSTART_PICTURES'] ?? '1000').split(',').map(Number);
const KINDS = ['circles', 'squares', 'stripes'] as const;
/** So many are drawn at a time. */
const PART = 200;
/** What a tab may take at most, in MiB: 1.5 GB. */
const BOUND = 1.5e9 / 2 ** 20;
/** Nobody knows how long it takes here. */
const LONG = { timeout: 7_200_000 };

/** A zip with a folder of each kind, drawn by a browser that is not watched, and a picture that is not in it. */
async function drawZip(total: number): Promise<{ zip: Buffer; other: PickedFile }> {
  const app = await AppPage.open();
  const entries: Written[] = [];
  for (const [index, kind] of KINDS.entries()) {
    const count = Math.floor((total + KINDS.length - 1 - index) / KINDS.length);
    for (let from = 0; from < count; from += PART) {
      for (const { name, buffer } of await app.draw(kind, Math.min(PART, count - from), from)) entries.push({ name: `${kind}/${name}`, bytes: Uint8Array.from(buffer) });
    }
  }
  const [other] = await app.draw('stripes', 1, 1_000_000);
  await app.close();
  return { zip: Buffer.from(await zipOf('many.zip', entries).arrayBuffer()), other: other! };
}

/** Pictures of which the device has what the backbone made of them. */
function countFeatures(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await answer(indexedDB.open('headstart'));
    const count = await answer(database.transaction('features').objectStore('features').count());
    database.close();
    return count;
  });
}

it.each(COUNTS)('%i pictures', async (total) => {
  const { zip, other } = await drawZip(total);
  const app = await AppPage.open();
  const { page } = app;
  page.setDefaultTimeout(LONG.timeout);
  await page.getByText(/Computes on/).waitFor();
  const watch = await MemoryWatch.of(app.browser);
  const rows: { [what: string]: { seconds: number; 'tab, MiB': number; 'browser, MiB': number } } = {};
  let began = Date.now();
  const note = (what: string): void => {
    const { renderer, browser } = watch.peaks();
    rows[what] = { seconds: (Date.now() - began) / 1000, 'tab, MiB': Math.round(renderer), 'browser, MiB': Math.round(browser) };
    console.info(`${total} pictures, ${what}: ${JSON.stringify(rows[what])}`);
    began = Date.now();
  };
  const path = join(app.folder, 'many.zip');
  writeFileSync(path, zip);
  await page.locator('input[type=file][accept^=".zip,.tm"]').setInputFiles(path);
  const yes = app.importDialog.getByRole('button', { name: /^Import [\d,]+/ });
  await yes.waitFor();
  note(`a zip of ${Math.round(zip.length / 1e6)} MB looked through`);
  await yes.click();
  const bar = page.getByRole('progressbar', { name: /^Importing/ });
  await bar.waitFor();
  await bar.waitFor({ state: 'detached' });
  note('imported');
  const saved = (): Promise<void> => page.locator('.keeping', { hasText: 'Saved on this device' }).waitFor();
  await saved();
  note('and saved');
  await expect.poll(() => app.trainButton.isEnabled(), LONG).toBe(true);
  began = Date.now();
  await app.train();
  note('trained');
  await saved();
  note('model saved');
  // While there is nothing else to do: until then the next visit computes them again.
  await expect.poll(() => countFeatures(page), { ...LONG, interval: 200 }).toBe(total);
  note('features kept');

  await page.reload();
  await page.locator('.class-count').first().waitFor();
  await watch.renew(app.browser);
  rows['reload: shown'] = { ...rows['features kept']!, seconds: (Date.now() - began) / 1000 };
  const verdict = await app.predict(other);
  note('reload: first prediction');
  await page.locator('.class-card').getByRole('progressbar').first().waitFor({ state: 'detached' });
  await expect.poll(() => app.trainButton.isEnabled(), LONG).toBe(true);
  note('reload: all read again');
  const { renderer } = watch.peaks();
  watch.stop();
  const counted = (await page.locator('.class-card .class-count').allInnerTexts()).map((text) => Number(text.replace(/\D/g, '')));
  const errors = app.record.errors;
  await app.close();
  console.table(rows);
  expect(counted.reduce((sum, each) => sum + each, 0)).toBe(total);
  expect(verdict).toMatch(/^stripes/);
  expect(renderer).toBeLessThan(BOUND);
  expect(errors).toEqual([]);
}, LONG.timeout);
