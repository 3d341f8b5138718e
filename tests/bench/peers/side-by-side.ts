/** One browser and one page in which every library does its work, and what comes of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launch, observe, type Record as Seen } from '../../browser/support/browser.js';
import { installDrawing } from '../../browser/support/drawing.js';
import { serveSite, type Site } from '../../browser/support/server.js';
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
  /**
   * Milliseconds from the navigation to a page with one library until it has made features of a picture, in a browser profile that has been
   * there before or has not, and the paths of what was fetched for it.
   */
  first(library: string, folder: string, warm: boolean): Promise<{ ms: number; asked: string[] }>;
  close(): Promise<void>;
}

export async function openSideBySide(): Promise<SideBySide> {
  // No policy: what the libraries do to start is theirs. Nothing comes from elsewhere all the same, which the benchmark checks. What was
  // fetched once is kept, as most hosts allow.
  const site = await serveSite({ headers: { 'Cache-Control': 'max-age=3600' }, folders: { 'peers/': BUNDLE, 'package/': PACKAGE } });
  const browser = await launch();
  const context = await browser.newContext();
  const page = await context.newPage();
  const seen = observe(context, page);
  await page.addInitScript(installDrawing);
  await page.goto(`${site.url}peers/index.html`);
  await page.waitForFunction(() => 'bench' in globalThis);
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
    async first(library, folder, warm) {
      const profile = await browser.newContext();
      const visit = async (): Promise<number> => {
        const visited = await profile.newPage();
        await visited.goto(`${site.url}peers/first.html?library=${library}&folder=${folder}`);
        const ms = await (await visited.waitForFunction(() => globalThis.first)).jsonValue();
        await visited.close();
        return ms!;
      };
      if (warm) await visit();
      const from = site.asked.length;
      const ms = await visit();
      await profile.close();
      return { ms, asked: site.asked.slice(from) };
    },
    async close() {
      await browser.close();
      await site.close();
    },
  };
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
