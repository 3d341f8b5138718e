import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Estimate, Readiness, TrainConfig } from '../../www/generated/types.js';
import { describeMemory, describeTime, describeTrained } from '../../www/state/progress-words.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import { createStore, type Store } from '../../www/state/store.js';
import type { AppState } from '../../www/state/types.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { Estimator } from '../../www/ui/control/estimator.js';
import type { Session } from '../../www/ui/control/session.js';
import { backbone, defaults, engine, estimate, labels, rules } from './support/state.js';

const notTrained = { code: 'not_trained', value: null, message: 'There is no trained model yet.' };
const ready: Action = { type: 'engine-ready', report: engine, defaults, rules, backbone };
const picture = (key: number, className: number): Action => ({ type: 'pictures-read', key: className, added: [{ key, name: 'a.jpg' }], done: 1 });
const trainable = (): AppState => [ready, picture(10, 1), picture(20, 2)].reduce(reduce, initialState(FIRST_SETTINGS));

describe('an estimate in words', () => {
  it('says what trains, without naming each block of a whole network', () => {
    expect(describeTrained(estimate)).toBe('Trains block 16, block 17, last convolution and the head: 412,003 values.');
    const trainableStages = ['stem', ...Array.from({ length: 17 }, (_, index) => `block ${index + 1}`), 'last convolution'];
    expect(describeTrained({ ...estimate, trainableStages })).toBe('Trains 19 blocks from stem to last convolution and the head: 412,003 values.');
    expect(describeTrained({ ...estimate, trainableStages: [] })).toBe('Trains the head alone: 412,003 values.');
  });

  it('says how long it takes once that can be known', () => {
    expect(describeTime(estimate)).toBe('Takes about 4 s an epoch, about 2 min in all.');
    expect(describeTime({ ...estimate, epochSeconds: null })).toBe('Takes about 2 min in all.');
    expect(describeTime({ ...estimate, epochSeconds: null, totalSeconds: null })).toBe('How long it takes shows once it has begun.');
    expect(describeTime({ ...estimate, pictures: 0 })).toBe('Add pictures to see how long it takes.');
  });

  it('says what memory it takes, where it keeps anything', () => {
    expect(describeMemory(estimate)).toBe('Memory for prepared pictures: 346 kB of at most 512 MB.');
    expect(describeMemory({ ...estimate, storage: 'recompute' })).toBeNull();
    expect(describeMemory({ ...estimate, pictures: 0 })).toBeNull();
  });
});

describe('the estimate', () => {
  let store: Store;
  let asked: Partial<TrainConfig>[];
  let checked: Partial<TrainConfig>[];
  let answer: () => Promise<Estimate>;
  let readiness: Readiness;
  const set = (overrides: AppState['settings']['overrides']) => store.dispatch({ type: 'settings-changed', change: { overrides } });

  beforeEach(() => {
    vi.useFakeTimers();
    store = createStore(trainable());
    asked = [];
    checked = [];
    readiness = { train: null, further: notTrained };
    answer = () => Promise.resolve(estimate);
    const trainer = {
      estimate: (config: Partial<TrainConfig>) => (asked.push(config), answer()),
      readiness: async (config: Partial<TrainConfig>) => (checked.push(config), readiness),
    };
    new Estimator(store, { trainer } as unknown as Session).follow();
  });
  afterEach(() => vi.useRealTimers());

  it('is asked for once typing has ended, and never for the head alone', async () => {
    await vi.advanceTimersByTimeAsync(2000);
    expect([asked, store.get().estimate.status]).toEqual([[], 'none']);
    set({ fineTune: 'last' });
    set({ fineTune: 'last', stages: '4' });
    expect(store.get().estimate.status).toBe('asking');
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual([{ fineTune: 'last:4' }]);
    expect(store.get().estimate).toEqual({ status: 'known', value: estimate, further: null, problem: null });
    set({ fineTune: 'none' });
    expect(store.get().estimate.status).toBe('none');
  });

  it('follows pictures once they are in, and nothing else of the page', async () => {
    set({ fineTune: 'all' });
    await vi.advanceTimersByTimeAsync(2000);
    store.dispatch({ type: 'pictures-expected', key: 1, count: 2 });
    store.dispatch(picture(11, 1));
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(1);
    store.dispatch(picture(12, 1));
    store.dispatch({ type: 'target-chosen', target: 'try' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(2);
  });

  it('is asked for twice where the present model can be trained further', async () => {
    const less = { ...estimate, totalSeconds: 20 };
    set({ fineTune: 'all' });
    store.dispatch({ type: 'model-changed', labels: labels('Class 1', 'Class 2') });
    readiness = { train: null, further: null };
    answer = () => Promise.resolve(asked.at(-1)?.warmStart === true ? less : estimate);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual([{ fineTune: 'all' }, { fineTune: 'all', warmStart: true }]);
    expect(store.get().estimate).toMatchObject({ value: estimate, further: less });
    readiness = { train: null, further: { code: 'model_classes_differ', value: 'cats, dogs', message: 'No.' } };
    store.dispatch({ type: 'model-replaced', labels: labels('cats', 'dogs') });
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(3);
    expect(store.get().estimate.further).toBeNull();
  });

  it('comes with whether training can start, which is asked for the head alone too, and for a new model at once', async () => {
    await vi.advanceTimersByTimeAsync(2000);
    expect([checked, store.get().readiness]).toEqual([[{}], { train: null, further: notTrained }]);
    readiness = { train: null, further: null };
    store.dispatch({ type: 'model-changed', labels: labels('Class 1', 'Class 2') });
    await vi.advanceTimersByTimeAsync(1);
    expect([checked.length, store.get().readiness?.further]).toEqual([2, null]);
    // Another model with the same labels is another model.
    store.dispatch({ type: 'model-replaced', labels: labels('Class 1', 'Class 2') });
    await vi.advanceTimersByTimeAsync(1);
    expect(checked).toHaveLength(3);
    store.dispatch({ type: 'pictures-moved', keys: new Set([10]), to: 2 });
    await vi.advanceTimersByTimeAsync(2000);
    // A class has no picture now: that needs no asking.
    expect(checked).toHaveLength(3);
    store.dispatch({ type: 'undone' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(checked).toHaveLength(4);
    set({ head: 'mlp' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(checked.at(-1)).toEqual({ head: 'mlp:128' });
    expect(asked).toEqual([]);
  });

  it('is dropped where a setting makes no sense, and shows why it cannot be had', async () => {
    set({ fineTune: 'all', epochs: 'x' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual([]);
    answer = () => Promise.reject(new Error('Only the last 3 stages can be trained.'));
    set({ fineTune: 'all' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(store.get().estimate).toEqual({ status: 'failed', value: null, further: null, problem: 'Only the last 3 stages can be trained.' });
  });

  it('that comes too late is not shown', async () => {
    let late: (value: Estimate) => void = () => undefined;
    answer = () => new Promise((resolve) => (late = resolve));
    set({ fineTune: 'all' });
    await vi.advanceTimersByTimeAsync(2000);
    set({ fineTune: 'none' });
    late(estimate);
    await vi.advanceTimersByTimeAsync(2000);
    expect(store.get().estimate.value).toBeNull();
  });
});
