import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppPage, LONG_RUN } from './support/app-page.js';

/** What the page promises: an answer to any input within this time, whatever goes on. */
const PROMISE_MS = 100;

declare global {
  var probe: { worstInput: number; worstTask: number; inputs: number };
}

let app: AppPage;
beforeAll(async () => {
  app = await AppPage.open();
});
afterAll(() => app?.close());

/** Runs in the page: how long input waits for its handler, and the longest that the page was busy without a break. */
function installProbe(): void {
  globalThis.probe = { worstInput: 0, worstTask: 0, inputs: 0 };
  // Only tasks of 50 ms and more are told.
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) probe.worstTask = Math.max(probe.worstTask, duration);
  }).observe({ type: 'longtask' });
  const answered = (event: Event): void => {
    probe.inputs += 1;
    probe.worstInput = Math.max(probe.worstInput, performance.now() - event.timeStamp);
  };
  for (const type of ['keydown', 'pointermove', 'pointerdown']) addEventListener(type, answered, { capture: true });
}

/** Types and moves the mouse until `done`, and gives the worst delays in milliseconds. */
async function disturb(done: Promise<unknown>): Promise<typeof probe> {
  await app.page.evaluate(installProbe);
  let going = true;
  const finished = done.finally(() => (going = false));
  const field = app.page.getByRole('textbox', { name: 'Name of class 1' });
  await field.focus();
  for (let step = 0; going; step += 1) {
    await app.page.mouse.move(200 + (step % 50) * 10, 200);
    await app.page.keyboard.press(step % 2 === 0 ? 'a' : 'Backspace');
  }
  await finished;
  await app.page.keyboard.press('Escape');
  return app.page.evaluate(() => probe);
}

function judge(what: string, { worstInput, worstTask, inputs }: typeof probe): void {
  const task = worstTask === 0 ? 'under 50 ms' : `${worstTask.toFixed(0)} ms`;
  console.info(`${what}: worst wait of ${inputs} inputs ${worstInput.toFixed(1)} ms, longest task of the page ${task}`);
  expect(inputs).toBeGreaterThan(10);
  expect(worstInput).toBeLessThan(PROMISE_MS);
  expect(worstTask).toBeLessThan(PROMISE_MS);
}

it('answers at once while 400 pictures are read', async () => {
  const drawn = await app.draw('circles', 40);
  const many = Array.from({ length: 400 }, (_, index) => ({ ...drawn[index % 40]!, name: `circles ${index}.png` }));
  await app.page.getByText(/Computes on/).waitFor();
  await app.card('Class 2').locator('input[type=file]').setInputFiles(many);
  judge('Reading pictures', await disturb(app.counts('Class 2', 400)));
});

it('answers at once while it trains', async () => {
  await app.pick('Class 1', await app.draw('stripes', 40));
  await app.set(LONG_RUN);
  await app.trainButton.click();
  await app.page.getByText(/epoch \d+ of 1000/).waitFor();
  judge('Training', await disturb(app.page.waitForTimeout(4000)));
  await app.page.getByRole('button', { name: 'Stop and keep the best' }).click();
  await app.page.getByRole('heading', { name: 'Result' }).waitFor();
});
