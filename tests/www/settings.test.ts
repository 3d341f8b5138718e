import { describe, expect, it } from 'vitest';
import type { TrainConfig } from '../../www/generated/types.js';
import { matters } from '../../www/state/relevance.js';
import { SETTING_NAMES } from '../../www/state/setting-rules.js';
import { checkSettings, shownSettings, unavailable } from '../../www/state/settings.js';
import type { Overrides } from '../../www/state/types.js';
import { AUGMENTATION, COMPUTING, FINE_TUNING, HEAD, OPTIMISER, OPTIONS, STOPPING } from '../../www/ui/train/groups.js';
import { backbone, defaults } from './support/state.js';

const config = (overrides: Overrides): Partial<TrainConfig> => checkSettings(overrides, defaults).config;
const problems = (overrides: Overrides): string[] => Object.keys(checkSettings(overrides, defaults).problems);
const offered = (overrides: Overrides): string[] => {
  const shown = shownSettings(overrides, defaults);
  return SETTING_NAMES.filter((name) => matters(name, shown));
};

describe('what trains', () => {
  it('is the head alone until something else is chosen, then the last three blocks or all', () => {
    expect(shownSettings({}, defaults)).toMatchObject({ fineTune: 'none', stages: '3' });
    expect(config({ fineTune: 'last' })).toEqual({ fineTune: 'last:3' });
    expect(config({ fineTune: 'last', stages: '5' })).toEqual({ fineTune: 'last:5' });
    expect(config({ fineTune: 'all', stages: 'x' })).toEqual({ fineTune: 'all' });
    expect(config({ stages: '5' })).toEqual({});
    expect(shownSettings({}, { ...defaults, fineTune: 'last:2' })).toMatchObject({ fineTune: 'last', stages: '2' });
  });

  it('goes no further than the backbone can', () => {
    const limits = { ...backbone, fineTunable: 3 };
    expect(checkSettings({ fineTune: 'last', stages: '4' }, defaults, limits).problems).toEqual({ stages: 'A whole number from 1 to 3.' });
    expect(checkSettings({ fineTune: 'last', stages: '4' }, defaults, limits).config).toEqual({});
    expect(checkSettings({ fineTune: 'last' }, defaults, limits).config).toEqual({ fineTune: 'last:3' });
    expect(checkSettings({ fineTune: 'last' }, defaults, { ...limits, fineTunable: 1 }).problems).toEqual({ stages: 'Only 1 block can be trained.' });
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, limits))).toEqual([false, false, true]);
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, { ...limits, fineTunable: 0 }))).toEqual([false, true, true]);
    expect(['none', 'last', 'all'].map((choice) => unavailable(choice, backbone))).toEqual([false, false, false]);
  });

  it('falls back to the head where the remembered choice is not offered any more', () => {
    const limits = { ...backbone, fineTunable: 0 };
    expect(shownSettings({ fineTune: 'all', stages: '9' }, defaults, limits).fineTune).toBe('none');
    expect(checkSettings({ fineTune: 'last', stages: '9', fineTuneEpochs: 'x' }, defaults, limits)).toEqual({ config: { fineTune: 'none' }, problems: {} });
  });
});

describe('a setting', () => {
  it('is shown as people write it: shares as percentages, switches by name', () => {
    expect(shownSettings({}, { ...defaults, zoom: 0.800000011920929, trainNorms: true })).toMatchObject({
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
    expect(checkSettings(all, defaults)).toEqual({ config: {}, problems: {} });
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
    ['depthDecay', ['0', '101', '0.5']],
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
    expect(shownSettings({ schedule: 'zigzag', head: 'tree' }, { ...defaults, head: 'mlp:64' })).toMatchObject({ schedule: 'cosine', head: 'mlp', units: '64' });
  });
});

it('every setting but the choice above has its place in one group, and each choice its words', () => {
  const placed = [HEAD, FINE_TUNING, OPTIMISER, AUGMENTATION, STOPPING, COMPUTING].flatMap(({ settings }) => settings.map(({ name }) => name));
  expect([...placed].sort()).toEqual(SETTING_NAMES.filter((name) => name !== 'fineTune' && name !== 'stages').sort());
  for (const [name, options] of Object.entries(OPTIONS)) expect(options.map(([value]) => value), name).toContain(shownSettings({}, defaults)[name as 'head']);
});
