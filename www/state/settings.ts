/** The settings of a run: what was typed, checked against the rules. */
import type { NumberRange, SettingRules, TrainConfig } from '../generated/types.js';
import { choicesOf, fieldRules, matters, numberIn, partsOf, rangeOf, scaleOf, settingNames, type SettingName, type Shown } from './setting-rules.js';
import type { BackboneLimits, Overrides, Settings } from './types.js';

export interface CheckedSettings {
  /** Only what differs from the defaults' own text; unusable entries and those that change nothing now are left out. */
  readonly config: Partial<TrainConfig>;
  /** What each number that makes no sense has to be. */
  readonly problems: Readonly<Partial<Record<SettingName, NumberRange>>>;
}

/** What each field shows: the typed text, or the default as text. Without limits the backbone is one that can do anything. */
export function shownSettings(overrides: Overrides, rules: SettingRules, limits: BackboneLimits | null = null): Shown {
  const shown: Record<string, string> = { ...defaultTexts(rules), ...overrides };
  for (const rule of fieldRules(rules)) {
    // What was remembered may be from a version with other choices.
    const known = rule.kind !== 'choice' || rule.choices.some(({ value }) => value === shown[rule.name]);
    if (!known) shown[rule.name] = wordOf(rule.default);
  }
  // A choice that this backbone does not offer is not made.
  if (limits !== null && unavailable(shown['fineTune'] ?? '', limits)) shown['fineTune'] = 'none';
  return shown as Shown;
}

function defaultTexts(rules: SettingRules): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const rule of fieldRules(rules)) {
    for (const part of partsOf(rule)) texts[part.name] = plain(part.default);
    if (rule.kind === 'number') texts[rule.name] = plain(rule.default * scaleOf(rule.name));
    else if (rule.kind === 'flag') texts[rule.name] = String(rule.default);
    else {
      const [word = '', number] = rule.default.split(':');
      const part = rule.choices.find(({ value }) => value === word)?.part;
      texts[rule.name] = word;
      if (part && number !== undefined) texts[part.name] = number;
    }
  }
  return texts;
}

/** `mlp` of `mlp:128`. */
function wordOf(text: string): string {
  return text.split(':')[0] ?? '';
}

/** A share of 0.07 must not read 7.000000000000001 percent. */
function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Whether the backbone cannot be fine-tuned like this at all. */
export function unavailable(fineTune: string, limits: BackboneLimits): boolean {
  if (fineTune === 'last') return limits.fineTunable === 0;
  return fineTune === 'all' && limits.fineTunable < limits.stages;
}

/** What a run is given, and what is in its way. */
export function checkSettings(overrides: Overrides, rules: SettingRules, limits: BackboneLimits | null = null): CheckedSettings {
  const shown = shownSettings(overrides, rules, limits);
  const problems: Partial<Record<SettingName, NumberRange>> = {};
  const config: Record<string, string | number | boolean> = {};
  const read = (name: SettingName, range: NumberRange): number | null => {
    const value = numberIn(range, name, shown[name]);
    if (value === null) problems[name] = range;
    return value;
  };
  for (const rule of fieldRules(rules)) {
    if (!matters(rule.name, shown, rules)) continue;
    const asked = overrides[rule.name] !== undefined;
    if (rule.kind === 'flag') {
      if (asked) config[rule.name] = shown[rule.name] === 'true';
    } else if (rule.kind === 'number') {
      const value = read(rule.name, rule.range);
      if (value !== null && asked) config[rule.name] = value;
    } else {
      const word = shown[rule.name];
      const part = rule.choices.find(({ value }) => value === word)?.part ?? null;
      const value = part && read(part.name, limited(part.name, part.range, limits));
      if (part !== null && value === null) continue;
      if (asked || (part !== null && overrides[part.name] !== undefined)) config[rule.name] = value === null ? word : `${word}:${value}`;
    }
  }
  return { config, problems };
}

/** A range, as far as this backbone goes along. */
function limited(name: SettingName, range: NumberRange, limits: BackboneLimits | null): NumberRange {
  return name === 'stages' && limits !== null ? { ...range, max: Math.min(limits.fineTunable, range.max ?? Infinity) } : range;
}

/** Remembered settings without what cannot be used: it would stand in the way of whoever comes next, perhaps out of sight. */
export function usableSettings(settings: Settings, rules: SettingRules, limits: BackboneLimits): Settings {
  const { overrides } = settings;
  const usable = settingNames(rules).filter((name) => isUsable(name, overrides[name], rules, limits));
  if (usable.length === Object.keys(overrides).length) return settings;
  return { ...settings, overrides: Object.fromEntries(usable.map((name) => [name, overrides[name]])) };
}

function isUsable(name: SettingName, text: string | undefined, rules: SettingRules, limits: BackboneLimits): boolean {
  if (text === undefined) return false;
  const range = rangeOf(rules, name);
  if (range !== null) return numberIn(limited(name, range, limits), name, text) !== null;
  const choices = choicesOf(rules, name);
  return choices.length === 0 ? text === 'true' || text === 'false' : choices.some(({ value }) => value === text);
}
