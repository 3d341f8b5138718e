/**
 * The same on WebGPU, each row with what its work asks of it. Where there is no GPU, software computes in its place: times are long then and
 * rounds few, and the counts are what they would be anywhere.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignRequests } from '../../browser/support/browser.js';
import { BACKBONES, BATCH, files, SIDE, wanted } from './backbones.js';
import { between, type Counts } from './gpu-counts.js';
import { alternate, OURS, rowOf, type Measure, type Row } from './rounds.js';
import { expectSameFeatures } from './same-features.js';
import { openSideBySide, type First, type SideBySide } from './side-by-side.js';

const LIBRARIES = wanted([OURS, 'tfjs-webgpu', 'ort-webgpu']);
const HEADS = wanted([OURS, 'tfjs-webgpu', 'jax-webgpu']);
/** onnxruntime-web trains nothing. */
const STEPS = wanted([OURS, 'tfjs-webgpu']);
const ROUNDS = Number(process.env['ROUNDS'] ?? 7);
/** Sides of pictures: software takes seconds for one of the larger. */
const SIZES = (process.env['WEBGPU_SIZES'] ?? '96').split(',');
const CHOSEN = Object.entries(BACKBONES).filter(([name]) => SIZES.some((size) => name.endsWith(` ${size} px`)));
const TAIL_CLASSES = 3;
/** The accuracy is on held-out pictures, whose class shows as a colour; a guess gets a tenth right. */
const HEAD = { pictures: 200, classes: 10, epochs: 10, accuracy: 0.5 };
const MISSING = 'is missing: set HEADSTART_REFERENCES';
const LIMIT_MS = 3_600_000;

/** Adds the rows to these. */
export function measureWebgpu(rows: Row[]): void {
  describe('webgpu', () => {
    let side: SideBySide;
    let adapter: string;
    beforeAll(async () => {
      side = await openSideBySide({ webgpu: true });
      adapter = await side.adapter();
    }, 120_000);
    afterAll(() => side?.close());

    const take = (work: string, libraries: string[], measure: Measure, by = 1): Promise<Row> => alternate(work, libraries, measure, { by, rounds: ROUNDS });
    /** What a piece of work asks for in `more` of `some`: what a run begins and ends with is in both, and not in the answer. */
    const countPieces = async (run: (pieces: number) => Promise<unknown>, [some, more]: [number, number]): Promise<Counts> => {
      const runs: Counts[] = [];
      for (const pieces of [some, more]) {
        const before = await side.counts();
        await run(pieces);
        runs.push(between(before, await side.counts()));
      }
      return between(runs[0]!, runs[1]!, more - some);
    };
    const add = (row: Row, counts: Record<string, Counts>): void => {
      for (const [library, { dispatches }] of Object.entries(counts)) expect(dispatches, `${library}: dispatches`).toBeGreaterThan(0);
      rows.push({ ...row, adapter, counts });
    };

    for (const [name, path] of CHOSEN) {
      it(`${name}: one picture and ${BATCH}`, async (test) => {
        test.skip(!existsSync(path), `${path} ${MISSING}`);
        const { page, serve, seen, site } = side;
        const { folder, size } = await serve('webgpu', files(path), [1, BATCH]);
        await page.evaluate(([names, at, pictures]) => bench.features.open(names, at, pictures), [LIBRARIES, folder, { batch: BATCH, side: SIDE, own: size }] as const);
        for (const [work, words, by] of [['picture', 'a picture', 1], ['pictures', `${BATCH} pictures, each`, BATCH]] as const) {
          await expectSameFeatures(page, LIBRARIES, work);
          const measure = (library: string, runs: number): Promise<number> => page.evaluate(([each, what, count]) => bench.features.time(each, what, count), [library, work, runs] as const);
          const row = await take(`WebGPU, ${name}: ${words}`, LIBRARIES, measure, by);
          const counts: Record<string, Counts> = {};
          for (const library of LIBRARIES) counts[library] = await countPieces((pictures) => measure(library, pictures / by), [by, 2 * by]);
          add(row, counts);
        }
        await page.evaluate(() => bench.features.close());
        expect(foreignRequests(seen, site.url)).toEqual([]);
      }, LIMIT_MS);

      it(`${name}: the first picture`, async (test) => {
        test.skip(!existsSync(path), `${path} ${MISSING}`);
        const { folder } = await side.serve('webgpu-first', files(path), [1]);
        const visits: Record<string, First[]> = {};
        const measure = async (library: string): Promise<number> => {
          const visit = await side.first(library, folder);
          (visits[library] ??= []).push(visit);
          return visit.ms;
        };
        const work = `WebGPU, ${name}: the first picture`;
        const row = await take(`${work}, from the navigation`, LIBRARIES, measure);
        const counts = Object.fromEntries(LIBRARIES.map((library) => [library, visits[library]!.at(-1)!.counts]));
        add(row, counts);
        // Without those of the warm-up.
        const alone = LIBRARIES.map((library) => [library, visits[library]!.slice(-row.all[library]!.length).map(({ picture }) => picture)] as const);
        rows.push({ ...rowOf(`${work}, the library being there`, Object.fromEntries(alone), { before: row.load[0] }), adapter });
      }, LIMIT_MS);

      it(`${name}: a step of the last three stages`, async (test) => {
        test.skip(!existsSync(path), `${path} ${MISSING}`);
        const { page, serve, seen, site } = side;
        const { folder } = await serve('webgpu-steps', files(path), []);
        await page.evaluate(([names, tail]) => bench.steps.open(names, tail), [STEPS, { folder, stages: 3, classes: TAIL_CLASSES, batch: BATCH }] as const);
        const train = (library: string, steps: number) => page.evaluate(([each, count]) => bench.steps.train(each, count), [library, steps] as const);
        const last: Record<string, number> = {};
        const measure = async (library: string): Promise<number> => {
          const { ms, loss } = await train(library, 2 * TAIL_CLASSES);
          last[library] = loss;
          return ms;
        };
        const row = await take(`WebGPU, ${name}: a step of the last 3 stages, batch ${BATCH}`, STEPS, measure);
        const counts: Record<string, Counts> = {};
        for (const library of STEPS) {
          expect(last[library], `${library}: loss, which is ${Math.log(TAIL_CLASSES)} where nothing is learned`).toBeLessThan(0.9 * Math.log(TAIL_CLASSES));
          counts[library] = await countPieces((steps) => train(library, steps), [TAIL_CLASSES, 2 * TAIL_CLASSES]);
        }
        add(row, counts);
        expect(foreignRequests(seen, site.url)).toEqual([]);
      }, LIMIT_MS);
    }

    it('a step of a head', async () => {
      const { page, seen, site } = side;
      await page.evaluate(([names, pictures, classes]) => bench.heads.open(names, { pictures, classes, validation: 0.2 }), [HEADS, HEAD.pictures, HEAD.classes] as const);
      const train = (library: string, epochs: number) => page.evaluate(([each, plan]) => bench.heads.train(each, plan, 1), [library, { epochs, batchSize: BATCH }] as const);
      const measure = async (library: string): Promise<number> => {
        const { ms, accuracy } = await train(library, HEAD.epochs);
        expect(accuracy, `${library}: accuracy on held-out pictures`).toBeGreaterThan(HEAD.accuracy);
        return ms;
      };
      const steps = (0.8 * HEAD.pictures) / BATCH;
      const row = await take(`WebGPU, a step of a head, batch ${BATCH}`, HEADS, measure, HEAD.epochs * steps);
      const counts: Record<string, Counts> = {};
      for (const library of HEADS) counts[library] = await countPieces((each) => train(library, each / steps), [2 * steps, 4 * steps]);
      add(row, counts);
      await page.evaluate(() => bench.heads.close());
      expect(foreignRequests(seen, site.url)).toEqual([]);
    }, LIMIT_MS);
  });
}
