/** Fine-tuning through `headstart.js`: on both engines, stopped, gone on with, saved, loaded, and with a GPU that goes away. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Trainer, TrainReport } from '../../www/headstart.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { foreignRequests } from './support/browser.js';

/** Real photographs, where a developer has them; drawings elsewhere. */
const REFERENCES = process.env['HEADSTART_REFERENCES'] ?? join(import.meta.dirname, '../../../shared');
const PHOTOGRAPHS = join(REFERENCES, 'tasks/clothing10');
const CLASSES = ['hat', 'shoes'];

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage({ webgpu: true });
  if (!existsSync(PHOTOGRAPHS)) console.warn(`no photographs at ${PHOTOGRAPHS}: drawings are fine-tuned instead`);
  const names = (name: string): string[] => (existsSync(PHOTOGRAPHS) ? readdirSync(join(PHOTOGRAPHS, 'train', name)).sort() : []);
  const photographs = Object.fromEntries(CLASSES.map((name) => [name, names(name)]));
  await api.page.route('**/photographs/**', async (route) => {
    const [name, file] = new URL(route.request().url()).pathname.split('/').slice(-2);
    await route.fulfill({ body: readFileSync(join(PHOTOGRAPHS, 'train', name!, file!)), contentType: 'image/jpeg' });
  });
  await api.page.evaluate((photographs) => {
    Object.assign(globalThis, {
      picture: async (name: string, index: number): Promise<Blob | ImageData | ImageBitmap> => {
        const file = photographs[name]?.[index];
        return file === undefined
          ? drawing.draw(name === 'hat' ? 'circles' : 'stripes', index)
          : (await fetch(`/photographs/${name}/${file}`)).blob();
      },
      filled: async (engine: 'cpu' | 'webgpu', count: number): Promise<Trainer> => {
        const trainer = await headstart.Trainer.create({ engine, backbone: 'small' });
        for (const name of Object.keys(photographs)) {
          await trainer.addClass(name);
          for (let i = 0; i < count; i += 1) await trainer.addImage(name, await picture(name, i));
        }
        return trainer;
      },
    });
  }, photographs);
});
afterAll(() => api?.close());

declare global {
  function picture(name: string, index: number): Promise<Blob | ImageData | ImageBitmap>;
  function filled(engine: 'cpu' | 'webgpu', count: number): Promise<Trainer>;
}

/** Losses of each epoch until the run was stopped, by engine. */
const losses: Record<string, number[]> = {};

// SGD, for Adam divides a gradient by its own size: rounding where it is almost zero becomes a whole step, another on each engine.
const TUNING = { optimizer: 'sgd', backboneLearningRate: 0.01, fineTune: 'last:3', monitor: 'loss', epochs: 3, batchSize: 8, validation: 0.25, labelSmoothing: 0, seed: 3 } as const;

describe.each(['cpu', 'webgpu'] as const)('the last three blocks on %s', (engine) => {
  it('are fine-tuned, stopped, trained further, saved and loaded', async () => {
    const seen = await api.page.evaluate(
      async ({ engine, tuning }) => {
        const trainer = await filled(engine, 10);
        const estimate = await trainer.estimate(tuning);
        const layers = await trainer.layers(tuning);

        // Stopped after the second epoch of fine-tuning, of fifty.
        const run = trainer.train({ ...tuning, fineTuneEpochs: 50 });
        const events = [];
        let stopping: Promise<void> | undefined;
        for await (const event of run) {
          events.push(event);
          if (event.kind === 'epoch' && event.epoch === 5) stopping ??= run.cancel();
        }
        await stopping;
        const report = await run.report;
        const evaluation = await trainer.evaluate();

        const further = trainer.train({ ...tuning, warmStart: true, fineTuneEpochs: 1 });
        const more = [];
        for await (const event of further) more.push(event);
        const second = await further.report;

        const unseen = await picture('shoes', 15);
        const predictions = await trainer.predict(unseen);
        const file = await trainer.save();
        const kind = trainer.engine.kind;
        trainer.close();
        const classifier = await headstart.Classifier.load(file, { engine: engine === 'cpu' ? 'webgpu' : 'cpu' });
        const loaded = await classifier.classify(unseen);
        classifier.close();
        return { kind, estimate, layers, events, report, evaluation, more, second, predictions, loaded };
      },
      { engine, tuning: TUNING },
    );
    expect(seen.kind).toBe(engine);
    expect(seen.estimate).toMatchObject({ boundary: 16, storage: 'full', trainableStages: ['block 16', 'block 17', 'last convolution'] });
    expect(seen.estimate.totalSeconds).toBeGreaterThan(0);
    const trainable = seen.layers.filter((layer) => layer.trainable);
    expect(trainable.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(seen.report.trainableParameters);

    const phases = [...new Set(seen.events.map(({ phase }) => phase))];
    expect(phases.slice(0, 3)).toEqual(['prepare', 'head', 'fine-tune']);
    expect(seen.report).toMatchObject({ stopped: 'cancelled', phase: 'fine-tune', headEpochs: 3, engine });
    const best = seen.events.filter(({ kind, improved }) => kind === 'epoch' && improved).at(-1)!;
    expect(seen.report.bestEpoch).toBe(best.epoch);
    expect(Math.abs(seen.evaluation.loss - best.validationLoss!)).toBeLessThan(1e-4);
    expect(seen.evaluation.accuracy).toBeCloseTo(best.validationAccuracy!, 9);
    expect(best.memory).toBeGreaterThan(0);
    expect(best.imagesPerSecond).toBeGreaterThan(0);
    expect(best.learningRates.map(({ group }) => group)).toEqual(['head', 'last convolution', 'block 17', 'block 16']);

    expect(seen.more.some(({ phase }) => phase === 'head')).toBe(false);
    expect(seen.second.validationLoss).toBeLessThanOrEqual(seen.report.validationLoss! + 1e-6);

    // Loaded on the other engine.
    expect(seen.loaded.map(({ className }) => className)).toEqual(seen.predictions.map(({ className }) => className));
    const differences = seen.loaded.map(({ probability }, i) => Math.abs(probability - seen.predictions[i]!.probability));
    expect(Math.max(...differences)).toBeLessThan(1e-4);
    losses[engine] = seen.events.filter(({ kind, epoch }) => kind === 'epoch' && epoch <= 5).flatMap((event) => [event.loss, event.validationLoss!]);
  }, 600_000);
});

describe('both engines', () => {
  it('see the same losses, and the CPU the same ones again', async () => {
    const again = await api.page.evaluate(async (tuning) => {
      const trainer = await filled('cpu', 10);
      const all = [];
      const run = trainer.train({ ...tuning, fineTuneEpochs: 50 });
      for await (const event of run) {
        if (event.kind === 'epoch' && event.epoch <= 5) all.push(event.loss, event.validationLoss!);
        if (event.kind === 'epoch' && event.epoch === 5) void run.cancel();
      }
      trainer.close();
      return all;
    }, TUNING);
    expect(again).toHaveLength(10);
    expect(again).toEqual(losses['cpu']);
    const largest = Math.max(...again);
    const difference = Math.max(...losses['webgpu']!.map((loss, i) => Math.abs(loss - again[i]!) / largest));
    console.log(`losses of head and last three blocks on WebGPU differ by ${difference.toExponential(1)}`);
    expect(difference).toBeLessThan(1e-4);
  }, 600_000);

  it('ask no other site for anything and log no error', () => {
    expect(foreignRequests(api.record, api.site.url)).toEqual([]);
    expect(api.record.errors).toEqual([]);
  });
});

describe('a GPU that goes away while the backbone is fine-tuned', () => {
  it('goes on on the CPU from the last epoch, and leaves the weights of the best', async () => {
    const page = await openApiPage({ webgpu: true });
    await page.page.evaluate(async (tuning) => {
      const trainer = await headstart.Trainer.create({ engine: 'webgpu', backbone: 'small' });
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      const events: unknown[] = [];
      const run = trainer.train({ ...tuning, fineTuneEpochs: 500 });
      const over = (async () => {
        for await (const event of run) events.push(event);
        return run.report;
      })();
      Object.assign(globalThis, { trainer, events, run, over });
      while (!events.some((event) => (event as { phase: string; kind: string }).phase === 'fine-tune' && (event as { kind: string }).kind === 'epoch')) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }, TUNING);
    await (await page.browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
    const seen = await page.page.evaluate(async () => {
      const { trainer, events, run, over } = globalThis as unknown as {
        trainer: Trainer;
        events: { kind: string; improved: boolean; epoch: number; validationLoss: number }[];
        run: { cancel(): Promise<void> };
        over: Promise<TrainReport>;
      };
      const epochs = () => events.filter(({ kind }) => kind === 'epoch');
      // More than are under way: what comes then is the CPU's.
      for (const before = epochs().length; epochs().length < before + 6; ) await new Promise((resolve) => setTimeout(resolve, 20));
      await run.cancel();
      const report = await over;
      const evaluation = await trainer.evaluate();
      const best = epochs().filter(({ improved }) => improved).at(-1)!;
      return { report, evaluation, best, told: epochs().map(({ epoch }) => epoch), engine: trainer.engine.kind, file: (await trainer.save()).size };
    });
    await page.close();
    expect(seen.report).toMatchObject({ stopped: 'cancelled', bestEpoch: seen.best.epoch, phase: 'fine-tune', engine: 'cpu' });
    expect(seen.told).toEqual(seen.told.map((_, i) => i + 1));
    expect(seen.engine).toBe('cpu');
    expect(Math.abs(seen.evaluation.loss - seen.best.validationLoss)).toBeLessThan(1e-4);
    expect(seen.file).toBeGreaterThan(1e6);
  }, 600_000);
});
