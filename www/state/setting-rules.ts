/** The settings that the page offers, and what each may be. */

export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  readonly problem: string;
  /** Typed as a percentage of what the trainer takes. */
  readonly percent?: true;
}

const rate: NumberRule = { min: 1e-7, max: 1, whole: false, problem: 'A number above 0 and up to 1, such as 0.003.' };
const whole = (min: number, max: number): NumberRule => ({
  min,
  max,
  whole: true,
  problem: `A whole number from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}.`,
});
const number = (min: number, max: number, problem: string): NumberRule => ({ min, max, whole: false, problem });
const percentage = (min: number, max: number): NumberRule => ({
  min,
  max,
  whole: false,
  problem: `A percentage from ${min} to ${max}.`,
  percent: true,
});

/** Numbers that the trainer knows by the same name. */
export const NUMBERS = {
  epochs: whole(1, 1000),
  learningRate: rate,
  fineTuneEpochs: whole(1, 1000),
  backboneLearningRate: rate,
  headLearningRate: rate,
  depthDecay: percentage(1, 100),
  unfreezeEvery: whole(0, 1000),
  batchSize: whole(1, 1024),
  momentum: number(0, 0.999, 'A number from 0 to 0.999.'),
  clipNorm: number(0, 1_000_000, 'A number from 0 to 1,000,000.'),
  warmUp: percentage(0, 99),
  stepEvery: whole(1, 1000),
  stepFactor: number(0.001, 1, 'A number from 0.001 to 1.'),
  weightDecay: number(0, 1, 'A number from 0 to 1.'),
  labelSmoothing: percentage(0, 99),
  dropout: percentage(0, 99),
  zoom: percentage(5, 100),
  rotation: number(0, 180, 'A number from 0 to 180.'),
  brightness: percentage(0, 99),
  contrast: percentage(0, 99),
  variants: whole(1, 64),
  validation: percentage(0, 90),
  patience: whole(0, 1000),
  memoryLimit: number(0, 65_536, 'A number from 0 to 65,536.'),
  seed: whole(0, 4_294_967_295),
} as const satisfies Readonly<Record<string, NumberRule>>;

/** Numbers that are part of another setting: the units of `mlp:128`, the stages of `last:3`. */
export const PARTS = {
  units: whole(1, 4096),
  channels: whole(1, 512),
  margin: number(1e-6, 1_000_000, 'A number above 0 and up to 1,000,000.'),
  stages: whole(1, 1000),
} as const satisfies Readonly<Record<string, NumberRule>>;

export const CHOICES = {
  head: ['linear', 'mlp', 'conv', 'svm'],
  fineTune: ['none', 'last', 'all'],
  activation: ['relu', 'silu', 'tanh'],
  optimizer: ['adamw', 'adam', 'sgd'],
  schedule: ['cosine', 'constant', 'step', 'plateau'],
  classWeights: ['none', 'balanced'],
  monitor: ['auto', 'loss', 'accuracy'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export const FLAGS = ['flip', 'trainNorms'] as const;

export type NumberName = keyof typeof NUMBERS;
export type PartName = keyof typeof PARTS;
export type ChoiceName = keyof typeof CHOICES;
export type FlagName = (typeof FLAGS)[number];

/** A missing one is the trainer's default. */
export type SettingName = NumberName | PartName | ChoiceName | FlagName;

export const NUMBER_NAMES = Object.keys(NUMBERS) as readonly NumberName[];
export const PART_NAMES = Object.keys(PARTS) as readonly PartName[];
export const CHOICE_NAMES = Object.keys(CHOICES) as readonly ChoiceName[];
export const SETTING_NAMES: readonly SettingName[] = [...NUMBER_NAMES, ...PART_NAMES, ...CHOICE_NAMES, ...FLAGS];
