/** Asking the model which pictures it mistakes: while it is at something else, given up, and after what was done since. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AppState, Key } from '../../www/state/types.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import type { ShownMistakes } from '../../www/ui/control/model.js';
import { FakeTrainers, refusal } from './support/fake-trainer.js';

let trainers: FakeTrainers;
let app: App;

beforeEach(async () => {
  vi.useFakeTimers();
  // A tab in the background draws no frames, so that pictures are shown by a timer.
  vi.stubGlobal('document', { hidden: true });
  vi.stubGlobal('FileReader', class {
    result = 'data:image/png;base64,';
    onload: (() => void) | null = null;
    readAsDataURL = (): void => queueMicrotask(() => this.onload?.());
  });
  trainers = new FakeTrainers();
  app = createApp(trainers.create);
  await app.session.start('cpu');
  for (const key of [1, 2]) app.pictures.addFiles(key, [0, 1].map((index) => new File(['x'], `${key} ${index}.png`)));
  await soon();
  await app.training.start();
  await soon();
  const [first, second] = keysOf(1);
  const third = keysOf(2)[0];
  trainers.last.answers = [
    { id: first!, label: 0, predicted: 1, probability: 0.7 },
    { id: second!, label: 0, predicted: 0, probability: 0.8 },
    { id: third!, label: 1, predicted: 0, probability: 0.9 },
  ];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const state = (): AppState => app.store.get();
const soon = () => vi.advanceTimersByTimeAsync(500);
const keysOf = (key: Key): Key[] => state().classes.find((each) => each.key === key)?.pictures.map((each) => each.key) ?? [];
const ask = (signal = new AbortController().signal) => app.models.mistakes(state().run.report!, signal);
const asked = (): number => trainers.last.calls.filter((call) => call.startsWith('evaluate')).length;

/** What there is to read: how many were asked about, and who was taken for what. */
async function found(): Promise<unknown> {
  const mistakes = (await ask()) as ShownMistakes;
  return [mistakes.asked, ...mistakes.surest.map(({ name, actual, said }) => `${name}: ${actual} for ${said}`)];
}

it('takes one call, those held out where there are no test pictures', async () => {
  expect(await found()).toEqual([3, '2 0.png: Class 2 for Class 1', '1 0.png: Class 1 for Class 2']);
  expect(asked()).toBe(1);
  expect(trainers.last.calls).toContain('evaluate validation');
  expect(trainers.last.calls.some((call) => call.startsWith('answer'))).toBe(false);
});

it('leaves out what is not here any more, and takes the rest for what it was measured as', async () => {
  app.pictures.remove(new Set(keysOf(1).slice(0, 1)));
  await soon();
  expect(await found()).toEqual([2, '2 0.png: Class 2 for Class 1']);
  app.pictures.undo();
  app.pictures.mergeClass(1, 2);
  await soon();
  // As the matrix has it: the one that was recognised is no mistake now.
  expect(await found()).toEqual([3, '2 0.png: Class 2 for Class 1', '1 0.png: Class 1 for Class 2']);
  app.pictures.undo();
  app.pictures.removeClass(1);
  await soon();
  expect(await found()).toEqual([1, '2 0.png: Class 2 for Class 1']);
});

it('finds none where all were deleted', async () => {
  trainers.last.evaluate = () => Promise.reject(refusal('nothing_held_out', 'Nothing was held out.'));
  expect(await found()).toEqual([0]);
  expect(state().notices).toEqual([]);
});

it('ends at once when it is given up, and the next one is answered', async () => {
  const goOn = trainers.last.hang();
  const abort = new AbortController();
  const given = ask(abort.signal);
  await soon();
  expect(state().modelFileBusy).toBe(true);
  abort.abort();
  expect(await given).toBeNull();
  expect([state().modelFileBusy, state().notices]).toEqual([false, []]);
  const next = ask();
  goOn();
  expect(await next).toMatchObject({ asked: 3, total: 2 });
});

it('asks for no picture after it was given up, and waits for none', async () => {
  const abort = new AbortController();
  const { evaluate } = trainers.last;
  trainers.last.evaluate = async () => {
    const answers = await evaluate();
    abort.abort();
    return answers;
  };
  expect(await ask(abort.signal)).toBeNull();
  await soon();
  expect(trainers.last.calls.filter((call) => call.startsWith('thumbnail'))).toEqual([]);
  trainers.last.evaluate = evaluate;
  trainers.last.thumbnail = () => new Promise(() => undefined);
  const late = new AbortController();
  const given = ask(late.signal);
  await soon();
  late.abort();
  expect(await given).toBeNull();
  expect(state().modelFileBusy).toBe(false);
});

it('says that it is busy, not that there are none, while a model is saved or the engine changes', async () => {
  const goOn = trainers.last.hang();
  const saving = app.models.save().catch(() => undefined);
  expect(await ask()).toBe('busy');
  goOn();
  await saving;
  const change = app.chooseEngine('webgpu');
  expect(await ask()).toBe('busy');
  await change;
  expect(asked()).toBe(0);
});

it('says that they cannot be had where asking fails', async () => {
  trainers.last.evaluate = () => Promise.reject(refusal('internal', 'It went wrong.'));
  expect(await ask()).toBeNull();
  expect(state().notices.map(({ area, text }) => [area, text])).toEqual([['train', 'It went wrong.']]);
});
