/**
 * The page goes on answering whatever is under way. No clock is read here: how long it takes is measured by tests/bench/responsive. What
 * is looked at is that inputs are handled in between, and that a picture more costs the same however many there are.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';

/** Each time. */
const PICTURES = 400;

declare global {
  /** What the page had shown when each input was handled, and what was written and drawn at each number of pictures. */
  var watched: {
    handled: string[];
    transactions: { readonly shown: number; readonly stores: readonly string[]; records: number; entries: number }[];
    drawn: { readonly shown: number; readonly nodes: number }[];
  };
}

/** Runs in the page, before anything of it. */
function install(): void {
  globalThis.watched = { handled: [], transactions: [], drawn: [] };
  const shown = (): number => Number.parseInt(document.querySelector('#class-2 .class-count')?.textContent ?? '0', 10);
  const progress = (): string => document.querySelector('#train [role=progressbar]')?.getAttribute('aria-valuetext') ?? '';
  addEventListener('keydown', () => void watched.handled.push(`${shown()} ${progress()}`), { capture: true });
  let latest: IDBTransaction | null = null;
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, value: unknown, ...key) {
    if (this.transaction !== latest) watched.transactions.push({ shown: shown(), stores: [...this.transaction.objectStoreNames], records: 0, entries: 0 });
    latest = this.transaction;
    const count = watched.transactions.at(-1)!;
    count.records += 1;
    // Whatever list it has in it anywhere, as of pictures.
    const lengths = (each: unknown): number => (Array.isArray(each) ? each.length + each.reduce((sum: number, one) => sum + lengths(one), 0) : typeof each === 'object' && each !== null && !(each instanceof Blob) ? Object.values(each).reduce((sum: number, one) => sum + lengths(one), 0) : 0);
    count.entries += lengths(value);
    return put.call(this, value, ...key);
  };
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver((records) => {
      const nodes = new Set(records.map(({ target }) => target)).size;
      watched.drawn.push({ shown: shown(), nodes });
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
  await app.page.addInitScript(install);
  await app.page.reload();
  await app.page.getByText(/Computes on/).waitFor();
});
afterAll(() => app?.close());

/** Types until `done`, and tells what the page had shown at each key, each once. */
async function typeUntil(done: Promise<unknown>): Promise<string[]> {
  let going = true;
  const finished = done.finally(() => (going = false));
  await app.page.getByRole('textbox', { name: 'Name of class 1' }).focus();
  await app.page.evaluate(() => void (watched.handled = []));
  for (let step = 0; going; step += 1) await app.page.keyboard.press(step % 2 === 0 ? 'a' : 'Backspace');
  await finished;
  await app.page.keyboard.press('Escape');
  return app.page.evaluate(() => [...new Set(watched.handled)]);
}

/** Adds pictures that have names from a number on. */
async function add(first: number): Promise<void> {
  const drawn = await app.draw('circles', 40);
  const many = Array.from({ length: PICTURES }, (_, index) => ({ ...drawn[index % 40]!, name: `circles ${first + index}.png` }));
  await app.card('Class 2').locator('input[type=file]').setInputFiles(many);
}

describe('while pictures come in', () => {
  it('handles inputs all the time', async () => {
    await add(0);
    const handled = (await typeUntil(app.counts('Class 2', PICTURES))).map((each) => Number.parseInt(each, 10));
    // Where the page stands still while pictures come, none is handled until they are there.
    const gaps = [...handled, PICTURES].map((shown, index) => shown - (handled[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(PICTURES / 4);
    await app.saved();
  });

  it('writes and draws as much for one of the last pictures as for one of the first', async () => {
    const written = () => app.page.evaluate(() => watched.transactions.filter(({ shown, stores }) => shown > 0 && stores.includes('pictures')));
    const early = await written();
    expect(early.length).toBeGreaterThan(PICTURES / 20);
    await add(PICTURES);
    await app.counts('Class 2', 2 * PICTURES);
    await app.saved();
    const late = (await written()).slice(early.length);
    expect(late.length).toBeGreaterThan(PICTURES / 20);
    const { drawn } = await app.page.evaluate(() => watched);
    const between = <T extends { shown: number }>(all: readonly T[], from: number, to: number): T[] => all.filter(({ shown }) => shown >= from && shown < to);
    const most = (all: readonly number[]): number => Math.max(0, ...all);
    expect(most(late.map(({ records }) => records))).toBeLessThanOrEqual(most(early.map(({ records }) => records)) + 3);
    expect(most(late.map(({ entries }) => entries))).toBeLessThanOrEqual(most(early.map(({ entries }) => entries)) + 100);
    // By then the tiles fill the view, and there are no more of them.
    const nodes = (from: number, to: number): number => most(between(drawn, from, to).map((each) => each.nodes));
    expect(nodes(2 * PICTURES - 100, 2 * PICTURES)).toBeLessThanOrEqual(nodes(100, 200) * 1.2 + 10);
  });

  it('draws nothing of the pictures for a key', async () => {
    await app.page.evaluate(() => void (watched.drawn = []));
    await app.page.getByRole('textbox', { name: 'Name of class 1' }).focus();
    for (const key of ['a', 'b', 'Backspace', 'Backspace']) await app.page.keyboard.press(key);
    await app.page.keyboard.press('Escape');
    const nodes = await app.page.evaluate(() => watched.drawn.reduce((sum, each) => sum + each.nodes, 0));
    expect(nodes).toBeLessThan(20);
  });
});

it('handles inputs all the time while it trains', async () => {
  await app.pick('Class 1', await app.draw('stripes', 40));
  await app.set(LONG_RUN);
  await app.trainButton.click();
  await app.page.getByText(/epoch \d+ of 1000/).waitFor();
  // Ten epochs are over within a few keys.
  const handled = await typeUntil(app.page.getByText(/epoch \d{3,} of 1000/).waitFor());
  // How far it is had changed in between.
  expect(handled.length).toBeGreaterThan(3);
  await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
  await app.page.getByRole('heading', { name: 'Result' }).waitFor();
});
