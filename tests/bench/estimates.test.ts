/**
 * What is told of a training before it starts, beside what it takes: drawn pictures, the settings as they are, the CPU engine in Chromium. A
 * trainer of its own for each run, as after a page was opened.
 *
 *     ./build.sh bench estimates
 *     HEADSTART_PICTURES=60 HEADSTART_RUNS=1 ./build.sh bench estimates
 */
import { expect, it } from 'vitest';
import { openApiPage, type ApiPage } from '../browser/support/api-page.js';

const COUNTS = (process.env['HEADSTART_PICTURES'] ?? '60,300').split(',').map(Number);
const RUNS = Number(process.env['HEADSTART_RUNS'] ?? 3);
const WHAT = ['none', 'last:1', 'last:3', 'last:6'] as const;
/** Told by taken: within this and its inverse an estimate is of use. */
const FACTOR = 1.5;

/** Seconds of the parts of a training. */
interface Parts {
  prepare: number;
  /** One epoch of fine-tuning, or of the head where nothing is fine-tuned. */
  epoch: number;
  total: number;
}

interface Run {
  told: Parts;
  took: Parts & { head: number; measure: number };
}

function run(api: ApiPage, count: number, fineTune: string): Promise<Run> {
  return api.page.evaluate(
    async ({ count, fineTune }) => {
      const kinds = ['circles', 'stripes', 'squares'] as const;
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      for (const [index, kind] of kinds.entries()) {
        await trainer.addClass(kind);
        const own = Array.from({ length: Math.floor((count + 2 - index) / 3) }, (_, seed) => drawing.draw(kind, seed));
        await trainer.addImages(kind, await Promise.all(own));
      }
      const { prepareSeconds, epochSeconds, totalSeconds } = await trainer.estimate({ fineTune });
      // From one event to the next, so that what lies between steps counts, too: the wait is what a person has.
      const phases = { prepare: 0, head: 0, 'fine-tune': 0, measure: 0 };
      const began = performance.now();
      let last = began;
      for await (const { phase } of trainer.train({ fineTune })) {
        const now = performance.now();
        phases[phase] += (now - last) / 1000;
        last = now;
      }
      const total = (performance.now() - began) / 1000;
      trainer.close();
      const { epochs, fineTuneEpochs } = trainer.defaults;
      const epoch = fineTune === 'none' ? phases.head / epochs : phases['fine-tune'] / fineTuneEpochs;
      return {
        told: { prepare: prepareSeconds ?? NaN, epoch: epochSeconds ?? NaN, total: totalSeconds ?? NaN },
        took: { prepare: phases.prepare, epoch, total, head: phases.head, measure: phases.measure },
      };
    },
    { count, fineTune },
  );
}

const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
const seconds = (value: number): string => (value < 1 ? value.toFixed(3) : value.toFixed(1));

it('tells how long a training takes, within a factor of 1.5', async () => {
  const api = await openApiPage();
  const rows: Record<string, Record<string, string>> = {};
  const outside: string[] = [];
  for (const count of COUNTS) {
    for (const what of WHAT) {
      const runs: Run[] = [];
      for (let each = 0; each < RUNS; each += 1) runs.push(await run(api, count, what));
      const of = (pick: (run: Run) => number): number => median(runs.map(pick));
      const both = (part: keyof Parts): string => `${seconds(of(({ told }) => told[part]))} / ${seconds(of(({ took }) => took[part]))}`;
      const ratio = of(({ told, took }) => told.total / took.total);
      const name = `${count} pictures, ${what === 'none' ? 'head alone' : what}`;
      rows[name] = {
        'prepare, told / took': both('prepare'),
        'epoch': both('epoch'),
        'in all': both('total'),
        'ratio in all': ratio.toFixed(2),
        'ratio epoch': of(({ told, took }) => told.epoch / took.epoch).toFixed(2),
        'head, took': seconds(of(({ took }) => took.head)),
        'measure, took': seconds(of(({ took }) => took.measure)),
      };
      if (ratio > FACTOR || ratio < 1 / FACTOR) outside.push(name);
      console.info(`${name}: told ${both('total')} took, ratio ${ratio.toFixed(2)}`);
    }
  }
  await api.close();
  console.table(rows);
  console.info(outside.length === 0 ? `All within a factor of ${FACTOR} (medians of ${RUNS}).` : `Outside a factor of ${FACTOR}: ${outside.join('; ')}.`);
  expect(Object.keys(rows)).toHaveLength(COUNTS.length * WHAT.length);
}, 3_600_000);
