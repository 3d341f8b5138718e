/**
 * One step of everything on WebGPU and on the CPU, in a browser: how far each tensor of a backbone moves is its gradient times the rate, and
 * that depends on what lies before it and behind it, the maps of every stage included.
 */
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { architectures, description, floats, weights } from './support/formula.js';
import { beforeWorkers, dispatches, watched } from './support/gpu.js';
import { readSafetensors } from './support/safetensors.js';

/** Largest difference of two gradients, as a share of the largest of their tensor. */
const BOUND = 5e-4;
/** What rounding may add where two numbers are stored, as a share of them. */
const ROUNDING = 2 ** -23;
/** Of a tensor that moves by so many roundings its gradient shows; most of a network have to. */
const SHOWN = 100;
/** Of the golden networks those that software trains all of within a few seconds. */
const SMALL = new Set(['efficientnet_lite0', 'lcnet_050', 'mobilenetv1_100', 'mobilenetv2_050', 'mobilenetv3_small_100', 'mobilenetv4_conv_small', 'resnet18']);

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage({ webgpu: true });
  await beforeWorkers(api.page, watched);
});
afterAll(() => api?.close());

/** Regardless of its sign; of so many values that no call may have them as arguments. */
const largestOf = (values: readonly number[]): number => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

/** The backbone after a step, and how often the GPU was given something to compute. */
async function stepped(engine: 'cpu' | 'webgpu', fineTune: 'all' | 'none') {
  const { model, report } = await api.page.evaluate(async ([engine, fineTune]) => {
    const trainer = await headstart.Trainer.create({ engine, backbone: 'tested' });
    for (const kind of ['circles', 'stripes'] as const) {
      await trainer.addClass(kind);
      await trainer.addImages(kind, await Promise.all([0, 1, 2].map((seed) => drawing.draw(kind, seed))));
    }
    const rates = { learningRate: 0.01, backboneLearningRate: 0.01, headLearningRate: 0.01, depthDecay: 1, momentum: 0, weightDecay: 0 };
    const pace = { schedule: 'constant' as const, warmUp: 0, epochs: 1, fineTuneEpochs: 1, batchSize: 8, validation: 0, patience: 0, seed: 5 };
    const report = await trainer.train({ ...rates, ...pace, optimizer: 'sgd', fineTune, trainNorms: true, flip: false, labelSmoothing: 0 }).report;
    const model = await tools.base64(await trainer.save());
    globalThis.subject = trainer;
    return { model, report };
  }, [engine, fineTune] as const);
  const file = unzipSync(Buffer.from(model, 'base64'))['model.safetensors']!;
  const computed = engine === 'webgpu' ? await dispatches(api.page) : 0;
  await api.page.evaluate(() => subject.close());
  return { report, tensors: readSafetensors(Buffer.from(file)), computed };
}

it.each(architectures().filter((name) => SMALL.has(name)))('WebGPU and the CPU move every tensor of %s alike', async (name) => {
  const about = description(name);
  api.site.files.set('tested/config.json', Buffer.from(JSON.stringify(about.config)));
  api.site.files.set('tested/model.safetensors', weights(about));
  // Where only the head trains, the backbone is what it was, by the names that a model gives its tensors.
  const { tensors: start } = await stepped('cpu', 'none');
  const cpu = await stepped('cpu', 'all');
  const gpu = await stepped('webgpu', 'all');
  for (const { report } of [cpu, gpu]) expect(report).toMatchObject({ stopped: 'finished', epochsRun: 2, bestEpoch: 2 });
  expect([cpu.report.engine, gpu.report.engine]).toEqual(['cpu', 'webgpu']);
  expect(gpu.computed).toBeGreaterThan(0);

  const trained = Object.keys(start.header).filter((tensor) => tensor !== '__metadata__' && !/^head\.|running_|num_batches/.test(tensor));
  let [shown, worst, most] = [0, '', 0];
  for (const tensor of trained) {
    const [before, onCpu, onGpu] = [start, cpu.tensors, gpu.tensors].map((tensors) => floats(tensors, tensor)) as [number[], number[], number[]];
    const moved = largestOf(onCpu.map((value, i) => value - before[i]!));
    const rounded = ROUNDING * largestOf(before);
    if (moved > SHOWN * rounded) shown += 1;
    const share = largestOf(onGpu.map((value, i) => value - onCpu[i]!)) / (BOUND * moved + rounded);
    expect(onGpu.every(Number.isFinite), tensor).toBe(true);
    if (share > most) [worst, most] = [tensor, share];
  }
  console.log(`${name}: ${shown} of ${trained.length} tensors moved far enough to show; the worst, ${worst}, differs by ${most.toFixed(2)} of what is allowed`);
  expect(shown).toBeGreaterThan(trained.length / 2);
  expect(most, worst).toBeLessThan(1);
  expect(api.record.errors).toEqual([]);
}, 300_000);
