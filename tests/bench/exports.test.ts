/**
 * Exported models in the programs that they are for, as those come from their registries: each is given real pictures, and what it says of
 * them is held against what the page says. Also runs the scripts that come with each export. Prints a table and writes
 * target/exports/result.json. Python with onnx, onnxruntime, timm, torch, transformers, pillow, numpy and safetensors is HEADSTART_PYTHON.
 *
 *     HEADSTART_PYTHON=… ./build.sh bench exports -t 'mlp:16'
 *
 * With QUICK=1, what is slow and differs little from another consumer is asked about linear heads alone, and counted as skipped elsewhere.
 */
import { strFromU8, unzipSync } from 'fflate';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TrainConfig, WeightStorage } from '../../www/generated/types.js';
import { openApiPage, type ApiPage } from '../browser/support/api-page.js';
import { serveFolder, type Site } from '../browser/support/server.js';
import { CDN, GRAPH, LAYERS, Libraries, ONNX, ORT_MODULE, type Answers, type Library } from './exports/libraries.js';
import { askNode, askPython, hasPackage, PYTHON, run } from './exports/programs.js';

const ROOT = join(import.meta.dirname, '../..');
const REFERENCES = process.env['HEADSTART_REFERENCES'] ?? join(ROOT, '../shared');
const REFERENCE = join(REFERENCES, 'backbones/mobilenet-v2-1.0-torchvision');
const TASK = join(REFERENCES, 'tasks/clothing10');
const FOLDER = join(ROOT, 'target/exports');
const MODULES = join(import.meta.dirname, 'exports/node_modules/');

/** Folders of the pictures, and what they are called here: whatever a name has in it has to come through. */
const CLASSES = { hat: 'hat', pants: 'pants “long” & wide', shoes: 'çà et là 靴', dress: 'dress' };
const [TRAINED, ASKED] = [8, 5];
/** What Teachable Machine's library and ml5 prepare nothing of. */
const SIDE = 224;

/** The largest difference of a probability, where a program is given the same pixels and prepares them as we do. */
const BOUND = 1e-3;

const QUICK = process.env['QUICK'] === '1';
/** Those that compute as another one does, which is asked. */
const SLOW = ['tfjs 4.22, webgl', '@teachablemachine/image 0.8.5, tfjs 4.22', 'timm folder', 'transformers processor'];

type Format = 'onnx' | 'tfjs' | 'teachable-machine' | 'timm';
interface Case {
  name: string;
  reference: boolean;
  config: Partial<TrainConfig>;
  exports: (readonly [Format, WeightStorage])[];
  /** That timm has no such head. */
  refused: boolean;
}

const CASES: Case[] = [false, true].flatMap((reference) =>
  ['linear', 'svm', 'mlp:16', 'conv:8'].flatMap((head) =>
    [false, true].map((tuned): Case => {
      const refused = head !== 'linear' && head !== 'svm';
      const all: Format[] = refused ? ['onnx', 'tfjs', 'teachable-machine'] : ['onnx', 'tfjs', 'teachable-machine', 'timm'];
      const smaller = !reference && head === 'linear' && !tuned;
      return {
        name: `${reference ? '1.0, 224 px' : 'default'}, ${head}${tuned ? ', last:1' : ''}`,
        reference,
        config: { head, ...(tuned ? { fineTune: 'last:1', fineTuneEpochs: 1 } : {}) },
        exports: [
          ...all.map((format) => [format, 'f32'] as const),
          ...(smaller ? (['f16', 'int8'] as const).flatMap((weights) => [['onnx', weights] as const, ['tfjs', weights] as const]) : []),
        ],
        refused,
      };
    }),
  ),
);

/** What a consumer was given. */
type Given = 'PNG' | 'JPEG' | '224 px';
interface Row {
  case: string;
  consumer: string;
  given: Given;
  /** The largest difference of a probability. */
  apart?: number;
  /** How many answers are other ones, and how many of those where the page's first two are further apart than the bound. */
  changed?: number;
  clearlyChanged?: number;
  of?: number;
  /** What it took, loading and all, on a machine that may be busy. */
  seconds?: number;
  /** Why it was not asked, or what it failed with. */
  skipped?: string;
  failed?: string;
}
/** The probabilities of a picture by the class's name. */
type Shares = Record<string, number>;

const rows: Row[] = [];
const verified: { case: string; script: string; said: string }[] = [];
let api: ApiPage;
let site: Site;
let libraries: Libraries;
/** The files of the pictures that are asked about, without their endings. */
let pictures: string[];

const read = (path: string): Buffer => readFileSync(join(FOLDER, path));
const write = (path: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
  writeFileSync(join(FOLDER, path), bytes);
};
/** Where a file of a package is that is served. */
const placeOf = (path: string): string => (path.startsWith('modules/') ? join(MODULES, path.slice('modules/'.length)) : join(FOLDER, path));
/** Written after each case, so that a run that is cut short leaves what it found. */
const keep = (): void => write('result.json', `${JSON.stringify({ pictures: pictures.length, bound: BOUND, rows, verified }, undefined, 1)}\n`);

beforeAll(async () => {
  if (!existsSync(TASK)) return;
  for (const needed of ['@tensorflow/tfjs', 'pngjs']) if (!hasPackage(needed)) throw new Error(`there is no ${needed}: run tests/bench/exports/setup.sh`);
  api = await openApiPage();
  site = await serveFolder(FOLDER, { folders: { 'modules/': MODULES } });
  site.files.set(ORT_MODULE.at, readFileSync(join(MODULES, ORT_MODULE.file)));
  libraries = new Libraries(api.browser, site.url);
  // The scripts of the exports look for their packages upwards.
  rmSync(join(FOLDER, 'node_modules'), { force: true });
  symlinkSync(MODULES, join(FOLDER, 'node_modules'));

  const jpegs = (part: string, folder: string, count: number): Buffer[] =>
    readdirSync(join(TASK, part, folder)).toSorted().slice(0, count).map((name) => readFileSync(join(TASK, part, folder, name)));
  pictures = [];
  for (const folder of Object.keys(CLASSES)) {
    jpegs('train', folder, TRAINED).forEach((bytes, at) => api.site.files.set(`train/${folder}/${at}.jpg`, bytes));
    jpegs('test', folder, ASKED).forEach((bytes, at) => {
      const name = `${folder}-${at}`;
      pictures.push(name);
      api.site.files.set(`test/${name}.jpg`, bytes);
      write(`pictures/${name}.jpg`, bytes);
    });
  }
  if (existsSync(REFERENCE)) for (const file of ['config.json', 'model.safetensors']) api.site.files.set(`reference/${file}`, readFileSync(join(REFERENCE, file)));
  const decoded = await api.page.evaluate(
    async ({ pictures, side }) => {
      const all: Record<string, { whole: Blob; square: Blob }> = {};
      const drawn = (width: number, height: number, draw: (context: OffscreenCanvasRenderingContext2D) => void): Promise<Blob> => {
        const canvas = new OffscreenCanvas(width, height);
        draw(canvas.getContext('2d')!);
        return canvas.convertToBlob({ type: 'image/png' });
      };
      for (const name of pictures) {
        const bitmap = await createImageBitmap(await tools.file(`test/${name}.jpg`), { imageOrientation: 'from-image' });
        const { width, height } = bitmap;
        const shorter = Math.min(width, height);
        all[name] = {
          whole: await drawn(width, height, (context) => context.drawImage(bitmap, 0, 0)),
          square: await drawn(side, side, (context) => context.drawImage(bitmap, (width - shorter) >> 1, (height - shorter) >> 1, shorter, shorter, 0, 0, side, side)),
        };
      }
      Object.assign(globalThis, { decoded: all });
      return Promise.all(pictures.map(async (name) => ({ name, whole: await tools.base64(all[name]!.whole), square: await tools.base64(all[name]!.square) })));
    },
    { pictures, side: SIDE },
  );
  for (const { name, whole, square } of decoded) {
    write(`pictures/${name}.png`, Buffer.from(whole, 'base64'));
    write(`pictures/${name}-square.png`, Buffer.from(square, 'base64'));
  }
}, 120_000);

afterEach(() => {
  if (rows.length > 0) keep();
});
afterAll(async () => {
  if (rows.length > 0) {
    keep();
    const digits = (value: number | undefined): string => (value === undefined ? '' : value.toExponential(1));
    console.table(
      rows.map(({ case: name, consumer, given, apart, changed, of, seconds, skipped, failed }) => ({
        case: name,
        consumer,
        given,
        'largest difference': digits(apart),
        'changed answers': skipped ? `skipped: ${skipped}` : failed ? `FAILED: ${failed.slice(0, 200)}` : `${changed} of ${of}`,
        seconds: seconds?.toFixed(0) ?? '',
      })),
    );
    console.table(verified);
    const skipped = rows.filter((row) => row.skipped);
    console.info(`${rows.length - skipped.length} comparisons, ${skipped.length} skipped, ${verified.length} scripts of exports run`);
  }
  await api?.close();
  await site?.close();
});

/** Trains in the page, asks it about all pictures and exports its model. */
async function onPage({ reference, config, exports, refused }: Case) {
  return api.page.evaluate(
    async ({ reference, config, exports, refused, classes, pictures, trained }) => {
      const { decoded } = globalThis as unknown as { decoded: Record<string, { whole: Blob; square: Blob }> };
      const backbone = reference ? { config: await tools.file('reference/config.json'), weights: await tools.file('reference/model.safetensors') } : undefined;
      const trainer = await headstart.Trainer.create({ engine: 'cpu', ...(backbone ? { backbone } : {}) });
      for (const [folder, name] of Object.entries(classes)) {
        await trainer.addClass(name);
        const files = await Promise.all(Array.from({ length: trained }, (_, at) => tools.file(`train/${folder}/${at}.jpg`)));
        const { failures } = await trainer.addImages(name, files);
        if (failures.length > 0) throw new Error(failures[0]!.error.message);
      }
      // Nothing is held out, so fine-tuned weights are kept.
      const report = await trainer.train({ epochs: 6, batchSize: 8, validation: 0, ...config }).report;
      const shares = async (picture: Blob): Promise<Record<string, number>> =>
        Object.fromEntries((await trainer.predict(picture)).map(({ className, probability }) => [className, probability]));
      const said: { jpeg: Record<string, number>; png: Record<string, number>; square: Record<string, number> }[] = [];
      for (const name of pictures) {
        const { whole, square } = decoded[name]!;
        said.push({ jpeg: await shares(await tools.file(`test/${name}.jpg`)), png: await shares(whole), square: await shares(square) });
      }
      const files: string[] = [];
      for (const [format, weights] of exports) files.push(await tools.base64(await trainer.export(format, { weights, name: 'Kleider “1”' })));
      const refusal = refused ? await tools.refused(trainer.export('timm')) : undefined;
      trainer.close();
      return { said, files, refusal, phase: report.phase };
    },
    { reference, config, exports, refused, classes: CLASSES, pictures, trained: TRAINED },
  );
}

/** Notes how far a consumer's answers are from the page's. */
function compare(name: string, consumer: string, given: Given, own: readonly Shares[], { classes, probabilities }: Answers, bound: number): Row {
  const row: Row & Required<Pick<Row, 'apart' | 'changed' | 'clearlyChanged'>> = { case: name, consumer, given, apart: 0, changed: 0, clearlyChanged: 0, of: own.length };
  own.forEach((shares, at) => {
    const theirs = probabilities[at]!;
    classes.forEach((each, index) => {
      const difference = Math.abs((shares[each] ?? NaN) - theirs[index]!);
      // What is no number is as far away as can be.
      row.apart = Math.max(row.apart, Number.isNaN(difference) ? Infinity : difference);
    });
    const [first, second] = Object.values(shares).toSorted((a, b) => b - a);
    if (shares[classes[theirs.indexOf(Math.max(...theirs))]!] !== first) {
      row.changed += 1;
      if (first! - second! > bound) row.clearlyChanged += 1;
    }
  });
  rows.push(row);
  return row;
}

describe.skipIf(!existsSync(TASK))('exports', () => {
  it.for(CASES.map((each) => [each.name, each] as const))('%s', { timeout: 1_800_000 }, async ([, each], test) => {
    test.skip(each.reference && !existsSync(REFERENCE), `there is no ${REFERENCE}: set HEADSTART_REFERENCES`);
    const { said, files, refusal, phase } = await onPage(each);
    expect(phase).toBe(each.config.fineTune === undefined ? 'head' : 'fine-tune');
    const own = { PNG: said.map(({ png }) => png), JPEG: said.map(({ jpeg }) => jpeg), '224 px': said.map(({ square }) => square) };
    expect(own.JPEG, 'the page’s own answers for a picture and for its pixels').toEqual(own.PNG);
    // Nothing is compared with nothing.
    expect(new Set(own.PNG.map((shares) => Math.max(...Object.values(shares)).toFixed(4))).size).toBeGreaterThan(15);
    if (refusal) expect(refusal.code).toBe('export_unsupported');
    const names = Object.values(CLASSES);
    const simplest = each.config.head === 'linear' && each.config.fineTune === undefined;
    const path = each.name.replace(/\W+/g, '-');

    for (const [index, [format, weights]] of each.exports.entries()) {
      const folder = `${path}/${format}${weights === 'f32' ? '' : `-${weights}`}/`;
      rmSync(join(FOLDER, folder), { recursive: true, force: true });
      for (const [file, bytes] of Object.entries(unzipSync(Buffer.from(files[index]!, 'base64')))) write(folder + file, bytes);
      const golden = JSON.parse(strFromU8(read(`${folder}golden.json`))) as { classes: string[]; bound: number };
      expect(golden.classes.toSorted()).toEqual(names.toSorted());
      const label = weights === 'f32' ? each.name : `${each.name}, ${weights}`;
      const failures: string[] = [];
      const check = (row: Row, bound: number | undefined): void => {
        const answers = weights === 'f32' ? 'changed' : 'clearlyChanged';
        if (bound === undefined) return;
        if (row.apart! > bound || row[answers]! > 0) failures.push(`${row.consumer}, ${row.given}: ${row.apart!.toExponential(1)} apart, ${row[answers]} other answers`);
      };
      // What is rounded is held to what its own golden.json allows.
      const exact = weights === 'f32' ? BOUND : golden.bound;
      const leftOut = (consumer: string, given: Given): boolean => {
        const out = QUICK && !simplest && SLOW.includes(consumer);
        if (out) rows.push({ case: label, consumer, given, skipped: 'QUICK' });
        return out;
      };
      const inBrowser = async (library: Library, given: Given, bound: number | undefined): Promise<void> => {
        if (leftOut(library.name, given)) return;
        const missing = library.scripts.find((script) => !existsSync(placeOf(script)));
        if (missing !== undefined) {
          rows.push({ case: label, consumer: library.name, given, skipped: `there is no ${missing}` });
          return;
        }
        const asked = pictures.map((name) => `${site.url}pictures/${name}${given === '224 px' ? '-square' : ''}.png`);
        try {
          const began = performance.now();
          const answer = await libraries.ask(library, { folder: site.url + folder, pictures: asked, classes: golden.classes });
          const row = compare(label, library.name, given, own[given], answer, bound ?? BOUND);
          row.seconds = Math.round(performance.now() - began) / 1000;
          check(row, bound);
        } catch (error) {
          rows.push({ case: label, consumer: library.name, given, failed: String(error) });
          failures.push(`${library.name}: ${error}`);
        }
      };
      const inPython = async (all: readonly { consumer: string; given: 'PNG' | 'JPEG'; bound: number | undefined }[]): Promise<void> => {
        const jobs = all.filter(({ consumer, given }) => !leftOut(consumer, given));
        const asked = (given: string): string[] => pictures.map((name) => join(FOLDER, `pictures/${name}.${given === 'JPEG' ? 'jpg' : 'png'}`));
        const answers = await askPython(jobs.map(({ consumer, given }) => ({ consumer, folder: join(FOLDER, folder), pictures: asked(given) })));
        jobs.forEach(({ consumer, given, bound }, at) => {
          const answer = answers[at]!;
          if ('missing' in answer) rows.push({ case: label, consumer, given, skipped: `there is no ${answer.missing}` });
          else if ('error' in answer) {
            rows.push({ case: label, consumer, given, failed: answer.error });
            failures.push(`${consumer}: ${answer.error}`);
          } else check(compare(label, consumer, given, own[given], answer, bound ?? BOUND), bound);
        });
      };
      /** The script that comes with the export, as its README says; without the packages it is skipped. */
      const verify = async (script: string, program: string, packages: readonly string[]): Promise<void> => {
        const missing = program === PYTHON ? await missingInPython(packages) : packages.find((name) => !hasPackage(name));
        if (missing !== undefined) {
          verified.push({ case: `${label}, ${format}`, script, said: `skipped: there is no ${missing}` });
          return;
        }
        const { status, out, error } = await run(program, [script], { cwd: join(FOLDER, folder) });
        verified.push({ case: `${label}, ${format}`, script, said: (out.trim().split('\n').at(-1) ?? '') || error.slice(-300) });
        if (status !== 0) failures.push(`${script} of ${format}: ${out} ${error}`);
      };

      if (format === 'onnx') {
        await inPython([
          { consumer: 'onnxruntime', given: 'PNG', bound: exact },
          // Of another decoder.
          { consumer: 'onnxruntime', given: 'JPEG', bound: undefined },
        ]);
        if (hasPackage('onnxruntime-node')) {
          const asked = pictures.map((name) => join(FOLDER, `pictures/${name}.png`));
          check(compare(label, 'onnxruntime-node 1.30', 'PNG', own.PNG, await askNode(join(FOLDER, folder), asked, golden.classes), exact), exact);
        } else rows.push({ case: label, consumer: 'onnxruntime-node 1.30', given: 'PNG', skipped: 'there is no onnxruntime-node' });
        for (const library of ONNX) await inBrowser(library, 'PNG', exact);
        await verify('verify.py', PYTHON, ['onnxruntime', 'PIL', 'numpy']);
        await verify('verify.mjs', process.execPath, ['onnxruntime-node', 'sharp']);
      } else if (format === 'tfjs') {
        for (const library of GRAPH) {
          // In plain JavaScript a picture takes seconds: one case of each backbone.
          if (!library.name.endsWith('cpu') || simplest) await inBrowser(library, 'PNG', exact);
        }
        await verify('verify.mjs', process.execPath, ['@tensorflow/tfjs', 'pngjs']);
      } else if (format === 'teachable-machine') {
        for (const library of LAYERS) {
          // How pictures of other sizes are prepared is those libraries' own.
          await inBrowser(library, '224 px', exact);
          if (simplest) await inBrowser(library, 'PNG', undefined);
        }
        const served = await serveFolder(join(FOLDER, folder));
        await verifyPage('verify.html', served.url, label, failures);
        await served.close();
        if (simplest) await verifyPage('verify.html in a folder', site.url + folder, label, failures);
      } else {
        await inPython([
          { consumer: 'timm', given: 'PNG', bound: exact },
          { consumer: 'timm', given: 'JPEG', bound: undefined },
          { consumer: 'timm folder', given: 'PNG', bound: undefined },
          { consumer: 'transformers', given: 'PNG', bound: exact },
          { consumer: 'transformers processor', given: 'PNG', bound: undefined },
        ]);
        await verify('verify.py', PYTHON, ['timm', 'torch', 'PIL', 'numpy', 'safetensors']);
      }
      expect.soft(failures, `${label}, ${format}`).toEqual([]);
    }
  });
});

/** The first of packages that Python does not have, or Python. */
async function missingInPython(packages: readonly string[]): Promise<string | undefined> {
  const code = 'import importlib.util, sys\nprint(next((name for name in sys.argv[1:] if importlib.util.find_spec(name) is None), ""))';
  try {
    return (await run(PYTHON, ['-c', code, ...packages])).out.trim() || undefined;
  } catch {
    return PYTHON;
  }
}

/** `verify.html`, served as its README says, with the packages in the network's place. */
async function verifyPage(script: string, base: string, label: string, failures: string[]): Promise<void> {
  const page = await api.browser.newPage();
  let missing: string | undefined;
  for (const [address, file] of Object.entries(CDN)) {
    const path = placeOf(file);
    if (!existsSync(path)) missing = file;
    await page.route(address, (route) => route.fulfill({ path, contentType: 'text/javascript' }));
  }
  if (missing !== undefined) verified.push({ case: label, script, said: `skipped: there is no ${missing}` });
  else {
    await page.goto(`${base}verify.html`);
    await page.waitForFunction(() => /^(Passed|FAILED)/.test(document.querySelector('#result')?.textContent ?? ''), undefined, { timeout: 600_000 });
    const said = (await page.textContent('#result')) ?? '';
    verified.push({ case: label, script, said });
    if (!said.startsWith('Passed')) failures.push(`${script}: ${said}`);
  }
  await page.close();
}
