/** A mistake in drawing the page leaves a message with the ways out, not a blank page. */
import { expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { violations } from './support/axe.js';

it('says that the page could not be drawn, shows it again, and has all of it after a reload', async () => {
  const app = await AppPage.open();
  await app.fillTwoClasses(4);
  await app.saved();
  const { page } = app;
  const message = page.getByRole('alert').filter({ hasText: 'The page could not be drawn. Your project is kept on this device' });
  const again = page.getByRole('button', { name: 'Show it again' });
  /** Test pictures are counted with it, where there are some. */
  const setBroken = (broken: boolean) => page.evaluate((broken) => {
    const global = globalThis as { right?: typeof Number.prototype.toLocaleString };
    global.right ??= Number.prototype.toLocaleString;
    const wrong = () => {
      throw new Error('a mistake that was put here');
    };
    Number.prototype.toLocaleString = broken ? wrong : global.right;
  }, broken);
  const addTest = async (seed: number) => {
    const input = app.card('Test pictures of Class 1').locator('input[type=file]');
    await page.locator('.test-set > summary').click();
    await input.waitFor({ state: 'attached' });
    await setBroken(true);
    await input.setInputFiles(await app.draw('circles', 1, seed));
  };

  await addTest(100);
  await message.waitFor();
  await page.getByText('Error: a mistake that was put here').waitFor();
  expect(await violations(app)).toEqual([]);
  // As long as the mistake is there it is shown again.
  await again.click();
  await message.waitFor();
  await setBroken(false);
  await again.click();
  await app.counts('Class 1', 4);
  await page.locator('.test-set > summary', { hasText: 'Test pictures 1' }).waitFor();

  await addTest(101);
  await page.getByRole('button', { name: 'Reload the page' }).click();
  await app.counts('Class 1', 4);
  await page.locator('.test-set > summary', { hasText: 'Test pictures 2' }).waitFor();
  await app.train();
  await app.close();
});
