/** The result on paper: all that it is about, with the pictures that were mistaken, whichever way it is printed. */
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';

/** What was on the sheet at the moment of printing. */
interface Sheet {
  readonly words: string;
  /** What it says of changes since. */
  readonly changed: string | null;
  readonly tiles: readonly { readonly text: string; readonly hasPicture: boolean }[];
}

declare global {
  var sheets: Sheet[];
}

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open({ context: { viewport: { width: 1280, height: 1600 } } });
  await app.page.evaluate(() => {
    globalThis.sheets = [];
    window.print = () => {
      const tiles = [...document.querySelectorAll<HTMLElement>('.printed-mistakes li')].map((each) => {
        const picture = each.querySelector('img');
        return { text: each.textContent ?? '', hasPicture: picture !== null && picture.complete && picture.naturalWidth > 0 };
      });
      const [words, changed] = [...document.querySelectorAll('.printed-mistakes > p')].map((each) => each.textContent);
      sheets.push({ words: words ?? '', changed: changed ?? null, tiles });
    };
  });
});
afterAll(() => app?.close());

const mistakes = (): Locator => app.page.locator('.printed-mistakes');
const printButton = (): Locator => app.page.getByRole('button', { name: 'Print the result', exact: true });
const status = (): Locator => app.page.locator('.print-status[role=status]');
const CHANGED = 'Pictures or classes have changed since the figures were measured';

/** Presses a button, and does something else as soon as a button reads as expected: `press` that one, or `rename` the first class. */
function pressThen(press: string, expected: string, then: 'press' | 'rename' | 'read'): Promise<{ name: string; printDisabled: boolean }> {
  return app.page.evaluate(
    async ([press, expected, then]) => {
      const buttons = (): HTMLButtonElement[] => [...document.querySelectorAll<HTMLButtonElement>('.result button')];
      const text = (of: HTMLElement): string => of.textContent!.trim();
      const shows = new Promise<HTMLButtonElement>((resolve) => {
        const observer = new MutationObserver(() => {
          const found = buttons().find((each) => text(each).startsWith(expected));
          if (found === undefined) return;
          observer.disconnect();
          resolve(found);
        });
        observer.observe(document.querySelector('.result')!, { childList: true, characterData: true, subtree: true });
      });
      const field = document.querySelector<HTMLInputElement>('#pictures .class-name input')!;
      if (then === 'rename') {
        field.focus();
        field.value = 'Renamed';
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        // It is kept when the field is left, once the page has drawn it.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      buttons().find((each) => text(each) === press)!.click();
      const found = await shows;
      const seen = { name: text(found), printDisabled: buttons().find((each) => text(each) === 'Print the result')?.disabled ?? false };
      if (then === 'press') found.click();
      else if (then === 'rename') field.blur();
      return seen;
    },
    [press, expected, then] as const,
  );
}

/** Prints, and gives what was on the sheet. */
async function printed(how: () => Promise<void>): Promise<Sheet> {
  const before = await app.page.evaluate(() => sheets.length);
  await how();
  await expect.poll(() => app.page.evaluate(() => sheets.length)).toBe(before + 1);
  return app.page.evaluate(() => sheets.at(-1)!);
}

/** What the matrix has beside its diagonal. */
async function confused(): Promise<number> {
  return app.page
    .locator('.confusion td.wrong')
    .allInnerTexts()
    .then((all) => all.reduce((sum, text) => sum + Number(text), 0));
}

/** Trains anew, and waits for another result than the one that is there. */
async function retrain(): Promise<void> {
  await app.page.locator('.result').evaluate((element) => element.setAttribute('data-earlier', ''));
  await app.trainButton.click();
  await app.page.locator('.result:not([data-earlier])').waitFor();
}

describe('pictures held back', () => {
  it('says where the mistaken ones are to be had, while nobody has asked for them', async () => {
    const mixed = [...(await app.draw('circles', 14)), ...(await app.draw('stripes', 7))];
    await app.pick('Class 1', mixed);
    const second = [...(await app.draw('stripes', 14, 50)), ...(await app.draw('circles', 7, 50))];
    // A name is printed in full.
    second[20]!.name = `a name of many words ${'that goes on '.repeat(8)}.png`;
    await app.pick('Class 2', second);
    await app.set({ validation: '40' });
    await app.train();
    await app.page.emulateMedia({ media: 'print' });
    await mistakes().getByText('They are here when it is printed with “Print the result”').waitFor();
    await app.page.emulateMedia({ media: null });
    expect(await mistakes().isVisible()).toBe(false);
  });

  it('are printed where they were mistaken, the surest first, before the dialog opens', async () => {
    const { words, changed, tiles } = await printed(() => app.page.keyboard.press('Control+p'));
    expect(changed).toBeNull();
    const wrong = await confused();
    expect(wrong).toBeGreaterThan(1);
    expect(words).toMatch(new RegExp(`^${wrong} of \\d+ pictures held back were mistaken, the surest first\\.$`));
    expect(tiles).toHaveLength(wrong);
    const shares: number[] = [];
    for (const { text, hasPicture } of tiles) {
      expect(hasPicture, text).toBe(true);
      const [, actual, said, share] = /^(Class \d) taken for (Class \d), (\d+)%.+\.png$/.exec(text) ?? [];
      expect(actual, text).toMatch(/^Class/);
      expect(said).not.toBe(actual);
      shares.push(Number(share));
    }
    expect(shares).toEqual(shares.toSorted((one, other) => other - one));
  });

  it('are on a sheet that is wide enough, none cut in two, dark on light', async () => {
    const { page } = app;
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    // The width of A4 without margins.
    await page.setViewportSize({ width: 718, height: 1000 });
    const seen = await page.evaluate(() => {
      const tiles = [...document.querySelectorAll('.printed-mistakes li')];
      const clipped = [...document.querySelectorAll('.result :is(th, th span, dd, .printed-mistakes p)')].filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0);
      const ink = getComputedStyle(document.querySelector('.printed-mistakes strong')!).color.match(/\d+/g)!.map(Number);
      return {
        wide: document.documentElement.scrollWidth - innerWidth,
        shown: tiles.filter((each) => each.checkVisibility()).length,
        whole: tiles.every((each) => getComputedStyle(each).breakInside === 'avoid'),
        clipped: clipped.map((each) => each.textContent),
        ink,
      };
    });
    if (process.env['HEADSTART_SCREENSHOTS']) await page.screenshot({ path: join(process.env['HEADSTART_SCREENSHOTS'], 'print-mistakes.png'), fullPage: true });
    await page.setViewportSize({ width: 1280, height: 1600 });
    await page.emulateMedia({ media: null, colorScheme: null });
    expect(seen).toMatchObject({ whole: true, clipped: [], shown: await mistakes().locator('li').count() });
    expect(seen.wide).toBeLessThanOrEqual(0);
    expect(Math.max(...seen.ink)).toBeLessThan(100);
  });

  it('are asked about again only where something has changed since', async () => {
    const { page } = app;
    const first = await mistakes().locator('li').count();
    // Nothing has: the browser prints by itself.
    await page.evaluate(() => document.addEventListener('keydown', (event) => document.body.setAttribute('data-kept', String(event.defaultPrevented)), { once: true }));
    await page.keyboard.press('Control+p');
    expect(await page.locator('body').getAttribute('data-kept')).toBe('false');
    const name = (await mistakes().locator('li .hint').first().innerText()).trim();
    for (const of of ['Class 1', 'Class 2']) {
      const tile = app.card(of).getByRole('option', { name, exact: true });
      if ((await tile.count()) === 0) continue;
      await tile.click();
      await app.card(of).getByRole('button', { name: 'Delete', exact: true }).click();
      break;
    }
    await page.getByText('Classes or pictures have changed since.').waitFor();
    const { words, changed, tiles } = await printed(() => printButton().click());
    expect(changed).toContain(CHANGED);
    expect(tiles).toHaveLength(first - 1);
    expect(words).toContain('1 picture that it was checked with is not here any more.');
  });

  it('are not waited for where somebody gives up', async () => {
    const { page } = app;
    await app.undoButton.click();
    await app.counts('Class 1', 21);
    await app.counts('Class 2', 21);
    const before = await page.evaluate(() => sheets.length);
    expect((await pressThen('Print the result', 'Cancel', 'press')).name).toBe('Cancel');
    await printButton().waitFor();
    await status().getByText('Cancelled: nothing was printed.').waitFor();
    await page.waitForTimeout(1000);
    expect(await page.evaluate(() => sheets.length)).toBe(before);
    // It is done for the next one.
    await printed(() => printButton().click());
    expect(await status().innerText()).toBe('The mistaken pictures are on the sheet.');
  });

  it('are not there where none were held back, and nothing is waited for', async () => {
    await app.set({ validation: '0' });
    await retrain();
    const { words, tiles } = await printed(() => printButton().click());
    expect(words).toBe('No pictures were held back, so there are none that show what it mistakes.');
    expect(tiles).toEqual([]);
  });
});

it('prints mistaken test pictures where there is a test set, or that there are none', async () => {
  const { page } = app;
  await app.set({ validation: '25' });
  await page.locator('.test-set > summary').click();
  const row = (name: string) => `Test pictures of ${name}`;
  await app.pick(row('Class 1'), await app.draw('circles', 3, 200));
  // These are of the other class.
  await app.pick(row('Class 2'), await app.draw('circles', 2, 300));
  await retrain();
  const wrong = await confused();
  expect(wrong).toBeGreaterThan(0);
  const { words, tiles } = await printed(() => page.keyboard.press('Control+p'));
  expect(words).toMatch(new RegExp(`^${wrong} of 5 test pictures (was|were) mistaken`));
  expect(tiles.map(({ hasPicture }) => hasPicture)).toEqual(tiles.map(() => true));
  expect(tiles.every(({ text }) => /circles (20[012]|30[01])\.png$/.test(text))).toBe(true);
  // Put where they belong, none is mistaken.
  for (const tile of await app.tiles(row('Class 2')).all()) await tile.click();
  await app.card(row('Class 2')).getByRole('button', { name: 'Move to…' }).click();
  await app.card(row('Class 2')).getByRole('button', { name: 'Class 1', exact: true }).click();
  await app.counts(row('Class 1'), 5);
  const again = await printed(() => page.keyboard.press('Control+p'));
  expect(again).toMatchObject({ words: 'None: all 5 test pictures were recognised.', tiles: [] });
  // The matrix says something else.
  expect(again.changed).toContain(CHANGED);
  await app.undoButton.click();
  await app.counts(row('Class 2'), 2);
});

describe('looking for mistakes', () => {
  it('is begun anew at once after it was given up', async () => {
    const { page } = app;
    const before = await page.evaluate(() => sheets.length);
    await pressThen('Print the result', 'Cancel', 'press');
    // As soon as there is a button for it again, before the page has drawn it.
    const { words } = await printed(() => page.evaluate(() => new Promise<void>((resolve) => {
      const press = (): void => {
        const button = [...document.querySelectorAll<HTMLButtonElement>('.result button')].find((each) => each.textContent === 'Print the result' && !each.disabled);
        if (button === undefined) return void setTimeout(press);
        button.click();
        resolve();
      };
      press();
    })));
    expect(words).toMatch(/of 5 test pictures (was|were) mistaken/);
    expect(await page.evaluate(() => sheets.length)).toBe(before + 1);
  });

  it('has a name that stays, and says how it goes beside it', async () => {
    // Something has changed, so that they are looked for again.
    await app.pick('Class 2', await app.draw('stripes', 1, 700), 22);
    const said = app.page.evaluate(() => new Promise<string[]>((resolve) => {
      const seen: string[] = [];
      const place = document.querySelector('.print-status')!;
      new MutationObserver(() => {
        seen.push(place.textContent!);
        if (seen.length === 2) resolve(seen);
      }).observe(place, { childList: true, characterData: true, subtree: true });
    }));
    const { name } = await pressThen('Print the result', 'Cancel', 'read');
    expect(name).toBe('Cancel');
    expect(await said).toEqual(['Looking for mistaken pictures…', 'The mistaken pictures are on the sheet.']);
  });

  it('waits while the model is asked for a table', async () => {
    const download = app.page.waitForEvent('download');
    const { printDisabled } = await pressThen('Save predictions as CSV', 'Predicting', 'read');
    expect(printDisabled).toBe(true);
    await download;
    await expect.poll(() => printButton().isEnabled()).toBe(true);
  });

  it('goes on where a class is renamed meanwhile, with the new name', async () => {
    const { page } = app;
    await app.pick('Class 2', await app.draw('stripes', 1, 701), 23);
    const { words, tiles } = await printed(() => pressThen('Print the result', 'Cancel', 'rename').then(() => undefined));
    expect(words).toMatch(/of 5 test pictures/);
    expect(tiles.length).toBeGreaterThan(0);
    for (const { text } of tiles) expect(text).toMatch(/Renamed/);
    await page.locator('body').press('Control+z');
    await page.locator('.result').getByRole('rowheader', { name: 'Class 1' }).first().waitFor();
  });

  it('is not troubled by what the browser fills in, which comes without a key', async () => {
    const { page, record } = app;
    const before = record.errors.length;
    await page.evaluate(() => document.body.dispatchEvent(new Event('keydown', { bubbles: true })));
    await page.waitForTimeout(200);
    expect(record.errors.slice(before)).toEqual([]);
  });
});

it('does not ask another model than the one that the result is about', async () => {
  const { page } = app;
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save model' }).click();
  const model = join(app.folder, 'model.zip');
  await (await download).saveAs(model);
  await page.locator('#try input[accept*=zip]').setInputFiles(model);
  await page.locator('.result').getByText('This is about an earlier model').waitFor();
  const { words, tiles } = await printed(() => printButton().click());
  expect(words).toBe('The model that this is about is not in use any more, so it cannot be asked.');
  expect(tiles).toEqual([]);
});

it('has the matrix of many classes on one sheet', async () => {
  const { page } = app;
  const names = Array.from({ length: 14 }, (_, index) => `${index} of a long name, as beetles have it`);
  const pictures = await app.draw('squares', 14 * 4, 500);
  const root = app.write('beetles', Object.fromEntries(names.map((name, index) => [name, pictures.slice(4 * index, 4 * index + 4)])));
  await app.drop(page.getByRole('heading', { level: 1 }), [root]);
  await app.confirmImport();
  await page.locator('.import-progress').waitFor({ state: 'detached' });
  await page.locator('.toast').getByRole('button', { name: 'Close' }).click();
  await app.set({ epochs: '5' });
  await retrain();
  await page.emulateMedia({ media: 'print' });
  await page.setViewportSize({ width: 718, height: 1000 });
  const seen = await page.evaluate(() => {
    const matrix = document.querySelector('.confusion')!.getBoundingClientRect();
    const spans = [...document.querySelectorAll('.confusion th span')];
    return {
      right: matrix.right,
      height: matrix.height,
      clipped: spans.filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1).length,
      narrowest: Math.min(...[...document.querySelectorAll('.confusion tbody td')].map((each) => each.clientWidth)),
      together: getComputedStyle(document.querySelector('.scroll:has(.confusion)')!).breakInside,
    };
  });
  expect(seen.right).toBeLessThanOrEqual(718);
  expect(seen.height).toBeLessThan(1000);
  expect(seen.narrowest).toBeGreaterThan(14);
  expect(seen).toMatchObject({ clipped: 0, together: 'avoid' });
});
