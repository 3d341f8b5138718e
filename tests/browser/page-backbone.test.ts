import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { violations } from './support/axe.js';
import { LARGE, picked, pictures, serveAnother, usual } from './support/backbones.js';
import { foreignRequests } from './support/browser.js';

/** How many pictures of two classes the project has that goes to a large backbone and back: `HEADSTART_CHANGED_PICTURES=100` for as many. */
const CHANGED = Number(process.env['HEADSTART_CHANGED_PICTURES'] ?? 40);

declare global {
  /** Milliseconds between two frames of the page, the longest so far, and what the progress has said. */
  var pace: { longest: number; count: number; said: string[] };
}

const summary = (app: AppPage): Locator => app.page.locator('#backbone > summary');
const notice = (app: AppPage): Locator => app.page.locator('.backbone-place .notice');
const progress = (app: AppPage): Locator => app.page.getByRole('progressbar', { name: 'Changing the backbone' });
const further = (app: AppPage): Locator => app.page.getByRole('button', { name: 'Train further' });

/** Opens the list, where it is not open. */
async function openList(app: AppPage): Promise<void> {
  if ((await app.page.locator('#backbone').getAttribute('open')) === null) await summary(app).click();
  await app.page.getByRole('radio', { name: usual().label }).first().waitFor();
}

async function take(app: AppPage, name: string): Promise<void> {
  await openList(app);
  await app.page.getByRole('radio', { name }).check();
  await app.page.getByRole('button', { name: 'Use this one' }).click();
}

/** Waits until a backbone is in use and all pictures are prepared for it. */
async function inUse(app: AppPage, name: string): Promise<void> {
  await summary(app).getByText(name).waitFor();
  // However busy the machine is.
  await progress(app).waitFor({ state: 'detached', timeout: 180_000 });
}

const seconds = (since: number): string => ((Date.now() - since) / 1000).toFixed(1);

/** Counts frames and notes what the progress says, from now on. */
async function watch(app: AppPage): Promise<void> {
  await app.page.evaluate(() => {
    globalThis.pace = { longest: 0, count: 0, said: [] };
    let last = performance.now();
    const frame = (now: number): void => {
      pace.longest = Math.max(pace.longest, now - last);
      pace.count += 1;
      last = now;
      const text = document.querySelector('.backbone-change .progress-text')?.textContent ?? '';
      if (text !== '' && !pace.said.includes(text)) pace.said.push(text);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

describe('the backbones of the site', () => {
  let app: AppPage;
  beforeAll(async () => {
    app = await AppPage.open();
    serveAnother(app);
  });
  afterAll(() => app?.close());

  it('are shown with what they are, and none is taken by looking at it', async () => {
    await app.fillTwoClasses(6);
    await app.train();
    const { label } = usual();
    await openList(app);
    await app.page.getByRole('radio', { name: label }).focus();
    await app.page.keyboard.press('ArrowDown');
    const facts = app.page.locator('.backbone-facts');
    await facts.getByText(/^61\.2% at \d+ px$/).waitFor();
    expect(await app.page.getByRole('radio', { name: 'Another' }).isChecked()).toBe(true);
    expect(await summary(app).innerText()).toContain(label);
    expect(await progress(app).count()).toBe(0);
    await app.page.keyboard.press('ArrowUp');
    await facts.getByText('not published').waitFor();
    // The licence, as its card gives it.
    await facts.getByText((JSON.parse(usual().config.toString()) as { license: string }).license, { exact: true }).waitFor();
  });

  it('are measured on this device when that is asked for', async () => {
    const facts = app.page.locator('.backbone-facts');
    await facts.getByRole('button', { name: 'Measure', exact: true }).click();
    await facts.getByText(/^[\d.]+ (ms|s) on the CPU, measured here/).waitFor();
    await facts.getByRole('button', { name: 'Measure again' }).waitFor();
    expect(await violations(app)).toEqual([]);
  });

  it('are changed by keyboard; the model stays what it is, and is not trained further on another', async () => {
    const { label } = usual();
    await expect.poll(() => further(app).getAttribute('aria-disabled')).toBe('false');
    await app.page.getByRole('radio', { name: 'Another' }).check();
    await app.page.getByRole('button', { name: 'Use this one' }).focus();
    await app.page.keyboard.press('Enter');
    await inUse(app, 'Another');
    // The keyboard goes on from where it was.
    expect(await app.page.evaluate(() => document.activeElement?.textContent)).toBe('In use');
    await app.page.getByText(`This model was trained on ${label} and goes on using it.`).waitFor();
    expect(await app.predict((await app.draw('stripes', 1, 90))[0]!)).toMatch(/^Class 2/);
    await app.page.getByText(`cannot be trained further on Another: go back to ${label} for that, or train anew.`).waitFor();
    expect(await further(app).getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
    await app.train();
    await expect.poll(() => app.page.getByText('goes on using it').count()).toBe(0);
    expect(await app.predict((await app.draw('circles', 1, 91))[0]!)).toMatch(/^Class 1/);
    expect(await violations(app)).toEqual([]);
  });

  it('go over to another engine, and into the next visit', async () => {
    // The other one does not start here: this is that one anew.
    await app.set({ engine: 'auto' });
    await app.page.getByText(/Computes on the CPU/).waitFor();
    await inUse(app, 'Another');
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
    expect(await app.predict((await app.draw('stripes', 1, 92))[0]!)).toMatch(/^Class 2/);
    await app.saved();
    await app.page.reload();
    await inUse(app, 'Another');
    await take(app, usual().label);
    await inUse(app, usual().label);
    await app.saved();
    await app.page.reload();
    await inUse(app, usual().label);
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  });
});

describe('eight bits', () => {
  let app: AppPage;
  beforeAll(async () => {
    app = await AppPage.open();
    await app.fillTwoClasses(6);
    await app.train();
  });
  afterAll(() => app?.close());

  const eightBits = (): Locator => app.page.getByRole('checkbox', { name: 'Compute in 8 bits' });
  /** What is kept on this device of the project. */
  const keptProject = (): Promise<string> =>
    app.page.evaluate(async () => {
      const answer = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const database = await answer(indexedDB.open('headstart'));
      const all = (await answer(database.transaction('trainers').objectStore('trainers').getAll())) as { project: string }[];
      database.close();
      return all[0]?.project ?? '';
    });

  it('are what the backbone computes in when that is asked for, at the next visit too, and no longer when it is not', async () => {
    await openList(app);
    expect(await eightBits().isChecked()).toBe(false);
    await eightBits().focus();
    await app.page.keyboard.press('Space');
    await expect.poll(() => eightBits().isChecked()).toBe(true);
    await inUse(app, usual().label);
    // The model is the one that there was, and can be trained further; a new one is as good.
    expect(await app.predict((await app.draw('stripes', 1, 94))[0]!)).toMatch(/^Class 2/);
    await expect.poll(() => further(app).getAttribute('aria-disabled')).toBe('false');
    await app.train();
    expect(await app.predict((await app.draw('circles', 1, 95))[0]!)).toMatch(/^Class 1/);
    expect(await violations(app)).toEqual([]);
    await app.saved();
    await app.page.reload();
    await inUse(app, usual().label);
    await openList(app);
    await expect.poll(() => eightBits().isChecked()).toBe(true);
    expect(await app.predict((await app.draw('stripes', 1, 96))[0]!)).toMatch(/^Class 2/);
    await eightBits().click();
    await expect.poll(() => eightBits().isChecked()).toBe(false);
    await inUse(app, usual().label);
    // Kept without anything else happening.
    await expect.poll(keptProject, { timeout: 20_000 }).toContain('"arithmetic":"float"');
    await app.page.reload();
    await inUse(app, usual().label);
    await openList(app);
    expect(await eightBits().isChecked()).toBe(false);
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  });
});

describe('files that are no backbone', () => {
  let app: AppPage;
  beforeAll(async () => {
    app = await AppPage.open();
    await app.fillTwoClasses(4);
    await app.train();
    await openList(app);
  });
  afterAll(() => app?.close());

  const { config, weights } = usual();
  const other = config.toString().replace(/"architecture":\s*"[^"]*"/, '"architecture": "vit_tiny_patch16_224"');

  it.each<[string, { [name: string]: Buffer | string }, RegExp]>([
    ['a text', { 'notes.safetensors': 'Not found', 'config.json': config }, /“notes\.safetensors” cannot be used\. .*not a safetensors file/],
    ['another architecture', { 'model.safetensors': weights, 'config.json': other }, /“vit_tiny_patch16_224” are not supported/],
    ['half of the weights', { 'model.safetensors': weights.subarray(0, weights.length / 2), 'config.json': config }, /cannot be used\. .*(damaged|truncated|ends)/],
    ['a card that is none', { 'model.safetensors': weights, 'config.json': '<html>' }, /config\.json cannot be used/],
    ['a card alone', { 'config.json': config }, /The weights are missing/],
    ['a picture', { 'cat.jpg': 'x' }, /That is no backbone/],
  ])('%s: the reason is said and nothing is lost', async (_, files, reason) => {
    await app.page.locator('.backbone-files input[type=file]').setInputFiles(picked(files));
    await notice(app).getByText(reason).waitFor();
    expect(await notice(app).count()).toBe(1);
    expect(await notice(app).innerText()).toContain(`${usual().label} stays in use.`);
    expect(await summary(app).innerText()).toContain(usual().label);
    await progress(app).waitFor({ state: 'detached' });
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
    await app.counts('Class 1', 4);
    expect(await app.predict((await app.draw('stripes', 1, 93))[0]!)).toMatch(/^Class 2/);
  });

  it('leave a list that can be read by everybody', async () => {
    expect(await violations(app)).toEqual([]);
    expect(await app.page.getByRole('radio', { name: usual().label }).isChecked()).toBe(true);
  });
});

it('a dropped backbone of 224 px and the way back: predictions right each time, and the page goes on meanwhile', async (test) => {
  test.skip(!existsSync(LARGE), `there is no backbone at ${LARGE}: set HEADSTART_REFERENCES to a folder with backbones/mobilenet-v2-1.0-torchvision`);
  const app = await AppPage.open();
  const { label } = usual();
  const learned = await pictures(app, 'train', CHANGED / 2);
  const tried = CHANGED / 10;
  const fresh = await pictures(app, 'test', tried);
  const names = Object.keys(learned);
  for (const [index, name] of names.entries()) {
    const field = app.page.getByRole('textbox', { name: /Name of class/ }).nth(index);
    await field.fill(name);
    await field.press('Enter');
    await app.pick(name, learned[name]!);
  }
  const right = async (): Promise<number> => {
    let count = 0;
    for (const name of names) for (const file of fresh[name]!) count += Number((await app.predict(file)).startsWith(`${name},`));
    return count;
  };
  const asked = names.length * tried;
  const enough = Math.ceil(asked * 0.875);
  await app.train();
  const before = await right();
  expect(before).toBeGreaterThanOrEqual(enough);

  // Begun and taken back.
  const paths = ['config.json', 'model.safetensors'].map((file) => join(LARGE, file));
  await watch(app);
  await app.drop(summary(app), paths);
  await progress(app).waitFor();
  await app.page.getByText(new RegExp(`Preparing pictures for .*: [3-9] of ${CHANGED}`)).first().waitFor();
  await app.page.getByRole('button', { name: 'Cancel' }).click();
  await inUse(app, label);
  await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
  expect(await right()).toBe(before);

  // To the end, with pictures that are added and tried meanwhile; those that were prepared by then are not prepared again.
  const left = Date.now();
  await app.drop(summary(app), paths);
  const told = app.page.getByText(/Preparing pictures for .*: \d+ of \d+/).first();
  expect(Number(/of (\d+)/.exec(await told.innerText())![1])).toBeLessThan(CHANGED - 2);
  const [first = ''] = names;
  await app.pick(first, [fresh[first]![3]!], CHANGED / 2 + 1);
  expect(await app.predict(fresh[first]![0]!)).toContain(`${first},`);
  expect(await progress(app).count(), 'the change went on meanwhile').toBe(1);
  await inUse(app, '224 px');
  const there = seconds(left);
  const { longest, count, said } = await app.page.evaluate(() => pace);
  console.info(`Change of the backbone of ${CHANGED} pictures: ${there} s, ${count} frames, the longest ${Math.round(longest)} ms; ${said.at(-1)}`);
  expect(longest).toBeLessThan(1500);
  expect(said.join('\n')).toMatch(/: \d+ of \d+, (about \d+ s|less than a second) left/);
  await app.page.getByText(`This model was trained on ${label} and goes on using it.`).waitFor();
  expect(await right()).toBe(before);
  await app.train();
  const changed = await right();
  expect(changed).toBeGreaterThanOrEqual(enough);

  // Back: what was prepared before is there still, but for the picture that came meanwhile.
  await watch(app);
  const began = Date.now();
  await take(app, label);
  await inUse(app, label);
  await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
  const back = seconds(began);
  const stalled = await app.page.evaluate(() => pace.longest);
  expect(stalled).toBeLessThan(1500);
  // The model is the same, whichever backbone the next one will be trained on.
  expect(await right()).toBe(changed);
  await app.train();
  const after = await right();
  expect(after).toBeGreaterThanOrEqual(enough);
  console.info(`Back in ${back} s, the longest frame ${Math.round(stalled)} ms; right of ${asked}: ${before} before, ${changed} on 224 px, ${after} back`);
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
  await app.close();
}, 600_000);
