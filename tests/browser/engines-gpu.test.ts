/** The WebGPU engine where it has it hard: its device is lost, can do little, is shared or computes wrong numbers; and against the CPU. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prediction } from '../../www/headstart.js';
import { seeded } from '../../www/samples/random.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { ability, beforeWorkers, dispatches, LEAST_LIMITS, lessAble, loseAfter, lostAt, miscomputing, watched, type Prelude } from './support/gpu.js';
import { installWork, MOMENTS, type Moment, type Outcome, type Trained } from './support/gpu-work.js';
import { digits, ratio } from './support/numbers.js';

/** How often a device is lost; `TRIALS=20 SEED=…` for more, or for the same again. */
const TRIALS = Number(process.env['TRIALS'] ?? MOMENTS.length);
const SEED = Number(process.env['SEED'] ?? randomInt(1e6));
/** Milliseconds: so that half of the losses meet a worker that waits for the GPU, where the others meet one that talks to it. */
const LONGEST_DELAY = 30;

/** What differs at most: features and losses as a share of the largest, probabilities as they are. */
const BOUND = 1e-4;

async function open(...preludes: Prelude[]): Promise<ApiPage> {
  const api = await openApiPage({ webgpu: true });
  await beforeWorkers(api.page, watched, ...preludes);
  await api.page.evaluate(installWork);
  return api;
}

/** Trials until one was inside, at most: of one in a dozen it is not. */
const MOST_DRAWN = 5;

/** What was logged as errors, but for what burn says of a device that is lost. */
const unexpected = ({ record }: Pick<ApiPage, 'record'>): string[] => record.errors.filter((error) => !error.includes('the wgpu device was lost (Destroyed)'));

let api: ApiPage;
/** The same work on the CPU. */
let cpu: Awaited<ReturnType<typeof everything>>;
beforeAll(async () => {
  api = await open();
  cpu = await everything(api, 'cpu');
  await api.page.evaluate(() => subject.close());
});
afterAll(() => api?.close());

/** How far the losses of a training, as far as it came, are from those that it has on the CPU. */
function astray(found: Trained, onCpu: Trained): number {
  const losses = ({ epochs }: Trained): number[] => epochs.slice(0, found.epochs.length).flatMap((epoch) => epoch.losses);
  return found.epochs.length === 0 ? 0 : ratio(losses(found), losses(onCpu));
}

/** Classes and probabilities in one order: where two are as likely, rounding decides which comes first. */
const sorted = (answers: readonly Prediction[][]): number[] =>
  answers.flatMap((answer) => [...answer].sort((a, b) => a.className.localeCompare(b.className)).map(({ probability }) => probability));

/** Largest difference of two lists of probabilities. */
function apart(found: readonly Prediction[][], expected: readonly Prediction[][]): number {
  const [a, b] = [sorted(found), sorted(expected)];
  expect(a.length).toBe(b.length);
  expect(a.length).toBeGreaterThan(0);
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
}

/** Embedding, head training, prediction and fine-tuning on one engine; the trainer that did it stays open. */
async function everything({ page }: ApiPage, engine: 'cpu' | 'webgpu') {
  return page.evaluate(async (engine) => {
    const trainer = await work.before('head training', engine);
    globalThis.subject = trainer;
    const features = [...(await trainer.embed(await drawing.draw('squares', 7)))];
    const head = await work.train(trainer, work.HEAD);
    const answers = await work.answers(trainer);
    const tuning = await work.train(trainer, work.TUNING);
    const tuned = await work.answers(trainer);
    return { kind: trainer.engine.kind, features, head, answers, tuning, tuned };
  }, engine);
}

/** That it gave what the CPU gives. */
function asOnTheCpu(found: Awaited<ReturnType<typeof everything>>): void {
  expect(found.kind).toBe('webgpu');
  const features = ratio(found.features, cpu.features);
  const differences = [features, astray(found.head, cpu.head), astray(found.tuning, cpu.tuning)];
  const probabilities = [found.answers, found.tuned].flatMap(({ own, cpu }) => apart(own, cpu));
  console.log(`features differ by ${digits(features)}, losses by ${differences.slice(1).map(digits).join(' and ')}, probabilities by ${digits(Math.max(...probabilities))}`);
  for (const difference of [...differences, ...probabilities]) expect(difference).toBeLessThan(BOUND);
  for (const [trained, onCpu] of [[found.head, cpu.head], [found.tuning, cpu.tuning]] as const) {
    expect(trained.report).toMatchObject({ stopped: 'finished', engine: 'webgpu' });
    expect(trained.epochs).toHaveLength(onCpu.epochs.length);
  }
}

describe('a device that is lost', () => {
  /** How much the GPU is given to compute in each moment where nothing happens. */
  const rehearsed = new Map<Moment, number>();
  beforeAll(async () => {
    await api.page.evaluate(async () => {
      globalThis.subject = await work.before('embedding', 'webgpu');
    });
    for (const moment of ['embedding', 'head training', 'prediction', 'fine-tuning'] as const) {
      const before = await dispatches(api.page);
      const outcome = await api.page.evaluate((moment) => work.at(moment, subject), moment);
      expect(outcome.engine).toBe('webgpu');
      rehearsed.set(moment, (await dispatches(api.page)) - before);
    }
    await api.page.evaluate(() => subject.close());
    console.log(`SEED=${SEED} TRIALS=${TRIALS}, dispatches: ${[...rehearsed].map((each) => each.join(' ')).join(', ')}`);
  });

  /** What a training must have come to, whenever the device was lost. */
  function truthful({ epochs, report, refused }: Trained, onCpu: Trained, lost: number | null): void {
    const engine = lost !== null && lost < epochs.at(-1)!.at ? 'cpu' : 'webgpu';
    expect(report).toMatchObject({ stopped: 'finished', engine, epochsRun: epochs.length });
    expect(epochs.map(({ epoch }) => epoch)).toEqual(onCpu.epochs.map(({ epoch }) => epoch));
    expect(astray({ epochs, report, refused }, onCpu)).toBeLessThan(BOUND);
  }

  /** What the work of a moment must have given. */
  function complete(outcome: Outcome, moment: Moment, lost: number | null): void {
    const { added, failed, answers, trained } = outcome;
    if (moment === 'embedding') expect({ added, failed }).toEqual({ added: 8, failed: 0 });
    else if (moment === 'prediction') expect(answers).toHaveLength(6);
    else truthful(trained!, moment === 'head training' ? cpu.head : cpu.tuning, lost);
  }

  /** Loses the device at some time in a moment. Gives whether the work noticed. */
  async function trial(moment: Moment, seed: number): Promise<boolean> {
    const next = seeded(seed);
    await api.page.evaluate(async (moment) => {
      globalThis.subject = await work.before(moment, 'webgpu');
    }, moment);
    const [count, after] = [1 + Math.floor(next() * rehearsed.get(moment)!), next() < 0.5 ? null : Math.floor(next() * LONGEST_DELAY)];
    await loseAfter(api.page, count, after);
    const outcome = await api.page.evaluate((moment) => work.at(moment, subject), moment);
    const lost = await lostAt(api.page);
    const { trained } = outcome;
    const inside = outcome.engine === 'cpu';
    const end = trained ? `, ${trained.report?.stopped ?? trained.refused} after ${trained.epochs.length} epochs` : '';
    console.log(`${moment}, seed ${seed}, ${after === null ? 'at' : `${after} ms after`} dispatch ${count}: lost ${inside ? 'inside' : 'outside'}${end}`);
    if (inside) expect(lost).toBeLessThan(outcome.ended);
    complete(outcome, moment, lost);

    if (moment === 'prediction' || trained?.report) {
      const model = await api.page.evaluate(async () => ({ answers: await work.answers(subject), evaluation: await subject.evaluate() }));
      expect(apart(model.answers.own, model.answers.cpu)).toBeLessThan(BOUND);
      if (moment === 'prediction') expect(apart(outcome.answers, model.answers.cpu)).toBeLessThan(BOUND);
      const best = trained?.epochs.find(({ epoch }) => epoch === trained.report!.bestEpoch);
      if (best) expect(Math.abs(model.evaluation.loss - best.losses[1]!)).toBeLessThan(BOUND);
    }

    // Whatever was kept of the pictures is right, or it would train something else.
    const again = await api.page.evaluate(async () => {
      const trained = await work.train(subject, work.HEAD);
      const answers = await work.answers(subject);
      const { engine, classes } = subject;
      subject.close();
      return { trained, answers, engine, pictures: classes.map(({ images }) => images.length) };
    });
    expect(again.pictures).toEqual([4, 4]);
    expect(again.trained.report?.stopped).toBe('finished');
    expect(astray(again.trained, cpu.head)).toBeLessThan(BOUND);
    expect(apart(again.answers.own, again.answers.cpu)).toBeLessThan(BOUND);
    if (lost !== null) expect(again.engine).toMatchObject({ kind: 'cpu', reason: expect.stringMatching(/stopped answering/) });
    if (inside) expect(again.trained.report?.engine).toBe('cpu');
    return inside;
  }

  it.each(MOMENTS)(`in %s: nothing is missing, and the CPU goes on (seed ${SEED})`, async (moment) => {
    let inside = 0;
    // A loss that is drawn late comes when all is done already, which tells nothing: another is drawn.
    for (let i = 0, seed = MOMENTS.indexOf(moment); seed < TRIALS || (inside === 0 && i < MOST_DRAWN); i++, seed += MOMENTS.length) {
      inside += Number(await trial(moment, SEED + seed));
    }
    expect(inside).toBeGreaterThan(0);
    expect(unexpected(api)).toEqual([]);
  }, 60_000 * Math.max(2, TRIALS / 2));
});

describe('a device that is lost in fine-tuning, after the head has trained on the CPU', () => {
  it('repeats no epoch: the CPU goes on from the last', async () => {
    const lost = await open();
    await lost.page.evaluate(async () => {
      await tools.keepEngines(['fine-tuning'], { backbone: 'small' });
      globalThis.subject = (await tools.decided({ backbone: 'small' })).trainer;
      await tools.fill(subject, 'circles', 6);
      await tools.fill(subject, 'stripes', 6);
    });
    // In the first step: what is fine-tuned is all that the GPU does.
    await loseAfter(lost.page, 20, null);
    const done = await lost.page.evaluate(async () => {
      const { engine } = subject;
      const run = subject.train({ epochs: 3, fineTune: 'last:1', fineTuneEpochs: 2, seed: 5 });
      const told: string[] = [];
      for await (const { kind, phase, epoch } of run) if (kind === 'epoch') told.push(`${phase} ${epoch}`);
      const report = await run.report;
      return { before: engine.workloads.map(({ kind }) => kind), told, engine: report.engine, stopped: report.stopped, after: subject.engine.kind };
    });
    expect(await lostAt(lost.page)).not.toBeNull();
    await lost.close();
    expect(done.before).toEqual(['cpu', 'cpu', 'cpu', 'webgpu']);
    expect(done).toMatchObject({ engine: 'cpu', stopped: 'finished', after: 'cpu' });
    expect(done.told).toEqual(['head 1', 'head 2', 'head 3', 'fine-tune 4', 'fine-tune 5']);
  });
});

describe('an adapter that can do little', () => {
  it.each([
    { what: 'no limit above the least of the standard', limits: LEAST_LIMITS, features: null },
    { what: 'no feature but timestamp-query', limits: {}, features: ['timestamp-query'] },
  ])('($what) computes what the CPU does', async ({ limits, features }) => {
    const little = await open(lessAble(limits, features));
    const found = await everything(little, 'webgpu');
    const device = await ability(little.page);
    await little.close();
    asOnTheCpu(found);
    expect(device.limits).toMatchObject(limits);
    // What stands for the whole of WebGPU is no feature to ask for.
    if (features) expect(device.features.filter((feature) => feature !== 'core-features-and-limits')).toEqual(features);
    expect(unexpected(little)).toEqual([]);
  });
});

describe('a GPU that computes wrong numbers', () => {
  it('is refused with the reason, and auto takes the CPU', async () => {
    const wrong = await open(miscomputing('sum0_0 +=', 'sum0_0 -='));
    const refused = await wrong.page.evaluate(() => tools.refused(headstart.Trainer.create({ engine: 'webgpu', backbone: 'small' })));
    const engine = await wrong.page.evaluate(async () => (await tools.decided({ backbone: 'small' })).trainer.engine);
    await wrong.close();
    expect(refused).toMatchObject({ code: 'engine_unavailable', message: expect.stringContaining('it computes wrong numbers') });
    expect(engine).toMatchObject({ kind: 'cpu', reason: expect.stringContaining('it computes wrong numbers') });
    expect(unexpected(wrong)).toEqual([]);
  });

  it.each([
    { what: 'a step of Adam', from: 'let by = gradient + before', to: 'let by = 1.1 * gradient + before' },
    { what: 'the gradient behind a hidden layer', from: 'select(0.0, sum, x[', to: 'select(sum, sum, x[' },
  ])('($what) does not train: the CPU does', async ({ from, to }) => {
    const wrong = await open(miscomputing(from, to));
    const outcome = await wrong.page.evaluate(async () => {
      const trainer = await work.before('head training', 'webgpu');
      const { kind } = trainer.engine;
      const trained = await work.train(trainer, work.HEAD);
      const { engine } = trainer;
      trainer.close();
      return { kind, trained, engine };
    });
    await wrong.close();
    expect(outcome.kind).toBe('webgpu');
    expect(outcome.engine).toMatchObject({ kind: 'cpu', reason: expect.stringContaining('it computes wrong numbers') });
    expect(outcome.trained.report).toMatchObject({ stopped: 'finished', engine: 'cpu', epochsRun: cpu.head.epochs.length });
    expect(astray(outcome.trained, cpu.head)).toBeLessThan(BOUND);
    expect(unexpected(wrong)).toEqual([]);
  });
});

describe('two tabs', () => {
  it('train at the same time and see the same losses', async () => {
    const second = await api.openTab();
    await second.page.evaluate(installWork);
    const tabs = [api, second];
    for (const { page } of tabs) {
      await page.evaluate(async () => {
        globalThis.subject = await work.before('head training', 'webgpu');
      });
    }
    const [one, other] = await Promise.all(tabs.map(({ page }) => page.evaluate(async () => {
      const began = performance.timeOrigin + performance.now();
      const outcome = await work.at('head training', subject);
      subject.close();
      return { ...outcome, began };
    })));
    await second.page.close();
    expect(Math.max(one!.began, other!.began)).toBeLessThan(Math.min(one!.ended, other!.ended));
    for (const { engine, trained } of [one!, other!]) {
      expect(engine).toBe('webgpu');
      expect(trained!.report).toMatchObject({ stopped: 'finished', engine: 'webgpu' });
      expect(astray(trained!, cpu.head)).toBeLessThan(BOUND);
    }
    const losses = [one!, other!].map(({ trained }) => trained!.epochs.map((epoch) => epoch.losses));
    expect(losses[0]).toHaveLength(cpu.head.epochs.length);
    expect(losses[1]).toEqual(losses[0]);
    expect([...unexpected(api), ...unexpected(second)]).toEqual([]);
  });
});

describe('WebGPU against the CPU', () => {
  it('takes the same ten steps with each optimiser, with an SVM, and fine-tunes the last two blocks alike', async () => {
    const settings = [
      ...(['adam', 'adamw', 'sgd'] as const).map((optimizer) => ({ optimizer, head: 'linear' as const })),
      { optimizer: 'adam', head: 'svm' } as const,
    ];
    const runs = await api.page.evaluate(async (settings) => {
      const runs = [];
      for (const engine of ['webgpu', 'cpu'] as const) {
        const trainer = await work.before('head training', engine);
        const trained = [];
        // A step an epoch, so that the loss of each is seen.
        for (const each of settings) trained.push(await work.train(trainer, { ...work.HEAD, ...each, schedule: 'constant', epochs: 10, batchSize: 8 }));
        trained.push(await work.train(trainer, { ...work.TUNING, fineTune: 'last:2' }));
        trainer.close();
        runs.push(trained);
      }
      return runs;
    }, settings);
    const names = [...settings.map(({ optimizer, head }) => `${optimizer} (${head})`), 'last:2'];
    const differences = runs[0]!.map((trained, i) => astray(trained, runs[1]![i]!));
    console.log(`losses differ by ${differences.map((difference, i) => `${digits(difference)} with ${names[i]}`).join(', ')}`);
    for (const [i, trained] of runs[0]!.entries()) {
      expect(trained.report, names[i]).toMatchObject({ stopped: 'finished', engine: 'webgpu' });
      expect(trained.epochs, names[i]).toHaveLength(i < settings.length ? 10 : 3);
      expect(differences[i], names[i]).toBeLessThan(BOUND);
    }
    expect(new Set(runs[0]!.at(-1)!.epochs.map(({ phase }) => phase))).toEqual(new Set(['head', 'fine-tune']));
  });
});
