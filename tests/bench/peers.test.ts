/**
 * Headstart beside TensorFlow.js and onnxruntime-web, by turns in one page, one thread each: the same networks with the same weights and
 * pictures, compared for equal results before they are timed. Prints a table and writes target/bench/peers.json.
 *
 *     ROUNDS=15 ./build.sh bench peers -t features
 *     WEBGPU_SIZES=96,224 ./build.sh bench peers -t webgpu
 */
import { existsSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignRequests } from '../browser/support/browser.js';
import { BACKBONES, BATCH, files, SIDE, wanted } from './peers/backbones.js';
import { madeUp } from './peers/made-up.js';
import { alternate, OURS, OURS_INT8, rowOf, type Row } from './peers/rounds.js';
import { expectSameFeatures } from './peers/same-features.js';
import { openSideBySide, report, type SideBySide } from './peers/side-by-side.js';
import { measureWebgpu } from './peers/webgpu.js';

const LIBRARIES = wanted([OURS, 'tfjs', 'ort']);
const EXTRACTORS = wanted([OURS, OURS_INT8, 'tfjs', 'ort']);
const RECIPES = wanted([OURS, OURS_INT8, `${OURS}, its defaults`, 'tfjs-wasm', 'tfjs-webgl']);
const STEPS = wanted([OURS, 'tfjs-webgl']);
const HEADS = wanted([OURS, 'tfjs-wasm', 'tfjs-cpu', 'tfjs-webgl', 'jax']);

const brotli = (bytes: Buffer): number => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

const rows: Row[] = [];
let side: SideBySide;
beforeAll(async () => {
  side = await openSideBySide();
}, 120_000);
afterAll(async () => {
  if (rows.length > 0) report(side.browser, rows);
  await side.close();
});

describe('features', () => {
  for (const [name, path] of Object.entries(BACKBONES)) {
    it(name, async (test) => {
      test.skip(!existsSync(path), `there is no ${path}: set HEADSTART_REFERENCES`);
      const { page, serve, seen, site } = side;
      const { folder, size } = await serve(name.replace(/\W+/g, '-'), files(path), [1, BATCH]);
      await page.evaluate(([names, at, pictures]) => bench.features.open(names, at, pictures), [EXTRACTORS, folder, { batch: BATCH, side: SIDE, own: size }] as const);

      for (const work of ['prepared', 'picture', 'pictures'] as const) await expectSameFeatures(page, EXTRACTORS, work);

      const works = { picture: 'a picture', pictures: `${BATCH} pictures, each`, prepared: 'prepared pixels' } as const;
      for (const work of ['picture', 'pictures', 'prepared'] as const) {
        const measure = (library: string, runs: number): Promise<number> => page.evaluate(([each, what, count]) => bench.features.time(each, what, count), [library, work, runs] as const);
        rows.push(await alternate(`${name}: ${works[work]}`, EXTRACTORS, measure, { by: work === 'pictures' ? BATCH : 1 }));
      }
      await page.evaluate(() => bench.features.close());
      expect(foreignRequests(seen, site.url)).toEqual([]);
    }, 600_000);
  }
});

describe('from the navigation to the first features', () => {
  it('MobileNetV2 0.75, 128 px, its weights as int8 for all', async () => {
    const { serve, first, site } = side;
    const { folder } = await serve('small', files(BACKBONES['MobileNetV2 0.75, 128 px']), [1], true);
    const sizes: Record<string, number[]> = {};
    for (const library of LIBRARIES) {
      const { asked } = await first(library, folder);
      const compressed = await Promise.all([...new Set(asked)].map(async (path) => brotli(Buffer.from(await (await fetch(site.url + path)).arrayBuffer()))));
      sizes[library] = [compressed.reduce((sum, size) => sum + size, 0) / 1e6];
    }
    rows.push(rowOf('Bytes over the wire, brotli', sizes, { unit: 'MB' }));
    for (const warm of [false, true]) {
      const measure = async (library: string): Promise<number> => (await first(library, folder, { warm })).ms;
      rows.push(await alternate(`First features, ${warm ? 'second' : 'first'} visit`, LIBRARIES, measure));
    }
  }, 600_000);
});

describe('training a head', () => {
  const PICTURES = 600;
  const CLASSES = 10;
  const PLAN = { epochs: 50, batchSize: 16 };
  /** Of the held-out pictures, whose class shows as a colour; a guess gets a tenth right. */
  const ACCURACY = 0.8;

  it(`${PICTURES} pictures of ${CLASSES} classes, ${PLAN.epochs} epochs of batch ${PLAN.batchSize}, Adam`, async () => {
    const { page, seen, site } = side;
    await page.evaluate(([names, pictures, classes]) => bench.heads.open(names, { pictures, classes, validation: 0.2 }), [HEADS, PICTURES, CLASSES] as const);
    const train = (library: string, runs: number) => page.evaluate(([each, plan, count]) => bench.heads.train(each, plan, count), [library, PLAN, runs] as const);
    const measure = async (library: string, runs: number): Promise<number> => {
      const { ms, accuracy } = await train(library, runs);
      expect(accuracy, `${library}: accuracy on held-out pictures`).toBeGreaterThan(ACCURACY);
      return ms;
    };
    rows.push(await alternate('Head training, features ready', HEADS, measure, { by: 1000, unit: 's' }));
    await page.evaluate(() => bench.heads.close());
    expect(foreignRequests(seen, site.url)).toEqual([]);
  }, 1_800_000);
});

describe('fine-tuning', () => {
  it('a step of the last three stages of MobileNetV2 1.0 at 224 px', async (test) => {
    const path = BACKBONES['MobileNetV2 1.0, 224 px'];
    test.skip(!existsSync(path), `there is no ${path}: set HEADSTART_REFERENCES`);
    const { page, serve, seen, site } = side;
    const { folder } = await serve('fine-tuning', files(path), []);
    await page.evaluate(([names, tail]) => bench.steps.open(names, tail), [STEPS, { folder, stages: 3, classes: 3, batch: BATCH }] as const);
    const measure = (library: string): Promise<number> => page.evaluate(([each, count]) => bench.steps.train(each, count), [library, library === OURS ? 6 : 1] as const).then(({ ms }) => ms);
    rows.push(await alternate(`A step of the last 3 stages of 1.0, 224 px, batch ${BATCH}`, STEPS, measure));
    expect(foreignRequests(seen, site.url)).toEqual([]);
  }, 1_800_000);
});

describe('pictures to a trained model', () => {
  const CLASSES = 3;
  const EACH = 50;
  /** Of features of a network that has learned nothing; a guess gets a third right. */
  const ACCURACY = 0.6;

  it('Teachable Machine’s recipe: MobileNetV2 0.35, 224 px, 100 ReLU units, Adam, 50 epochs of batch 16', async () => {
    const { afresh, serve, seen, site } = side;
    const { folder } = await serve('teachable', madeUp(0.35, SIDE), []);
    const pictures = { classes: CLASSES, each: EACH, side: SIDE };
    const [features, training]: [Record<string, number[]>, Record<string, number[]>] = [{}, {}];
    const measure = async (name: string): Promise<number> => {
      // As somebody has it who opens a page: each library's code is new to it.
      const run = await afresh((page) => page.evaluate(([recipe, at, some]) => bench.recipes.run(recipe, at, some), [name, folder, pictures] as const));
      expect(run.accuracy, `${name}: accuracy on held-out pictures`).toBeGreaterThan(ACCURACY);
      (features[name] ??= []).push(run.features / 1000);
      (training[name] ??= []).push(run.training / 1000);
      return run.features + run.training;
    };
    const work = `${CLASSES * EACH} pictures to a trained model`;
    const whole = await alternate(work, RECIPES, measure, { by: 1000, unit: 's' });
    // Without those of the warm-up.
    const measured = (part: Record<string, number[]>): Record<string, number[]> =>
      Object.fromEntries(RECIPES.map((name) => [name, part[name]!.slice(-whole.all[name]!.length)]));
    const { load: [before] } = whole;
    rows.push(whole, rowOf(`${work}: features`, measured(features), { unit: 's', before }), rowOf(`${work}: training`, measured(training), { unit: 's', before }));
    expect(foreignRequests(seen, site.url)).toEqual([]);
  }, 1_800_000);
});

// The longest where software computes.
measureWebgpu(rows);
