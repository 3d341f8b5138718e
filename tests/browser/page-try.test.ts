import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { percent } from '../../www/state/words.js';
import { AppPage } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';
import { askOnnx } from './support/onnx.js';
import { unpacked } from './support/tensorflow.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
  await app.fillTwoClasses();
  await app.train();
});
afterAll(() => app?.close());

const verdict = () => app.page.locator('.verdict');

describe('trying the model on the page', () => {
  it('recognises a chosen picture, with a bar for each class', async () => {
    expect(await app.predict((await app.draw('circles', 1, 900))[0]!)).toMatch(/^Class 1, \d+%/);
    const shares = await app.page.getByRole('meter').evaluateAll((all) => all.map((each) => Number(each.getAttribute('aria-valuenow'))));
    expect(shares).toHaveLength(2);
    expect(Math.abs(shares.reduce((sum, each) => sum + each, 0) - 100)).toBeLessThanOrEqual(1);
  });

  it('recognises a dropped picture', async () => {
    const files = await app.draw('stripes', 1, 901);
    const folder = app.write('dropped', { '.': files });
    await app.drop(app.page.locator('#try .stage'), [join(folder, files[0]!.name)]);
    await app.page.getByRole('img', { name: files[0]!.name }).waitFor();
    await expect.poll(() => verdict().innerText()).toMatch(/^Class 2/);
  });

  it('recognises a pasted picture when the panel was used last', async () => {
    await app.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await app.page.locator('#try .stage').click();
    await app.page.evaluate(async () => {
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': await drawing.draw('circles', 902) })]);
    });
    await app.page.keyboard.press('Control+v');
    await expect.poll(() => verdict().innerText()).toMatch(/^Class 1/);
    await app.counts('Class 1', 10);
  });

  it('says so when a file is no picture, and goes on', async () => {
    const letter = { name: 'letter.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('Not a picture.') };
    await app.page.locator('#try .card input[accept^=image]').setInputFiles(letter);
    const message = app.page.locator('#try .notice.error');
    await message.waitFor();
    expect(await message.innerText()).toContain('letter.jpg');
    expect(await app.predict((await app.draw('stripes', 1, 903))[0]!)).toMatch(/^Class 2/);
    expect(await message.count()).toBe(0);
  });

  it('follows the new name of a class without training again', async () => {
    const field = app.page.getByRole('textbox', { name: 'Name of class 2' });
    await field.fill('lines');
    await field.press('Enter');
    await expect.poll(() => verdict().innerText()).toMatch(/^lines/);
    await app.page.getByRole('meter', { name: 'lines' }).waitFor();
  });

  it('answers with what it has learned, whatever is deleted and made again under the same name', async () => {
    // Until it is drawn “class 2” is still the one before.
    await app.page.getByRole('button', { name: 'Delete class Class 1' }).click();
    await app.card('Class 1').waitFor({ state: 'detached' });
    await app.page.getByRole('button', { name: 'Add a class' }).click();
    await app.card('Class 2').waitFor();
    const field = app.page.getByRole('textbox', { name: 'Name of class 2' });
    for (const name of ['Class 1', 'bird']) {
      await field.fill(name);
      await field.press('Enter');
      await app.card(name).waitFor();
    }
    expect(await app.predict((await app.draw('circles', 1, 906))[0]!)).toMatch(/^Class 1, /);
    const bars = await app.page.getByRole('meter').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));
    expect(bars).toEqual(['Class 1', 'lines']);
    expect(await app.page.locator('.class-figures tbody th').allInnerTexts()).toEqual(['Class 1', 'lines']);
  });

  it('saves the model, and a fresh page that opens the file says the same', async () => {
    const picture = (await app.draw('stripes', 1, 904))[0]!;
    const said = await app.predict(picture);
    const download = app.page.waitForEvent('download');
    await app.page.getByRole('button', { name: 'Save model' }).click();
    const file = await (await download).path();
    expect((await download).suggestedFilename()).toBe('My project.zip');
    expect(readFileSync(file).subarray(0, 2).toString()).toBe('PK');

    const model = join(app.folder, 'model.zip');
    writeFileSync(model, readFileSync(file));
    await app.page.locator('#try input[accept*=zip]').setInputFiles(model);
    await app.page.locator('.result').getByText('This is about an earlier model').waitFor();
    expect(await app.page.locator('.result').innerText()).not.toMatch(/(is|are) (kept and )?in use\.|What it had learned/);
    await app.page.reload();
    await app.page.getByText(/Computes on/).waitFor();
    await app.page.locator('#try input[accept*=zip]').setInputFiles(model);
    await app.page.getByText('Opened “model.zip”: it tells apart Class 1, lines.').waitFor();
    expect(await app.predict(picture)).toBe(said);
  });

  it('exports the model for other programs, which say the same', async () => {
    const picture = (await app.draw('stripes', 1, 904))[0]!;
    const said = await app.predict(picture);
    const download = app.page.waitForEvent('download');
    await app.page.getByLabel('Export for').selectOption('ONNX');
    await app.page.getByRole('button', { name: 'Export', exact: true }).click();
    expect((await download).suggestedFilename()).toBe('My project-onnx.zip');
    const file = unpacked(readFileSync(await (await download).path(), 'base64')).get('model.onnx')!;
    const rgb = await app.page.evaluate(async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      return { rgb: [...data].filter((_, index) => index % 4 < 3), width, height };
    }, [...picture.buffer]);
    const [answer] = await askOnnx(file, [{ ...rgb, rgb: Uint8Array.from(rgb.rgb) }]);
    expect(said).toBe(`${answer!.label}, ${percent(answer!.shares.get(answer!.label)!)}`);
  });

  it('says what it makes of every picture, as a table', async () => {
    const download = app.page.waitForEvent('download');
    await app.page.getByRole('button', { name: 'Save predictions as CSV' }).click();
    expect((await download).suggestedFilename()).toBe('My project-predictions.csv');
    const [head, ...rows] = readFileSync(await (await download).path(), 'utf8').replace('\ufeff', '').trim().split('\r\n').map((line) => line.split(','));
    expect(head!.slice(0, 5)).toEqual(['file', 'class', 'part', 'predicted class', 'probability']);
    const classes = head!.slice(5);
    expect(classes).toHaveLength(2);
    expect(rows).toHaveLength(await app.page.locator('.tile').count());
    for (const [file, , part, predicted, probability, ...shares] of rows) {
      expect(file).not.toBe('');
      // The model is the one that was opened, and a file does not tell what it has seen.
      expect(part).toBe('unknown');
      expect(classes).toContain(predicted);
      expect(Number(probability)).toBe(Math.max(...shares.map(Number)));
      expect(shares.map(Number).reduce((sum, share) => sum + share)).toBeCloseTo(1, 4);
    }
    // It is an easy job.
    expect(rows.filter(([, of, , predicted]) => predicted !== of).length).toBeLessThan(rows.length / 4);
  });

  it('says so when a file is no model, and keeps the one it has', async () => {
    const letter = { name: 'model.zip', mimeType: 'application/zip', buffer: Buffer.from('Not a model.') };
    await app.page.locator('#try input[accept*=zip]').setInputFiles(letter);
    await app.page.locator('#try .notice.error').waitFor();
    expect(await app.predict((await app.draw('circles', 1, 905))[0]!)).toMatch(/^Class 1/);
  });
});

it('nothing was asked of any other site, and nothing was logged as an error', () => {
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
});
