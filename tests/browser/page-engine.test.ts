import { describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';
import { crashWorker } from './support/crash.js';

const further = (app: AppPage) => app.page.getByRole('button', { name: 'Train further' });

describe('engines', () => {
  it('on WebGPU: a few pictures are learned and recognised', async (test) => {
    const app = await AppPage.open({ webgpu: true, engine: 'webgpu' });
    const adapter = await app.page.evaluate(async () => {
      const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<object | null> } };
      return (await gpu?.requestAdapter()) != null;
    });
    if (!adapter) await app.close();
    test.skip(!adapter, 'this browser offers no WebGPU adapter, not even in software');
    await app.page.getByText('Computes on WebGPU.').waitFor();
    await app.pick('Class 1', await app.draw('circles', 4));
    await app.pick('Class 2', await app.draw('stripes', 4));
    await app.set({ epochs: '4', validation: '25' });
    await app.train();
    expect(await app.predict((await app.draw('stripes', 1, 90))[0]!)).toMatch(/^Class 2/);

    // The same pictures and the same model go over to the other engine.
    await app.set({ engine: 'cpu' });
    await app.page.getByText('Computes on the CPU.').waitFor();
    await app.counts('Class 1', 4);
    await app.counts('Class 2', 4);
    expect(await app.predict((await app.draw('circles', 1, 91))[0]!)).toMatch(/^Class 1/);
    await expect.poll(() => further(app).getAttribute('aria-disabled')).toBe('false');
    await app.train();
    expect(foreignRequests(app.record, app.site.url)).toEqual([]);
    await app.close();
  }, 300_000);

  it('stays with the engine it has when the other one does not start, and says why', async () => {
    const app = await AppPage.open();
    await app.pick('Class 1', await app.draw('circles', 2));
    await app.set({ engine: 'webgpu' });
    await app.page.locator('#train .notice.error').waitFor();
    await app.page.getByText('Computes on the CPU.').waitFor();
    await expect.poll(() => app.page.locator('#engine').inputValue()).toBe('cpu');
    await app.counts('Class 1', 2);
    await app.close();
  });

  it('is any other where the remembered one cannot start any more, and that one is remembered', async () => {
    // Without a WebGPU adapter.
    const app = await AppPage.open({ engine: 'webgpu' });
    await app.page.getByText('Computes on the CPU.').waitFor();
    await app.page.locator('#train .notice.info').getByText(/^WebGPU, the engine chosen before, did not start/).waitFor();
    expect(await app.page.evaluate(() => localStorage.getItem('headstart-settings'))).toContain('"engine":"auto"');
    await app.set({});
    expect(await app.page.locator('#engine').inputValue()).toBe('auto');
    await app.close();
  });

  it('reads pictures that were added before it had started', async () => {
    const app = await AppPage.open();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await app.context.route('**/*.safetensors', async (route) => {
      await held;
      await route.continue();
    });
    await app.page.reload();
    await app.card('Class 1').locator('input[type=file]').setInputFiles(await app.draw('circles', 5));
    await app.page.getByText('5 waiting for the engine to start').waitFor();
    expect(await app.reason.innerText()).toBe('5 pictures are still being read.');
    release();
    await app.counts('Class 1', 5);
    await app.close();
  });

  it('keeps everything through a change, also what was deleted before and is brought back after', async () => {
    const app = await AppPage.open();
    await app.fillTwoClasses(6);
    await app.page.getByRole('button', { name: 'Add a class' }).click();
    await app.pick('Class 3', await app.draw('squares', 4));
    await app.tiles('Class 2').first().click();
    await app.card('Class 2').getByRole('button', { name: 'Delete', exact: true }).click();
    await app.counts('Class 2', 5);
    await app.page.getByRole('button', { name: 'Delete class Class 3' }).click();
    // Without a WebGPU adapter automatic is the CPU too, yet a new worker with nothing in it.
    await app.set({ engine: 'auto' });
    await expect.poll(() => app.page.evaluate(() => localStorage.getItem('headstart-settings'))).toContain('"engine":"auto"');
    await app.page.locator('body').press('Control+z');
    await app.counts('Class 3', 4);
    await app.page.locator('body').press('Control+z');
    await app.counts('Class 2', 6);
    await app.tiles('Class 3').last().locator('img').waitFor();
    await app.train();
    for (const [kind, name] of [['circles', 'Class 1'], ['stripes', 'Class 2'], ['squares', 'Class 3']] as const) {
      expect(await app.predict((await app.draw(kind, 1, 95))[0]!)).toContain(name);
    }
    expect(app.record.errors).toEqual([]);
    await app.close();
  });

  it('keeps the model through a change: it follows renames and can be trained further', async () => {
    const app = await AppPage.open();
    await app.fillTwoClasses(8);
    await app.train();
    const picture = (await app.draw('stripes', 1, 97))[0]!;
    const said = await app.predict(picture);
    await app.set({ engine: 'auto' });
    await expect.poll(() => app.page.evaluate(() => localStorage.getItem('headstart-settings'))).toContain('"engine":"auto"');
    expect(await app.predict(picture)).toBe(said);
    const field = app.page.getByRole('textbox', { name: 'Name of class 2' });
    await field.fill('lines');
    await field.press('Enter');
    await app.page.getByRole('meter', { name: 'lines' }).waitFor();
    await app.page.locator('.class-figures').getByRole('rowheader', { name: 'lines' }).waitFor();
    await app.set({ epochs: '2' });
    await expect.poll(() => further(app).getAttribute('aria-disabled')).toBe('false');
    await further(app).click();
    await app.page.locator('.result').getByText(/^Trained on .*, 2 epochs, /).waitFor();
    expect(await app.predict(picture)).toMatch(/^lines/);
    expect(await app.page.locator('.notice.error').count()).toBe(0);
    expect(app.record.errors).toEqual([]);
    await app.close();
  });

  it('starts again with all pictures and the model after its worker has died', async () => {
    const app = await AppPage.open();
    await app.fillTwoClasses(6);
    await app.train();
    // The model was saved before this was answered.
    const picture = (await app.draw('circles', 1, 96))[0]!;
    const said = await app.predict(picture);
    await crashWorker(app.page);
    // It shows when the worker is asked for something; what it was asked for waits.
    await app.card('Class 1').locator('input[type=file]').setInputFiles(await app.draw('circles', 2, 40));
    await app.page.locator('#train .notice.error').waitFor();
    expect(await app.trainButton.isDisabled()).toBe(true);
    await app.page.getByRole('button', { name: 'Start again' }).click();
    await app.counts('Class 1', 8);
    await app.counts('Class 2', 6);
    await app.page.getByText(/Computes on/).waitFor();
    expect(await app.predict(picture)).toBe(said);
    await expect.poll(() => further(app).getAttribute('aria-disabled')).toBe('false');
    expect(await app.page.locator('.result').getByText('This is about an earlier model').count()).toBe(0);
    await app.train();
    expect(await app.predict(picture)).toContain('Class 1');
    await app.close();
  });
});
