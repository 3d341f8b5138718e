import { expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';

it('says where a curve should be that its code could not be loaded, and trains all the same', async () => {
  const app = await AppPage.open();
  const crashes: string[] = [];
  app.page.on('pageerror', (error) => crashes.push(String(error)));
  // As after a newer version has taken the place of the one that is open.
  await app.context.route('**/plot-*.js', (route) => route.fulfill({ status: 404 }));
  await app.fillTwoClasses();
  await app.train();
  await expect.poll(() => app.page.locator('.curves').getByText('This curve could not be loaded').count()).toBe(2);
  await app.page.locator('.curves summary').click();
  await app.page.locator('.curves tbody tr').first().waitFor();
  expect(crashes).toEqual([]);
  await app.close();
});
