import { describe, expect, it } from 'vitest';
import type { LayerReport, Refusal, TrainConfig, TrainReport } from '../../www/generated/types.js';
import { byStage, describeLayers, stageState } from '../../www/state/layers.js';
import { howItEnded, whatFineTuningDid, whatTrained } from '../../www/state/outcome.js';
import { describeBest, describeGap, describePace, describeRun, nothingLearned } from '../../www/state/progress-words.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import { whyNotFurther, whyNotReady } from '../../www/state/readiness.js';
import { fineTuneStart, overallOf, progressOf } from '../../www/state/run.js';
import type { AppState } from '../../www/state/types.js';
import { bytes } from '../../www/state/words.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { backbone, defaults, engine, event, labels, report, rules } from './support/state.js';

const start = (): AppState => initialState(FIRST_SETTINGS);
const play = (state: AppState, ...actions: Action[]): AppState => actions.reduce(reduce, state);
const ready: Action = { type: 'engine-ready', report: engine, defaults, rules, backbone };
const picture = (key: number, className: number): Action => ({ type: 'pictures-read', key: className, added: [{ key, name: 'a.jpg' }], done: 1 });
const started = (config: Partial<TrainConfig> = {}): Action => ({ type: 'run-started', config });
const progressed = (...events: Parameters<typeof event>[0][]): Action => ({ type: 'run-progressed', events: events.map(event) });
const trainable = (): AppState => play(start(), ready, picture(10, 1), picture(20, 2));
const running = (...events: Parameters<typeof event>[0][]): AppState => play(trainable(), started(), progressed(...events));

describe('a run in phases', () => {
  it('says where it is', () => {
    const said = (over: Parameters<typeof event>[0]): string => describeRun(running({ eta: 12, ...over }).run);
    expect(said({ phase: 'prepare', epoch: 0, step: 40, steps: 240 })).toBe('Preparing pictures 40 of 240, about 12 s left');
    expect(said({ phase: 'head', epoch: 3, epochs: 50 })).toBe('Training the head: epoch 3 of 50, about 12 s left');
    expect(said({ phase: 'measure', eta: 0.1 })).toBe('Measuring how good it is, less than a second left');
    const tuning = { kind: 'epoch', phase: 'fine-tune', epoch: 43, epochs: 50, validationAccuracy: 0.81, eta: Number.NaN } as const;
    expect(said(tuning)).toBe('Fine-tuning: epoch 43 of 50, 81% right so far');
    const state = running(tuning);
    expect(describeRun(play(state, { type: 'run-paused' }).run)).toBe('Fine-tuning: epoch 43 of 50, paused');
    expect(describeRun(play(state, { type: 'run-stopping' }).run)).toBe('Stopping…');
    const measuring = play(state, { type: 'run-stopping' }, progressed({ phase: 'measure', eta: 12 }));
    expect(describeRun(measuring.run)).toBe('Measuring how good it is, about 12 s left');
    expect(describeRun(play(trainable(), started()).run)).toBe('Preparing…');
  });

  it('tells pace and memory as far as they are known', () => {
    expect(describePace(event({ imagesPerSecond: 52.4, memory: 12_300_000 }))).toBe('52 pictures a second, 12 MB of memory for prepared pictures');
    expect(describePace(event({ imagesPerSecond: 0.2 }))).toBe('1 picture a second');
    expect(describePace(event({ imagesPerSecond: 0 }))).toBe('');
    expect([900, 345_600, 1_500_000, 512e6, 2.5e9].map(bytes)).toEqual(['1 kB', '346 kB', '1.5 MB', '512 MB', '2.5 GB']);
  });

  it('has learned nothing before the head trains', () => {
    expect(nothingLearned(play(trainable(), started()).run)).toBe(true);
    expect(nothingLearned(running({ phase: 'prepare', epoch: 0 }).run)).toBe(true);
    expect(nothingLearned(running({ phase: 'head' }).run)).toBe(false);
  });

  it('that was stopped before it learned anything leaves what was there', () => {
    const before = play(running({ kind: 'epoch' }), { type: 'run-ended', report });
    const undone = play(before, started(), progressed({ phase: 'prepare', epoch: 0 }), { type: 'run-undone' });
    expect(undone).toEqual(before);
    const renamed = play(before, started(), { type: 'class-renamed', key: 1, name: 'cats' }, picture(30, 1), { type: 'run-undone' });
    expect([renamed.run.report?.classes, renamed.run.stale]).toEqual([['cats', 'Class 2'], true]);
    expect(play(trainable(), started(), { type: 'run-undone' }).run).toEqual(trainable().run);
  });

  it('that failed before an epoch had ended leaves what was there, and a later one what it came to', () => {
    const before = play(running({ kind: 'epoch' }), { type: 'run-ended', report });
    expect(play(before, started({ warmStart: true }), { type: 'run-failed' })).toEqual(before);
    expect(play(before, started(), progressed({ phase: 'head' }), { type: 'run-failed' })).toEqual(before);
    const renamed = play(before, started(), { type: 'class-renamed', key: 1, name: 'cats' }, { type: 'run-failed' });
    expect(renamed.run.report?.classes).toEqual(['cats', 'Class 2']);
    const late = play(before, started(), progressed({ kind: 'epoch' }), { type: 'run-failed' });
    expect([late.run.status, late.run.report, late.run.points.length]).toEqual(['idle', null, 1]);
    expect(play(before, { type: 'run-failed' })).toEqual(before);
    const lost = play(before, started(), { type: 'engine-failed', problem: 'No.' });
    expect([lost.engine.status, lost.run]).toEqual(['failed', before.run]);
    // What was learned is gone with the worker.
    const later = play(before, started(), progressed({ kind: 'epoch' }), { type: 'engine-failed', problem: 'No.' });
    expect(later.run).toEqual(before.run);
    expect(play(before, { type: 'engine-failed', problem: 'No.' }).run).toEqual(before.run);
  });

  it('knows how far the phase is, and how far the whole', () => {
    const { run } = running({ phase: 'fine-tune', epoch: 43, epochs: 50, step: 5, steps: 20 });
    expect([progressOf(run), overallOf(run)]).toEqual([0.25, 42 / 50]);
    expect(overallOf(running({ phase: 'prepare', epoch: 0, step: 5, steps: 10 }).run)).toBe(0);
    expect(overallOf(running({ kind: 'epoch', epoch: 10, epochs: 40 }).run)).toBe(0.25);
    expect(overallOf(running({ phase: 'measure', epoch: 40, epochs: 40 }).run)).toBe(1);
  });

  it('keeps the phase of each epoch, and finds where fine-tuning began', () => {
    const head = running({ kind: 'epoch', epoch: 1 }, { kind: 'epoch', epoch: 2 });
    expect(fineTuneStart(head.run.points)).toBeNull();
    const { points } = play(head, progressed({ kind: 'epoch', phase: 'fine-tune', epoch: 3 }, { kind: 'epoch', phase: 'fine-tune', epoch: 4 })).run;
    expect(points.map(({ epoch, phase }) => [epoch, phase])).toEqual([[1, 'head'], [2, 'head'], [3, 'fine-tune'], [4, 'fine-tune']]);
    expect(fineTuneStart(points)).toBe(3);
  });

  it('keeps the latest hint until the next run', () => {
    const hint = (code: string) => ({ kind: 'epoch' as const, hint: { code, message: `${code}.` } });
    const state = running(hint('overfitting'), {}, hint('forgetting'), {});
    expect(state.run.hint?.code).toBe('forgetting');
    expect(play(state, progressed({})).run.hint?.code).toBe('forgetting');
    expect(play(state, started()).run.hint).toBeNull();
  });

  it('tells the gap between what was learned and what was held back in points', () => {
    const gap = (accuracy: number, validationAccuracy: number | null) => describeGap(running({ kind: 'epoch', accuracy, validationAccuracy }).run);
    expect(gap(0.98, 0.81)).toBe('Training 98%, held back 81%: a gap of 17 points.');
    expect(gap(0.996, 0.98)).toBe('Training 99%, held back 98%: a gap of 1 point.');
    expect(gap(0.8, 0.9)).toBe('Training 80%, held back 90%: no gap.');
    expect(gap(0.8, null)).toBeNull();
    expect(describeGap(running({}).run)).toBeNull();
    const ended = play(running({ kind: 'epoch', validationAccuracy: 0.1 }), { type: 'run-ended', report }).run;
    expect(describeGap(ended)).toBe('Training 100%, held back 50%: a gap of 50 points.');
  });

  it('names the best epoch, which may be none of its own', () => {
    expect(describeBest(running({}).run)).toBeNull();
    expect(describeBest(running({ bestEpoch: 12 }).run)).toBe('Best epoch: 12');
    const further = play(trainable(), started({ warmStart: true }), progressed({ bestEpoch: 0 }));
    expect(describeBest(further.run)).toBe('Best so far: the model before');
  });
});

describe('what came of it', () => {
  const tuned = (over: Partial<TrainReport>): TrainReport => ({ ...report, fineTune: 'last:3', phase: 'fine-tune', epochsRun: 50, headEpochs: 40, bestEpoch: 48, ...over });

  it('says what trained', () => {
    expect(whatTrained({ ...report, trainableParameters: 3843, totalParameters: 691_443 })).toBe('Trained: the head alone (3,843 of 691,443 values).');
    expect((['last:1', 'last:3', 'all'] as const).map((fineTune) => whatTrained(tuned({ fineTune })))).toEqual([
      'Trained: the last block and the head (10 of 100 values).',
      'Trained: the last 3 blocks and the head (10 of 100 values).',
      'Trained: the whole network (10 of 100 values).',
    ]);
  });

  it('admits where fine-tuning was no use or never came to be', () => {
    expect(whatFineTuningDid(report)).toBeNull();
    expect(whatFineTuningDid(tuned({}))).toBe('The fine-tuned weights are in use.');
    expect(whatFineTuningDid(tuned({ phase: 'head' }))).toBe(
      'The fine-tuned weights were no better on the held-out pictures, so the head-only model was kept.',
    );
    expect(whatFineTuningDid(tuned({ phase: 'head', epochsRun: 12, headEpochs: 12 }))).toContain('ended before fine-tuning');
    for (const stopped of ['cancelled', 'device-lost', 'not-finite'] as const) {
      expect(whatFineTuningDid(tuned({ phase: 'head', stopped }))).toBe('The fine-tuned weights were no better so far, so the head-only model was kept.');
      expect(whatFineTuningDid(tuned({ stopped }))).toBe('The fine-tuned weights are in use.');
    }
    for (const phase of ['head', 'fine-tune'] as const) expect(whatFineTuningDid(tuned({ phase, bestEpoch: 0 }))).toBeNull();
  });

  it('says how it ended, and where a further training brought nothing', () => {
    expect(howItEnded(report, false)).toBe('Trained on 8 pictures, 10 epochs, 1.0 s. The weights of epoch 7, the best, are in use.');
    const stopped = { ...report, stopped: 'cancelled' as const };
    expect(howItEnded(stopped, false)).toMatch(/^Stopped: .* The best so far, of epoch 7, is kept and in use\.$/);
    expect(howItEnded({ ...stopped, bestEpoch: 0 }, false)).toContain('What it had learned is in use.');
    expect(howItEnded({ ...report, stopped: 'device-lost' }, false)).toMatch(/^Ended early because the GPU was lost: .* The best weights up to then, those of epoch 7, are kept and in use\.$/);
    expect(howItEnded({ ...report, stopped: 'not-finite' }, true)).toMatch(/smaller learning rate\. .* The best weights up to then, those of epoch 7, are kept and in use\.$/);
    expect(howItEnded({ ...report, stopped: 'device-lost', bestEpoch: 0 }, false)).toMatch(/What it had learned is in use\.$/);
    for (const ended of ['cancelled', 'finished', 'early', 'device-lost', 'not-finite'] as const) {
      expect(howItEnded({ ...report, stopped: ended, bestEpoch: 0 }, true)).toContain('Nothing was better than the model that it began with');
    }
  });
});

describe('training further', () => {
  const model: Action = { type: 'model-changed', labels: labels('Class 1', 'Class 2') };
  const told = (further: Refusal | null, train: Refusal | null = null): Action => ({ type: 'readiness-told', readiness: { train, further } });
  const refused = (code: string, value: string | null = null): string | null =>
    whyNotFurther(play(trainable(), model, told({ code, value, message: `${code}.` })));

  it('is refused by the core, in the words of the page', () => {
    expect(whyNotFurther(trainable())).toBe('There is no model yet.');
    expect(whyNotFurther(play(trainable(), model, told(null)))).toBeNull();
    expect(refused('not_trained')).toBe('There is no model yet.');
    expect(refused('model_classes_differ', 'cats, dogs')).toBe(
      'The present model tells apart cats and dogs. None of these is among your classes, so it cannot be trained further on them.',
    );
    expect(refused('model_head_differs', 'mlp:64 silu')).toContain('choose “Two layers (MLP)” with 64 units and SiLU under “Advanced”');
    expect(refused('model_head_differs', 'conv:64')).toContain('choose “Convolutional” with 64 channels');
    expect(refused('model_head_differs', 'linear')).toContain('choose “Linear” or “Linear SVM”');
    expect(refused('model_prepares_otherwise')).toContain('prepares pictures in another way');
    expect(refused('anything_else')).toBe('anything_else.');
  });

  it('stays as it was while the core is asked again', () => {
    const ready = play(trainable(), model, told(null));
    expect(whyNotFurther(play(ready, picture(11, 1)))).toBeNull();
    const not = play(trainable(), model, told({ code: 'anything', value: null, message: 'No.' }));
    expect(whyNotFurther(play(not, picture(11, 1)))).toBe('No.');
  });

  it('comes after what the page knows by itself', () => {
    const no: Refusal = { code: 'anything', value: null, message: 'No.' };
    expect(whyNotFurther(play(start(), ready, model, told(no, no)))).toBe('Add pictures to your classes.');
    expect(whyNotReady(play(start(), ready, model, told(no, no)))).toBe('Add pictures to your classes.');
    expect(whyNotReady(play(trainable(), model, told(no, no)))).toBe('No.');
    expect(whyNotReady(play(trainable(), model, told(no)))).toBeNull();
  });

  it('waits for a number of blocks that the network has', () => {
    const overrides = { fineTune: 'last', stages: '20' };
    expect(whyNotReady(play(trainable(), { type: 'settings-changed', change: { overrides } }))).toBe('The number of blocks needs correcting.');
  });
});

it('layers are grouped by stage, with what of them trains', () => {
  const layer = (name: string, stage: string, parameters: number, trainable: boolean): LayerReport => ({ name, stage, parameters, trainable, kind: 'x', shape: [parameters], reason: '' });
  const stages = byStage([layer('a', 'stem', 1500, false), layer('b', 'block 1', 2000, true), layer('c', 'block 1', 10, false), layer('d', 'head', 5, true)]);
  expect(stages.map(({ name, layers, parameters, trainable }) => [name, layers.length, parameters, trainable])).toEqual([
    ['stem', 1, 1500, 0],
    ['block 1', 2, 2010, 2000],
    ['head', 1, 5, 5],
  ]);
  expect(describeLayers(stages)).toBe('2 of 3 parts train: 2,005 values.');
  expect(stages.map(stageState)).toEqual(['No', '2,000 of them', 'Yes']);
});
