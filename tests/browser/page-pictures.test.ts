import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';

let app: AppPage;
beforeAll(async () => {
  // High enough for all cards: a drag cannot scroll.
  app = await AppPage.open({ context: { viewport: { width: 1280, height: 1600 } } });
});
afterAll(() => app?.close());

const names = () => app.page.getByRole('textbox', { name: /Name of class/ }).evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value));

declare global {
  /** What the live regions of the page have said, in order. */
  var spoken: string[];
}

/** Notes from now on whatever a screen reader would be told of a change: a live region's text without what is hidden from it. */
async function listen(): Promise<void> {
  await app.page.evaluate(() => {
    globalThis.spoken = [];
    const texts = new Map<Element, string>();
    const note = (): void => {
      for (const region of document.querySelectorAll('[role=status], [role=alert], [aria-live]')) {
        const heard = region.cloneNode(true) as Element;
        for (const hidden of heard.querySelectorAll('[aria-hidden=true]')) hidden.remove();
        const text = heard.textContent ?? '';
        if (texts.has(region) && texts.get(region) !== text) spoken.push(text);
        texts.set(region, text);
      }
    };
    note();
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}

describe('classes on the page', () => {
  it('says what is missing before training can start', async () => {
    expect(await app.reason.innerText()).toBe('Add pictures to your classes.');
    await app.page.getByRole('button', { name: 'Delete class Class 2' }).click();
    expect(await app.reason.innerText()).toBe('Add a second class.');
    await app.undoButton.click();
    await app.pick('Class 1', await app.draw('circles', 3));
    expect(await app.reason.innerText()).toBe('Class 2 has no pictures yet.');
    expect(await app.trainButton.isDisabled()).toBe(true);
    await app.pick('Class 2', await app.draw('stripes', 3));
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
    expect(await app.trainButton.isDisabled()).toBe(false);
  });

  it('adds a class, renames it where it stands, and refuses a name that is taken', async () => {
    await app.page.getByRole('button', { name: 'Add a class' }).click();
    const field = app.page.getByRole('textbox', { name: 'Name of class 3' });
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    await app.page.keyboard.type('Class 1');
    await app.page.keyboard.press('Enter');
    await app.page.getByText('There is already a class called “Class 1”.').waitFor();
    await field.fill('boxes');
    await app.page.keyboard.press('Enter');
    expect(await names()).toEqual(['Class 1', 'Class 2', 'boxes']);
    await field.fill('not this');
    await app.page.keyboard.press('Escape');
    expect(await names()).toEqual(['Class 1', 'Class 2', 'boxes']);
  });

  it('loses nothing of what is typed right after a name was kept', async () => {
    const field = app.page.getByRole('textbox', { name: 'Name of class 3' });
    await field.evaluate(async (element: HTMLInputElement) => {
      const type = async (name: string): Promise<void> => {
        element.value = name;
        element.dispatchEvent(new InputEvent('input', { bubbles: true }));
        // Rendered, but before the frame is shown.
        for (let turn = 0; turn < 50; turn += 1) await null;
      };
      await type('crates');
      element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
      await type('tins');
    });
    await field.press('Enter');
    expect(await names()).toEqual(['Class 1', 'Class 2', 'tins']);
    await field.fill('boxes');
    await field.press('Enter');
    await app.card('boxes').waitFor();
  });

  it('deletes a class with its pictures and brings both back by keyboard', async () => {
    await app.page.getByRole('button', { name: 'Delete class Class 1' }).click();
    await app.card('Class 1').waitFor({ state: 'detached' });
    await app.page.getByText('Class “Class 1” deleted').waitFor();
    await app.page.locator('body').press('Control+z');
    await app.counts('Class 1', 3);
    expect(await names()).toEqual(['Class 1', 'Class 2', 'boxes']);
  });
});

describe('pictures on the page', () => {
  it('are shown small, newest first', async () => {
    await app.tiles('Class 1').first().locator('img').waitFor();
    const labels = await app.tiles('Class 1').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));
    expect(labels).toEqual(['circles 2.png', 'circles 1.png', 'circles 0.png']);
  });

  it('are deleted together and come back where they were', async () => {
    await app.tiles('Class 1').nth(0).click();
    await app.tiles('Class 1').nth(2).click();
    await app.card('Class 1').getByText('2 of 3').waitFor();
    await app.card('Class 1').getByRole('button', { name: 'Delete', exact: true }).click();
    await app.counts('Class 1', 1);
    await app.undoButton.click();
    await app.counts('Class 1', 3);
    expect(await app.tiles('Class 1').first().getAttribute('aria-label')).toBe('circles 2.png');
  });

  it('are moved by the menu, and back by undo', async () => {
    await app.tiles('Class 1').first().click();
    await app.card('Class 1').getByRole('button', { name: 'Move to…' }).click();
    await app.card('Class 1').getByRole('button', { name: 'boxes' }).click();
    await app.counts('Class 1', 2);
    await app.counts('boxes', 1);
    await app.page.getByText('1 picture moved to “boxes”').waitFor();
    await app.undoButton.click();
    await app.counts('Class 1', 3);
    await app.counts('boxes', 0);
  });

  it('are moved by dragging, the selected ones together', async () => {
    await app.tiles('Class 1').nth(0).click();
    await app.tiles('Class 1').nth(1).click();
    await app.drag(app.tiles('Class 1').nth(1), app.card('boxes'));
    await app.counts('boxes', 2);
    await app.counts('Class 1', 1);
    await app.undoButton.click();
    await app.counts('Class 1', 3);
  });

  it('come by paste into the class that was used last', async () => {
    await app.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await app.page.getByRole('textbox', { name: 'Name of class 3' }).click();
    await app.page.evaluate(async () => {
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': await drawing.draw('squares', 7) })]);
    });
    await app.page.keyboard.press('Control+v');
    await app.counts('boxes', 1);
  });

  it('come by drop, and the ones that cannot be read are named in one message', async () => {
    const [good] = await app.draw('squares', 1, 50);
    if (!good) throw new Error('nothing was drawn');
    const text = { name: 'letter.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('Dear reader, this is no picture.') };
    const empty = { name: 'nothing.png', mimeType: 'image/png', buffer: Buffer.alloc(0) };
    const folder = app.write('mixed', { '.': [good, text, empty] });
    await app.drop(app.card('boxes'), [good, text, empty].map((file) => `${folder}/${file.name}`));
    const message = app.card('boxes').getByText('2 of 3 files could not be read: letter.jpg, nothing.png');
    await message.waitFor();
    await app.counts('boxes', 2);
    await app.card('boxes').getByRole('button', { name: 'Dismiss this message' }).click();
    await message.waitFor({ state: 'detached' });
    // The drag is over for the card and for the page around it.
    expect(await app.page.locator('.over, .dropping').count()).toBe(0);
  });

  it('come as a folder of folders, each a class of its name', async () => {
    const root = app.write('animals', { cats: await app.draw('circles', 4, 100), dogs: await app.draw('stripes', 130, 100) });
    await app.drop(app.page.getByRole('heading', { level: 1 }), [root]);
    await app.confirmImport();
    await app.counts('cats', 4);
    // More than a directory reader hands out at a time.
    await app.counts('dogs', 130);
    expect(await names()).toEqual(['Class 1', 'Class 2', 'boxes', 'cats', 'dogs']);
  });

  it('are in the document only where they are in view', async () => {
    expect(await app.tiles('dogs').count()).toBeLessThan(80);
    const list = app.card('dogs').getByRole('listbox');
    await list.focus();
    await app.page.keyboard.press('End');
    await app.card('dogs').getByRole('option', { name: 'stripes 100.png', exact: true }).locator('img').waitFor();
  });

  it('are in the document where the keyboard is, also when it is scrolled out of view', async () => {
    const list = app.card('dogs').getByRole('listbox');
    await app.page.keyboard.press('Home');
    const active = () => list.evaluate((element) => document.getElementById(element.getAttribute('aria-activedescendant') ?? '')?.ariaLabel);
    await expect.poll(active).toBe('stripes 229.png');
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await app.card('dogs').getByRole('option', { name: 'stripes 100.png', exact: true }).waitFor();
    expect(await active()).toBe('stripes 229.png');
  });

  it('go to the test set where their folder says so, and the page says it', async () => {
    const pictures = (seed: number, count: number) => app.draw('circles', count, seed);
    const root = app.write('pond', {
      'train/frogs': await pictures(300, 3),
      'train/newts': await pictures(310, 2),
      'test/frogs': await pictures(320, 2),
      'test/newts': await pictures(330, 1),
    });
    writeFileSync(join(root, 'test/labels.csv'), 'file,class');
    const has = async (frogs: number, newts: number): Promise<void> => {
      await app.importDialog.getByText('3 pictures in “test” are for testing: nothing is learned from them.').waitFor();
      await app.confirmImport();
      await app.counts('frogs', frogs);
      await app.counts('newts', newts);
      // Those for testing come last.
      await app.page.locator('.import-progress').waitFor({ state: 'detached' });
      expect(await names()).toEqual(['Class 1', 'Class 2', 'boxes', 'cats', 'dogs', 'frogs', 'newts']);
    };
    await app.drop(app.page.getByRole('heading', { level: 1 }), [root]);
    await has(3, 2);
    await app.page.locator('input[webkitdirectory]').setInputFiles(root);
    await app.importDialog.getByRole('checkbox', { name: 'Also 5 duplicates' }).check();
    await has(6, 4);
    await app.drop(app.card('newts'), [`${root}/test`]);
    await app.card('newts').getByText('3 pictures in “test” are for testing').waitFor();
    await app.counts('newts', 4);
    await app.page.locator('.test-set > summary').click();
    await app.counts('Test pictures of frogs', 4);
    await app.counts('Test pictures of newts', 5);
  });

  it('are not counted aloud one by one', async () => {
    await app.tiles('Class 1').first().click();
    await listen();
    const began = performance.now();
    await app.pick('Class 1', await app.draw('circles', 150, 400), 153);
    const seconds = (performance.now() - began) / 1000;
    await expect.poll(() => app.page.evaluate(() => globalThis.spoken.at(-1)), { timeout: 10_000 }).toBe('Ready when you are.');
    const spoken = await app.page.evaluate(() => globalThis.spoken);
    // The beginning, the end, and every few seconds between.
    expect(spoken.length, spoken.join('\n')).toBeLessThanOrEqual(3 + seconds / 3);
    await app.card('Class 1').getByRole('button', { name: 'Select none' }).click();
  });

  it('can be brought back for a while after each deletion, and the offer goes by itself', async () => {
    const offer = app.page.locator('.toast');
    const remove = async (): Promise<void> => {
      await app.tiles('cats').first().click();
      await app.card('cats').getByRole('button', { name: 'Delete', exact: true }).click();
      await app.counts('cats', 3);
      await offer.waitFor();
    };
    await remove();
    // It goes from under the pointer.
    await offer.hover();
    await app.page.keyboard.press('Control+z');
    await app.counts('cats', 4);
    await app.page.mouse.move(5, 5);
    await remove();
    await app.page.mouse.move(5, 5);
    await app.page.waitForTimeout(5000);
    expect(await offer.count()).toBe(1);
    await offer.waitFor({ state: 'detached', timeout: 10_000 });
  });
});

it('nothing was asked of any other site, and nothing was logged as an error', () => {
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
});
