/** After a first visit the site opens, trains and predicts without a network, and takes a new version whole. */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../../www/security.js';
import { AppPage } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';
import { serveFolder } from './support/server.js';
import { assets, copyOfSite, newVersion } from './support/versions.js';

let app: AppPage;
let folder: string;
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

/** The first visit of a browser, to a copy of the site. */
async function visit(headers: Record<string, string> = { 'Content-Security-Policy': CONTENT_SECURITY_POLICY }): Promise<void> {
  folder = copyOfSite();
  app = await AppPage.open({ site: await serveFolder(folder, { headers }) });
  await isKept();
}

/** What is kept, by the names of the caches without what says whose they are. */
function kept(page = app.page): Promise<{ [cache: string]: string[] }> {
  return page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('headstart '));
    const paths = async (name: string) => (await (await caches.open(name)).keys()).map(({ url }) => url.replace(/^.*?\/\/[^/]*\//, ''));
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name.split(' ').slice(2).join(' '), await paths(name)] as const)));
  });
}

const versions = async (page = app.page) => Object.keys(await kept(page)).filter((name) => name.startsWith('version'));
const wasm = async (page = app.page) => Object.values(await kept(page)).flat().filter((path) => path.endsWith('.wasm'));

const BACKBONE = ['config.json', 'model.safetensors'].map((name) => `backbones/mobilenet-v2-0.75-128/${name}`);

/** Waits until all is kept that a visit needs: it is fetched after what the visit itself waits for. */
async function isKept(page = app.page): Promise<void> {
  const missing = async () => {
    const files = Object.values(await kept(page)).flat();
    return [/^$/, /^assets\/headstart-cpu-/, ...BACKBONE.map((path) => new RegExp(path))].filter((each) => !files.some((path) => each.test(path)));
  };
  await expect.poll(missing).toEqual([]);
}

const ready = (page = app.page) => page.locator('.engine', { hasText: 'the CPU' }).waitFor();
const version = (page = app.page) => page.evaluate(() => document.documentElement.dataset['version'] ?? 'as built');

async function another(): Promise<Page> {
  const page = await app.context.newPage();
  await page.goto(app.site.url);
  await ready(page);
  return page;
}

/** Opens the part of a page that is loaded when it is first shown; it is remembered that it is open. */
async function openAdvanced(page: Page): Promise<void> {
  if (!(await page.locator('details.advanced').evaluate((element) => (element as HTMLDetailsElement).open))) await page.locator('details.advanced summary').click();
  await page.locator('#epochs').waitFor();
}

it('keeps what this browser needs and nothing else, and then opens, trains and predicts without a server', async () => {
  await visit();
  const files = await kept();
  expect(Object.keys(files).map((name) => name.split(' ')[0]).sort()).toEqual(['backbones', 'version']);
  // Of the wasm packages the one that the engine is.
  const [relaxed] = assets(folder, /^headstart-cpu-relaxed-.*\.wasm$/);
  const code = assets(folder, /^(?!predict-worker|bench-).*(?<!\.wasm)$/).map((name) => `assets/${name}`);
  const [module] = readdirSync(folder).filter((name) => name.startsWith('headstart-'));
  expect(Object.entries(files).find(([name]) => name.startsWith('version'))?.[1].sort()).toEqual(['', ...code, `assets/${relaxed}`, module].sort());
  expect(files['backbones']?.sort()).toEqual([...BACKBONE, 'backbones/index.json'].sort());

  await app.site.close();
  await app.page.reload();
  await ready();
  await app.fillTwoClasses();
  await app.chooseWhatTrains(1);
  await app.train();
  const [circle] = await app.draw('circles', 1, 500);
  expect(await app.predict(circle!)).toMatch(/^Class 1, \d+%/);
  await openAdvanced(app.page);
  await app.saved();
  await app.page.reload();
  await ready();
  expect(await app.predict(circle!)).toMatch(/^Class 1, \d+%/);
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  // The browser itself says that the service worker's requests are not answered.
  expect(app.record.errors.filter((each) => !each.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
});

it('shows a new version at the next visit, whole, while a page of the one before goes on with its own files', async () => {
  await visit();
  const [before] = await versions();
  newVersion(folder, 'newer');
  const newer = await another();
  expect(await version(newer)).toBe('newer');
  await isKept(newer);
  await expect.poll(() => versions(newer).then((all) => all.sort())).toEqual([before, 'version newer'].sort());
  // Which are not on the server any more.
  expect(await version()).toBe('as built');
  await openAdvanced(app.page);
  await openAdvanced(newer);

  // A tab of its own for each visit: Chromium now and then leaves a tab waiting that is reloaded as another one closes.
  await Promise.all([app.page.close(), newer.close()]);
  const next = await another();
  await expect.poll(() => versions(next)).toEqual(['version newer']);
  const [relaxed] = assets(folder, /^headstart-cpu-relaxed-.*\.wasm$/);
  expect(await wasm(next)).toEqual([`assets/${relaxed}`]);

  await app.site.close();
  const last = await another();
  expect(await version(last)).toBe('newer');
  await openAdvanced(last);
});

it('is kept as it is where a new version does not come whole, and takes that when it does', async () => {
  await visit();
  newVersion(folder, 'newer');
  const [part] = assets(folder, /^AdvancedForm-/);
  const path = join(folder, 'assets', part!);
  renameSync(path, `${path}.gone`);
  app.site.asked.length = 0;
  await app.page.reload();
  await ready();
  expect(await version()).toBe('newer');
  await expect.poll(() => app.site.asked).toContain(`assets/${part}`);
  // Where the server is gone it is the one before, with all that belongs to it.
  app.site.state = 'refuses';
  await app.page.reload();
  await ready();
  expect(await version()).toBe('as built');
  await openAdvanced(app.page);
  app.site.state = 'answers';
  renameSync(`${path}.gone`, path);
  await app.page.reload();
  await ready();
  await expect.poll(() => versions()).toEqual(['version newer']);
});

it('does not wait for a server that hangs', async () => {
  await visit();
  app.site.state = 'hangs';
  await app.page.reload();
  await ready();
  await app.fillTwoClasses(4);
});

it('is fetched anew where the host says otherwise than before what pages may do', async () => {
  const headers: Record<string, string> = { 'Content-Security-Policy': CONTENT_SECURITY_POLICY };
  await visit(headers);
  expect(await app.page.evaluate(() => crossOriginIsolated)).toBe(false);
  Object.assign(headers, { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' });
  await app.page.reload();
  await ready();
  expect(await app.page.evaluate(() => crossOriginIsolated)).toBe(true);
  await isKept();
  await app.site.close();
  await app.page.reload();
  await ready();
  expect(await app.page.evaluate(() => crossOriginIsolated)).toBe(true);
});

it('leaves alone what is not its own, and parts of files', async () => {
  await visit();
  app.site.files.set('mine.zip', Buffer.from('mine'));
  app.site.files.set('assets/mine.json', Buffer.from('{}'));
  app.site.asked.length = 0;
  const before = await kept();
  const asked = ['mine.zip', 'mine.zip?assets/', 'assets/mine.json', 'headstart.js', 'predict.js', 'player/files.json'];
  await app.page.evaluate((all) => Promise.all(all.map((path) => fetch(path))), asked);
  await app.page.evaluate((path) => fetch(path, { headers: { Range: 'bytes=0-9' } }), BACKBONE[1]!);
  expect(app.site.asked.sort()).toEqual([...asked.map((path) => path.split('?')[0]), BACKBONE[1]].sort());
  expect(await kept()).toEqual(before);
});

it('is forgotten with everything else, unless it could not be had again', async () => {
  await visit();
  const mark = () => app.page.evaluate(async () => {
    for (const name of await caches.keys()) await (await caches.open(name)).put('mark', new Response());
  });
  const marks = async () => Object.values(await kept()).flat().filter((path) => path === 'mark').length;
  const forget = async () => {
    await app.page.getByRole('button', { name: /^Projects/ }).click();
    await app.page.getByRole('button', { name: /^Forget everything on this device/ }).click();
    const loaded = app.page.waitForEvent('load');
    await app.page.getByRole('button', { name: 'Forget everything', exact: true }).click();
    await loaded;
    await ready();
  };
  await mark();
  expect(await marks()).toBe(2);
  await forget();
  await isKept();
  expect(await marks()).toBe(0);

  await mark();
  await app.site.close();
  await forget();
  expect(await marks()).toBe(2);
});
