import { describe, expect, it } from 'vitest';
import type { TrainConfig } from '../../www/generated/types.js';
import { initialState, reduce } from '../../www/state/reducer.js';
import { choicesOf, matters, settingNames, type SettingName } from '../../www/state/setting-rules.js';
import { problemText } from '../../www/state/setting-words.js';
import { checkSettings, shownSettings, unavailable } from '../../www/state/settings.js';
import type { AppState, BackboneLimits, Overrides } from '../../www/state/types.js';
import { FIRST_SETTINGS, readSettings } from '../../www/storage/settings.js';
import { AUGMENTATION, CHOICE_WORDS, COMPUTING, FINE_TUNING, HEAD, OPTIMISER, STOPPING } from '../../www/ui/train/groups.js';
import { backbone, defaults, engine, rules, rulesWith } from './support/state.js';

const config = (overrides: Overrides): Partial<TrainConfig> => checkSettings(overrides, rules).config;
const problems = (overrides: Overrides): string[] => Object.keys(checkSettings(overrides, rules).problems);
/** What the page says of each. */
const said = (overrides: Overrides, limits: BackboneLimits | null = null): Record<string, string> =>
  Object.fromEntries(Object.entries(checkSettings(overrides, rules, limits).problems).map(([name, range]) => [name, problemText(name as SettingName, range)]));
const offered = (overrides: Overrides): string[] => {
  const shown = shownSettings(overrides, rules);
  return settingNames(rules).filter((name) => matters(name, shown, rules));
};

describe('what trains', () => {
  it('is the head alone until something else is chosen, then the last three blocks or all', () => {
    expect(shownSettings({}, rules)).toMatchObject({ fineTune: 'none', stages: '3' });
    expect(config({ fineTune: 'last' })).toEqual({ fineTune: 'last:3' });
    expect(config({ fineTune: 'last', stages: '5' })).toEqual({ fineTune: 'last:5' });
    expect(config({ fineTune: 'all', stages: 'x' })).toEqual({ fineTune: 'all' });
    expect(config({ stages: '5' })).toEqual({});
    expect(shownSettings({}, rulesWith({ ...defaults, fineTune: 'last:2' }))).toMatchObject({ fineTune: 'last', stages: '2' });
  });

  it('goes no further than the backbone can', () => {
    const limits = { ...backbone, fineTunable: 3 };
    expect(said({ fineTune: 'last', stages: '4' }, limits)).toEqual({ stages: 'A whole number from 1 to 3.' });
    expect(checkSettings({ fineTune: 'last', stages: '4' }, rules, limits).config).toEqual({});
    expect(checkSettings({ fineTune: 'last' }, rules, limits).config).toEqual({ fineTune: 'last:3' });
    expect(said({ fineTune: 'last' }, { ...limits, fineTunable: 1 })).toEqual({ stages: 'Only 1 block can be trained.' });
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, limits))).toEqual([false, false, true]);
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, { ...limits, fineTunable: 0 }))).toEqual([false, true, true]);
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, backbone))).toEqual([false, false, false]);
  });

  it('falls back to the head where the remembered choice is not offered any more', () => {
    const limits = { ...backbone, fineTunable: 0 };
    expect(shownSettings({ fineTune: 'all', stages: '9' }, rules, limits).fineTune).toBe('none');
    expect(checkSettings({ fineTune: 'last', stages: '9', fineTuneEpochs: 'x' }, rules, limits)).toEqual({ config: { fineTune: 'none' }, problems: {} });
  });
});

describe('a setting', () => {
  it('is shown as people write it: shares as percentages, switches by name', () => {
    expect(shownSettings({}, rulesWith({ ...defaults, zoom: 0.800000011920929, trainNorms: true }))).toMatchObject({
      zoom: '80', warmUp: '10', labelSmoothing: '10', depthDecay: '100', stepFactor: '0.3', flip: 'true', trainNorms: 'true', monitor: 'auto',
    });
    expect(config({ zoom: '75', warmUp: '5', labelSmoothing: '0', dropout: '12,5', brightness: '20' })).toEqual({
      zoom: 0.75, warmUp: 0.05, labelSmoothing: 0, dropout: 0.125, brightness: 0.2,
    });
    expect(config({ flip: 'false', optimizer: 'adam', monitor: 'loss', classWeights: 'balanced', memoryLimit: '256' })).toEqual({
      flip: false, optimizer: 'adam', monitor: 'loss', classWeights: 'balanced', memoryLimit: 256,
    });
  });

  it('is left out, and cannot be wrong, where it changes nothing', () => {
    const all: Overrides = {
      momentum: 'x', stepEvery: 'x', stepFactor: 'x', variants: 'x', fineTuneEpochs: 'x', headLearningRate: 'x', depthDecay: 'x', activation: 'tanh',
      trainNorms: 'true', channels: 'x', margin: 'x',
    };
    expect(checkSettings(all, rules)).toEqual({ config: {}, problems: {} });
    expect(problems({ ...all, optimizer: 'sgd' })).toEqual(['momentum']);
    expect(problems({ ...all, schedule: 'plateau' })).toEqual(['stepEvery', 'stepFactor']);
    expect(problems({ ...all, rotation: '10' })).toEqual(['variants']);
    expect(problems({ ...all, rotation: '10', fineTune: 'all' })).not.toContain('variants');
    expect(config({ ...all, head: 'mlp' })).toEqual({ head: 'mlp:128', activation: 'tanh' });
    expect(config({ trainNorms: 'true', fineTune: 'last' })).toEqual({ fineTune: 'last:3', trainNorms: true });
  });

  it('is offered only where it matters', () => {
    const [plain, tuned, one] = [offered({}), offered({ fineTune: 'last' }), offered({ fineTune: 'last', stages: '1' })];
    expect(tuned.filter((name) => !plain.includes(name)).sort()).toEqual(
      ['backboneLearningRate', 'depthDecay', 'fineTuneEpochs', 'headLearningRate', 'stages', 'trainNorms', 'unfreezeEvery'].sort(),
    );
    expect(tuned.filter((name) => !one.includes(name))).toEqual(['depthDecay', 'unfreezeEvery']);
    expect(plain.filter((name) => !offered({ validation: '0' }).includes(name))).toEqual(['patience', 'monitor']);
    expect(plain.filter((name) => !offered({ head: 'svm' }).includes(name))).toEqual(['labelSmoothing', 'classWeights']);
  });

  it.each([
    ['fineTuneEpochs', ['0', '1001', '1.5']],
    ['backboneLearningRate', ['0', '2', '']],
    ['depthDecay', ['0', '101', 'x']],
    ['unfreezeEvery', ['-1', '0.5']],
    ['zoom', ['4', '101']],
    ['rotation', ['-1', '181']],
    ['contrast', ['100', '-1']],
    ['warmUp', ['100']],
    ['clipNorm', ['-1', 'x']],
    ['memoryLimit', ['-1', '65537']],
    ['patience', ['-1', '1.5']],
  ] as const)('%s that makes no sense is refused and left out', (name, texts) => {
    for (const text of texts) {
      expect(problems({ fineTune: 'all', [name]: text }), text).toEqual([name]);
      expect(config({ fineTune: 'all', [name]: text }), text).toEqual({ fineTune: 'all' });
    }
  });

  it('of each head goes with that head', () => {
    expect(config({ head: 'conv' })).toEqual({ head: 'conv:64' });
    expect(config({ head: 'conv', channels: '32' })).toEqual({ head: 'conv:32' });
    expect(config({ head: 'svm' })).toEqual({ head: 'svm:0.001' });
    expect(config({ head: 'svm', margin: '0,5' })).toEqual({ head: 'svm:0.5' });
    expect(config({ head: 'svm', classWeights: 'balanced' })).toEqual({ head: 'svm:0.001' });
    expect(problems({ head: 'svm', margin: '0' })).toEqual(['margin']);
    expect(problems({ head: 'conv', channels: '513' })).toEqual(['channels']);
  });

  it('that no version knows any more takes its default', () => {
    expect(shownSettings({ schedule: 'zigzag', head: 'tree' }, rulesWith({ ...defaults, head: 'mlp:64' }))).toMatchObject({ schedule: 'cosine', head: 'mlp', units: '64' });
  });
});

describe('what a number has to be', () => {
  it.each([
    ['epochs', '0', 'A whole number from 1 to 1,000.'],
    ['learningRate', '0', 'A number above 0 and up to 1, such as 0.003.'],
    ['validation', '91', 'A percentage from 0 to 90.'],
    ['zoom', '4', 'A percentage from 5 to 100.'],
    ['warmUp', '100', 'A percentage from 0 to below 100.'],
    ['depthDecay', '0', 'A percentage above 0 and up to 100.'],
    ['rotation', '181', 'A number from 0 to 180.'],
    ['momentum', '1', 'A number from 0 to below 1.'],
    ['stepFactor', '0', 'A number above 0 and up to 1.'],
    ['units', '0', 'A whole number from 1 to 4,096.'],
    ['stages', '0', 'A whole number from 1.'],
    ['memoryLimit', '-1', 'A number from 0 to 65,536.'],
  ] as const)('is said of %s', (name, text, words) => {
    const together: Overrides = { fineTune: 'last', optimizer: 'sgd', schedule: 'step', head: 'mlp' };
    expect(said({ ...together, [name]: text })).toEqual({ [name]: words });
  });

  it('is the same as the trainer takes, to the ends', () => {
    const together: Overrides = { fineTune: 'all', optimizer: 'sgd', schedule: 'plateau' };
    expect(config({ ...together, momentum: '0.9999', stepFactor: '0.0001', depthDecay: '0.5', warmUp: '99.5', learningRate: '1e-9' })).toMatchObject({
      momentum: 0.9999, stepFactor: 0.0001, depthDecay: 0.005, warmUp: 0.995, learningRate: 1e-9,
    });
  });
});

describe('settings of an earlier visit', () => {
  const start = (overrides: object): AppState => initialState(readSettings(JSON.stringify({ ...FIRST_SETTINGS, advancedOpen: true, overrides })));
  const ready = (state: AppState, limits: Partial<BackboneLimits> = {}): AppState =>
    reduce(state, { type: 'engine-ready', report: engine, defaults, rules, backbone: { ...backbone, ...limits } });

  it('that make no sense are not there for whoever comes next, not even out of sight', () => {
    const wrong = {
      epochs: 'many', learningRate: '0', validation: '91', schedule: 'zigzag', flip: 'perhaps', units: '1.5', margin: '', stages: '4',
      // Not shown at first, and in the way as soon as they are.
      momentum: 'x', stepEvery: '0',
      // No field has these.
      warmStart: 'true', cleverness: '9', __proto__x: '1',
    };
    const right = { batchSize: '8', head: 'mlp', zoom: '80', trainNorms: 'true', channels: '32' };
    const { settings, engine: { rules: told, backbone: limits } } = ready(start({ ...wrong, ...right }), { fineTunable: 3 });
    expect(settings).toEqual({ ...FIRST_SETTINGS, advancedOpen: true, overrides: right });
    expect(checkSettings({ ...settings.overrides, optimizer: 'sgd', schedule: 'step' }, told ?? rules, limits).problems).toEqual({});
  });

  it('come back as they were where they make sense', () => {
    const state = start({ epochs: '7', dropout: '12,5', fineTune: 'all' });
    expect(ready(state).settings).toBe(state.settings);
  });

  it('are one thing, what is being typed while the engine changes another', () => {
    const typing = reduce(ready(start({})), { type: 'settings-changed', change: { overrides: { epochs: '' } } });
    expect(ready(typing).settings.overrides).toEqual({ epochs: '' });
  });
});

it('every setting but the choice above has its place in one group, and each choice its words', () => {
  const placed = [HEAD, FINE_TUNING, OPTIMISER, AUGMENTATION, STOPPING, COMPUTING].flatMap(({ settings }) => settings.map(({ name }) => name));
  expect([...placed].sort()).toEqual(settingNames(rules).filter((name) => name !== 'fineTune' && name !== 'stages').sort());
  for (const name of placed) {
    expect(Object.keys(CHOICE_WORDS[name] ?? {}).sort(), name).toEqual(choicesOf(rules, name).map(({ value }) => value).sort());
  }
});
