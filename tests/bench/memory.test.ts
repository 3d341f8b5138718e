/**
 * What stays in memory on the page after 600 pictures were added and removed again, five times over. Each time as many renames follow
 * as undo goes back, so that nobody can want the removed pictures back. Another build than that in `dist` is measured with
 *
 *     HEADSTART_DIST=path/to/dist ./build.sh bench memory
 */
import { execFileSync } from 'node:child_process';
import type { CDPSession } from 'playwright-core';
import { expect, it } from 'vitest';
import { AppPage } from '../browser/support/app-page.js';

const [ROUNDS, PICTURES, BATCH] = [5, 600, 100];
/** More than the page can undo. */
const RENAMES = 55;

interface Memory {
  /** The tab's process: page and worker with the wasm code's memory. */
  tab: number;
  /** The browser's own process, which holds the bytes of files and blobs. */
  browser: number;
  /** What the page's own JavaScript holds; not the worker's. */
  heap: number;
}

/** Resident memory of a process in mebibytes. */
function resident(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

/** Reads memory once everything that can be collected was. */
async function measure(app: AppPage, tab: CDPSession, browser: CDPSession): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    await tab.send('Memory.simulatePressureNotification', { level: 'critical' });
    await tab.send('HeapProfiler.collectGarbage');
    for (const worker of app.page.workers()) await worker.evaluate(() => (globalThis as { gc?: () => void }).gc?.());
    await app.page.waitForTimeout(1000);
  }
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const { metrics } = await tab.send('Performance.getMetrics');
  const largest = (type: string) => Math.max(...processInfo.filter((each) => each.type === type).map(({ id }) => resident(id)));
  return {
    // The browser keeps an empty one in reserve.
    tab: largest('renderer'),
    browser: largest('browser'),
    heap: metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / 2 ** 20,
  };
}

/** Adds and removes all pictures as a person would, and makes removing them final. */
async function round(app: AppPage, paths: string[]): Promise<void> {
  const input = app.card('Class 1').locator('input[type=file]');
  for (let from = 0; from < PICTURES; from += BATCH) {
    await input.setInputFiles(paths.slice(from, from + BATCH));
    await app.counts('Class 1', from + BATCH);
  }
  const list = app.page.getByRole('listbox', { name: 'Pictures of Class 1' });
  // So that thumbnails of all parts of the list were shown.
  for (const key of ['End', 'Home', 'Control+a', 'Delete']) {
    await list.press(key);
    await app.page.waitForTimeout(500);
  }
  await app.tiles('Class 1').first().waitFor({ state: 'detached' });
  const field = app.page.getByRole('textbox', { name: 'Name of class 2' });
  for (let i = 0; i < RENAMES; i++) {
    await field.fill(i % 2 === 0 ? 'Class 2' : 'Class two');
    await field.press('Enter');
  }
}

it(`after ${PICTURES} pictures were added and removed`, async () => {
  const app = await AppPage.open();
  const tab = await app.context.newCDPSession(app.page);
  const browser = await app.browser.newBrowserCDPSession();
  await tab.send('Performance.enable');
  const paths: string[] = [];
  for (let from = 0; from < PICTURES; from += BATCH) {
    const files = await app.draw('circles', BATCH, from);
    const folder = app.write('pictures', { circles: files });
    paths.push(...files.map(({ name }) => `${folder}/circles/${name}`));
  }
  const rows: [string, Memory][] = [['before', await measure(app, tab, browser)]];
  for (let i = 1; i <= ROUNDS; i++) {
    await round(app, paths);
    rows.push([`after round ${i}`, await measure(app, tab, browser)]);
  }
  const errors = app.record.errors;
  await app.close();
  const whole = ({ tab, browser, heap }: Memory) => ({ 'tab, MiB': Math.round(tab), 'browser, MiB': Math.round(browser), 'heap of the page, MiB': Number(heap.toFixed(1)) });
  console.table(Object.fromEntries(rows.map(([name, memory]) => [name, whole(memory)])));
  expect(rows).toHaveLength(ROUNDS + 1);
  expect(errors).toEqual([]);
}, 1_800_000);
