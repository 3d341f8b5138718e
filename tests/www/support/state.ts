import generated from '../../../www/generated/rules.json';
import type {
  BackboneReport,
  EngineKind,
  EngineReport,
  Estimate,
  ModelClass,
  SettingRule,
  SettingRules,
  TrainConfig,
  TrainEvent,
  TrainReport,
} from '../../../www/generated/types.js';

/** One engine for everything. */
export function everythingOn(kind: EngineKind, reason: string): EngineReport {
  const workloads = (['embedding', 'prediction', 'head', 'fine-tuning'] as const).map((workload) => ({ workload, kind, cpuMilliseconds: null, gpuMilliseconds: null }));
  return { kind, adapter: '', reason, undecided: false, workloads };
}

/** What a trainer would tell the page, for tests of the page's state. */
export const engine = everythingOn('cpu', 'Faster here.');

export const backbone: BackboneReport = {
  label: 'MobileNetV2 0.5',
  multiplications: 1,
  architecture: 'mobilenet',
  inputSize: 96,
  features: 1280,
  parameters: 100,
  stages: 19,
  arithmetic: 'float',
  batchNorm: 'present',
  license: '',
  source: '',
  fineTunable: 19,
  fineTuneReason: 'Every block can be trained.',
};

export const defaults: TrainConfig = {
  head: 'linear',
  activation: 'relu',
  fineTune: 'none',
  epochs: 40,
  fineTuneEpochs: 10,
  // As it comes from f32.
  learningRate: 0.003000000026077032,
  backboneLearningRate: 0.001,
  headLearningRate: 0.0001,
  depthDecay: 1,
  unfreezeEvery: 0,
  trainNorms: false,
  batchSize: 32,
  optimizer: 'adamw',
  momentum: 0.9,
  clipNorm: 0,
  schedule: 'cosine',
  warmUp: 0.1,
  stepEvery: 5,
  stepFactor: 0.3,
  weightDecay: 0.01,
  labelSmoothing: 0.1,
  classWeights: 'none',
  dropout: 0,
  flip: true,
  zoom: 1,
  rotation: 0,
  brightness: 0,
  contrast: 0,
  variants: 4,
  validation: 0.20000000298023224,
  patience: 8,
  monitor: 'auto',
  warmStart: false,
  memoryLimit: 0,
  seed: 42,
};

/** Core's rules with other defaults. */
export function rulesWith(other: TrainConfig): SettingRules {
  const { settings } = generated as unknown as SettingRules;
  return { settings: settings.map((rule) => ({ ...rule, default: other[rule.name] }) as SettingRule) };
}

export const rules = rulesWith(defaults);

export const estimate: Estimate = {
  boundary: 16,
  trainableStages: ['block 16', 'block 17', 'last convolution'],
  trainableParameters: 412_003,
  cacheShape: [80, 3, 3],
  views: 2,
  pictures: 60,
  cacheBytes: 345_600,
  memoryLimit: 512_000_000,
  storage: 'full',
  prepareSeconds: 2,
  epochSeconds: 3.2,
  totalSeconds: 70,
  note: 'What comes before block 16 is computed once.',
};

/** The labels of a model that was trained on the page's first classes. */
export const labels = (...names: string[]): ModelClass[] => names.map((name, index) => ({ id: index + 1, name }));

export function event(over: Partial<TrainEvent>): TrainEvent {
  return {
    kind: 'step',
    phase: 'head',
    epoch: 1,
    epochs: 10,
    step: 1,
    steps: 20,
    loss: 1,
    accuracy: 0.5,
    validationLoss: null,
    validationAccuracy: null,
    learningRates: [{ group: 'head', rate: 0.003 }],
    bestEpoch: null,
    improved: false,
    imagesPerSecond: 100,
    eta: 3,
    memory: 0,
    hint: null,
    ...over,
  };
}

export const report: TrainReport = {
  classes: ['Class 1', 'Class 2'],
  classIds: [1, 2],
  images: { train: 8, validation: 2, test: 0 },
  backbone: 'mobilenet',
  head: 'linear',
  fineTune: 'none',
  trainableParameters: 10,
  totalParameters: 100,
  phase: 'head',
  epochsRun: 10,
  headEpochs: 10,
  bestEpoch: 7,
  stopped: 'finished',
  trainLoss: 0.1,
  trainAccuracy: 1,
  validationLoss: 0.2,
  validationAccuracy: 0.5,
  testAccuracy: null,
  confusionMatrix: [
    [1, 0],
    [1, 0],
  ],
  perClass: [
    { class: 'Class 1', precision: 0.5, recall: 1, support: 1 },
    { class: 'Class 2', precision: null, recall: 0, support: 1 },
  ],
  seconds: { embed: 1, train: 1, evaluate: 0.1 },
  seed: 42,
  engine: 'cpu',
  warnings: [],
};
