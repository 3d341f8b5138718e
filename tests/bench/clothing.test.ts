/**
 * Photographs of clothes with MobileNetV2 1.0 at 224 px, in the browser: what it takes until there is a fine-tuned model, and how many of the
 * test pictures that gets right.
 *
 *     SCOPE=last:3 ENGINE=cpu ./build.sh bench clothing
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EngineChoice } from '../../www/headstart.js';
import { openApiPage } from '../browser/support/api-page.js';
import { LARGE, PHOTOGRAPHS } from '../browser/support/backbones.js';

const SCOPE = process.env['SCOPE'] ?? 'last:3';
const ENGINE = (process.env['ENGINE'] ?? 'cpu') as EngineChoice;
/** Of ten classes a guess gets a tenth right. */
const ACCURACY = 0.6;

it(`clothing10, ${SCOPE}, ${ENGINE}`, async (test) => {
  for (const path of [PHOTOGRAPHS, LARGE]) test.skip(!existsSync(path), `${path} is missing: set HEADSTART_REFERENCES`);
  const api = await openApiPage({ webgpu: ENGINE === 'webgpu' });
  const serve = (path: string, as: string): string => (api.site.files.set(as, readFileSync(path)), `${api.site.url}${as}`);
  for (const name of ['config.json', 'model.safetensors']) serve(join(LARGE, name), `large/${name}`);
  const pictures = (part: string) =>
    readdirSync(join(PHOTOGRAPHS, part)).map((label) => ({
      label,
      files: readdirSync(join(PHOTOGRAPHS, part, label)).map((name) => serve(join(PHOTOGRAPHS, part, label, name), `pictures/${part}/${label}/${name}`)),
    }));
  const done = await api.page.evaluate(async ({ learn, test, engine, scope }) => {
    const files = async (of: typeof learn) => Promise.all(of.map(async ({ label, files }) => ({ label, files: await Promise.all(files.map((each) => tools.file(each))) })));
    const [train, held] = [await files(learn), await files(test)];
    const trainer = await headstart.Trainer.create({ engine, backbone: 'large' });
    const marks = [performance.now()];
    for (const { label, files } of train) {
      await trainer.addClass(label);
      await trainer.addImages(label, files);
    }
    marks.push(performance.now());
    const report = await trainer.train({ fineTune: scope }).report;
    marks.push(performance.now());
    const evaluation = await trainer.evaluate(Object.fromEntries(held.map(({ label, files }) => [label, files])));
    return { marks, report, accuracy: evaluation.accuracy, pictures: train.reduce((sum, { files }) => sum + files.length, 0) };
  }, { learn: pictures('train'), test: pictures('test'), engine: ENGINE, scope: SCOPE });
  await api.close();
  const [from, added, trained] = done.marks.map((mark) => mark / 1000) as [number, number, number];
  const { epochsRun, headEpochs, phase } = done.report;
  console.log(
    `${done.pictures} pictures in ${(added - from).toFixed(1)} s, trained in ${(trained - added).toFixed(1)} s (${epochsRun} epochs, ${headEpochs} of them the head alone; kept: ${phase}), ` +
      `${(trained - from).toFixed(1)} s in all; ${(100 * done.accuracy).toFixed(1)} % of the test pictures right`,
  );
  expect(done.accuracy).toBeGreaterThan(ACCURACY);
}, 1_800_000);
