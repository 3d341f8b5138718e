import type { EngineReport, TrainConfig, TrainEvent, TrainReport } from '../../../www/generated/types.js';

/** What a trainer would tell the page, for tests of the page's state. */
export const engine: EngineReport = { kind: 'cpu', adapter: '', reason: 'Faster here.', cpuMilliseconds: 1, gpuMilliseconds: null };

export const defaults: TrainConfig = {
  head: 'linear',
  fineTune: 'none',
  epochs: 40,
  // As it comes from f32.
  learningRate: 0.003000000026077032,
  backboneLearningRate: 0.0001,
  batchSize: 32,
  optimizer: 'adamw',
  schedule: 'cosine',
  weightDecay: 0.01,
  labelSmoothing: 0,
  dropout: 0,
  validation: 0.20000000298023224,
  patience: 8,
  seed: 42,
};

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
    learningRate: 0.003,
    bestEpoch: null,
    improved: false,
    imagesPerSecond: 100,
    eta: 3,
    ...over,
  };
}

export const report: TrainReport = {
  classes: ['Class 1', 'Class 2'],
  images: { train: 8, validation: 2, test: 0 },
  backbone: 'mobilenet',
  head: 'linear',
  fine_tune: 'none',
  trainable_parameters: 10,
  total_parameters: 100,
  epochs_run: 10,
  best_epoch: 7,
  stopped: 'finished',
  train_loss: 0.1,
  train_accuracy: 1,
  validation_loss: 0.2,
  validation_accuracy: 0.5,
  test_accuracy: null,
  confusion_matrix: [
    [1, 0],
    [1, 0],
  ],
  per_class: [
    { class: 'Class 1', precision: 0.5, recall: 1, support: 1 },
    { class: 'Class 2', precision: null, recall: 0, support: 1 },
  ],
  seconds: { embed: 1, train: 1, evaluate: 0.1 },
  seed: 42,
  engine: 'cpu',
  warnings: [],
};
