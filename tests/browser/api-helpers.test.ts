import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { builtWorker } from './support/server.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
  const { path, code } = builtWorker();
  api.site.files.set(path, Buffer.from(COUNTING + code));
});
afterAll(() => api?.close());

/**
 * Goes before the worker's own code: tells of each picture that a helper has found something out about, of each part of a step, and of each
 * helper that gets the compiled code.
 */
const COUNTING = `
  const [told, helped, given] = ['studied', 'helped', 'given'].map((name) => new BroadcastChannel(name));
  self.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => data.value?.studied && told.postMessage(data.value.studied.length));
      this.addEventListener('message', ({ data }) => data.value instanceof Float32Array && helped.postMessage(data.value.length));
    }
    postMessage(message, ...rest) {
      if (message.module instanceof WebAssembly.Module) given.postMessage(null);
      super.postMessage(message, ...rest);
    }
  };
`;

/** How the worker asks for the cores. */
const CORES = 'navigator.hardwareConcurrency';

const workers = (): number => api.site.asked.filter((path) => /worker-.*\.js$/.test(path)).length;

describe('many pictures', () => {
  it.each(['files', 'bitmaps'] as const)('are looked at by a worker on each core, which find out the same to the bit: %s', async (kind) => {
    const before = workers();
    const seen = await api.page.evaluate(async (kind) => {
      const [MANY, COMPARED] = [150, 10];
      const files = await Promise.all(Array.from({ length: MANY }, (_, i) => drawing.draw(i % 2 === 0 ? 'circles' : 'stripes', i)));
      const pictures = kind === 'files' ? files : await Promise.all(files.map((file) => createImageBitmap(file)));
      const features = async (trainer: import('../../www/headstart.js').Trainer, ids: readonly (number | null)[]) => {
        const all = [];
        for (const id of ids) all.push(await tools.base64(new Blob([(await trainer.features(id!))! as Uint8Array<ArrayBuffer>])));
        return all;
      };
      let [studied, given] = [0, 0];
      new BroadcastChannel('studied').onmessage = () => (studied += 1);
      new BroadcastChannel('given').onmessage = () => (given += 1);
      const many = await headstart.Trainer.create({ engine: 'cpu' });
      await many.addClass('any');
      const { ids, failures } = await many.addImages('any', pictures);
      const together = await features(many, ids.slice(-COMPARED));
      const thumbnails = (await Promise.all(ids.map((id) => many.thumbnail(id!)))).map(({ type }) => type);
      many.close();
      const few = await headstart.Trainer.create({ engine: 'cpu' });
      await few.addClass('any');
      const singly = await features(few, (await few.addImages('any', pictures.slice(-COMPARED))).ids);
      few.close();
      return { ids, failures, together, singly, studied, given, thumbnails, cores: navigator.hardwareConcurrency };
    }, kind);
    expect(seen.failures).toEqual([]);
    expect(seen.ids).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(seen.together).toEqual(seen.singly);
    expect(new Set(seen.thumbnails)).toEqual(new Set(['image/jpeg']));
    // Two of trainers, and the helpers of the one that was given many.
    expect(workers() - before).toBe(2 + Math.min(seen.cores - 1, 3));
    expect(seen.given, 'helpers that need not compile').toBe(Math.min(seen.cores - 1, 3));
    if (seen.cores > 1) expect(seen.studied).toBeGreaterThan(20);
    expect(api.record.errors).toEqual([]);
  });
});

/** Fine-tunes on the CPU: what it told, and how often it was helped. */
function fineTune(page: ApiPage['page'], engine: 'cpu' | 'auto') {
  return page.evaluate(async (engine) => {
    const PICTURES = 24;
    let helped = 0;
    const told = new BroadcastChannel('helped');
    told.onmessage = () => (helped += 1);
    const trainer = engine === 'cpu' ? await headstart.Trainer.create({ engine }) : (await tools.decided()).trainer;
    for (const kind of ['circles', 'stripes'] as const) {
      await trainer.addClass(kind);
      await trainer.addImages(kind, await Promise.all(Array.from({ length: PICTURES / 2 }, (_, i) => drawing.draw(kind, i))));
    }
    const losses: (readonly [string, number, number, number | null])[] = [];
    // Long enough for helpers to come.
    for await (const event of trainer.train({ epochs: 2, fineTune: 'last:3', fineTuneEpochs: 12, batchSize: 8, monitor: 'loss', patience: 0 })) {
      if (event.kind === 'epoch') losses.push([event.phase, event.loss, event.accuracy, event.validationLoss]);
    }
    const probability = (await trainer.predict(await drawing.draw('circles', 100)))[0]!.probability;
    const kinds = trainer.engine.workloads.map(({ kind }) => kind);
    trainer.close();
    told.close();
    return { losses, probability, helped, kinds, cores: navigator.hardwareConcurrency };
  }, engine);
}

describe('fine-tuning', () => {
  // With a GPU that is slower the worker's code is another than where there is none: it rounds otherwise, and its helpers as it does.
  it.each(['cpu', 'auto'] as const)('is done on all cores, and comes out the same to the bit on one: %s', async (engine) => {
    const { path, code } = builtWorker();
    if (!code.includes(CORES)) throw new Error('the worker does not ask for the cores as it did');
    const on = engine === 'cpu' ? api : await openApiPage({ webgpu: true });
    // Nothing is measured, so that it cannot come out otherwise.
    if (engine === 'auto') await on.page.evaluate(() => tools.keepEngines([]));
    const run = () => fineTune(on.page, engine);
    on.site.files.set(path, Buffer.from(COUNTING + code));
    const all = await run();
    on.site.files.set(path, Buffer.from(COUNTING + code.replace(CORES, '1')));
    const one = await run();
    on.site.files.set(path, Buffer.from(COUNTING + code));
    expect(one.helped).toBe(0);
    if (all.cores > 1) expect(all.helped).toBeGreaterThan(3);
    expect(all.losses).toHaveLength(14);
    expect(all.losses).toEqual(one.losses);
    expect(all.probability).toBe(one.probability);
    expect(all.kinds).toEqual(['cpu', 'cpu', 'cpu', 'cpu']);
    expect(on.record.errors).toEqual([]);
    if (on !== api) await on.close();
  });
});
