/**
 * Training and live prediction on WebGPU for half an hour on drawn pictures: what the tab and the GPU's process hold meanwhile.
 * Prints a table and writes target/bench/soak.svg.
 *
 *     MINUTES=10 ./build.sh bench soak
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openApiPage } from '../browser/support/api-page.js';
import { beforeWorkers, prelude } from '../browser/support/gpu.js';

const MINUTES = Number(process.env['MINUTES'] ?? 30);
/** Seconds between two looks. */
const EVERY = 15;
/** By which the last third may be above the second: the first is that of whatever fills up once. */
const GROWTH = 0.05;
const RESULT = join(import.meta.dirname, '../../target/bench');

interface Look {
  minutes: number;
  /** Resident memory of the tab's process, page and worker, and of the GPU's, in mebibytes. */
  tab: number;
  gpu: number;
  /** What of the tab is WebAssembly's memory. */
  wasm: number;
}

declare global {
  var wasmMemory: WebAssembly.Memory | undefined;
}

/** Has a worker know the memory of its wasm code. */
const knowsItsMemory = prelude(() => {
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiateStreaming(...args);
    globalThis.wasmMemory = made.instance.exports['memory'] as WebAssembly.Memory;
    return made;
  };
}, null);

const resident = (pid: number): number => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
/** The medians of the second third and of the last. */
const thirds = (values: number[]): [number, number] => [median(values.slice(values.length / 3, (2 * values.length) / 3)), median(values.slice((2 * values.length) / 3))];

/** Lines over the minutes, each from zero up. */
function plot(looks: Look[]): string {
  const [width, height, most] = [900, 360, Math.max(...looks.flatMap(({ tab, gpu }) => [tab, gpu])) * 1.1];
  const line = (of: 'tab' | 'gpu', color: string): string => {
    const points = looks.map((look) => `${(40 + (look.minutes / looks.at(-1)!.minutes) * (width - 60)).toFixed(1)},${(height - 30 - (look[of] / most) * (height - 50)).toFixed(1)}`);
    return `<polyline fill="none" stroke="${color}" stroke-width="2" points="${points.join(' ')}"/>`;
  };
  const words = `tab (blue) and GPU process (orange), MiB, up to ${Math.round(most)}; ${looks.at(-1)!.minutes.toFixed(0)} minutes`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>
<text x="40" y="16" font-size="13">${words}</text>${line('tab', '#1f6feb')}${line('gpu', '#d9822b')}</svg>\n`;
}

it(`${MINUTES} minutes of training and live prediction on WebGPU`, async () => {
  const api = await openApiPage({ webgpu: true });
  const browser = await api.browser.newBrowserCDPSession();
  await beforeWorkers(api.page, knowsItsMemory);
  const looks: Look[] = [];
  const start = Date.now();
  const look = async (): Promise<void> => {
    const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
    const largest = (type: string): number => Math.max(...processInfo.filter((each) => each.type === type).map(({ id }) => resident(id)));
    const memories = await Promise.all(api.page.workers().map((worker) => worker.evaluate(() => globalThis.wasmMemory?.buffer.byteLength ?? 0)));
    looks.push({ minutes: (Date.now() - start) / 60_000, tab: largest('renderer'), gpu: largest('GPU'), wasm: Math.max(...memories) / 2 ** 20 });
  };
  await api.page.evaluate(async () => {
    const trainer = await headstart.Trainer.create({ engine: 'webgpu', backbone: 'small' });
    for (const kind of ['circles', 'stripes', 'squares'] as const) await tools.fill(trainer, kind, 20);
    const frames = await Promise.all([50, 51, 52, 53].map(async (seed) => createImageBitmap(await drawing.draw('squares', seed))));
    const done = { trainings: 0, predictions: 0, kind: trainer.engine.kind, failed: '' };
    Object.assign(globalThis, { done });
    const work = async (): Promise<void> => {
      for (let i = 0; ; i++) {
        const tuning = i % 2 === 1 ? { fineTune: 'last:2', fineTuneEpochs: 2 } as const : {};
        for await (const event of trainer.train({ epochs: 5, batchSize: 16, seed: i, ...tuning })) {
          if (event.kind !== 'epoch') continue;
          await trainer.predictLatest(frames[i % 4]!).then(() => done.predictions++, () => undefined);
        }
        for (const frame of frames) await trainer.predict(frame).then(() => done.predictions++);
        done.trainings++;
        done.kind = trainer.engine.kind;
      }
    };
    void work().catch((error: unknown) => { done.failed = String(error); });
  });
  while (Date.now() - start < MINUTES * 60_000) {
    await api.page.waitForTimeout(EVERY * 1000);
    await look();
  }
  const done = await api.page.evaluate(() => (globalThis as unknown as { done: { trainings: number; predictions: number; kind: string; failed: string } }).done);
  const errors = api.record.errors;
  await api.close();
  mkdirSync(RESULT, { recursive: true });
  writeFileSync(join(RESULT, 'soak.svg'), plot(looks));
  const tenths = looks.filter((_, i) => i % Math.ceil(looks.length / 12) === 0 || i === looks.length - 1);
  console.table(tenths.map(({ minutes, tab, gpu, wasm }) => ({
    minutes: minutes.toFixed(1),
    'tab, MiB': Math.round(tab),
    'GPU process, MiB': Math.round(gpu),
    'wasm, MiB': Math.round(wasm),
  })));
  const growth = (['tab', 'gpu'] as const).map((of) => {
    const [before, after] = thirds(looks.map((each) => each[of]));
    return after / before - 1;
  });
  console.log(`${done.trainings} trainings and ${done.predictions} predictions on ${done.kind}; the last third above the second by ${growth.map((g) => `${(100 * g).toFixed(1)} %`).join(' (tab) and ')} (GPU process). Written to target/bench/soak.svg.`);
  expect(done).toMatchObject({ kind: 'webgpu', failed: '' });
  expect(errors).toEqual([]);
  for (const each of growth) expect(each).toBeLessThan(GROWTH);
}, (MINUTES + 5) * 60_000);
