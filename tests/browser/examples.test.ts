/**
 * The package's examples for programs outside of a browser, from its tarball (`./build.sh package`), with a model that a page exports: they say
 * of pictures what the page says. Their packages are those of tests/examples (`./build.sh examples`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Prediction } from '../../www/generated/types.js';
import { openApiPage } from './support/api-page.js';
import { blotches } from './support/onnx.js';

const ROOT = join(import.meta.dirname, '../..');
const TARGET = join(ROOT, 'target');
const PACKAGES = join(ROOT, 'tests/examples/node_modules');
const PYTHON = process.env['HEADSTART_PYTHON'] || undefined;

/** The largest difference of a probability, in percent, beside the rounding of what is printed. */
const BOUND = 0.1 + 0.05;

/** Larger and smaller than what the network sees, upright and lying, and one that is transparent. */
const PICTURES = [[300, 200, 1], [190, 410, 1], [50, 70, 1], [128, 128, 1], [700, 90, 1], [260, 240, 0.4]].map(([width, height, alpha], seed) => ({
  width: width!,
  height: height!,
  alpha: alpha!,
  kind: seed % 2 === 0 ? ('circles' as const) : ('stripes' as const),
  noise: blotches(width!, height!, seed).rgba,
  name: `${seed} ü.png`,
}));

let project: string;
/** What the page says of each picture, the best first. */
let said: Prediction[][];

beforeAll(async () => {
  const tarball = readdirSync(TARGET).find((name) => /^headstart-.*\.tgz$/.test(name));
  if (tarball === undefined) throw new Error('The package is missing: make it first (./build.sh package)');
  project = mkdtempSync(join(tmpdir(), 'headstart-examples-'));
  writeFileSync(join(project, 'package.json'), '{ "name": "somebodys", "private": true, "type": "module" }\n');
  const { status, stderr } = spawnSync('npm', ['install', '--offline', '--no-audit', '--no-fund', join(TARGET, tarball)], { cwd: project, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const api = await openApiPage();
  try {
    const made = await api.page.evaluate(
      async (pictures) => {
        const trainer = await headstart.Trainer.create({ engine: 'cpu' });
        await tools.fill(trainer, 'circles', 8);
        await tools.fill(trainer, 'stripes', 8);
        await trainer.renameClass('circles', 'circles “round”');
        await trainer.train({ epochs: 2, batchSize: 8 }).report;
        const model = await tools.base64(await trainer.export('onnx', { bare: true }));
        const files: string[] = [];
        const said: Prediction[][] = [];
        for (const { width, height, alpha, kind, noise } of pictures) {
          const context = new OffscreenCanvas(width, height).getContext('2d')!;
          context.globalAlpha = alpha;
          context.drawImage(await createImageBitmap(await drawing.draw(kind, 50 + width)), 0, 0, width, height);
          // So that the model is not sure.
          context.globalAlpha = alpha / 2;
          context.drawImage(await createImageBitmap(tools.image(noise, width, height)), 0, 0);
          const file = await context.canvas.convertToBlob({ type: 'image/png' });
          files.push(await tools.base64(file));
          said.push(await trainer.predict(file));
        }
        trainer.close();
        return { model, files, said };
      },
      PICTURES,
    );
    writeFileSync(join(project, 'model.onnx'), Buffer.from(made.model, 'base64'));
    made.files.forEach((file, at) => writeFileSync(join(project, PICTURES[at]!.name), Buffer.from(file, 'base64')));
    said = made.said;
  } finally {
    await api.close();
  }
  // Nothing is compared with nothing.
  expect(new Set(said.map(([best]) => best!.probability.toFixed(3))).size).toBeGreaterThan(4);
  expect(new Set(said.map(([best]) => best!.className)).size).toBe(2);
});
afterAll(() => {
  if (project) rmSync(project, { recursive: true, force: true });
});

/** Asks an example about every picture and holds what it prints against what the page said. */
function expectSame(program: string, example: string): void {
  let worst = 0;
  PICTURES.forEach(({ name }, at) => {
    const { status, stdout, stderr } = spawnSync(program, [join('node_modules/headstart/examples', example), 'model.onnx', name], { cwd: project, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const [, file, label, percent] = /^(.*): (.*) \((\d+\.\d) %\)\r?\n$/.exec(stdout) ?? [];
    const [best] = said[at]!;
    expect([file, label], stdout).toEqual([name, best!.className]);
    worst = Math.max(worst, Math.abs(Number(percent) - 100 * best!.probability));
  });
  console.log(`${example}: ${worst.toFixed(3)} %`);
  expect(worst).toBeLessThan(BOUND);
}

it('predicts with ONNX Runtime in Node.js', () => {
  for (const name of ['onnxruntime-node', 'sharp']) {
    if (!existsSync(join(PACKAGES, name))) throw new Error(`There is no ${name}: install it first (./build.sh examples)`);
    symlinkSync(join(PACKAGES, name), join(project, 'node_modules', name));
  }
  expectSame(process.execPath, 'node-predict.mjs');
});

it('predicts with ONNX Runtime in Python', (test) => {
  test.skip(PYTHON === undefined, 'there is no Python with onnxruntime, numpy and pillow: set HEADSTART_PYTHON');
  expectSame(PYTHON!, 'predict.py');
});
