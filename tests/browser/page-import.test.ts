import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openZip } from '../../www/import/zip.js';
import { zipOf, type Written } from '../www/support/zip.js';
import { AppPage, type PickedFile } from './support/app-page.js';
import { violations } from './support/axe.js';
import { foreignRequests } from './support/browser.js';
import type { DrawingKind } from './support/drawing.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open({ context: { viewport: { width: 1280, height: 1200 } } });
  // Pictures wait until it has: that is not what takes the time here.
  await app.page.getByText(/Computes on/).waitFor();
});
afterAll(() => app?.close());

const names = () => app.page.getByRole('textbox', { name: /Name of class/ }).evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value));
const focused = () => app.page.evaluate(() => document.activeElement?.textContent);
const toast = () => app.page.locator('.toast');

async function drawn(kind: DrawingKind, folder: string, count: number, firstSeed = 0): Promise<Written[]> {
  return (await app.draw(kind, count, firstSeed)).map(({ name, buffer }) => ({ name: `${folder}/${name}`, bytes: buffer }));
}

async function picked(name: string, entries: readonly Written[]): Promise<PickedFile> {
  return { name, mimeType: 'application/zip', buffer: Buffer.from(await zipOf(name, entries).arrayBuffer()) };
}

const give = (...files: PickedFile[]) => app.page.locator('input[type=file][accept^=".zip,.tm"]').setInputFiles(files);

describe('a zip with a folder a class', () => {
  it('is shown first, with what is wrong in it, accessibly and for the keyboard', async () => {
    const circles = await drawn('circles', 'shapes/circles', 6);
    const zip = await picked('shapes.zip', [
      ...circles,
      ...(await drawn('stripes', 'shapes/stripes', 5)),
      ...(await drawn('squares', 'shapes/squares', 4)),
      { ...circles[0]!, name: 'shapes/circles/copy.png' },
      { name: 'shapes/squares/letter.jpg', bytes: 'Dear reader' },
      { name: 'shapes/squares/phone.heic', bytes: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1') },
    ]);
    const button = app.page.getByRole('button', { name: /^Add a zip/ });
    await button.focus();
    await give(zip);
    await app.importDialog.getByText('15 pictures in 3 classes.').waitFor();
    const box = (name: string | RegExp) => app.importDialog.getByRole('checkbox', { name });
    expect(await box(/^circles/).isChecked()).toBe(true);
    expect(await box(/^Also 1 duplicate/).isChecked()).toBe(false);
    await app.importDialog.getByText('One: it is damaged, or no picture for all its name').waitFor();
    await app.importDialog.getByText('HEIC pictures cannot be read by this browser: export them as JPEG').waitFor();
    expect(await violations(app)).toEqual([]);
    for (const width of [1280, 390]) {
      await app.page.setViewportSize({ width, height: width === 390 ? 844 : 1200 });
      expect(await app.importDialog.evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)).toBeLessThanOrEqual(0);
      if (process.env['HEADSTART_SCREENSHOTS']) await app.page.screenshot({ path: join(process.env['HEADSTART_SCREENSHOTS'], `import-${width}.png`) });
    }
    await app.page.setViewportSize({ width: 1280, height: 1200 });
    // Nothing behind it can be reached, and Escape leaves everything as it was.
    for (let press = 0; press < 8; press += 1) {
      await app.page.keyboard.press('Tab');
      expect(await app.page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null)).toBe(true);
    }
    await app.page.keyboard.press('Escape');
    await app.importDialog.waitFor({ state: 'detached' });
    await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await names()).toEqual(['Class 1', 'Class 2']);

    await give(zip);
    await box(/^squares/).press('Space');
    await box(/^Also 1 duplicate/).press('Space');
    const yes = app.importDialog.getByRole('button', { name: 'Import 12 pictures' });
    await yes.focus();
    expect(await focused()).toBe('Import 12 pictures');
    await app.page.keyboard.press('Enter');
    await app.counts('circles', 7);
    await app.counts('stripes', 5);
    expect(await names()).toEqual(['circles', 'stripes']);
    await toast().getByText('12 pictures imported').waitFor();
  });

  it('goes as a whole with one undo', async () => {
    await app.page.locator('body').press('Control+z');
    await app.card('circles').waitFor({ state: 'detached' });
    expect(await names()).toEqual(['Class 1', 'Class 2']);
    expect(await app.reason.innerText()).toBe('Add pictures to your classes.');
  });

  it('is cancelled in the middle, keeps what has come in, and that goes with one undo, too', async () => {
    // Many copies of a few pictures: a byte after the end of a picture makes it another file.
    const some = await drawn('circles', 'many', 5);
    const many = Array.from({ length: 400 }, (_, index) => {
      const { bytes } = some[index % some.length]!;
      return { name: `many/${index}.png`, bytes: Buffer.concat([Buffer.from(bytes as Uint8Array), Buffer.from(String(index))]) };
    });
    await give(await picked('many.zip', many));
    await app.confirmImport();
    const bar = app.page.getByRole('progressbar', { name: 'Importing “many.zip”' });
    await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
    expect(await violations(app)).toEqual([]);
    await app.page.getByRole('button', { name: 'Cancel the import' }).click();
    const message = app.page.getByText(/^The import was cancelled: \d+ of 400 pictures have come in\.$/);
    await message.waitFor();
    const came = Number(/: (\d+) of/.exec(await message.innerText())?.[1]);
    expect(came).toBeGreaterThan(0);
    expect(came).toBeLessThan(400);
    await app.counts('many', came);
    await app.undoButton.click();
    await app.card('many').waitFor({ state: 'detached' });
    expect(await names()).toEqual(['Class 1', 'Class 2']);
    await app.page.getByRole('button', { name: 'Dismiss this message' }).click();
  });

  it('that would do harm is refused with the reason, and what is open stays as it is', async () => {
    await app.pick('Class 1', await app.draw('circles', 2));
    // The grid comes after the count, when it knows its width.
    await expect.poll(() => app.tiles('Class 1').count()).toBe(2);
    // Words and pictures; when the small pictures come is another matter.
    const cards = async () => [await app.page.locator('.cards').innerText(), await app.tiles('Class 1').count(), await app.tiles('Class 2').count()];
    const before = await cards();
    const [good] = await drawn('circles', 'good', 1, 50);
    await give(await picked('evil.zip', [good!, { name: '../../evil.png', bytes: good!.bytes }]));
    await app.page.getByText('“evil.zip” has a file in it whose name leads out of it, “../../evil.png”.').waitFor();
    await give({ name: 'torn.zip', mimeType: 'application/zip', buffer: (await picked('torn.zip', [good!])).buffer.subarray(0, -30) });
    await app.page.getByText('“torn.zip” is no zip, or its end is missing: it may have been cut off on its way.').waitFor();
    expect(await app.importDialog.count()).toBe(0);
    expect(await cards()).toEqual(before);
    await give(await picked('bomb.zip', [{ name: 'Class 1/1.png', bytes: Buffer.concat([Buffer.from(good!.bytes), Buffer.alloc(3e7)]), size: 10_000 }]));
    await app.confirmImport();
    await app.page.getByText('1 of 1 picture did not come in. “bomb/Class 1/1.png” is not as long as its zip says.').waitFor();
    await app.counts('Class 1', 2);
    await app.page.getByRole('button', { name: 'Dismiss this message' }).click();
  });
});

describe('other ways in', () => {
  it('are nested folders with a list of labels, which knows groups', async () => {
    const root = app.write('study', { 'images/left': await app.draw('squares', 3, 80), 'images/right': await app.draw('stripes', 2, 80) });
    writeFileSync(join(root, 'labels.csv'), '\ufefffile;class;patient\nsquares 80.png;flat;a\nsquares 81.png;flat;a\nstripes 80.png;lined;b\nlost.png;flat;c\n');
    await app.drop(app.page.getByRole('heading', { level: 1 }), [root]);
    await app.importDialog.getByText('3 pictures in 2 classes.').waitFor();
    await app.importDialog.getByText('“lost.png” stands in “labels.csv”, but not among the pictures.').waitFor();
    await app.importDialog.getByText('2: each has no label in “labels.csv”').waitFor();
    await app.confirmImport();
    await app.counts('flat', 2);
    await app.counts('lined', 1);
  });

  it('say of a kind that this browser does not know what to do with it', async () => {
    const phone = { name: 'phone.heic', mimeType: 'image/heic', buffer: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1') };
    await app.card('flat').locator('input[type=file]').setInputFiles(phone);
    await app.card('flat').getByText('“phone.heic” is HEIC, and HEIC pictures cannot be read by this browser: export them as JPEG.').waitFor();
  });

  it('is a Teachable Machine project', async () => {
    const [one, two] = await app.draw('circles', 2, 90);
    const project = await picked('toys.tm', [
      { name: 'my cup-!-0.jpg', bytes: one!.buffer },
      { name: 'my ball-!-0.jpg', bytes: two!.buffer },
      { name: 'manifest.json', bytes: '{"type":"image","version":"2.4.4","appdata":{}}' },
    ]);
    await give(project);
    await app.confirmImport();
    await app.counts('my cup', 1);
    await app.counts('my ball', 1);
  });
});

it('all pictures go out as a zip and come in again', async () => {
  const [download] = await Promise.all([app.page.waitForEvent('download'), app.page.getByRole('button', { name: 'Download pictures' }).click()]);
  expect(download.suggestedFilename()).toBe('My project.zip');
  const { files } = await openZip(new Blob([readFileSync(await download.path())]), []);
  const paths = files.map(({ folders, name }) => [...folders, name].join('/'));
  expect(paths).toEqual(expect.arrayContaining(['flat/squares 80.png', 'flat/squares 81.png', 'lined/stripes 80.png', 'my cup/0.jpg', 'my ball/0.jpg', 'labels.csv']));
  await give({ name: 'headstart-pictures.zip', mimeType: 'application/zip', buffer: readFileSync(await download.path()) });
  // Everything is there.
  await app.importDialog.getByText('0 pictures in 5 classes.').waitFor();
  expect(await app.importDialog.getByRole('button', { name: 'Import' }).isDisabled()).toBe(true);
  await app.importDialog.getByRole('checkbox', { name: `Also ${paths.length - 1} duplicates They are in your classes already.` }).waitFor();
  await app.importDialog.getByRole('button', { name: 'Cancel' }).click();
  await app.importDialog.waitFor({ state: 'detached' });
});

it('nothing was asked of any other site, and nothing was logged as an error', () => {
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
});
