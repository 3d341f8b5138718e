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

/** Goes before the worker's own code: tells of each picture that a helper has found something out about. */
const COUNTING = `
  const told = new BroadcastChannel('studied');
  self.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => data.value?.features && told.postMessage(data.value.features.length));
    }
  };
`;

const workers = (): number => api.site.asked.filter((path) => /worker-.*\.js$/.test(path)).length;

describe('many pictures', () => {
  it('are looked at by a worker on each core, which find out the same to the bit', async () => {
    const before = workers();
    const seen = await api.page.evaluate(async () => {
      const [MANY, COMPARED] = [150, 12];
      const pictures = await Promise.all(Array.from({ length: MANY }, (_, i) => drawing.draw(i % 2 === 0 ? 'circles' : 'stripes', i)));
      const features = async (trainer: import('../../www/headstart.js').Trainer, ids: readonly (number | null)[]) => {
        const all = [];
        for (const id of ids) all.push(await tools.base64(new Blob([(await trainer.features(id!))! as Uint8Array<ArrayBuffer>])));
        return all;
      };
      let studied = 0;
      new BroadcastChannel('studied').onmessage = () => (studied += 1);
      const many = await headstart.Trainer.create({ engine: 'cpu' });
      await many.addClass('any');
      const { ids, failures } = await many.addImages('any', pictures);
      const together = await features(many, ids.slice(-COMPARED));
      many.close();
      const few = await headstart.Trainer.create({ engine: 'cpu' });
      await few.addClass('any');
      const singly = await features(few, (await few.addImages('any', pictures.slice(-COMPARED))).ids);
      few.close();
      return { ids, failures, together, singly, studied, cores: navigator.hardwareConcurrency };
    });
    expect(seen.failures).toEqual([]);
    expect(seen.ids).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(seen.together).toEqual(seen.singly);
    // Two of trainers, and the helpers of the one that was given many.
    expect(workers() - before).toBe(2 + Math.min(seen.cores - 1, 3));
    if (seen.cores > 1) expect(seen.studied).toBeGreaterThan(20);
    expect(api.record.errors).toEqual([]);
  });
});
