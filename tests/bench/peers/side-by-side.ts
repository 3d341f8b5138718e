/** One browser and one page in which every library does its work, and what comes of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launch, observe, type Record as Seen } from '../../browser/support/browser.js';
import { installDrawing } from '../../browser/support/drawing.js';
import { builtWorker, serveSite, type Site } from '../../browser/support/server.js';
import { installCounts, sum, type Counts } from './gpu-counts.js';
import { readNetwork, toInt8 } from './network.js';
import { writeOnnx } from './onnx.js';
import { table, type Row } from './rounds.js';

const ROOT = join(import.meta.dirname, '../../..');
const RESULT = join(ROOT, 'target/bench/peers.json');
/** The page as `./build.sh bench peers` bundled it. */
const BUNDLE = join(ROOT, 'target/bench/peers');
/** `HEADSTART_PACKAGE` names the wasm package of another build, beside `HEADSTART_DIST`. */
const PACKAGE = process.env['HEADSTART_PACKAGE'] ?? join(ROOT, 'www/pkg');

/** A backbone's folder. */
export interface BackboneFiles {
  config: Buffer;
  weights: Buffer;
}

/** The page with `bench` in it. */
export interface SideBySide {
  browser: Browser;
  page: Page;
  site: Site;
  seen: Seen;
  /**
   * Serves a backbone in every library's form under a name, with a model for each of these batches where they want it fixed; gives its path
   * and the side of its pictures. With `small` the libraries' weights are int8, as those of our backbone are.
   */
  serve(name: string, files: BackboneFiles, batches: number[], small?: boolean): Promise<{ folder: string; size: number }>;
  /** Features of a picture by one library in a page of its own, in a browser profile that has been there before (`warm`) or has not. */
  first(library: string, folder: string, visit?: { warm?: boolean }): Promise<First>;
  /** The page opened once more, beside the other, for one piece of work: nothing of it is compiled or warm yet. */
  afresh<T>(work: (page: Page) => Promise<T>): Promise<T>;
  /** What the page and its workers asked of WebGPU so far. */
  counts(): Promise<Counts>;
  /** What computes where WebGPU does, in the browser's words. */
  adapter(): Promise<string>;
  close(): Promise<void>;
}

/** What {@link SideBySide.first} tells. */
export interface First {
  /** Milliseconds since the navigation. */
  ms: number;
  /** Of these, what the picture took once library and network were there. */
  picture: number;
  /** The paths of what was fetched. */
  asked: string[];
  counts: Counts;
}

/** With `webgpu` ours computes on that, where there is no GPU in software, and what is asked of it is counted. */
export async function openSideBySide({ webgpu = false } = {}): Promise<SideBySide> {
  // No policy: what the libraries do to start is theirs. Nothing comes from elsewhere all the same, which the benchmark checks. What was
  // fetched once is kept, as most hosts allow.
  const site = await serveSite({ headers: { 'Cache-Control': 'max-age=3600' }, folders: { 'peers/': BUNDLE, 'package/': PACKAGE } });
  const engine = webgpu ? 'webgpu' : 'cpu';
  if (webgpu) {
    const { path, code } = builtWorker();
    site.files.set(path, Buffer.from(`(${installCounts})();\n${code}`));
  }
  const browser = await launch({ webgpu });
  const newContext = async (): Promise<BrowserContext> => {
    const made = await browser.newContext();
    if (webgpu) await made.addInitScript(installCounts);
    return made;
  };
  const context = await newContext();
  const open = async (opened: Page): Promise<Page> => {
    opened.on('pageerror', (error) => console.error(String(error)));
    await opened.addInitScript(installDrawing);
    await opened.goto(`${site.url}peers/index.html?engine=${engine}`);
    await opened.waitForFunction(() => 'bench' in globalThis);
    return opened;
  };
  const page = await context.newPage();
  const seen = observe(context, page);
  await open(page);
  return {
    browser,
    page,
    site,
    seen,
    async serve(name, { config, weights }, batches, small = false) {
      const network = readNetwork(config, weights);
      const { numbers, ...description } = network;
      const int8 = small ? toInt8(network) : undefined;
      const folder = `networks/${name}/`;
      const put = (file: string, ...parts: (Uint8Array | string)[]): unknown => site.files.set(`${folder}${file}`, Buffer.concat(parts.map((part) => Buffer.from(part))));
      put('config.json', config);
      put('model.safetensors', weights);
      put('network.json', JSON.stringify({ ...description, int8: int8?.floats.length }));
      put('numbers.bin', ...(int8 ? [bytes(int8.floats), bytes(int8.weights)] : [bytes(numbers)]));
      for (const batch of batches) put(`batch-${batch}.onnx`, await writeOnnx(network, batch, small));
      return { folder: `/${folder}`, size: network.size };
    },
    async first(library, folder, { warm = false } = {}) {
      const profile = await newContext();
      const visit = async (): Promise<Omit<First, 'asked'>> => {
        const visited = await profile.newPage();
        await visited.goto(`${site.url}peers/first.html?engine=${engine}&library=${library}&folder=${folder}`);
        const times = await (await visited.waitForFunction(() => globalThis.first, undefined, { timeout: 120_000 })).jsonValue();
        const counts = await countsOf(visited);
        await visited.close();
        return { ...times!, counts };
      };
      if (warm) await visit();
      const from = site.asked.length;
      const visited = await visit();
      await profile.close();
      return { ...visited, asked: site.asked.slice(from) };
    },
    async afresh(work) {
      const opened = await open(await context.newPage());
      try {
        return await work(opened);
      } finally {
        await opened.close();
      }
    },
    counts: () => countsOf(page),
    adapter: () =>
      page.evaluate(async () => {
        const adapter = await navigator.gpu.requestAdapter();
        if (adapter === null) throw new Error('this browser gives no WebGPU adapter');
        const { vendor, architecture, description } = adapter.info;
        return [vendor, architecture, description].filter((word) => word !== '').join(' ');
      }),
    async close() {
      await browser.close();
      await site.close();
    },
  };
}

/** Of a page and its workers. */
async function countsOf(page: Page): Promise<Counts> {
  const read = (): Counts | undefined => globalThis.gpuCounts;
  const all = await Promise.all([page.evaluate(read), ...page.workers().map((worker) => worker.evaluate(read))]);
  return sum(all.filter((counts) => counts !== undefined));
}

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** What the figures are of. */
function circumstances(browser: Browser): Record<string, unknown> {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim();
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    changed: git('status', '--porcelain') !== '',
    browser: `Chromium ${browser.version()}`,
    processor: cpus()[0]?.model,
    cores: cpus().length,
    load: loadavg(),
    libraries: dependencies,
  };
}

/** Prints all rows as a table and writes them to target/bench/peers.json. */
export function report(browser: Browser, rows: readonly Row[]): void {
  mkdirSync(join(ROOT, 'target/bench'), { recursive: true });
  writeFileSync(RESULT, `${JSON.stringify({ ...circumstances(browser), rows }, null, 1)}\n`);
  console.table(table(rows));
  console.log(`Written to ${RESULT}. The load says what else ran: on a quiet machine of several cores it is about 1.`);
}
