/** The test set on the page: its pictures are added apart, come and go, and are what the result is about. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { violations } from './support/axe.js';

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open({ context: { viewport: { width: 1280, height: 1600 } } });
});
afterAll(() => app?.close());

const row = (name: string) => `Test pictures of ${name}`;

it('takes pictures that nothing is learned from, and the result is told of them', async () => {
  await app.fillTwoClasses(8);
  await app.page.locator('.test-set > summary').click();
  await app.pick(row('Class 1'), await app.draw('circles', 4, 100));
  // One of them is also to learn from.
  await app.pick(row('Class 2'), await app.draw('stripes', 4, 7), 4);
  await app.counts('Class 1', 8);
  await app.counts('Class 2', 8);
  expect(await violations(app)).toEqual([]);
  await app.train();
  const figure = app.page.getByText(/^On your test pictures: \d+% of 7 \(95% interval \d+% to \d+%\)\.$/);
  await figure.waitFor();
  await app.page.getByText('1 test picture is also among the training pictures, or nearly so, and is left out of the test figures.').waitFor();
  await app.page.getByText('The tables are about the test pictures.').waitFor();
  const result = app.page.getByRole('region', { name: 'Class by class' });
  expect(await result.getByRole('row').allInnerTexts()).toEqual([expect.anything(), expect.stringMatching(/4$/), expect.stringMatching(/3$/)]);
});

it('does without pictures that were deleted, and has them again when that is undone', async () => {
  const tiles = app.tiles(row('Class 1'));
  await tiles.first().click();
  await app.card(row('Class 1')).getByRole('button', { name: 'Delete', exact: true }).click();
  await app.counts(row('Class 1'), 3);
  await app.train();
  await app.page.getByText(/^On your test pictures: \d+% of 6 /).waitFor();
  await app.undoButton.click();
  await app.counts(row('Class 1'), 4);
  await app.counts('Class 1', 8);
});
