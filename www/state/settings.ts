/** The settings of a run: what was typed, checked against what makes sense. */
import type { TrainConfig } from '../generated/types.js';
import type { Overrides, SettingName } from './types.js';

interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  readonly problem: string;
}

const RULES: Readonly<Record<Exclude<SettingName, 'head'>, NumberRule>> = {
  units: { min: 1, max: 4096, whole: true, problem: 'A whole number from 1 to 4,096.' },
  epochs: { min: 1, max: 1000, whole: true, problem: 'A whole number from 1 to 1,000.' },
  learningRate: { min: 1e-7, max: 1, whole: false, problem: 'A number above 0 and up to 1, such as 0.003.' },
  batchSize: { min: 1, max: 1024, whole: true, problem: 'A whole number from 1 to 1,024.' },
  validation: { min: 0, max: 90, whole: false, problem: 'A percentage from 0 to 90.' },
  seed: { min: 0, max: 4_294_967_295, whole: true, problem: 'A whole number from 0 to 4,294,967,295.' },
};

export interface CheckedSettings {
  /** Only what differs from the defaults' own text; unusable entries are left out. */
  readonly config: Partial<TrainConfig>;
  readonly problems: Readonly<Partial<Record<SettingName, string>>>;
}

const DEFAULT_UNITS = '128';

/** What each field shows: the typed text, or the default as text. */
export function shownSettings(overrides: Overrides, defaults: TrainConfig): Record<SettingName, string> {
  const [head = 'linear', units = DEFAULT_UNITS] = defaults.head.split(':');
  return {
    head,
    units,
    epochs: String(defaults.epochs),
    learningRate: plain(defaults.learningRate),
    batchSize: String(defaults.batchSize),
    validation: plain(defaults.validation * 100),
    seed: String(defaults.seed),
    ...overrides,
  };
}

/** Rates cross from f32: 0.003 must not read 0.003000000026077032. */
function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function checkSettings(overrides: Overrides, defaults: TrainConfig): CheckedSettings {
  const shown = shownSettings(overrides, defaults);
  const problems: Partial<Record<SettingName, string>> = {};
  const config: Partial<TrainConfig> = {};
  const read = (name: Exclude<SettingName, 'head'>, take: (value: number) => void): void => {
    const value = parse(shown[name], RULES[name]);
    if (value === null) problems[name] = RULES[name].problem;
    else if (overrides[name] !== undefined) take(value);
  };
  read('epochs', (value) => (config.epochs = value));
  read('learningRate', (value) => (config.learningRate = value));
  read('batchSize', (value) => (config.batchSize = value));
  read('validation', (value) => (config.validation = value / 100));
  read('seed', (value) => (config.seed = value));
  if (shown.head === 'mlp') read('units', () => undefined);
  if (problems.units === undefined && (overrides.head !== undefined || overrides.units !== undefined)) {
    config.head = shown.head === 'mlp' ? `mlp:${Number(shown.units)}` : shown.head;
  }
  return { config, problems };
}

function parse(text: string, rule: NumberRule): number | null {
  // A decimal comma is what many keyboards offer.
  const cleaned = text.trim().replace(',', '.');
  const value = Number(cleaned);
  if (cleaned === '' || !Number.isFinite(value) || value < rule.min || value > rule.max) return null;
  return rule.whole && !Number.isInteger(value) ? null : value;
}
