import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';

/** Real photographs, where a developer has them; they are no part of the project. */
const REFERENCES = process.env['HEADSTART_REFERENCES'] ?? join(import.meta.dirname, '../../../shared');
const PHOTOGRAPHS = join(REFERENCES, 'tasks/clothing10');
const CLASSES = ['hat', 'pants', 'shoes'];

const folderOf = (part: 'train' | 'test', name: string): string => join(PHOTOGRAPHS, part, name);
const photographs = (part: 'train' | 'test', name: string): string[] =>
  readdirSync(folderOf(part, name))
    .filter((file) => file.endsWith('.jpg'))
    .sort()
    .map((file) => join(folderOf(part, name), file));

it('a whole session on the CPU: three folders dropped in, trained, and new photographs recognised', async (test) => {
  test.skip(!existsSync(PHOTOGRAPHS), `there are no photographs at ${PHOTOGRAPHS}: set HEADSTART_REFERENCES to a folder with tasks/clothing10`);
  const app = await AppPage.open();
  await app.drop(app.page.getByRole('heading', { level: 1 }), CLASSES.map((name) => folderOf('train', name)));
  await app.confirmImport();
  for (const name of CLASSES) await app.counts(name, photographs('train', name).length);
  await app.train();
  const held = Number.parseInt(await app.page.locator('.result .figure').innerText(), 10);
  expect(held).toBeGreaterThan(60);

  let right = 0;
  let asked = 0;
  for (const name of CLASSES) {
    for (const path of photographs('test', name).slice(0, 12)) {
      asked += 1;
      if ((await app.predict(path)).startsWith(`${name},`)) right += 1;
    }
  }
  console.info(`Photographs: ${held}% of those held back, ${right} of ${asked} new ones recognised`);
  // Chance is a third.
  expect(right / asked).toBeGreaterThan(0.65);
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
  await app.close();
});
