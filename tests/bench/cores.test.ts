/**
 * Pictures to features by one worker and by a worker on each core, alternating in one page, on the CPU engine.
 *
 *     ./build.sh bench cores
 */
import { expect, it } from 'vitest';
import { openApiPage } from '../browser/support/api-page.js';
import { builtWorker } from '../browser/support/server.js';

const [PICTURES, RUNS] = [400, 7];
const CORES = 'navigator.hardwareConcurrency';

it('embeds with one core and with all', async () => {
  const api = await openApiPage();
  const { path, code } = builtWorker();
  if (!code.includes(CORES)) throw new Error('the worker does not ask for the cores as it did');
  const cores = await api.page.evaluate(() => navigator.hardwareConcurrency);
  await api.page.evaluate(async (count) => {
    const pictures = await Promise.all(Array.from({ length: count }, (_, i) => drawing.draw(i % 2 === 0 ? 'circles' : 'stripes', i)));
    Object.assign(globalThis, { pictures });
  }, PICTURES);
  const embed = (): Promise<number> =>
    api.page.evaluate(async () => {
      const { pictures } = globalThis as unknown as { pictures: Blob[] };
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      await trainer.addClass('any');
      const began = performance.now();
      const { failures } = await trainer.addImages('any', pictures);
      const took = performance.now() - began;
      trainer.close();
      return failures.length === 0 ? took : NaN;
    });
  const took: { one: number[]; all: number[] } = { one: [], all: [] };
  for (let run = 0; run <= RUNS; run += 1) {
    for (const which of ['one', 'all'] as const) {
      // The browser's own override does not reach workers.
      api.site.files.set(path, Buffer.from(which === 'one' ? code.replace(CORES, '1') : code));
      const milliseconds = await embed();
      // The first of each warms up.
      if (run > 0) took[which].push(milliseconds);
    }
  }
  const quartiles = (all: number[]): number[] => [0.25, 0.5, 0.75].map((at) => Math.round((all.toSorted((a, b) => a - b)[Math.round(at * (all.length - 1))]! / PICTURES) * 100) / 100);
  const [one, all] = [quartiles(took.one), quartiles(took.all)];
  console.table({ 'one core': { 'ms a picture, quartiles': one.join(' ') }, [`${cores} cores`]: { 'ms a picture, quartiles': all.join(' ') } });
  console.info(`${cores} cores are ${(one[1]! / all[1]!).toFixed(2)} times as fast as one (medians of ${RUNS} alternating runs)`);
  await api.close();
  expect([...took.one, ...took.all].every(Number.isFinite)).toBe(true);
}, 600_000);
