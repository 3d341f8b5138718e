/**
 * The npm package (`./build.sh package`) in other people's projects: installed from its tarball, as they would build and serve them, without
 * any configuration.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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
async function outcomeOf<T>(address: string): Promise<{ outcome: T; requests: string[] }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const record = observe(context, page);
  await page.goto(address);
  await page.waitForFunction(() => 'outcome' in window || undefined);
  const outcome = await page.evaluate(() => (window as unknown as { outcome: Promise<T> }).outcome);
  expect(record.errors).toEqual([]);
  await context.close();
  return { outcome, requests: record.requests };
}

async function trainsOn(address: string): Promise<string[]> {
  const { outcome, requests } = await outcomeOf<Outcome>(address);
  expect(outcome).toMatchObject({ epochs: 10, here: { className: 'blue' }, there: { className: 'blue' } });
  expect(outcome.page).toBe(new URL(address).searchParams.has('page') ? 'model-page.zip' : null);
  expect(outcome.there.probability).toBeCloseTo(outcome.here.probability, 6);
  return requests;
}

/** The same with a page that only predicts. */
async function predictsOn(address: string): Promise<string[]> {
  const { outcome, requests } = await outcomeOf<{ kind: string; best: string }>(address);
  expect(outcome).toEqual({ kind: 'cpu', best: 'blue' });
  expect(requests.filter((url) => url.endsWith('.wasm'))).toHaveLength(1);
  return requests;
}

/** A page that names the package's address itself, as one without a bundler does. */
function withScriptTag(address: string, script?: string): Buffer {
  const map = `<script type="importmap">${JSON.stringify({ imports: { headstart: address, 'headstart/predict': address } })}</script>`;
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

/** Puts a model and a picture beside a site. */
async function putBeside({ files }: Site): Promise<void> {
  const { model, picture } = await made();
  files.set('model.zip', model).set('sea.png', picture);
}

const kinds = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(wasm|safetensors)$/.test(name)).length;

describe('the package', () => {
  it('brings types that a strict project compiles with, and nothing to install', () => {
    const text = `import { Classifier, Trainer, type Prediction } from 'headstart';
import { Classifier as Predicting, HeadstartError, openCamera } from 'headstart/predict';
const trainer: Trainer = await Trainer.create({ engine: 'cpu', assetsBase: '/headstart/' });
const seen: Prediction[] = await (await Classifier.load(await trainer.save())).classify(new ImageData(1, 1));
// @ts-expect-error There is no such engine.
await Trainer.create({ engine: 'steam' });
// Whoever takes the one takes the other.
const either: Classifier = await Predicting.load('model.zip', { onProgress: ({ loaded }) => loaded, signal: AbortSignal.timeout(1) });
for await (const [first] of either.stream(document.createElement('video'))) console.log(first!.className, (await openCamera()).stream);
// @ts-expect-error It is loaded, not made.
new Predicting();
export const best: string = seen[0]!.className;
export const code = (error: unknown) => error instanceof HeadstartError && error.code === 'engine_unavailable';
`;
    writeFileSync(join(project, 'typed.ts'), text);
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--types', '', 'typed.ts'];
    const { stdout } = spawnSync(join(ROOT, 'www/node_modules/.bin/tsc'), options, { cwd: project, encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['headstart']);
  });

  it('has a module that only predicts, and nothing else within its reach', () => {
    const folder = join(project, 'node_modules/headstart');
    const size = (name: string) => statSync(join(folder, name)).size;
    const code = (name: string) => readFileSync(join(folder, name), 'utf8');
    const named = (name: string) => new Set([...code(name).matchAll(/[\w-]*(?:worker\.js|\.wasm)\b/g)].map(([text]) => text));
    expect(named('predict.js')).toEqual(new Set(['predict-worker.js']));
    expect(named('predict-worker.js')).toEqual(new Set(['headstart-predict.wasm', 'headstart-predict-relaxed.wasm']));
    const trains = (name: string) => code(name).includes('startTraining');
    expect(['worker.js', 'predict-worker.js', 'predict.js'].map(trains)).toEqual([true, false, false]);
    // Together a third of the worker that trains, let alone its wasm code.
    expect(size('predict.js')).toBeLessThan(12_000);
    expect(size('predict-worker.js')).toBeLessThan(18_000);
    expect(size('headstart-predict.wasm')).toBeLessThan(size('headstart-cpu.wasm') / 4);
  });

  it('works from a script tag', async () => {
    const site = await serve(project);
    site.files.set('index.html', withScriptTag('/node_modules/headstart/headstart.js'));
    const requests = await trainsOn(`${site.url}?page`);
    expect(requests.filter((url) => /\.wasm$/.test(url))).toEqual(['headstart-cpu-relaxed.wasm', 'player/headstart_bg.wasm', 'headstart-predict-relaxed.wasm'].map((name) => `${site.url}node_modules/headstart/${name}`));
  });

  it('works from another origin, as from a CDN', async () => {
    const [site, other] = [await serve(project), await serve(join(project, 'node_modules/headstart'), SHARED)];
    site.files.set('index.html', withScriptTag(`${other.url}headstart.js`));
    const requests = await trainsOn(`${site.url}?page`);
    expect(requests).toContain(`${other.url}worker.js`);
    expect(requests).toContain(`${other.url}player/headstart_bg.wasm`);
  });

  it('predicts from another origin, and with its files put somewhere else', async () => {
    const [site, other] = [await serve(join(project, 'predict')), await serve(join(project, 'node_modules/headstart'), SHARED)];
    await putBeside(site);
    site.files.set('index.html', withScriptTag(`${other.url}predict.js`));
    const files = ['predict.js', 'predict-worker.js', 'headstart-predict-relaxed.wasm'].map((name) => other.url + name);
    const foreign = (requests: string[]) => requests.filter((url) => url.startsWith(other.url));
    expect(new Set(foreign(await predictsOn(site.url)))).toEqual(new Set(files));
    site.files.set('code.js', readFileSync(join(project, 'node_modules/headstart/predict.js')));
    site.files.set('index.html', withScriptTag('/code.js'));
    expect(new Set(foreign(await predictsOn(`${site.url}?assetsBase=${encodeURIComponent(other.url)}`)))).toEqual(new Set(files.slice(1)));
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
    const fetched = ['examples/predict.html', 'predict.js', 'predict-worker.js', 'examples/model.zip', 'headstart-predict-relaxed.wasm'];
    expect(new Set(record.requests)).toEqual(new Set(fetched.map((name) => site.url + name)));
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
    // It only predicts, with relaxed SIMD or without.
    expect(kinds(join(folder, 'dist'))).toBe(2);
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
    const { model, picture } = await made();
    mkdirSync(join(project, 'public'));
    writeFileSync(join(project, 'public/model.zip'), model);
    writeFileSync(join(project, 'public/sea.png'), picture);
    const server = await createServer({ root: project, configFile: false, logLevel: 'error', server: { port: 0, host: '127.0.0.1', hmr: false, watch: null } });
    try {
      await server.listen();
      const address = server.resolvedUrls!.local[0]!;
      await trainsOn(address);
      await predictsOn(`${address}predict/`);
    } finally {
      await server.close();
    }
  });

  it('works as Vite builds it', async () => {
    await build({ root: project, configFile: false, logLevel: 'error' });
    expect(kinds(join(project, 'dist'))).toBe(6);
    await trainsOn((await serve(join(project, 'dist'))).url);
  });

  it.each([
    ['trains and predicts', '.', 6, trainsOn],
    ['only predicts', 'predict', 2, predictsOn],
  ] as const)('%s as webpack builds it', async (_, folder, large, works) => {
    const webpack = createRequire(join(ROOT, 'www/package.json'))('webpack') as typeof import('webpack');
    const [context, out] = [join(project, folder), join(project, folder, 'packed')];
    const complaints = await new Promise<string>((resolve, reject) =>
      webpack({ mode: 'production', context, entry: './main.js', output: { path: out }, performance: { hints: false } }, (error, stats) =>
        error ? reject(error) : resolve(String([...stats!.compilation.errors, ...stats!.compilation.warnings])),
      ),
    );
    expect(complaints).toBe('');
    expect(kinds(out)).toBe(large);
    expect(existsSync(join(out, 'main.js'))).toBe(true);
    const site = await serve(out);
    await putBeside(site);
    site.files.set('index.html', Buffer.from(readFileSync(join(PAGE, 'index.html'))));
    await works(site.url);
  });
});
