/** What a user waits for, measured in Chromium on the built site. Prints figures; asserts only that the work was done. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openApiPage } from '../browser/support/api-page.js';
import { usual } from '../browser/support/backbones.js';
import { launch } from '../browser/support/browser.js';
import { DIST, serveSite } from '../browser/support/server.js';

function report(name: string, figures: Record<string, string | number>): void {
  console.log(`${name}: ${Object.entries(figures).map(([key, value]) => `${key} ${value}`).join(', ')}`);
}

function brotli(path: string): number {
  const bytes = readFileSync(path);
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
}

describe('the CPU engine', () => {
  it('trains a head on 600 pictures of 10 classes for 50 epochs of batch 16, and predicts', async () => {
    const api = await openApiPage();
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const started = performance.now();
      for (let label = 0; label < 10; label++) await trainer.addClass(`class ${label}`);
      const kinds = ['circles', 'stripes', 'squares'] as const;
      for (let i = 0; i < 600; i++) {
        await trainer.addImage(`class ${i % 10}`, await drawing.draw(kinds[i % 3]!, i));
      }
      const embedded = performance.now();
      const runs = [];
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        const result = await trainer.train({ epochs: 50, batchSize: 16 }).report;
        runs.push({ wall: (performance.now() - start) / 1000, train: result.seconds.train, epochs: result.epochsRun });
      }
      const picture = await createImageBitmap(await drawing.draw('squares', 1));
      const frames = 60;
      const start = performance.now();
      for (let i = 0; i < frames; i++) await trainer.predict(picture);
      const fps = (frames * 1000) / (performance.now() - start);
      return { embed: (embedded - started) / 600, runs, fps };
    });
    await api.close();
    report('Embedding', { 'ms a picture, decoding and two views included': seen.embed.toFixed(1) });
    for (const run of seen.runs) report('Head training', { 's by the clock on the wall': run.wall.toFixed(2), 's of steps': run.train.toFixed(2) });
    report('Live prediction', { 'frames a second': seen.fps.toFixed(1) });
    expect(seen.runs.every((run) => run.epochs === 50)).toBe(true);
  }, 600_000);
});

describe('fine-tuning the last three blocks on the CPU', () => {
  it('beside training the head alone, on 60 pictures of 3 classes', async () => {
    const api = await openApiPage();
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      for (const kind of ['circles', 'stripes', 'squares'] as const) await tools.fill(trainer, kind, 20);
      const config = { fineTune: 'last:3', epochs: 10, fineTuneEpochs: 10, batchSize: 16 };
      const estimate = await trainer.estimate(config);
      const start = performance.now();
      const speeds: Record<string, number> = {};
      for await (const event of trainer.train(config)) speeds[event.phase] = event.imagesPerSecond;
      const wall = (performance.now() - start) / 1000;
      trainer.close();
      return { speeds, wall, estimated: estimate.totalSeconds! };
    });
    await api.close();
    const { head, 'fine-tune': tuned, prepare } = seen.speeds;
    report('Pictures a second', { prepared: prepare!.toFixed(0), 'head alone': head!.toFixed(0), 'fine-tuning': tuned!.toFixed(0), ratio: (tuned! / head!).toFixed(3) });
    report('Seconds', { 'in all': seen.wall.toFixed(2), estimated: seen.estimated.toFixed(2), ratio: (seen.estimated / seen.wall).toFixed(2) });
    expect(tuned).toBeGreaterThan(0);
  }, 600_000);
});

describe('the first load', () => {
  it('is this large over the wire, brotli at quality 11, up to the first prediction', async () => {
    const site = await serveSite();
    const browser = await launch();
    const page = await browser.newPage();
    const requests = new Set<string>();
    page.context().on('request', (request) => requests.add(new URL(request.url()).pathname.slice(1) || 'index.html'));
    await page.goto(site.url);
    await page.getByRole('button', { name: /sample pictures/i }).waitFor();
    await page.waitForFunction(() => performance.getEntriesByType('resource').length > 3);
    await page.waitForTimeout(5000);
    await browser.close();
    await site.close();
    const files = [...requests].filter((path) => existsSync(join(DIST, path)));
    // Of the two packages the worker asks for the one that it needs.
    expect(files.filter((name) => name.endsWith('.wasm'))).toHaveLength(1);
    const folder = `backbones/${usual().folder}`;
    files.push('backbones/index.json', `${folder}/config.json`, `${folder}/model.safetensors`);
    let total = 0;
    for (const file of [...new Set(files)].sort()) {
      const size = brotli(join(DIST, file));
      total += size;
      report(file, { kB: (size / 1000).toFixed(1) });
    }
    report('First load', { MB: (total / 1e6).toFixed(3), files: new Set(files).size });
    expect(total).toBeGreaterThan(0);
  }, 600_000);
});
