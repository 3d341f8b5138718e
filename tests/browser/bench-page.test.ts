/** `bench.html`, which measures how fast Headstart is on a visitor's device. */
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { violations } from './support/axe.js';
import { foreignRequests, launch, observe, type Record } from './support/browser.js';
import { serveSite, type Site } from './support/server.js';

const WORKS = ['A picture to features', '16 pictures to features, each', 'Training a head', 'A step of fine-tuning the last 3 stages'];
const { default: backbone } = JSON.parse(readFileSync(new URL('../../www/public/backbones/index.json', import.meta.url), 'utf8')) as { default: string };

let browser: Browser;
let site: Site;
beforeAll(async () => {
  [browser, site] = [await launch(), await serveSite()];
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

async function open(options: BrowserContextOptions = {}, where = browser): Promise<{ page: Page; record: Record; close(): Promise<void> }> {
  const context = await where.newContext({ permissions: ['clipboard-read', 'clipboard-write'], reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const record = observe(context, page);
  await page.goto(`${site.url}bench.html`);
  await page.getByRole('button', { name: 'Measure', exact: true }).waitFor();
  return { page, record, close: () => context.close() };
}

const measure = async (page: Page): Promise<void> => {
  await page.getByLabel('Rounds').selectOption('3');
  await page.getByRole('button', { name: 'Measure', exact: true }).click();
};
const ended = (page: Page): Promise<void> => page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached', timeout: 120_000 });
const copied = async (page: Page, button: string): Promise<string> => {
  await page.getByRole('button', { name: button }).click();
  await page.getByText(/^Copied as/).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
};
/** What a colour such as `#0a6659` covers of a work's chart. */
const shareOf = (page: Page, work: string, colour: string): Promise<number> =>
  page.getByRole('img', { name: `${work}: Headstart, CPU` }).locator('canvas').evaluate((canvas: HTMLCanvasElement, hex) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const wanted = parseInt(hex.slice(1), 16);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) if (65536 * data[i]! + 256 * data[i + 1]! + data[i + 2]! === wanted) found += 1;
    return (4 * found) / data.length;
  }, colour);

interface Copied {
  backbone: string;
  gpu: string | null;
  rounds: number;
  works: { work: string; unit: string; times: { name: string; median: number; all: number[]; ratio: number }[]; failures: unknown[] }[];
}

it('measures every work, shows it and copies it', async () => {
  const { page, record, close } = await open({ colorScheme: 'light', viewport: { width: 1280, height: 844 } });
  await page.getByText('WebGPU is not measured').waitFor();
  await page.getByText('are not beside this page').waitFor();
  expect(await violations({ page }), 'before').toEqual([]);
  await measure(page);
  await page.getByText(/Headstart, CPU, about \d+ (s|min) left/).waitFor();
  expect(await violations({ page }), 'meanwhile').toEqual([]);
  await ended(page);

  const result = JSON.parse(await copied(page, 'Copy as JSON')) as Copied;
  expect(result).toMatchObject({ gpu: null, rounds: 3 });
  expect(result.works.map(({ work }) => work)).toEqual(WORKS);
  for (const { work, times, failures } of result.works) {
    expect(failures, work).toEqual([]);
    expect(times, work).toHaveLength(1);
    const [{ name, median, all, ratio }] = times as [Copied['works'][0]['times'][0]];
    expect({ name, ratio }).toEqual({ name: 'Headstart, CPU', ratio: 1 });
    expect(all, work).toHaveLength(3);
    expect(Math.min(...all), work).toBeGreaterThan(0);
    expect(all.toSorted((a, b) => a - b)[1]).toBe(median);
  }
  const text = await copied(page, 'Copy result');
  for (const work of WORKS) expect(text).toContain(`### ${work}`);
  expect(text.match(/^\| Headstart, CPU \| \d.* m?s \| 1\.00 × \|$/gm)).toHaveLength(WORKS.length);

  for (const [colorScheme, width] of [['light', 1280], ['dark', 390]] as const) {
    const where = `${colorScheme}, ${width} px`;
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    for (const work of WORKS) {
      // The colour of our bars, and of nothing else in a chart.
      const accent = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--curve-training'));
      await expect.poll(() => shareOf(page, work, accent), { message: `${where}: the bar of ${work}` }).toBeGreaterThan(0.05);
    }
    expect(await violations({ page }), where).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), where).toBeLessThanOrEqual(0);
  }
  expect(record.errors).toEqual([]);
  expect(foreignRequests(record, site.url)).toEqual([]);
  await close();
});

it('stops when it is told to, keeps what there is, and starts anew', async () => {
  const { page, record, close } = await open();
  await measure(page);
  await page.getByRole('img', { name: WORKS[0]! }).first().waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await ended(page);
  const { works } = JSON.parse(await copied(page, 'Copy as JSON')) as Copied;
  expect(works.length).toBeLessThan(WORKS.length);
  expect(works.flatMap(({ failures }) => failures)).toEqual([]);
  await measure(page);
  await page.getByText(`${WORKS[1]}: Headstart, CPU`).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await ended(page);
  expect(record.errors).toEqual([]);
  await close();
});

it('gives the text to copy by hand where the browser does not let it', async () => {
  const { page, close } = await open({ permissions: [] });
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await measure(page);
  await page.getByRole('img', { name: WORKS[0]! }).first().waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Copy result' }).click();
  expect(await page.getByRole('textbox', { name: 'The result' }).inputValue()).toContain(`### ${WORKS[0]}`);
  await close();
});

it('measures on WebGPU where that is', async () => {
  const other = await launch({ webgpu: true });
  const { page, record, close } = await open({}, other);
  await page.getByLabel('Headstart, CPU').uncheck();
  await measure(page);
  const chart = page.getByRole('img', { name: `${WORKS[0]}: Headstart, WebGPU` });
  await chart.waitFor({ timeout: 100_000 });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await ended(page);
  const { gpu, works } = JSON.parse(await copied(page, 'Copy as JSON')) as Copied;
  expect(gpu).toMatch(/\w/);
  expect(works[0]!.times.map(({ name, ratio }) => ({ name, ratio }))).toEqual([{ name: 'Headstart, WebGPU', ratio: 1 }]);
  expect(works.flatMap(({ failures }) => failures)).toEqual([]);
  expect(record.errors).toEqual([]);
  await close();
  await other.close();
});

it('measures Headstart alone where the libraries cannot be loaded', async () => {
  site.files.set('bench/peers.json', Buffer.from(JSON.stringify({ module: 'peers/gone.js', network: 'peers/network/', backbone })));
  const { page, close } = await open();
  await page.getByText(/^The libraries beside this page could not be loaded: .*gone\.js/).waitFor();
  expect(await page.getByRole('checkbox').count()).toBe(1);
  expect(await page.getByText('are not beside this page').count()).toBe(0);
  site.files.delete('bench/peers.json');
  await close();
});

it('compares with the libraries that lie beside it', async () => {
  // As they would be: one that is slower than anything and learns nothing, and one that computes something else.
  const module = `
    import { Trainer } from '../../headstart.js';
    const trainer = await Trainer.create({ engine: 'cpu' });
    const embed = async (picture) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return trainer.embed(picture);
    };
    const open = async () => ({ picture: embed, pictures: ([first]) => embed(first), close() {} });
    const wrong = { picture: async () => new Float32Array(1280).fill(1), close() {} };
    export const peers = [
      { library: 'Slow', engine: 'cpu', open, head: async () => async () => 0 },
      { library: 'Slow', engine: 'webgpu', open },
      { library: 'Wrong', engine: 'cpu', open: async () => wrong },
    ];`;
  site.files.set('bench/peers/slow.js', Buffer.from(module));
  site.files.set('bench/peers.json', Buffer.from(JSON.stringify({ module: 'peers/slow.js', network: 'peers/network/', backbone })));
  const { page, record, close } = await open();
  // There is no WebGPU here.
  await expect.poll(() => page.getByRole('checkbox').count()).toBe(3);
  await measure(page);
  await ended(page);
  const { works } = JSON.parse(await copied(page, 'Copy as JSON')) as Copied;
  const [picture, , head, step] = works;
  const slow = picture!.times.find(({ name }) => name === 'Slow, CPU')!;
  expect(slow.median).toBeGreaterThan(250);
  expect(slow.ratio).toBeGreaterThan(1);
  expect(picture!.failures).toEqual([{ name: 'Wrong, CPU', reason: expect.stringMatching(/^It computes other features than the CPU \(likeness 0\.\d+\)\.$/) }]);
  expect(head!.failures).toEqual([{ name: 'Slow, CPU', reason: 'Slow gets 0 % of the held-out pictures right.' }]);
  expect(step!.times.map(({ name }) => name)).toEqual(['Headstart, CPU']);
  expect(record.errors).toEqual([]);
  site.files.delete('bench/peers.json');
  await close();
});
