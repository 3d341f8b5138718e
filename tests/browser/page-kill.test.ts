/** Nothing that the page has shown as saved is ever missing, whatever breaks and whenever. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seeded } from '../../www/samples/random.js';
import { AppPage, type PickedFile } from './support/app-page.js';
import { writeClip } from './support/clip.js';
import { crashWorker } from './support/crash.js';
import { act, look, Watch, type Shown } from './support/deeds.js';
import { KillableBrowser } from './support/killable.js';
import { serveSite } from './support/server.js';

/** How often the browser is killed, and the worker; `KILLS=20 SEED=…` for more, or for the same again. */
const KILLS = Number(process.env['KILLS'] ?? 6);
const SEED = Number(process.env['SEED'] ?? randomInt(1e6));

let folder: string;
let clip: string;
let files: PickedFile[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headstart-kill-'));
  clip = join(folder, 'clip.y4m');
  writeClip(clip, [{ color: [200, 40, 30], frames: 30 }]);
  const drawing = await AppPage.open();
  files = await drawing.draw('circles', 6);
  await drawing.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What has gone wrong, and when. */
function nothingMissing(saved: Shown, found: Shown, when: string): void {
  for (const [name, count] of Object.entries(saved.pictures)) expect(found.pictures[name], `${when}: pictures of ${name}`).toBeGreaterThanOrEqual(count);
  if (saved.hasResult) expect(found.hasResult, `${when}: the result`).toBe(true);
  if (saved.hasModel) expect(found.hasModel, `${when}: the model`).toBe(true);
}

it(`opens again with all that was saved, however the browser is killed (seed ${SEED}, ${KILLS} times)`, async () => {
  console.log(`SEED=${SEED} KILLS=${KILLS}`);
  const site = await serveSite();
  const browser = new KillableBrowser(clip);
  const next = seeded(SEED);
  const deeds: string[] = [];
  let saved: Shown | null = null;
  let checked = 0;
  try {
    for (let round = 0; round <= KILLS; round += 1) {
      const page = await browser.start();
      await page.goto(site.url);
      await page.locator('.class-count').first().waitFor();
      const watch = new Watch(page);
      // What it says instead is what one wants to know.
      const said = async (): Promise<string> => (watch.last !== null || saved === null ? 'saved' : (await page.locator('header, .notices').allInnerTexts()).join(' '));
      await expect.poll(said, { message: `round ${round}, seed ${SEED}, after ${deeds.join(', ')}` }).toBe('saved');
      if (saved !== null && watch.last !== null) {
        nothingMissing(saved, watch.last, `round ${round}, seed ${SEED}, after ${deeds.join(', ')}`);
        checked += Object.keys(saved.pictures).length;
      }
      if (round === KILLS) break;
      deeds.push(await act(page, files, next()));
      await page.waitForTimeout(next() * 4000);
      if (next() < 0.5) deeds.push(await act(page, files, next()));
      await page.waitForTimeout(next() * 1500);
      await browser.kill();
      saved = watch.last ?? saved;
    }
    console.log(deeds.join(', '));
    // Not all rounds were over before anything was saved.
    expect(checked).toBeGreaterThan(0);
  } finally {
    await browser.close();
    await site.close();
  }
}, 900_000);

it(`goes on with all that was there, however its worker crashes (seed ${SEED}, ${KILLS} times)`, async () => {
  console.log(`SEED=${SEED} KILLS=${KILLS}`);
  const app = await AppPage.open({ clip });
  const { page } = app;
  const next = seeded(SEED + 1);
  const deeds: string[] = [];
  let checked = 0;
  try {
    for (let round = 0; round < KILLS; round += 1) {
      await page.getByText(/Computes on/).waitFor();
      const watch = new Watch(page);
      deeds.push(await act(page, files, next()));
      await page.waitForTimeout(next() * 3000);
      if (next() < 0.5) deeds.push(await act(page, files, next()));
      await page.waitForTimeout(next() * 1500);
      await crashWorker(page);
      const saved = watch.last;
      await startAgain(page);
      if (saved === null) continue;
      nothingMissing(saved, await look(page), `round ${round}, seed ${SEED}, after ${deeds.join(', ')}`);
      checked += Object.keys(saved.pictures).length;
    }
    console.log(deeds.join(', '));
    expect(checked).toBeGreaterThan(0);
    // What is there is on the device too, and the worker has it.
    await page.locator('.intake, .card').getByRole('progressbar', { name: 'Reading pictures' }).first().waitFor({ state: 'detached' });
    await app.pick('Class 2', files, (await look(page)).pictures['Class 2']! + files.length);
    await app.saved();
    const before = await look(page);
    await page.reload();
    await app.saved();
    nothingMissing(before, await look(page), `at the end, seed ${SEED}, after ${deeds.join(', ')}`);
    expect(await page.locator('#train .notice.error').count()).toBe(0);
  } finally {
    await app.close();
  }
}, 900_000);

/** Starts the engine again; that it has gone shows when it is asked for something. */
async function startAgain(page: AppPage['page']): Promise<void> {
  const button = page.getByRole('button', { name: 'Start again' });
  const input = page.getByRole('listitem', { name: 'Class 1', exact: true }).locator('input[type=file]');
  await expect.poll(async () => {
    if (await button.isVisible()) return true;
    await input.setInputFiles(files.slice(0, 1));
    await page.waitForTimeout(500);
    return button.isVisible();
  }).toBe(true);
  // Not with the mouse, which may be held down to record.
  await button.press('Enter');
  // What it says instead is what one wants to know.
  await expect.poll(async () => (await page.locator('#train').innerText()).slice(0, 500), { timeout: 60_000 }).toMatch(/Computes on/);
}
