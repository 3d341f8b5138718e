/**
 * One core and all of them, alternating in one page, on the CPU engine: pictures to features, and fine-tuning the last three stages with the
 * pictures prepared for it. With `HEADSTART_REFERENCES` the network is MobileNetV2 1.0 at 224 px, and else the bundled one.
 *
 * What a machine calls two cores may be one that two share. So beside it stands what as many sessions do that know nothing of each other:
 * no way to divide the work is better than that.
 *
 *     ./build.sh bench cores
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from '../browser/support/api-page.js';
import { LARGE } from '../browser/support/backbones.js';
import { builtWorker } from '../browser/support/server.js';

const RUNS = Number(process.env['ROUNDS'] ?? 7);
const CORES = 'navigator.hardwareConcurrency';
const LIMIT_MS = 3_600_000;

let api: ApiPage;
const { path, code } = builtWorker();
beforeAll(async () => {
  if (!code.includes(CORES)) throw new Error('the worker does not ask for the cores as it did');
  api = await openApiPage();
});
afterAll(() => api?.close());

const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
const quartiles = (all: number[]): string => [0.25, 0.5, 0.75].map((at) => all.toSorted((a, b) => a - b)[Math.round(at * (all.length - 1))]!.toPrecision(3)).join(' ');

type Took = Record<'one' | 'all' | 'apart', Record<string, number[]>>;

/** Runs with one core, with all, and in a session for each core, again and again; what each figure was, without the first, which warms up. */
async function alternate(run: (sessions: number) => Promise<Record<string, number>[]>): Promise<Took> {
  const took: Took = { one: {}, all: {}, apart: {} };
  const cores = await api.page.evaluate(() => navigator.hardwareConcurrency);
  for (let round = 0; round <= RUNS; round += 1) {
    for (const which of ['one', 'all', 'apart'] as const) {
      // The browser's own override does not reach workers.
      api.site.files.set(path, Buffer.from(which === 'all' ? code : code.replace(CORES, '1')));
      const figures = await run(which === 'apart' ? cores : 1);
      if (round === 0) continue;
      for (const what of Object.keys(figures[0]!)) (took[which][what] ??= []).push(figures.reduce((sum, each) => sum + each[what]!, 0) / figures.length);
    }
  }
  return took;
}

async function report({ one, all, apart }: Took): Promise<void> {
  const cores = await api.page.evaluate(() => navigator.hardwareConcurrency);
  for (const what of Object.keys(one)) {
    const [alone, together, each] = [one[what]!, all[what]!, apart[what]!];
    const [times, most] = [median(alone) / median(together), (cores * median(alone)) / median(each)];
    console.info(
      `${what}: one core ${quartiles(alone)}, ${cores} cores ${quartiles(together)} (quartiles): ${times.toFixed(2)} times as fast; ` +
        `${cores} sessions at a time do ${most.toFixed(2)} times as much as one (medians of ${RUNS} alternating runs)`,
    );
    expect([...alone, ...together, ...each].every(Number.isFinite)).toBe(true);
  }
}

it('embeds with one core and with all', async () => {
  const PICTURES = 400;
  await api.page.evaluate(async (count) => {
    const pictures = await Promise.all(Array.from({ length: count }, (_, i) => drawing.draw(i % 2 === 0 ? 'circles' : 'stripes', i)));
    Object.assign(globalThis, { pictures });
  }, PICTURES);
  const took = await alternate((sessions) =>
    api.page.evaluate(async (sessions) => {
      const { pictures } = globalThis as unknown as { pictures: Blob[] };
      const run = async (trainer: import('../../www/headstart.js').Trainer) => {
        await trainer.addClass('any');
        const began = performance.now();
        const { failures } = await trainer.addImages('any', pictures);
        const each = (performance.now() - began) / pictures.length;
        trainer.close();
        return { 'ms of a picture that is added': failures.length === 0 ? each : NaN };
      };
      const trainers = await Promise.all(Array.from({ length: sessions }, () => headstart.Trainer.create({ engine: 'cpu' })));
      return Promise.all(trainers.map(run));
    }, sessions),
  );
  await report(took);
}, LIMIT_MS);

it('fine-tunes with one core and with all', async () => {
  const large = existsSync(LARGE);
  if (large) for (const name of ['config.json', 'model.safetensors']) api.site.files.set(`large/${name}`, readFileSync(join(LARGE, name)));
  console.info(large ? 'MobileNetV2 1.0 at 224 px' : 'the bundled backbone');
  const took = await alternate((sessions) =>
    api.page.evaluate(async ([backbone, sessions]) => {
      const [EACH, EPOCHS] = [40, 5];
      const open = async () => {
        const trainer = await headstart.Trainer.create({ engine: 'cpu', ...(backbone && { backbone }) });
        for (const kind of ['circles', 'stripes'] as const) {
          await trainer.addClass(kind);
          await trainer.addImages(kind, await Promise.all(Array.from({ length: EACH }, (_, i) => drawing.draw(kind, i))));
        }
        return trainer;
      };
      const run = async (trainer: import('../../www/headstart.js').Trainer) => {
        const marks: { phase: string; kind: string; at: number; step: number }[] = [];
        for await (const { phase, kind, step } of trainer.train({ epochs: 1, fineTune: 'last:3', fineTuneEpochs: EPOCHS, batchSize: 16, patience: 0 })) {
          marks.push({ phase, kind, step, at: performance.now() });
        }
        trainer.close();
        const of = (phase: string, kind: string) => marks.filter((mark) => mark.phase === phase && mark.kind === kind);
        // Helpers come while pictures are prepared: from the first of them that one is told of to the last.
        const prepared = of('prepare', 'step');
        const [first, last] = [prepared[0]!, prepared.at(-1)!];
        const epochs = of('fine-tune', 'epoch');
        return {
          'ms of a picture that is prepared': (last.at - first.at) / (last.step - first.step),
          's of an epoch of fine-tuning': (epochs.at(-1)!.at - epochs[0]!.at) / 1000 / (epochs.length - 1),
        };
      };
      const trainers = await Promise.all(Array.from({ length: sessions }, open));
      return Promise.all(trainers.map(run));
    }, [large ? 'large' : null, sessions] as const),
  );
  await report(took);
}, LIMIT_MS);
