/** The WebGPU engine against the CPU engine, and what happens when the GPU goes away. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { digits, ratio } from './support/numbers.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage({ webgpu: true });
});
afterAll(() => api?.close());

describe('WebGPU against the CPU', () => {
  it('gives the same features and the same losses', async () => {
    const both = await api.page.evaluate(async () => {
      const measure = async (engine: 'webgpu' | 'cpu') => {
        const trainer = await headstart.Trainer.create({ engine, backbone: 'small' });
        const features = [...(await trainer.embed(await drawing.draw('squares', 7)))];
        await tools.fill(trainer, 'circles', 6);
        await tools.fill(trainer, 'stripes', 6);
        const runs = [];
        for (const head of ['linear', 'mlp:16'] as const) {
          const run = trainer.train({ head, epochs: 3, batchSize: 4, optimizer: 'adam', schedule: 'constant', seed: 5 });
          const losses = [];
          for await (const event of run) {
            if (event.kind === 'epoch') losses.push(event.loss, event.validationLoss ?? Number.NaN);
          }
          runs.push(losses);
        }
        const kind = trainer.engine.kind;
        trainer.close();
        return { kind, features, runs };
      };
      return { webgpu: await measure('webgpu'), cpu: await measure('cpu') };
    });
    expect(both.webgpu.kind).toBe('webgpu');
    expect(both.cpu.kind).toBe('cpu');
    expect(both.cpu.features).toHaveLength(1280);
    const features = ratio(both.webgpu.features, both.cpu.features);
    const losses = both.cpu.runs.map((run, i) => ratio(both.webgpu.runs[i]!, run));
    console.log(`features differ by ${digits(features)}, losses by ${losses.map(digits).join(' and ')}`);
    expect(features).toBeLessThan(1e-4);
    for (const loss of losses) expect(loss).toBeLessThan(1e-4);
  });

  it('leaves what is in eight bits to the CPU, and trains on', async () => {
    const both = await api.page.evaluate(async () => {
      const measure = async (engine: 'webgpu' | 'cpu') => {
        const trainer = await headstart.Trainer.create({ engine, backbone: 'small', arithmetic: 'int8' });
        const features = [...(await trainer.embed(await drawing.draw('squares', 7)))];
        await tools.fill(trainer, 'circles', 6);
        await tools.fill(trainer, 'stripes', 6);
        const losses = [];
        for await (const event of trainer.train({ epochs: 2, fineTune: 'last:1', fineTuneEpochs: 1, batchSize: 4, patience: 0, seed: 5 })) {
          if (event.kind === 'epoch') losses.push(event.loss);
        }
        const [best] = await trainer.predict(await drawing.draw('stripes', 70));
        const { engine: { kind }, backbone: { arithmetic } } = trainer;
        trainer.close();
        return { kind, arithmetic, features, losses, best: best!.className };
      };
      return { webgpu: await measure('webgpu'), cpu: await measure('cpu') };
    });
    const told = { arithmetic: 'int8', best: 'stripes' };
    expect([both.webgpu, both.cpu]).toMatchObject([{ kind: 'webgpu', ...told }, { kind: 'cpu', ...told }]);
    // The GPU's package has no relaxed SIMD: what is rounded otherwise may become another whole number now and then.
    const features = ratio(both.webgpu.features, both.cpu.features);
    const losses = ratio(both.webgpu.losses, both.cpu.losses);
    console.log(`in eight bits features differ by ${digits(features)}, losses by ${digits(losses)}`);
    expect(features).toBeLessThan(0.05);
    expect(losses).toBeLessThan(0.05);
    expect(both.webgpu.losses).toHaveLength(3);
  });

  it('chooses by measuring, and says what it measured', async () => {
    const { first, engine, milliseconds } = await api.page.evaluate(async () => {
      const { trainer, first, milliseconds } = await tools.decided();
      const { engine } = trainer;
      trainer.close();
      return { first, engine, milliseconds };
    });
    expect(first).toMatchObject({ kind: 'cpu', undecided: true });
    expect(engine.undecided).toBe(false);
    expect(engine.workloads.map(({ workload }) => workload)).toEqual(['embedding', 'prediction', 'head', 'fine-tuning']);
    for (const { kind, cpuMilliseconds, gpuMilliseconds } of engine.workloads) {
      expect(cpuMilliseconds).toBeGreaterThan(0);
      expect(gpuMilliseconds).toBeGreaterThan(0);
      expect(kind).toBe(gpuMilliseconds! < cpuMilliseconds! ? 'webgpu' : 'cpu');
    }
    expect(engine.kind).toBe(engine.workloads.some(({ kind }) => kind === 'webgpu') ? 'webgpu' : 'cpu');
    const picture = engine.workloads.find(({ workload }) => workload === 'prediction')!;
    const same = engine.workloads.every(({ kind }) => kind === picture.kind);
    expect(engine.reason).toMatch(same ? new RegExp(`^It measured faster: ${picture.kind === 'cpu' ? picture.cpuMilliseconds!.toFixed(1) : picture.gpuMilliseconds!.toFixed(1)} ms`) : /^Each is done where it measured faster/);
    console.log(`chosen after ${Math.round(milliseconds)} ms: ${engine.reason}`, engine.workloads);
  });

  it('does not measure again on this device, and each kind of work is done where it was faster', async () => {
    const all = await api.page.evaluate(async () => {
      // As on a machine whose GPU is fast, but not in small steps.
      await tools.keepEngines(['embedding', 'fine-tuning']);
      const { trainer } = await tools.decided();
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      const phases: string[] = [];
      const run = trainer.train({ epochs: 3, fineTune: 'last:1', fineTuneEpochs: 2, seed: 5 });
      for await (const { kind, phase, loss } of run) if (kind === 'epoch') phases.push(`${phase} ${loss > 0}`);
      const report2 = await run.report;
      const [best] = await trainer.predict(await drawing.draw('circles', 77));
      const { engine } = trainer;
      trainer.close();
      return { engine, phases, best: best!.className, trainedOn: report2.engine };
    });
    expect(all.engine.workloads.map(({ kind }) => kind)).toEqual(['webgpu', 'cpu', 'cpu', 'webgpu']);
    expect(all.phases).toEqual(['head true', 'head true', 'head true', 'fine-tune true', 'fine-tune true']);
    expect(all).toMatchObject({ best: 'circles', trainedOn: 'webgpu' });
  });

  it('measures again for another backbone', async () => {
    const seen = await api.page.evaluate(async () => {
      const told: { undecided: boolean; picture: number | null }[] = [];
      let tell = (): void => undefined;
      const trainer = await headstart.Trainer.create({
        engine: 'auto',
        onEngine: ({ undecided, workloads }) => {
          told.push({ undecided, picture: workloads.find(({ workload }) => workload === 'embedding')!.cpuMilliseconds });
          if (!undecided) tell();
        },
      });
      const decided = () => new Promise<void>((resolve) => (tell = resolve));
      const first = decided();
      if (trainer.engine.undecided) await first;
      await tools.fill(trainer, 'circles', 2);
      const second = decided();
      await trainer.setBackbone('small').finished;
      await second;
      const features = (await trainer.embed(await drawing.draw('circles', 5))).length;
      trainer.close();
      return { told, features };
    });
    expect(seen.features).toBe(1280);
    const measured = seen.told.filter(({ undecided }) => !undecided).map(({ picture }) => picture!);
    expect(seen.told.map(({ undecided }) => undecided)).toContain(true);
    expect(measured).toHaveLength(2);
    // Its pictures are smaller.
    expect(measured[1]!).toBeLessThan(0.8 * measured[0]!);
  });

  it('reports no shader that does not compile', () => {
    expect(api.record.errors).toEqual([]);
  });
});

describe('without WebGPU', () => {
  it('auto takes the CPU and says why', async () => {
    const plain = await openApiPage();
    const engine = await plain.page.evaluate(async () => (await headstart.Trainer.create({ engine: 'auto' })).engine);
    await plain.close();
    expect(engine.kind).toBe('cpu');
    expect(engine.reason).toMatch(/GPU/);
  });

  it('fetches the package that computes on a GPU only where one may be used', async () => {
    const plain = await openApiPage();
    const fetched = async ({ page, record }: ApiPage, engine: 'auto' | 'cpu' | 'webgpu'): Promise<string[]> => {
      const before = record.requests.length;
      await page.evaluate((wanted) => headstart.Trainer.create({ engine: wanted }).then((trainer) => trainer.close(), () => undefined), engine);
      return record.requests.slice(before).filter((url) => url.endsWith('.wasm')).map((url) => new URL(url).pathname);
    };
    const [small, ...others] = await fetched(plain, 'auto');
    expect(others).toEqual([]);
    expect(await fetched(plain, 'cpu')).toEqual([small]);
    expect(await fetched(api, 'cpu')).toEqual([small]);
    const [whole] = await fetched(api, 'auto');
    expect(whole).not.toBe(small);
    expect(await fetched(api, 'webgpu')).toEqual([whole]);
    expect(await fetched(plain, 'webgpu')).toEqual([whole]);
    await plain.close();
  });
});

describe('relaxed SIMD', () => {
  it('is used where the browser has it; without it the other module says the same', async () => {
    const plain = await openApiPage();
    const run = async () => {
      const before = plain.record.requests.length;
      const seen = await plain.page.evaluate(async () => {
        const trainer = await tools.trainerWithPictures();
        const features = [...(await trainer.embed(await drawing.draw('squares', 7)))];
        const losses: number[] = [];
        for await (const { kind, loss } of trainer.train({ epochs: 3 })) if (kind === 'epoch') losses.push(loss);
        const model = await trainer.save();
        trainer.close();
        const classifier = await headstart.Classifier.load(model, { engine: 'cpu' });
        const predictions = await classifier.classify(await drawing.draw('stripes', 77));
        classifier.close();
        return { features, losses, probability: predictions[0]!.probability };
      });
      return { ...seen, modules: plain.record.requests.slice(before).filter((url) => url.endsWith('.wasm')) };
    };
    const relaxed = await run();
    await plain.page.route('**/worker-*.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `WebAssembly.validate = () => false;\n${await response.text()}` });
    });
    const other = await run();
    await plain.close();
    expect(new Set([...relaxed.modules, ...other.modules]).size).toBe(4);
    // Products that are rounded once instead of twice give other last digits: were they the same, so would the modules be.
    expect(other.features).not.toEqual(relaxed.features);
    expect(ratio(other.features, relaxed.features)).toBeLessThan(1e-5);
    expect(ratio(other.losses, relaxed.losses)).toBeLessThan(1e-4);
    expect(other.probability).toBeCloseTo(relaxed.probability, 4);
    expect(plain.record.errors).toEqual([]);
  });
});

describe('an adapter without timestamp-query', () => {
  it('is refused with the reason, and auto takes the CPU', async () => {
    const page = await openApiPage({ webgpu: true });
    // What such an adapter is to a page: no such feature, and a refusal where a device is asked for with it.
    const without = `{
      const { features } = Object.getOwnPropertyDescriptors(GPUAdapter.prototype);
      Object.defineProperty(GPUAdapter.prototype, 'features', { get() {
        const kept = new Set(features.get.call(this));
        kept.delete('timestamp-query');
        return kept;
      } });
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = function (descriptor) {
        if ([...(descriptor?.requiredFeatures ?? [])].includes('timestamp-query')) return Promise.reject(new TypeError('no such feature'));
        return requestDevice.call(this, descriptor);
      };
    }\n`;
    let patched = 0;
    await page.page.route('**/worker-*.js', async (route) => {
      const response = await route.fetch();
      patched += 1;
      await route.fulfill({ response, body: without + (await response.text()) });
    });
    const refused = await page.page.evaluate(() => tools.refused(headstart.Trainer.create({ engine: 'webgpu' })));
    const engine = await page.page.evaluate(async () => (await headstart.Trainer.create({ engine: 'auto' })).engine);
    await page.close();
    expect(patched).toBe(2);
    expect(refused.code).toBe('engine_unavailable');
    expect(refused.message).toContain('timestamp-query');
    expect(engine.kind).toBe('cpu');
    expect(engine.reason).toContain('timestamp-query');
  });
});

describe('a GPU that goes away', () => {
  it('loses nothing: the CPU goes on', async () => {
    const page = await openApiPage({ webgpu: true });
    const before = await page.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'webgpu', backbone: 'small' });
      Object.assign(globalThis, { trainer });
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      await trainer.train({ epochs: 5 }).report;
      return { kind: trainer.engine.kind, predictions: await trainer.predict(await drawing.draw('stripes', 99)) };
    });
    await (await page.browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
    const after = await page.page.evaluate(async () => {
      const { trainer } = globalThis as unknown as { trainer: Awaited<ReturnType<typeof headstart.Trainer.create>> };
      const picture = await drawing.draw('stripes', 99);
      // This call is the one that notices, and it answers all the same.
      const predictions = await trainer.predict(picture);
      const told = trainer.engine.kind;
      await tools.fill(trainer, 'circles', 2, 50);
      const report = await trainer.train({ epochs: 5 }).report;
      return { told, engine: trainer.engine, predictions, classes: trainer.classes.map((c) => c.images.length), report };
    });
    await page.close();
    expect(before.kind).toBe('webgpu');
    expect(after.told).toBe('cpu');
    expect(after.engine.kind).toBe('cpu');
    expect(after.engine.reason).toMatch(/stopped answering/);
    expect(after.classes).toEqual([8, 6]);
    expect(after.report.engine).toBe('cpu');
    for (const [i, prediction] of after.predictions.entries()) {
      expect(prediction.className).toBe(before.predictions[i]!.className);
      expect(prediction.probability).toBeCloseTo(before.predictions[i]!.probability, 4);
    }
  });
});
