import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { violations } from './support/axe.js';
import { foreignRequests } from './support/browser.js';

/** Long enough for the page to show epochs of both phases, few enough for a slow machine, and none left out. */
const SHORT = { epochs: '150', fineTuneEpochs: '10', batchSize: '8', validation: '25', patience: '0' };

declare global {
  /** What the progress of a run has said, each text once. */
  var said: string[];
}

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
});
afterAll(() => app?.close());

const result = () => app.page.getByRole('region', { name: 'Result', exact: true });
const estimate = () => app.page.locator('.estimate');
const further = () => app.page.getByRole('button', { name: 'Train further' });

/** The rows of the table beside the curves, which is opened where it is not. */
async function figures(): Promise<Locator> {
  const table = app.page.locator('.curves .figures');
  if ((await table.getAttribute('open')) === null) await table.locator('summary').click();
  return table.locator('tbody tr');
}

/** Notes the text of every progress from now on: some phases are over in a blink. */
async function listen(): Promise<void> {
  await app.page.evaluate(() => {
    globalThis.said = [];
    const note = (): void => {
      const text = document.querySelector('.run .progress-text')?.textContent ?? '';
      if (text !== '' && !said.includes(text)) said.push(text);
    };
    new MutationObserver(note).observe(document.getElementById('train')!, { subtree: true, childList: true, characterData: true });
  });
}

describe('fine-tuning on the page', () => {
  it('trains the head alone unless told otherwise, by mouse or by arrow keys', async () => {
    await app.page.getByText(/Computes on/).waitFor();
    const head = app.page.getByRole('radio', { name: 'Head only (fast)' });
    expect(await head.isChecked()).toBe(true);
    expect(await estimate().count()).toBe(0);
    await head.focus();
    await app.page.keyboard.press('ArrowDown');
    expect(await app.page.getByRole('radio', { name: 'Last blocks' }).isChecked()).toBe(true);
    expect(await app.page.getByRole('spinbutton', { name: 'How many blocks' }).inputValue()).toBe('3');
  });

  it('shows before there are pictures what would train, and with pictures how long it takes', async () => {
    await estimate().getByText('Add pictures to see how long it takes.').waitFor();
    await estimate().getByText(/Trains .* and the head: [\d,]+ values\./).waitFor();
    await app.fillTwoClasses(8);
    await estimate().getByText('Add pictures to see how long it takes.').waitFor({ state: 'detached' });
    await estimate().getByText(/Memory for prepared pictures: .* of at most/).waitFor();
    const three = await estimate().innerText();
    await app.chooseWhatTrains(1);
    await expect.poll(() => estimate().innerText()).not.toBe(three);
    await app.chooseWhatTrains(3);
    await expect.poll(() => estimate().innerText()).toContain('block 17');
  });

  it('refuses a number of blocks that the network has not', async () => {
    await app.chooseWhatTrains(99);
    await app.page.getByText(/A whole number from 1 to \d+\./).waitFor();
    expect(await app.reason.innerText()).toBe('The number of blocks needs correcting.');
    await app.chooseWhatTrains(3);
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
  });

  it('offers the settings that matter now, and no others', async () => {
    await app.set(SHORT);
    const group = (name: string) => app.page.getByRole('group', { name, exact: true });
    await group('Fine-tuning').getByLabel('Learning rate of the blocks').waitFor();
    expect(await app.page.getByLabel('Momentum').count()).toBe(0);
    await app.set({ optimizer: 'sgd', schedule: 'step', rotation: '10' });
    for (const label of ['Momentum', 'Epochs until it falls', 'Falls to a factor of', 'Variants of a picture']) {
      await app.page.getByLabel(label).waitFor();
    }
    expect(await violations(app), 'advanced settings').toEqual([]);
    await app.set({ optimizer: 'adamw', schedule: 'cosine', rotation: '0' });
    await app.chooseWhatTrains('head');
    await group('Fine-tuning').waitFor({ state: 'detached' });
    await app.chooseWhatTrains(3);
  });

  it('goes through its phases and says which', async () => {
    await listen();
    await app.train();
    const said = await app.page.evaluate(() => globalThis.said);
    expect(said.join('\n')).toMatch(/Training the head: epoch \d+ of 160/);
    expect(said.join('\n')).toMatch(/Fine-tuning: epoch 1(5[1-9]|60) of 160/);
    const tuned = await result().innerText();
    expect(tuned).toMatch(/Trained: the last 3 blocks and the head \([\d,]+ of [\d,]+ values\)\./);
    expect(tuned).toMatch(/The fine-tuned weights are in use\.|The fine-tuned weights were no better on the held-out pictures/);
    expect(await app.predict((await app.draw('stripes', 1, 90))[0]!)).toMatch(/^Class 2/);
  });

  it('marks fine-tuning on the curves, in their words and in the table', async () => {
    await app.page.getByText('Fine-tuning from epoch 151').waitFor();
    expect(await app.page.locator('.curves .visually-hidden').innerText()).toContain('Fine-tuning began with epoch 151.');
    await app.page.getByText(/^Training \d+%, held back \d+%: (a gap of \d+ points?|no gap)\.$/).waitFor();
    const rows = await figures();
    await expect.poll(() => rows.count()).toBe(160);
    expect(await rows.nth(149).innerText()).toMatch(/^150\s+Head\s/);
    expect(await rows.nth(150).innerText()).toMatch(/^151\s+Fine-tuning\s/);
  });

  it('lists every layer, stage by stage, with what trained and why', async () => {
    await result().getByText('What trained, layer by layer').click();
    const table = result().getByRole('table').last();
    const stages = table.locator('.stage-row');
    await expect.poll(() => stages.count()).toBeGreaterThan(18);
    const stage = (name: string) => table.getByRole('button', { name, exact: true });
    expect(await stage('block 1').getAttribute('aria-expanded')).toBe('false');
    expect(await stage('block 17').getAttribute('aria-expanded')).toBe('true');
    const before = await table.getByRole('row').count();
    await stage('block 1').click();
    expect(await table.getByRole('row').count()).toBeGreaterThan(before);
    const reasons = await table.locator('.layer-reason').allInnerTexts();
    expect(reasons.length).toBeGreaterThan(3);
    expect(reasons.every((reason) => reason.length > 5)).toBe(true);
    expect(await violations(app), 'result with layers').toEqual([]);
  });

  it('trains further from where it is, and with a class more', async () => {
    expect(await further().getAttribute('aria-disabled')).toBe('false');
    await app.set({ epochs: '3' });
    await app.page.locator('#further-about', { hasText: /Takes .* in all\./ }).waitFor();
    await listen();
    await further().click();
    await result().getByText(/^Trained on .*, 10 epochs, /).waitFor();
    // A run that started anew would train the head for three epochs first.
    const said = (await app.page.evaluate(() => globalThis.said)).join('\n');
    expect(said).not.toContain('Training the head');
    expect(said).toMatch(/Fine-tuning: epoch \d+ of 10\b/);
    const rows = await (await figures()).allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/).slice(0, 2).join(' '))).toEqual(Array.from({ length: 10 }, (_, index) => `${index + 1} Fine-tuning`));
    expect(await result().innerText()).toMatch(/(The weights of epoch \d+, the best, are in use\.|Nothing was better than the model that it began with, which is kept\.)/);
    await app.page.getByRole('button', { name: 'Add a class' }).click();
    await app.pick('Class 3', await app.draw('squares', 4));
    await result().getByText('Classes or pictures have changed since.', { exact: false }).waitFor();
    await app.page.locator('#further-about', { hasText: /Takes .* in all\./ }).waitFor();
    expect(await further().getAttribute('aria-disabled')).toBe('false');
    await further().click();
    await result().getByRole('rowheader', { name: 'Class 3' }).first().waitFor();
    expect(await app.predict((await app.draw('squares', 1, 95))[0]!)).toContain('%');
    expect(await app.page.locator('#try').innerText()).toContain('Class 3');
    await app.page.getByRole('button', { name: 'Delete class Class 3' }).click();
    await expect.poll(() => further().getAttribute('aria-disabled')).toBe('false');
  });

  it('keeps the best of a fine-tuning that is stopped', async () => {
    await app.set({ epochs: '2', fineTuneEpochs: '1000' });
    await app.trainButton.click();
    await app.page.getByText(/Fine-tuning: epoch \d+ of 1002/).waitFor();
    await app.page.locator('.rates summary').click();
    await app.page.locator('.rates li', { hasText: 'last convolution' }).waitFor();
    await app.page.getByRole('button', { name: 'Pause' }).click();
    await app.page.getByText(/paused/).waitFor();
    expect(await violations(app), 'fine-tuning').toEqual([]);
    await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
    await result().getByText(/^Stopped: /).waitFor();
    // What it says that it keeps is what the curves say was best, down to the accuracy of the kept weights.
    const ended = await result().innerText();
    const best = /The best so far, of epoch (\d+), is kept and in use\./.exec(ended)?.[1];
    const row = (await figures()).filter({ has: app.page.getByRole('rowheader', { name: best!, exact: true }) });
    const cells = (await row.innerText()).split(/\s+/);
    expect(cells[1]).toBe(ended.includes('The fine-tuned weights are in use.') ? 'Fine-tuning' : 'Head');
    expect(cells.at(-1)).toBe(await result().locator('.figure').innerText());
    expect(await app.page.locator('.curves').innerText()).toContain(`Best epoch: ${best}`);
    expect(await app.predict((await app.draw('circles', 1, 91))[0]!)).toContain('%');
  });

  it('remembers what trains over a reload', async () => {
    await app.page.reload();
    await app.page.getByRole('radio', { name: 'Last blocks' }).waitFor();
    expect(await app.page.getByRole('radio', { name: 'Last blocks' }).isChecked()).toBe(true);
  });

  it('asks no other site for anything and logs no error', () => {
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
    expect(app.record.errors).toEqual([]);
  });
});

it('fits a phone, with every layer on show', async () => {
  const phone = await AppPage.open({ context: { viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: 'reduce' } });
  try {
    await phone.chooseWhatTrains('all');
    await phone.set({ optimizer: 'sgd', head: 'mlp' });
    await phone.page.getByText('What trains, layer by layer').click();
    const table = phone.page.getByRole('region', { name: 'Layers' });
    await expect.poll(() => table.locator('.layer-reason').count()).toBeGreaterThan(50);
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect(await table.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(1);
    expect(await violations(phone)).toEqual([]);
  } finally {
    await phone.close();
  }
});
