import { describe, expect, it, vi } from 'vitest';
import type { TrainReport } from '../../www/generated/types.js';
import { nameNow } from '../../www/state/classes.js';
import { howItEnded, onTestPictures, whatFineTuningDid } from '../../www/state/outcome.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import { whyNotReady } from '../../www/state/readiness.js';
import { bestEpoch, progressOf } from '../../www/state/run.js';
import { checkSettings, shownSettings } from '../../www/state/settings.js';
import { createStore } from '../../www/state/store.js';
import type { AppState } from '../../www/state/types.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { backbone, defaults, engine, event, labels, report, rules, rulesWith } from './support/state.js';

const start = (): AppState => initialState(FIRST_SETTINGS);
const play = (state: AppState, ...actions: Action[]): AppState => actions.reduce(reduce, state);
const ready: Action = { type: 'engine-ready', report: engine, defaults, rules, backbone };
const picture = (key: number, className: number): Action => ({
  type: 'pictures-read',
  key: className,
  added: [{ key, name: 'a.jpg' }],
  done: 1,
});
const started: Action = { type: 'run-started', config: {} };
const trainable = (): AppState => play(start(), ready, picture(10, 1), picture(20, 2));
const trained = (over: Partial<TrainReport> = {}): AppState =>
  play(trainable(), started, { type: 'run-ended', report: { ...report, ...over } });

describe('why training cannot start', () => {
  it('names the first thing that is in the way', () => {
    expect(whyNotReady(play(start(), { type: 'classes-dropped', keys: [1, 2] }))).toBe('Add two classes.');
    expect(whyNotReady(play(start(), { type: 'class-removed', key: 1 }))).toBe('Add a second class.');
    expect(whyNotReady(start())).toBe('Add pictures to your classes.');
    expect(whyNotReady(play(start(), picture(10, 1)))).toBe('Class 2 has no pictures yet.');
    const three = play(start(), picture(10, 1), { type: 'class-added', name: 'cats' });
    expect(whyNotReady(three)).toBe('Class 2 and cats have no pictures yet.');
    expect(whyNotReady(play(start(), picture(10, 1), picture(20, 2)))).toBe('The engine is still starting.');
    expect(whyNotReady(play(trainable(), { type: 'engine-failed', problem: 'No.' }))).toBe('The engine is not running.');
    expect(whyNotReady(play(trainable(), started))).toBe('Training is running.');
    expect(whyNotReady(trainable())).toBeNull();
  });

  it('counts pictures that are still being read, except those of deleted classes', () => {
    const reading = play(trainable(), { type: 'pictures-expected', key: 1, count: 3 });
    expect(whyNotReady(reading)).toBe('3 pictures are still being read.');
    expect(whyNotReady(play(reading, picture(11, 1), picture(12, 1)))).toBe('1 picture is still being read.');
    expect(whyNotReady(play(reading, picture(11, 1), picture(12, 1), picture(13, 1)))).toBeNull();
    const deleted = play(reading, { type: 'class-added' }, picture(30, 3), { type: 'class-removed', key: 1 });
    expect(whyNotReady(deleted)).toBeNull();
  });

  it('includes a setting that makes no sense', () => {
    const state = play(trainable(), { type: 'settings-changed', change: { overrides: { epochs: 'many' } } });
    expect(whyNotReady(state)).toContain('Advanced');
  });
});

describe('settings of a run', () => {
  it('show the defaults without the noise of f32', () => {
    expect(shownSettings({}, rules)).toMatchObject({
      head: 'linear',
      units: '128',
      epochs: '40',
      learningRate: '0.003',
      batchSize: '32',
      validation: '20',
      seed: '42',
    });
    expect(shownSettings({}, rulesWith({ ...defaults, head: 'mlp:64' }))).toMatchObject({ head: 'mlp', units: '64' });
  });

  it('pass on what was changed and nothing else', () => {
    expect(checkSettings({}, rules)).toEqual({ config: {}, problems: {} });
    const overrides = { head: 'mlp', units: '32', epochs: ' 12 ', learningRate: '0,01', validation: '0', seed: '0', batchSize: '8' };
    expect(checkSettings(overrides, rules)).toEqual({
      config: { head: 'mlp:32', epochs: 12, learningRate: 0.01, validation: 0, seed: 0, batchSize: 8 },
      problems: {},
    });
  });

  it.each([
    ['epochs', ['', '0', '1.5', 'ten', '1001', '-1', 'Infinity']],
    ['learningRate', ['0', '-1', '2', 'x', 'NaN']],
    ['batchSize', ['0', '2000', '1e9']],
    ['validation', ['-1', '91', '%']],
    ['seed', ['-1', '0.5', '4294967296']],
  ] as const)('refuse %s that makes no sense, and leave it out', (name, texts) => {
    for (const text of texts) {
      const checked = checkSettings({ [name]: text }, rules);
      expect(Object.keys(checked.problems), text).toEqual([name]);
      expect(checked.config, text).toEqual({});
    }
  });

  it('care about units only where there are any', () => {
    expect(checkSettings({ head: 'linear', units: 'x' }, rules)).toEqual({ config: { head: 'linear' }, problems: {} });
    expect(Object.keys(checkSettings({ head: 'mlp', units: 'x' }, rules).problems)).toEqual(['units']);
  });
});

describe('a run', () => {
  it('gathers epochs, not steps, and knows how far it is', () => {
    const state = play(trainable(), started, {
      type: 'run-progressed',
      events: [event({ kind: 'step', step: 1 }), event({ kind: 'epoch', epoch: 1, step: 2 }), event({ kind: 'step', epoch: 2, step: 3 })],
    });
    expect(state.run.status).toBe('running');
    expect(state.run.points.map((each) => each.epoch)).toEqual([1]);
    expect(progressOf(state.run)).toBeCloseTo(3 / 20);
  });

  it('stays paused when late events arrive, and goes on when told to', () => {
    const paused = play(trainable(), started, { type: 'run-paused' }, { type: 'run-progressed', events: [event({})] });
    expect(paused.run.status).toBe('paused');
    expect(play(paused, { type: 'run-continued' }).run.status).toBe('running');
    expect(play(paused, { type: 'run-stopping' }).run.status).toBe('stopping');
  });

  it('ignores what comes after its end', () => {
    const ended = trained();
    expect(play(ended, { type: 'run-progressed', events: [event({})] })).toEqual(ended);
    expect(play(ended, { type: 'run-paused' })).toEqual(ended);
    expect(bestEpoch(ended.run)).toBe(report.bestEpoch);
  });

  it('goes stale when pictures or classes change, and not when a class is renamed', () => {
    expect(trained().run.stale).toBe(false);
    expect(play(trained(), picture(11, 1)).run.stale).toBe(true);
    expect(play(trained(), { type: 'class-added' }).run.stale).toBe(true);
    expect(play(trained(), { type: 'pictures-moved', keys: new Set([10]), to: 2 }).run.stale).toBe(true);
    const during = play(trainable(), started, picture(11, 1), { type: 'class-renamed', key: 2, name: 'dogs' });
    const after = play(during, { type: 'run-ended', report }).run;
    expect([after.stale, after.report?.classes]).toEqual([true, ['Class 1', 'dogs']]);
    const renamed = play(trained(), { type: 'class-renamed', key: 1, name: 'cats' });
    expect(renamed.run.stale).toBe(false);
    expect(renamed.run.report?.classes).toEqual(['cats', 'Class 2']);
    expect(renamed.run.report?.perClass?.map((each) => each.class)).toEqual(['cats', 'Class 2']);
    expect(play(renamed, { type: 'undone' }).run.report?.classes).toEqual(['Class 1', 'Class 2']);
  });
});

describe('a result', () => {
  const opened: Action = { type: 'model-replaced', labels: labels('cats', 'dogs') };

  it('says whose it is once another model is in use', () => {
    expect(trained().run.replaced).toBe(false);
    const { run } = play(trained(), opened);
    expect(run.replaced).toBe(true);
    expect(howItEnded(run.report!, false, run.replaced)).toBe('Trained on 8 pictures, 10 epochs, 1.0 s. Another model is in use now.');
    const tuned = { ...report, fineTune: 'last:3', phase: 'fine-tune' } as const;
    expect(howItEnded(run.report!, false, run.replaced, false)).toBe('Trained on 8 pictures, 10 epochs, 1.0 s. Its model is gone, and no other is in use.');
    expect([false, true].map((replaced) => whatFineTuningDid(tuned, replaced))).toEqual([
      'The fine-tuned weights are in use.',
      'The fine-tuned weights were kept.',
    ]);
    expect(play(trained(), opened, started, { type: 'run-ended', report }).run.replaced).toBe(false);
    expect(play(trained(), opened, started, { type: 'run-undone' }).run.replaced).toBe(true);
    expect(play(trainable(), opened).run.replaced).toBe(false);
  });

  it('keeps the name of a class that was deleted, whatever another of that name is called later', () => {
    const named = play(start(), { type: 'class-renamed', key: 1, name: 'cat' }, { type: 'class-renamed', key: 2, name: 'dog' });
    const learned = play(named, ready, started, { type: 'run-ended', report: { ...report, classes: ['cat', 'dog'] } });
    const again = play(learned, { type: 'class-removed', key: 1 }, { type: 'class-added', name: 'cat' });
    const renamed = play(again, { type: 'class-renamed', key: 3, name: 'bird' }, { type: 'class-renamed', key: 2, name: 'wolf' });
    expect(renamed.run.report?.classes).toEqual(['cat', 'wolf']);
    expect(nameNow(renamed.classes, 1, 'cat')).toBe('cat');
    const back = play(again, { type: 'undone' });
    expect([back.classes[0]?.name, back.run.report?.classes]).toEqual(['cat (2)', ['cat (2)', 'dog']]);
    expect([nameNow(renamed.classes, 2, 'dog'), nameNow(renamed.classes, null, 'bird')]).toEqual(['wolf', 'bird']);
  });
});

describe('the test pictures', () => {
  // Wilson's score interval, worked out by hand: 10/(10 + 1.96²) is 72 %.
  it.each([
    [1, 10, 'On your test pictures: 100% of 10 (95% interval 72% to 100%).'],
    [0.9, 10, 'On your test pictures: 90% of 10 (95% interval 60% to 98%).'],
    [0, 10, 'On your test pictures: 0% of 10 (95% interval 0% to 28%).'],
    [0.5, 10_000, 'On your test pictures: 50% of 10,000 (95% interval 49% to 51%).'],
  ])('of which it got %d of %d right', (testAccuracy, test, text) => {
    expect(onTestPictures({ ...report, testAccuracy, images: { ...report.images, test } })).toBe(text);
  });

  it('that there are none of have no figure', () => {
    expect(onTestPictures(report)).toBeNull();
  });
});

describe('messages', () => {
  const say = (area: 'train' | 'try', text: string): Action => ({ type: 'noticed', area, tone: 'error', text });

  it('are not said twice in one place', () => {
    const state = play(start(), say('train', 'No.'), say('try', 'No.'), say('train', 'No.'));
    expect(state.notices.map((each) => each.area)).toEqual(['try', 'train']);
  });

  it('go one by one or with their place', () => {
    const state = play(start(), say('train', 'A'), say('train', 'B'), say('try', 'C'));
    expect(play(state, { type: 'notice-dismissed', id: 1 }).notices.map((each) => each.text)).toEqual(['B', 'C']);
    expect(play(state, { type: 'area-cleared', area: 'train' }).notices.map((each) => each.text)).toEqual(['C']);
  });
});

describe('the camera', () => {
  it('takes the place of a tried picture and leaves no bars behind', () => {
    const tried = play(start(), { type: 'picture-tried', picture: { url: 'blob:1', name: 'a.jpg' } });
    const live = play(tried, { type: 'camera-given', to: 'try' }, { type: 'predicted', predictions: [{ classId: 1, className: 'a', probability: 1 }] });
    expect(live.trial.picture).toBeNull();
    expect(play(live, { type: 'camera-given', to: null }).trial.predictions).toBeNull();
    expect(play(live, { type: 'picture-tried', picture: { url: 'blob:2', name: 'b.jpg' } }).camera).toBeNull();
  });

  it('goes off with the class that has it', () => {
    const state = play(start(), { type: 'camera-given', to: 1 }, { type: 'class-removed', key: 1 });
    expect(state.camera).toBeNull();
  });
});

it('the store tells its listeners of changes only, until they leave', () => {
  const store = createStore(start());
  const listener = vi.fn();
  const leave = store.subscribe(listener);
  store.dispatch({ type: 'undone' });
  expect(listener).not.toHaveBeenCalled();
  store.dispatch({ type: 'class-added' });
  expect(listener).toHaveBeenCalledOnce();
  leave();
  store.dispatch({ type: 'class-added' });
  expect(listener).toHaveBeenCalledOnce();
});
