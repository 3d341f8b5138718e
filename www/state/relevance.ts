/** Which settings make a difference beside the others as they are: the rest is neither shown nor passed on. */
import type { SettingName } from './setting-rules.js';

type Shown = Readonly<Record<SettingName, string>>;
type Test = (shown: Shown) => boolean;

const fineTunes: Test = (shown) => shown.fineTune !== 'none';
const severalStages: Test = (shown) => shown.fineTune === 'all' || (shown.fineTune === 'last' && shown.stages.trim() !== '1');
const reduces: Test = (shown) => shown.schedule === 'step' || shown.schedule === 'plateau';
const isHeld: Test = (shown) => Number(shown.validation.replace(',', '.')) !== 0;
const isNoSvm: Test = (shown) => shown.head !== 'svm';
const heads = (kind: string): Test => (shown) => shown.head === kind;

/** A field that holds no number at all is taken as one that asks for something. */
const varies: Test = (shown) =>
  Number(shown.zoom.replace(',', '.')) !== 100 ||
  [shown.rotation, shown.brightness, shown.contrast].some((text) => Number(text.replace(',', '.')) !== 0);

const TESTS: Readonly<Partial<Record<SettingName, Test>>> = {
  units: heads('mlp'),
  activation: heads('mlp'),
  channels: heads('conv'),
  margin: heads('svm'),
  stages: (shown) => shown.fineTune === 'last',
  // A margin is no distribution over classes that could be smoothed, and its loss counts every picture alike.
  labelSmoothing: isNoSvm,
  classWeights: isNoSvm,
  fineTuneEpochs: fineTunes,
  backboneLearningRate: fineTunes,
  headLearningRate: fineTunes,
  trainNorms: fineTunes,
  depthDecay: severalStages,
  unfreezeEvery: severalStages,
  momentum: (shown) => shown.optimizer === 'sgd',
  stepEvery: reduces,
  stepFactor: reduces,
  // Where the whole network trains nothing is cached, and every variant is a fresh one.
  variants: (shown) => shown.fineTune !== 'all' && varies(shown),
  patience: isHeld,
  monitor: isHeld,
};

export function matters(name: SettingName, shown: Shown): boolean {
  return TESTS[name]?.(shown) ?? true;
}
