/** A training that was cut short by a reload goes on from its last finished epoch, if that is wanted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';
import { violations } from './support/axe.js';
import { foreignRequests } from './support/browser.js';
import { crashWorker } from './support/crash.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
  await app.fillTwoClasses(10);
  await app.chooseWhatTrains(1);
  // Nobody lives to see the end of it.
  await app.set({ ...LONG_RUN, epochs: '2', fineTuneEpochs: '1000' });
});
afterAll(() => app?.close());

const goOn = () => app.page.getByRole('button', { name: 'Go on', exact: true });
const progress = () => app.page.getByRole('progressbar', { name: 'Training' });
const offered = () => app.page.locator('.cut-short');

/** The epoch that is kept on this device to go on from; 0 where there is none. */
function keptEpoch(): Promise<number> {
  return app.page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await answer(indexedDB.open('headstart'));
    const all = (await answer(database.transaction('checkpoints').objectStore('checkpoints').getAll())) as { epoch: number }[];
    database.close();
    return all[0]?.epoch ?? 0;
  });
}

/** The epoch that is under way. */
async function epochNow(): Promise<number> {
  return Number(/epoch (\d+) of/.exec(await app.page.locator('.run').innerText())?.[1] ?? 0);
}

describe('a training that is cut short', () => {
  it('is offered after a reload, with how far it had come', async () => {
    await app.trainButton.click();
    await expect.poll(keptEpoch, { timeout: 60_000 }).toBeGreaterThan(2);
    await app.page.reload();
    await offered().waitFor();
    const epoch = await keptEpoch();
    expect(await offered().innerText()).toContain(`Training was cut short after epoch ${epoch} of 1002, and can go on from there.`);
    await expect.poll(() => goOn().getAttribute('aria-disabled')).toBe('false');
    expect(await violations(app)).toEqual([]);
    expect(await app.page.getByText('what that run had learned is lost').count()).toBe(0);
  });

  it('goes on from there, and its curves with it', async () => {
    const epoch = await keptEpoch();
    await goOn().press('Enter');
    await progress().waitFor();
    await offered().waitFor({ state: 'detached' });
    await expect.poll(epochNow).toBeGreaterThan(epoch);
    expect(await epochNow()).toBeLessThan(epoch + 200);
    // The keyboard has not lost its place.
    await expect.poll(() => app.page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Pause');
    await app.page.getByText('Fine-tuning from epoch 3').waitFor();
    // From there on it is kept as before.
    await expect.poll(keptEpoch, { timeout: 60_000 }).toBeGreaterThan(epoch);
  });

  it('goes on with another worker where its own crashes', async () => {
    await crashWorker(app.page);
    await app.page.getByRole('button', { name: 'Start again' }).press('Enter');
    await offered().waitFor();
    await expect.poll(() => goOn().getAttribute('aria-disabled')).toBe('false');
    const epoch = await keptEpoch();
    await goOn().click();
    await expect.poll(epochNow).toBeGreaterThan(epoch);
  });

  it('is over once it has a model', async () => {
    await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
    await app.page.getByRole('heading', { name: 'Result' }).waitFor();
    expect(await app.page.locator('#train').innerText()).toMatch(/Stopped: 16 pictures, \d+ epochs/);
    await app.saved();
    await expect.poll(keptEpoch).toBe(0);
    await app.page.reload();
    await app.page.getByText(/Computes on/).waitFor();
    expect(await offered().count()).toBe(0);
  });

  it('is forgotten where nobody wants to go on with it', async () => {
    await expect.poll(() => app.reason.innerText()).toBe('Ready when you are.');
    await app.trainButton.click();
    await expect.poll(keptEpoch, { timeout: 60_000 }).toBeGreaterThan(0);
    await app.page.reload();
    await offered().getByRole('button', { name: 'Discard' }).click();
    await offered().waitFor({ state: 'detached' });
    expect(await app.page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Train again');
    await expect.poll(keptEpoch).toBe(0);
    // The earlier model is still there.
    await app.page.getByRole('heading', { name: 'Result' }).waitFor();
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  });
});
