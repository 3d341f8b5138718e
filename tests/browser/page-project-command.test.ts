/** Project files of the page and of the command line: each opens the other's, with the same split, figures and predictions. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobReader, Uint8ArrayWriter, ZipReader, configure } from '../../www/node_modules/@zip.js/zip.js/index.js';
import type { Prediction, TrainConfig, TrainReport } from '../../www/generated/types.js';
import { zipOf } from '../www/support/zip.js';
import { AppPage, type PickedFile } from './support/app-page.js';
import { PROGRAM, runProgram } from './support/command.js';

configure({ useWebWorkers: false });

/** What may lie between two builds of one program, and between two engines. */
const PROBABILITY = 1e-4;

/** What of a project's written form is compared here. */
interface Project {
  readonly dataset: { readonly samples: Readonly<Record<string, { readonly class: number; readonly group: string | null; readonly part?: string }>> };
  readonly settings: TrainConfig;
  readonly model: { readonly held_out: readonly { readonly id: number; readonly label: number }[]; readonly report: TrainReport };
}

async function member(file: string, name: string): Promise<Buffer> {
  const entries = await new ZipReader(new BlobReader(new Blob([readFileSync(file)]))).getEntries();
  const entry = entries.find(({ filename }) => filename === name);
  if (entry === undefined || entry.directory) throw new Error(`${file} lacks ${name}`);
  return Buffer.from(await entry.getData(new Uint8ArrayWriter()));
}

async function projectIn(file: string): Promise<Project> {
  return JSON.parse((await member(file, 'project.json')).toString()) as Project;
}

/** Runs the command line, which succeeds, and gives what it prints. */
async function command<T>(...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await runProgram(PROGRAM!, [...args, '--engine', 'cpu', '--json']);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** A report's figures, which do not depend on the moment. Losses and probabilities are compared by themselves. */
function figures({ classes, images, epochsRun, head, validationAccuracy, testAccuracy, trainAccuracy, confusionMatrix, perClass, seed, warnings }: TrainReport) {
  return { classes, images, epochsRun, head, validationAccuracy, testAccuracy, trainAccuracy, confusionMatrix, perClass, seed, warnings };
}

function expectSameReport(found: TrainReport, expected: TrainReport): void {
  expect(figures(found)).toEqual(figures(expected));
  expect(Math.abs(found.trainLoss - expected.trainLoss)).toBeLessThan(PROBABILITY);
  expect(Math.abs((found.validationLoss ?? NaN) - (expected.validationLoss ?? NaN))).toBeLessThan(PROBABILITY);
}

const byClass = (predictions: readonly Prediction[]): Record<string, number> =>
  Object.fromEntries(predictions.map(({ className, probability }) => [className, probability]));

/** The largest difference of a probability. */
function difference(one: readonly Record<string, number>[], other: readonly Record<string, number>[]): number {
  expect(one.map((each) => Object.keys(each).sort())).toEqual(other.map((each) => Object.keys(each).sort()));
  return Math.max(...one.flatMap((each, index) => Object.entries(each).map(([name, share]) => Math.abs(share - other[index]![name]!))));
}

describe.skipIf(PROGRAM === undefined)('a project file', () => {
  let app: AppPage;
  let pictures: PickedFile[];
  beforeAll(async () => {
    app = await AppPage.open({ context: { viewport: { width: 1280, height: 1600 } } });
    await app.page.getByText(/Computes on/).waitFor();
    pictures = (await Promise.all((['circles', 'stripes', 'squares'] as const).map((kind) => app.draw(kind, 3, 900)))).flat();
  });
  afterAll(() => app?.close());

  const dialog = () => app.page.getByRole('dialog', { name: 'Projects on this device' });

  /** Saves the project on the page as a file. */
  async function saved(name: string): Promise<string> {
    await app.saved();
    await app.page.getByRole('button', { name: 'Projects', exact: true }).click();
    const download = app.page.waitForEvent('download');
    await dialog().getByRole('button', { name: 'Save this one as a file' }).click();
    const path = join(app.folder, name);
    await (await download).saveAs(path);
    await app.page.keyboard.press('Escape');
    return path;
  }

  /** What the model in a project file makes of pictures in Chromium. */
  async function predictedByChromium(file: string, of: readonly PickedFile[]): Promise<Record<string, number>[]> {
    app.site.files.set('model.zip', await member(file, 'model.zip'));
    of.forEach(({ buffer }, index) => app.site.files.set(`picture-${index}`, buffer));
    const page = await app.context.newPage();
    await page.goto(`${app.site.url}blank.html`);
    await page.evaluate(`import('${app.site.url}headstart.js').then((module) => { globalThis.headstart = module; })`);
    const all = await page.evaluate(async (count) => {
      const classifier = await headstart.Classifier.load('model.zip', { engine: 'cpu' });
      const answers: Prediction[][] = [];
      for (let index = 0; index < count; index += 1) answers.push(await classifier.classify(await (await fetch(`picture-${index}`)).blob()));
      return answers;
    }, of.length);
    await page.close();
    return all.map(byClass);
  }

  /** The same on the command line, where a project file stands for its model. */
  async function predictedByCommand(file: string, of: readonly PickedFile[]): Promise<Record<string, number>[]> {
    const paths = of.map(({ name, buffer }) => {
      const path = join(app.folder, name);
      writeFileSync(path, buffer);
      return path;
    });
    const { images } = await command<{ images: { predictions: Prediction[] }[] }>('predict', file, ...paths);
    return images.map(({ predictions }) => byClass(predictions));
  }

  /** Opens a project file on the page, which loads anew for it. */
  async function open(file: string, name: string): Promise<void> {
    await app.page.getByRole('button', { name: 'Projects', exact: true }).click();
    await dialog().locator('input[type=file]').setInputFiles(file);
    await expect.poll(() => app.page.getByLabel('Name of the project').inputValue().catch(() => null)).toBe(name);
  }

  /** The same pictures as a camera would keep them, and in its size. */
  async function asJpeg(files: readonly PickedFile[], side?: number): Promise<PickedFile[]> {
    const all = files.map(({ buffer }) => buffer.toString('base64'));
    const made = await app.page.evaluate(async ({ all, side }) => {
      const convert = async (base64: string): Promise<number[]> => {
        const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]));
        const canvas = new OffscreenCanvas(side ?? bitmap.width, side ?? bitmap.height);
        canvas.getContext('2d')!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
        return [...new Uint8Array(await blob.arrayBuffer())];
      };
      return Promise.all(all.map(convert));
    }, { all, side });
    return files.map(({ name }, index) => ({ name: name.replace('.png', '.jpg'), mimeType: 'image/jpeg', buffer: Buffer.from(made[index]!) }));
  }

  // The page asks for a share in per cent.
  const settings = { epochs: '20', validation: '25', seed: '5' };

  it('of the page is trained on, measured and asked on the command line, with the same answers', async () => {
    const learn = await Promise.all((['circles', 'stripes', 'squares'] as const).map(async (kind) => [kind, await app.draw(kind, 8)] as const));
    // Recordings of two pictures each.
    const rows = learn.flatMap(([kind, files]) => files.map(({ name }, index) => `${kind}/${name},${kind},${kind} ${Math.floor(index / 2)}`));
    const entries = learn.flatMap(([kind, files]) => files.map(({ name, buffer }) => ({ name: `${kind}/${name}`, bytes: buffer })));
    const zip = zipOf('shapes.zip', [...entries, { name: 'labels.csv', bytes: ['file,label,group', ...rows].join('\n') }]);
    const given = { name: zip.name, mimeType: 'application/zip', buffer: Buffer.from(await zip.arrayBuffer()) };
    await app.page.locator('input[type=file][accept^=".zip,.tm"]').setInputFiles(given);
    await app.confirmImport();
    for (const [kind] of learn) await app.counts(kind, 8);
    await app.page.locator('.test-set > summary').click();
    await app.pick('Test pictures of circles', await app.draw('circles', 3, 100));
    await app.pick('Test pictures of stripes', await app.draw('stripes', 2, 100));
    await app.set(settings);
    await app.train();
    const file = await saved('page.headstart');
    const own = await projectIn(file);
    expect(own.model.held_out.length).toBe(6);
    expect(own.model.report.images).toEqual({ train: 18, validation: 6, test: 5 });

    const next = join(app.folder, 'next.headstart');
    const report = await command<TrainReport>('train', file, '--save', next);
    expectSameReport(report, own.model.report);
    const made = await projectIn(next);
    expect(made.model.held_out).toEqual(own.model.held_out);
    expect(made.dataset).toEqual(own.dataset);
    expect(Object.values(made.dataset.samples).filter(({ group }) => group === 'circles 1').length).toBe(2);
    expect(made.settings).toEqual(own.settings);

    const measured = await command<{ part: string; confusionMatrix: number[][] }>('evaluate', file);
    expect(measured.part).toBe('test');
    expect(measured.confusionMatrix).toEqual(own.model.report.confusionMatrix);

    const [chromium, native] = [await predictedByChromium(file, pictures), await predictedByCommand(file, pictures)];
    const apart = difference(chromium, native);
    const trained = difference(chromium, await predictedByCommand(next, pictures));
    console.log(`probabilities of one model are at most ${apart.toExponential(1)} apart, of the one trained again ${trained.toExponential(1)}`);
    expect(apart).toBeLessThan(PROBABILITY);
    expect(trained).toBeLessThan(PROBABILITY);
  });

  it('of the command line opens on the page, with the same answers', async () => {
    const learn = { circles: await app.draw('circles', 8, 200), stripes: await app.draw('stripes', 8, 200) };
    const folder = app.write('train', learn);
    const test = app.write('test', { circles: await app.draw('circles', 2, 300), stripes: await app.draw('stripes', 3, 300) });
    const rows = Object.entries(learn).flatMap(([kind, files]) => files.map(({ name }, index) => `${name};${kind} ${Math.floor(index / 2)}`));
    const groups = join(app.folder, 'groups.csv');
    writeFileSync(groups, ['Image;Group', ...rows].join('\n'));
    const file = join(app.folder, 'From a terminal.headstart');
    const typed = ['--epochs', '20', '--validation', '0.25', '--seed', '5'];
    const report = await command<TrainReport>('train', folder, '--test', test, '--groups', groups, ...typed, '--save', file);
    expect(report.images).toEqual({ train: 12, validation: 4, test: 5 });

    await open(file, 'From a terminal');
    await app.counts('circles', 8);
    await app.page.getByRole('heading', { name: 'Result' }).waitFor();
    await app.page.getByText(/^On your test pictures: \d+% of 5 /).waitFor();
    // The first numbers are 0 there, and 1 on the page.
    for (const name of ['circles', 'stripes']) await expect.poll(() => app.tiles(name).locator('img').count()).toBe(8);
    await expect.poll(() => app.trainButton.isEnabled()).toBe(true);
    const opened = await saved('opened.headstart');
    const [own, kept] = [await projectIn(file), await projectIn(opened)];
    expect(kept.dataset).toEqual(own.dataset);
    expect(kept.model.held_out).toEqual(own.model.held_out);
    expect(kept.model.report).toEqual(own.model.report);

    const apart = difference(await predictedByChromium(opened, pictures), await predictedByCommand(file, pictures));
    expect(apart).toBeLessThan(PROBABILITY);

    await app.set(settings);
    await app.trainButton.click();
    await expect.poll(async () => (await app.page.locator('.result-place').innerText()).includes('20 epochs')).toBe(true);
    await expect.poll(() => app.trainButton.isEnabled()).toBe(true);
    const trained = await projectIn(await saved('trained.headstart'));
    expect(trained.model.held_out).toEqual(own.model.held_out);
    expectSameReport(trained.model.report, own.model.report);
    console.log(`probabilities of one model are at most ${apart.toExponential(1)} apart`);
  });

  // Both decode JPEG to the same pixels. Those of large pictures are shrunk by the browser first, so the two do not see quite the same of
  // them, and all that hangs on which picture is which must not hang on that.
  it.each([
    ['JPEG pictures', undefined],
    ['large ones, of which each sees a little else', 2200],
  ])('of %s has the same split, both ways', async (_, side) => {
    const kinds = ['circles', 'stripes'] as const;
    const drawn = async (kind: (typeof kinds)[number]) => [...(await asJpeg(await app.draw(kind, 6, 400))), ...(await asJpeg(await app.draw(kind, 2, 410), side))];
    const learn = Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await drawn(kind)] as const)));
    const file = join(app.folder, 'JPEG.headstart');
    await command('train', app.write(`jpeg ${side}`, learn), '--epochs', '20', '--seed', '5', '--save', file);
    const own = await projectIn(file);
    expect(own.model.held_out.length).toBe(4);
    await open(file, side === undefined ? 'JPEG' : 'JPEG 2');
    await app.counts('stripes', 8);
    await expect.poll(() => app.trainButton.isEnabled()).toBe(true);
    // So that there is something to save: the trainer's part is written again.
    await app.page.getByRole('textbox', { name: 'Name of class 1' }).fill('discs');
    await app.page.keyboard.press('Enter');
    const opened = await saved('opened JPEG.headstart');
    const kept = await projectIn(opened);
    expect(kept.dataset.samples).toEqual(own.dataset.samples);
    expect(kept.model.held_out).toEqual(own.model.held_out);

    const measured = await command<{ part: string; images: number }>('evaluate', opened);
    expect(measured).toMatchObject({ part: 'validation', images: 4 });
    const asked = await asJpeg(pictures);
    const [chromium, native] = [await predictedByChromium(opened, asked), await predictedByCommand(opened, asked)];
    const apart = difference(chromium, native);
    console.log(`of JPEG pictures, probabilities of one model are at most ${apart.toExponential(1)} apart`);
    expect(apart).toBeLessThan(PROBABILITY);
  });
});
