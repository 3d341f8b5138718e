import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';
import { foreignRequests } from './support/browser.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
});
afterAll(() => app?.close());

const result = () => app.page.getByRole('region', { name: 'Result', exact: true });

describe('training on the page', () => {
  it('learns the sample pictures, which take the place of the untouched classes', async () => {
    await app.page.getByRole('button', { name: 'Try it with sample pictures' }).click();
    for (const name of ['Circles', 'Triangles', 'Stars']) await app.counts(name, 20);
    expect(await app.page.getByRole('textbox', { name: /Name of class/ }).count()).toBe(3);
    await app.train();
    const accuracy = Number.parseInt(await result().locator('.figure').innerText(), 10);
    expect(accuracy).toBeGreaterThan(60);
  });

  it('reports class by class and what was taken for what', async () => {
    const rows = result().locator('.class-figures tbody tr');
    expect(await rows.count()).toBe(3);
    const cells = await result().locator('.confusion tbody td').allInnerTexts();
    const held = Number(/of (\d+) pictures/.exec(await result().locator('.headline').innerText())?.[1]);
    expect(cells.reduce((sum, text) => sum + Number(text), 0)).toBe(held);
  });

  it('prints the result alone, dark on light, with what it is about', async () => {
    const { page } = app;
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const seen = await page.evaluate(() => {
      const shown = (selector: string) => [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility()).length;
      const ink = getComputedStyle(document.querySelector('.result')!).color.match(/\d+/g)!.map(Number);
      return { besides: shown('.page-head, #pictures, #try, #train .card:not(.result), button'), tables: shown('.result table'), ink };
    });
    expect(seen.besides).toBe(0);
    expect(seen.tables).toBe(2);
    expect(Math.max(...seen.ink)).toBeLessThan(100);
    const facts = await result().locator('.printed').innerText();
    for (const fact of [/Project\s+My project/, /Pictures\s+\d+ learned from, \d+ held back/, /Head\s+linear/, /Accuracy\s+\d+% of .* \(95% interval \d+% to \d+%\)/]) expect(facts).toMatch(fact);
    if (process.env['HEADSTART_SCREENSHOTS']) await page.screenshot({ path: join(process.env['HEADSTART_SCREENSHOTS'], 'print.png'), fullPage: true });
    await page.emulateMedia({ media: null, colorScheme: null });
    await page.evaluate(() => (window.print = () => void document.body.setAttribute('data-printed', '')));
    await page.getByRole('button', { name: 'Print the result' }).click();
    await page.locator('body[data-printed]').waitFor();
    expect(await result().locator('.printed').isVisible()).toBe(false);
  });

  it('draws curves, and says them in words and figures too', async () => {
    // What a run leaves is drawn with the next frames.
    await expect.poll(() => app.page.locator('.curves canvas').count()).toBe(2);
    await app.page.getByText(/Best epoch: \d+/).waitFor();
    await app.page.locator('.curves summary').click();
    await app.page.locator('.curves tbody tr').first().waitFor();
    const words = async () => {
      const shown = await app.page.locator('.curves tbody tr').count();
      return (await app.page.locator('.curves .visually-hidden').innerText()).includes(`After ${shown} epochs`);
    };
    await expect.poll(words).toBe(true);
    const drawn = () =>
      app.page.locator('.curves canvas').first().evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const pixels = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
        return pixels.some((value) => value > 0);
      });
    await expect.poll(drawn).toBe(true);
  });

  it('says that the result is about other pictures once they change', async () => {
    await app.tiles('Stars').first().click();
    await app.card('Stars').getByRole('button', { name: 'Delete', exact: true }).click();
    await result().getByText('Classes or pictures have changed since.').waitFor();
    await app.undoButton.click();
  });

  it('pauses, continues, and keeps the best when it is stopped', async () => {
    await app.set(LONG_RUN);
    await app.trainButton.click();
    const progress = app.page.getByRole('progressbar', { name: 'Training' });
    await app.page.getByText(/epoch \d+ of 1000/).waitFor();
    await app.page.getByRole('button', { name: 'Pause' }).click();
    await app.page.getByText(/paused/).waitFor();
    // What was on its way when the button was pressed has arrived by then.
    await app.page.waitForTimeout(400);
    const held = await progress.getAttribute('aria-valuetext');
    await app.page.waitForTimeout(600);
    expect(await progress.getAttribute('aria-valuetext')).toBe(held);
    await app.page.getByRole('button', { name: 'Continue' }).click();
    await expect.poll(() => progress.getAttribute('aria-valuetext')).not.toBe(held);
    await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
    await result().getByText(/Stopped: .* is kept and in use\./).waitFor();
    expect(await app.predict((await app.draw('circles', 1))[0]!)).toContain('%');
  });

  it('follows changes to classes and pictures that are made while it trains', async () => {
    await app.set(LONG_RUN);
    await app.trainButton.click();
    await app.page.getByText(/epoch \d+ of 1000/).waitFor();
    const field = app.page.getByRole('textbox', { name: 'Name of class 1' });
    await field.fill('Rounds');
    await field.press('Enter');
    await app.pick('Stars', await app.draw('squares', 2), 22);
    await app.tiles('Stars').first().click();
    await app.tiles('Stars').nth(1).click();
    await app.card('Stars').getByRole('button', { name: 'Delete', exact: true }).click();
    await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
    await result().waitFor();
    expect(await result().locator('.class-figures tbody th').allInnerTexts()).toEqual(['Rounds', 'Triangles', 'Stars']);
    expect(await app.page.locator('.notice.error').count()).toBe(0);
    await app.counts('Stars', 20);
    expect(await app.predict((await app.draw('circles', 1))[0]!)).toContain('%');
    await app.page.getByRole('meter', { name: 'Rounds' }).waitFor();
  });

  it('explains a setting that makes no sense and will not train with it', async () => {
    await app.set({ epochs: '0' });
    await app.page.getByText('A whole number from 1 to 1,000.').waitFor();
    expect(await app.page.locator('#epochs').getAttribute('aria-invalid')).toBe('true');
    expect(await app.trainButton.isDisabled()).toBe(true);
    await app.page.getByRole('button', { name: 'Back to the defaults' }).click();
    expect(await app.trainButton.isDisabled()).toBe(false);
  });

  it('trains two layers, and admits that without held-back pictures the accuracy is unknown', async () => {
    await app.set({ head: 'mlp', units: '16', epochs: '5', validation: '0' });
    await app.train();
    await result().getByText('Accuracy unknown').waitFor();
    expect(await result().locator('.confusion').count()).toBe(0);
    await app.page.getByRole('button', { name: 'Back to the defaults' }).click();
  });

  it('remembers settings over a reload, except those that make no sense', async () => {
    await app.set({ epochs: '7', batchSize: '0' });
    await app.page.reload();
    await app.page.locator('#epochs').waitFor();
    expect(await app.page.locator('#epochs').inputValue()).toBe('7');
    expect(await app.page.locator('#batchSize').inputValue()).toBe('32');
    expect(await app.page.evaluate(() => Object.keys(localStorage))).toEqual(['headstart-settings']);
  });
});

it('nothing was asked of any other site, and nothing was logged as an error', () => {
  expect(foreignRequests(app.record, app.site.url)).toEqual([]);
  expect(app.record.errors).toEqual([]);
});
