/** The settings of a run: what was typed, checked against what makes sense. */
import type { TrainConfig } from '../generated/types.js';
import { matters } from './relevance.js';
import {
  CHOICE_NAMES,
  CHOICES,
  FLAGS,
  NUMBER_NAMES,
  NUMBERS,
  PARTS,
  type NumberRule,
  type PartName,
  type SettingName,
} from './setting-rules.js';
import type { BackboneLimits, Overrides } from './types.js';

export type Shown = Readonly<Record<SettingName, string>>;

export interface CheckedSettings {
  /** Only what differs from the defaults' own text; unusable entries and those that change nothing now are left out. */
  readonly config: Partial<TrainConfig>;
  readonly problems: Readonly<Partial<Record<SettingName, string>>>;
}

/** What a field shows that the default settings say nothing about. */
const FIRST_PARTS: Readonly<Record<PartName, string>> = { units: '128', channels: '64', margin: '0.001', stages: '3' };
/** Which part goes with which choice. */
const PART_OF: Readonly<Record<string, PartName>> = { mlp: 'units', conv: 'channels', svm: 'margin', last: 'stages' };

const UNLIMITED: BackboneLimits = { fineTunable: 1000, stages: 1000, fineTuneReason: '' };

/** What each field shows: the typed text, or the default as text. */
export function shownSettings(overrides: Overrides, defaults: TrainConfig, limits: BackboneLimits = UNLIMITED): Shown {
  const shown: Partial<Record<SettingName, string>> = { ...FIRST_PARTS };
  for (const name of ['head', 'fineTune'] as const) {
    const [kind = '', part] = defaults[name].split(':');
    const partName = PART_OF[kind];
    shown[name] = kind;
    if (partName !== undefined && part !== undefined) shown[partName] = part;
  }
  for (const name of NUMBER_NAMES) shown[name] = plain(defaults[name] * scaleOf(NUMBERS[name]));
  for (const name of CHOICE_NAMES) shown[name] ??= defaults[name];
  for (const name of FLAGS) shown[name] = String(defaults[name]);
  Object.assign(shown, overrides);
  // What was remembered may be from a version with other choices.
  for (const name of CHOICE_NAMES) {
    const known: readonly string[] = CHOICES[name];
    if (!known.includes(shown[name] ?? '')) shown[name] = defaults[name].split(':')[0] ?? '';
  }
  // A choice that this backbone does not offer is not made.
  if (unavailable(shown.fineTune ?? 'none', limits)) shown.fineTune = 'none';
  return shown as Shown;
}

/** Whether the backbone cannot be fine-tuned like this at all. */
export function unavailable(fineTune: string, limits: BackboneLimits): boolean {
  if (fineTune === 'last') return limits.fineTunable === 0;
  return fineTune === 'all' && limits.fineTunable < limits.stages;
}

/** Rates cross from f32: 0.003 must not read 0.003000000026077032. */
function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function scaleOf(rule: NumberRule): number {
  return rule.percent ? 100 : 1;
}

export function checkSettings(overrides: Overrides, defaults: TrainConfig, limits: BackboneLimits = UNLIMITED): CheckedSettings {
  const shown = shownSettings(overrides, defaults, limits);
  const problems: Partial<Record<SettingName, string>> = {};
  const config: Partial<TrainConfig> = {};
  const read = (name: SettingName, rule: NumberRule): number | null => {
    const value = parse(shown[name], rule);
    if (value === null) problems[name] = rule.problem;
    return value;
  };
  for (const name of NUMBER_NAMES) {
    if (!matters(name, shown)) continue;
    const value = read(name, NUMBERS[name]);
    if (value !== null && overrides[name] !== undefined) config[name] = value / scaleOf(NUMBERS[name]);
  }
  for (const name of CHOICE_NAMES) {
    if (name === 'head' || name === 'fineTune' || overrides[name] === undefined || !matters(name, shown)) continue;
    config[name] = shown[name];
  }
  for (const name of FLAGS) {
    if (overrides[name] !== undefined && matters(name, shown)) config[name] = shown[name] === 'true';
  }
  for (const name of ['head', 'fineTune'] as const) {
    const part = PART_OF[shown[name]];
    const value = part === undefined ? null : read(part, part === 'stages' ? stageRule(limits) : PARTS[part]);
    if (part !== undefined && value === null) continue;
    const whole = value === null ? shown[name] : `${shown[name]}:${value}`;
    const asked = overrides[name] !== undefined || (part !== undefined && overrides[part] !== undefined);
    if (asked) config[name] = whole;
  }
  return { config, problems };
}

function stageRule(limits: BackboneLimits): NumberRule {
  const max = Math.min(limits.fineTunable, PARTS.stages.max);
  const problem = max === 1 ? 'Only 1 block can be trained.' : `A whole number from 1 to ${max.toLocaleString('en')}.`;
  return { ...PARTS.stages, max, problem };
}

function parse(text: string, rule: NumberRule): number | null {
  // A decimal comma is what many keyboards offer.
  const cleaned = text.trim().replace(',', '.');
  const value = Number(cleaned);
  if (cleaned === '' || !Number.isFinite(value) || value < rule.min || value > rule.max) return null;
  return rule.whole && !Number.isInteger(value) ? null : value;
}
