/**
 * The npm package (`./build.sh package`) in other people's projects: installed from its tarball, as they would build and serve them, without
 * any configuration.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { build, createServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, observe } from './support/browser.js';
import { writeClip } from './support/clip.js';
import { serveFolder, type Site } from './support/server.js';

const ROOT = join(import.meta.dirname, '../..');
const TARGET = join(ROOT, 'target');
const PAGE = join(ROOT, 'tests/package');

interface Outcome {
  page: string | null;
  epochs: number;
  here: { className: string; probability: number };
  there: { className: string; probability: number };
}

let browser: Browser;
let project: string;
const sites: Site[] = [];

beforeAll(async () => {
  const tarball = readdirSync(TARGET).find((name) => /^headstart-.*\.tgz$/.test(name));
  if (tarball === undefined) throw new Error('The package is missing: make it first (./build.sh package)');
  browser = await launch();
  project = mkdtempSync(join(tmpdir(), 'headstart-package-'));
  cpSync(PAGE, project, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "somebodys", "private": true, "type": "module" }\n');
  // Without a network: it needs nothing else.
  const install = ['install', '--offline', '--no-audit', '--no-fund', join(TARGET, tarball)];
  const { status, stderr } = spawnSync('npm', install, { cwd: project, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(sites.map((site) => site.close()));
  if (project) rmSync(project, { recursive: true, force: true });
});

/** What a browser may have from another origin. */
const SHARED = { 'Access-Control-Allow-Origin': '*' };

async function serve(folder: string, headers: Record<string, string> = {}): Promise<Site> {
  const site = await serveFolder(folder, { headers });
  sites.push(site);
  return site;
}

/** Opens somebody's page and waits for what comes of it. */
async function trainsOn(address: string): Promise<string[]> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const record = observe(context, page);
  await page.goto(address);
  await page.waitForFunction(() => 'outcome' in window || undefined);
  const outcome = await page.evaluate(() => (window as unknown as { outcome: Promise<Outcome> }).outcome);
  expect(outcome).toMatchObject({ epochs: 10, here: { className: 'blue' }, there: { className: 'blue' } });
  expect(outcome.page).toBe(new URL(address).searchParams.has('page') ? 'model-page.zip' : null);
  expect(outcome.there.probability).toBeCloseTo(outcome.here.probability, 6);
  expect(record.errors).toEqual([]);
  await context.close();
  return record.requests;
}

/** A page that names the package's address itself, as one without a bundler does. */
function withScriptTag(address: string, script?: string): Buffer {
  const map = `<script type="importmap">${JSON.stringify({ imports: { headstart: address } })}</script>`;
  const page = readFileSync(join(PAGE, 'index.html'), 'utf8').replace(/<script.*<\/script>/, (own) => `${map}${script ?? own}`);
  return Buffer.from(page);
}

/** A model that tells red from blue, and a picture of blue, as somebody's own page has made them. */
async function make(): Promise<{ model: Buffer; picture: Buffer }> {
  const site = await serve(join(project, 'node_modules/headstart'));
  const page = await browser.newPage();
  site.files.set('blank.html', withScriptTag('/headstart.js', `<script type="module">${readFileSync(join(PAGE, 'main.js'), 'utf8')}</script>`));
  await page.goto(`${site.url}blank.html`);
  const [model, picture] = await page.evaluate(async () => {
    const url = async (blob: Blob) => new Promise<string>((resolve) => Object.assign(new FileReader(), { onload(this: FileReader) { resolve(String(this.result)); } }).readAsDataURL(blob));
    const { file, picture } = await (window as unknown as { outcome: Promise<{ file: Blob; picture: Blob }> }).outcome;
    return [await url(file), await url(picture)];
  });
  await page.close();
  const bytes = (url: string) => Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  return { model: bytes(model!), picture: bytes(picture!) };
}

let making: ReturnType<typeof make> | undefined;
const made = () => (making ??= make());

const kinds = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(wasm|safetensors)$/.test(name)).length;

describe('the package', () => {
  it('brings types that a strict project compiles with, and nothing to install', () => {
    const text = `import { Classifier, Trainer, type Prediction } from 'headstart';
const trainer: Trainer = await Trainer.create({ engine: 'cpu', assetsBase: '/headstart/' });
const seen: Prediction[] = await (await Classifier.load(await trainer.save())).classify(new ImageData(1, 1));
// @ts-expect-error There is no such engine.
await Trainer.create({ engine: 'steam' });
export const best: string = seen[0]!.className;
`;
    writeFileSync(join(project, 'typed.ts'), text);
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--types', '', 'typed.ts'];
    const { stdout } = spawnSync(join(ROOT, 'www/node_modules/.bin/tsc'), options, { cwd: project, encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['headstart']);
  });

  it('works from a script tag', async () => {
    const site = await serve(project);
    site.files.set('index.html', withScriptTag('/node_modules/headstart/headstart.js'));
    const requests = await trainsOn(`${site.url}?page`);
    expect(requests.filter((url) => /\.wasm$/.test(url))).toEqual(['headstart-cpu.wasm', 'player/headstart_bg.wasm', 'headstart-predict.wasm'].map((name) => `${site.url}node_modules/headstart/${name}`));
  });

  it('works from another origin, as from a CDN', async () => {
    const [site, other] = [await serve(project), await serve(join(project, 'node_modules/headstart'), SHARED)];
    site.files.set('index.html', withScriptTag(`${other.url}headstart.js`));
    const requests = await trainsOn(`${site.url}?page`);
    expect(requests).toContain(`${other.url}worker.js`);
    expect(requests).toContain(`${other.url}player/headstart_bg.wasm`);
  });

  it('works with its files put somewhere else', async () => {
    const [site, other] = [await serve(project), await serve(join(project, 'node_modules/headstart'), SHARED)];
    // What a bundler that knows nothing of workers leaves: the code alone.
    site.files.set('code.js', readFileSync(join(project, 'node_modules/headstart/headstart.js')));
    site.files.set('index.html', withScriptTag('/code.js'));
    const requests = await trainsOn(`${site.url}?page&assetsBase=${encodeURIComponent(other.url)}`);
    expect(requests).toContain(`${other.url}backbones/index.json`);
  });

  it('has an example that trains from the webcam', async () => {
    const clip = join(project, 'clip.y4m');
    const scenes = { one: [200, 30, 30], other: [30, 30, 200] } as const;
    writeClip(clip, Object.values(scenes).map((color) => ({ color: [...color], frames: 60 })));
    const site = await serve(join(project, 'node_modules/headstart'));
    const filmed = await launch({ clip });
    try {
      const context = await filmed.newContext({ permissions: ['camera'] });
      const page = await context.newPage();
      const record = observe(context, page);
      await page.goto(`${site.url}examples/webcam.html`);
      /** Waits until the camera shows what a class is of. */
      const shows = (name: string) =>
        page.waitForFunction((wanted) => {
          const video = document.querySelector('video')!;
          const context = new OffscreenCanvas(8, 8).getContext('2d')!;
          if (video.readyState < 2) return false;
          context.drawImage(video, 0, 0, 8, 8);
          const [red = 0, , blue = 0] = context.getImageData(1, 1, 1, 1).data;
          return (red > blue ? 'one' : 'other') === wanted;
        }, name);
      for (const name of Object.keys(scenes)) {
        await shows(name);
        await page.locator(`[data-class=${name}]`).hover();
        await page.mouse.down();
        await page.waitForTimeout(1500);
        await page.mouse.up();
      }
      await page.locator('#train').click();
      for (const name of [...Object.keys(scenes), 'one']) await page.locator('output', { hasText: new RegExp(`^${name}: \\d+ %$`) }).waitFor({ timeout: 90_000 });
      expect(record.errors).toEqual([]);
    } finally {
      await filmed.close();
    }
  });

  it('has an example that classifies files with a saved model', async () => {
    const { model, picture } = await made();
    const site = await serve(join(project, 'node_modules/headstart'));
    const context = await browser.newContext();
    const page = await context.newPage();
    const record = observe(context, page);
    site.files.set('examples/model.zip', model);
    await page.goto(`${site.url}examples/predict.html`);
    const files = ['sea.png', 'sky.png'].map((name) => ({ name, mimeType: 'image/png', buffer: picture }));
    await page.locator('input:enabled').waitFor();
    await page.locator('input').setInputFiles(files);
    await expect.poll(() => page.locator('pre').textContent()).toBe('sea.png: blue\nsky.png: blue');
    expect(record.errors).toEqual([]);
    await context.close();
  });

  it('has an example for React, as Vite builds it, which leaves nothing behind', async () => {
    const { model, picture } = await made();
    const folder = join(project, 'react');
    mkdirSync(join(folder, 'node_modules'));
    for (const name of ['react', 'react-dom']) symlinkSync(join(ROOT, 'www/node_modules', name), join(folder, 'node_modules', name));
    cpSync(join(project, 'node_modules/headstart/examples/Classifier.jsx'), join(folder, 'Classifier.jsx'));
    await build({ root: folder, configFile: false, logLevel: 'error' });
    const site = await serve(join(folder, 'dist'));
    site.files.set('model.zip', model);
    const clip = join(project, 'blue.y4m');
    writeClip(clip, [{ color: [30, 30, 200], frames: 60 }]);
    const filmed = await launch({ clip });
    try {
      const context = await filmed.newContext({ permissions: ['camera'] });
      const page = await context.newPage();
      const record = observe(context, page);
      await page.goto(site.url);
      const output = page.locator('output');
      await page.locator('input:enabled').setInputFiles({ name: 'sea.png', mimeType: 'image/png', buffer: picture });
      await output.filter({ hasText: /^sea\.png: blue, \d+ %$/ }).waitFor();
      await page.getByRole('button', { name: 'Use the camera' }).click();
      await output.filter({ hasText: /^Camera: (red|blue), \d+ %$/ }).waitFor();
      const track = await page.evaluateHandle(() => (document.querySelector('video')!.srcObject as MediaStream).getTracks()[0]!);
      await page.getByRole('button', { name: 'Stop the camera' }).click();
      await expect.poll(() => track.evaluate(({ readyState }) => readyState)).toBe('ended');
      await page.getByRole('button', { name: 'Use the camera' }).click();
      await page.waitForFunction(() => document.querySelector('video')?.srcObject);
      const second = await page.evaluateHandle(() => (document.querySelector('video')!.srcObject as MediaStream).getTracks()[0]!);
      await page.evaluate(() => (window as unknown as { unmount(): void }).unmount());
      await expect.poll(() => second.evaluate(({ readyState }) => readyState)).toBe('ended');
      await expect.poll(() => page.workers().length).toBe(0);
      expect(record.errors).toEqual([]);
    } finally {
      await filmed.close();
    }
  });

  it('works under Vite while somebody develops', async () => {
    const server = await createServer({ root: project, configFile: false, logLevel: 'error', server: { port: 0, host: '127.0.0.1', hmr: false, watch: null } });
    try {
      await server.listen();
      await trainsOn(server.resolvedUrls!.local[0]!);
    } finally {
      await server.close();
    }
  });

  it('works as Vite builds it', async () => {
    await build({ root: project, configFile: false, logLevel: 'error' });
    expect(kinds(join(project, 'dist'))).toBe(4);
    await trainsOn((await serve(join(project, 'dist'))).url);
  });

  it('works as webpack builds it', async () => {
    const webpack = createRequire(join(ROOT, 'www/package.json'))('webpack') as typeof import('webpack');
    const out = join(project, 'packed');
    const complaints = await new Promise<string>((resolve, reject) =>
      webpack({ mode: 'production', context: project, entry: './main.js', output: { path: out }, performance: { hints: false } }, (error, stats) =>
        error ? reject(error) : resolve(String([...stats!.compilation.errors, ...stats!.compilation.warnings])),
      ),
    );
    expect(complaints).toBe('');
    expect(kinds(out)).toBe(4);
    expect(existsSync(join(out, 'main.js'))).toBe(true);
    const site = await serve(out);
    site.files.set('index.html', Buffer.from(readFileSync(join(PAGE, 'index.html'))));
    await trainsOn(site.url);
  });
});
