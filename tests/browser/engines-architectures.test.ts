/**
 * Every golden network on WebGPU in a browser: against the CPU of the same browser and, both of them, against the golden features of pictures,
 * with the bounds of tests/architectures.rs and tests/parity.rs. Other widths of these networks have no golden list of tensors, here as there.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { usual } from './support/backbones.js';
import { architectures, description, floats, picture, pictureFeatures, weights, type Description } from './support/formula.js';
import { beforeWorkers, dispatches, watched } from './support/gpu.js';
import { digits, ratio } from './support/numbers.js';
import { readSafetensors } from './support/safetensors.js';

/** Largest difference, as a share of the largest value. */
const BOUND = 1e-4;

/** A square picture as RGBA. */
interface Shown {
  rgba: Buffer;
  size: number;
}

/** What an engine makes of pictures: their features in a row. */
type Features = Record<'cpu' | 'webgpu', number[]>;

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage({ webgpu: true });
  await beforeWorkers(api.page, watched);
});
afterAll(() => api?.close());

/** Features of pictures on the backbone that is served, and how often the GPU was given something to compute for them. */
async function embed(engine: keyof Features, pictures: readonly Shown[]) {
  const counted = async (): Promise<number> => (engine === 'webgpu' ? dispatches(api.page) : 0);
  const trainer = await api.page.evaluateHandle((engine) => headstart.Trainer.create({ engine, backbone: 'tested' }), engine);
  const before = await counted();
  const shown = pictures.map(({ rgba, size }) => ({ rgba: rgba.toString('base64'), size }));
  const found = await trainer.evaluate(async (trainer, shown) => {
    const features: number[][] = [];
    for (const { rgba, size } of shown) features.push([...(await trainer.embed(tools.image(rgba, size, size)))]);
    return { kind: trainer.engine.kind, backbone: trainer.backbone, features };
  }, shown);
  const computed = (await counted()) - before;
  await trainer.evaluate((trainer) => trainer.close());
  return { ...found, computed };
}

/** Has both engines embed pictures on a backbone. */
async function onBoth(config: { architecture: string }, file: Buffer, pictures: readonly Shown[]): Promise<Features> {
  api.site.files.set('tested/config.json', Buffer.from(JSON.stringify(config)));
  api.site.files.set('tested/model.safetensors', file);
  const [cpu, webgpu] = await Promise.all([embed('cpu', pictures), embed('webgpu', pictures)]);
  expect([cpu.kind, webgpu.kind]).toEqual(['cpu', 'webgpu']);
  expect(webgpu.computed).toBeGreaterThan(0);
  for (const { backbone, features } of [cpu, webgpu]) {
    expect(backbone).toMatchObject({ architecture: config.architecture, inputSize: pictures[0]!.size, features: features[0]!.length });
  }
  return { cpu: cpu.features.flat(), webgpu: webgpu.features.flat() };
}

/** Compares what the engines found with each other and with what is golden, and says how far apart they are. */
function compare(name: string, { cpu, webgpu }: Features, golden?: readonly number[]): void {
  const differences: [what: string, difference: number][] = [['WebGPU from CPU', ratio(webgpu, cpu)]];
  if (golden) differences.push(['WebGPU from golden', ratio(webgpu, golden)], ['CPU from golden', ratio(cpu, golden)]);
  console.log(`${name}: ${differences.map(([what, difference]) => `${what} ${digits(difference)}`).join(', ')}`);
  for (const [what, difference] of differences) expect(difference, what).toBeLessThan(BOUND);
}

describe('WebGPU and the CPU give the golden features', () => {
  it('of the bundled backbone', async () => {
    const { config, weights } = usual();
    const card = JSON.parse(config.toString()) as Description['config'];
    const golden = readSafetensors(readFileSync(new URL('../golden/mobilenet-v2-0.75-128.safetensors', import.meta.url)));
    const { shape: [count, , size], data_offsets } = golden.header['pictures']!;
    const [planes, area] = [golden.data.subarray(...data_offsets), size! ** 2];
    const pictures = Array.from({ length: count! }, (_, n) => {
      const rgba = Buffer.alloc(4 * area, 255);
      for (let plane = 0; plane < 3; plane++) {
        for (let i = 0; i < area; i++) rgba[4 * i + plane] = planes[(3 * n + plane) * area + i]!;
      }
      return { rgba, size: size! };
    });
    // All of a golden picture goes into the network.
    const whole = { ...card, pretrained_cfg: { ...card.pretrained_cfg, crop_pct: 1 } };
    compare('the bundled backbone', await onBoth(whole, weights, pictures), floats(golden, 'pooled'));
  });

  it.each(architectures())('of %s', async (name) => {
    const about = description(name);
    const [, size] = about.config.pretrained_cfg.input_size;
    compare(name, await onBoth(about.config, weights(about), [{ rgba: picture(size), size }]), pictureFeatures(name));
  });
});

/** Others with the tensors of a golden network; the minimal ones have no squeeze-and-excitation, and kernels of 3 only. */
const OTHERS = ['small', 'large'].flatMap((kind) => {
  const names = [`tf_mobilenetv3_${kind}_100`, `tf_mobilenetv3_${kind}_minimal_100`, `mobilenet_v3_${kind}`];
  return names.map((name) => [name, `mobilenetv3_${kind}_100`] as const);
});

/** Side of their pictures: every map's is even then, where TensorFlow pads otherwise than timm. */
const EVEN = 64;

describe('without golden features, WebGPU gives what the CPU gives', () => {
  it.each(OTHERS)('of %s, with the tensors of %s', async (name, golden) => {
    const about = description(golden);
    if (name.includes('minimal')) {
      about.modules = about.modules.filter(([module]) => !module.includes('.se.'));
      for (const [, , shape] of about.modules) for (const side of [2, 3]) if (shape[side] === 5) shape[side] = 3;
    }
    const { pretrained_cfg } = about.config;
    const config = { ...about.config, architecture: name, pretrained_cfg: { ...pretrained_cfg, input_size: [3, EVEN, EVEN] } };
    compare(name, await onBoth(config, weights(about), [{ rgba: picture(EVEN), size: EVEN }]));
  });
});

it('met no error on the way', () => {
  expect(api.record.errors).toEqual([]);
});
