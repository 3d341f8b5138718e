import { afterAll, describe, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';
import { violations } from './support/axe.js';

/** The smallest side of everything that can be pressed, by name. */
async function tooSmall(app: AppPage): Promise<string[]> {
  return app.page.locator('button:visible, a:visible, input:visible, select:visible, summary:visible').evaluateAll((all) =>
    all
      .map((each) => ({ each, box: each.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 43.5 || box.height < 43.5)
      .map(({ each, box }) => `${each.outerHTML.slice(0, 80)} is ${box.width} × ${box.height}`),
  );
}

describe.each([
  { colours: 'light', width: 1440, height: 900 },
  { colours: 'dark', width: 1440, height: 900 },
  { colours: 'light', width: 390, height: 844 },
  { colours: 'dark', width: 820, height: 1180 },
] as const)('in $colours colours, $width wide', ({ colours, width, height }) => {
  let app: AppPage;
  afterAll(() => app?.close());

  it('is accessible from the first look to the result', async () => {
    const hasTouch = width < 1000;
    app = await AppPage.open({ context: { colorScheme: colours, viewport: { width, height }, hasTouch, reducedMotion: 'reduce' } });
    await app.page.getByText(/Computes on/).waitFor();
    expect(await violations(app), 'first look').toEqual([]);

    await app.page.getByRole('button', { name: 'Try it with sample pictures' }).click();
    for (const name of ['Circles', 'Triangles', 'Stars']) await app.counts(name, 20);
    await app.tiles('Stars').first().click();
    await app.card('Stars').getByRole('button', { name: 'Move to…' }).click();
    await app.set({ epochs: 'x', head: 'mlp' });
    expect(await violations(app), 'selection, menu and advanced settings').toEqual([]);
    await app.card('Stars').getByRole('button', { name: 'Move to…' }).click();
    await app.card('Stars').getByRole('button', { name: 'Delete', exact: true }).click();

    await app.set(LONG_RUN);
    await app.trainButton.click();
    await app.page.getByText(/epoch \d+ of/).waitFor();
    await app.page.getByRole('button', { name: 'Pause' }).click();
    expect(await violations(app), 'training').toEqual([]);
    await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
    await app.page.getByRole('heading', { name: 'Result' }).waitFor();
    await app.page.locator('.curves summary').click();
    await app.predict((await app.draw('circles', 1))[0]!);
    expect(await violations(app), 'result and prediction').toEqual([]);
    expect(await tooSmall(app)).toEqual([]);
  });

  it('never scrolls sideways', async () => {
    expect(await app.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });
});

it('takes the other colours at the press of a button', async () => {
  const app = await AppPage.open({ context: { colorScheme: 'light' } });
  const ground = () => app.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const button = app.page.getByRole('button', { name: /^Colours/ });
  await button.click();
  await app.page.getByRole('button', { name: 'Colours: light. Change' }).waitFor();
  expect(await ground()).toBe(light);
  await button.click();
  await expect.poll(ground).not.toBe(light);
  await app.page.reload();
  await button.waitFor();
  expect(await ground()).not.toBe(light);
  await app.close();
});
