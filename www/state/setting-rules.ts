/** The rules of the settings, which come from core as data: looking them up and going by them. No word and no number of theirs is here. */
import type { NumberRange, PartName, SettingChoice, SettingCondition, SettingPart, SettingRule, SettingRules, TrainConfig } from '../generated/types.js';

/** What has a field of its own: a setting or a part of one, such as the units of `mlp:128`. Going on from a model has a button instead. */
export type SettingName = Exclude<keyof TrainConfig, 'warmStart'> | PartName;

/** What each field shows. */
export type Shown = Readonly<Record<SettingName, string>>;

/** A setting that has a field of its own. */
export type FieldRule = SettingRule & { readonly name: Exclude<keyof TrainConfig, 'warmStart'> };

/** Shares of something: typed as percentages, because people think of them so. */
const PERCENTAGES: readonly string[] = [
  'depthDecay', 'warmUp', 'labelSmoothing', 'dropout', 'zoom', 'brightness', 'contrast', 'validation',
] satisfies readonly SettingName[];

/** What is typed for 1. */
export function scaleOf(name: string): number {
  return PERCENTAGES.includes(name) ? 100 : 1;
}

export function fieldRules({ settings }: SettingRules): readonly FieldRule[] {
  return settings.filter((rule): rule is FieldRule => rule.name !== 'warmStart');
}

/** Every setting and part in their order. */
export function settingNames(rules: SettingRules): readonly SettingName[] {
  return fieldRules(rules).flatMap((rule) => [rule.name, ...partsOf(rule).map((part) => part.name)]);
}

/** The words that a setting may be; none where it is no choice. */
export function choicesOf(rules: SettingRules, name: SettingName): readonly SettingChoice[] {
  const rule = fieldRules(rules).find((each) => each.name === name);
  return rule?.kind === 'choice' ? rule.choices : [];
}

/** The numbers that a setting or a part may be, or null where it is no number. */
export function rangeOf(rules: SettingRules, name: SettingName): NumberRange | null {
  for (const rule of fieldRules(rules)) {
    if (rule.name === name) return rule.kind === 'number' ? rule.range : null;
    const part = partsOf(rule).find((each) => each.name === name);
    if (part !== undefined) return part.range;
  }
  return null;
}

export function partsOf(rule: SettingRule): readonly SettingPart[] {
  return rule.kind === 'choice' ? rule.choices.flatMap(({ part }) => part ?? []) : [];
}

/** Whether a setting makes a difference beside the others as they are: otherwise it is neither shown nor passed on. */
export function matters(name: SettingName, shown: Shown, rules: SettingRules): boolean {
  const rule = fieldRules(rules).find((each) => each.name === name || partsOf(each).some((part) => part.name === name));
  if (rule === undefined) return false;
  const goes = rule.name === name || choicesOf(rules, rule.name).some(({ value, part }) => part?.name === name && shown[rule.name] === value);
  return goes && rule.when.every((any) => any.some((condition) => holds(condition, shown)));
}

function holds(condition: SettingCondition, shown: Shown): boolean {
  const { setting } = condition;
  const text = setting === 'warmStart' ? '' : shown[setting];
  if ('is' in condition) return condition.is.includes(text);
  // What is no number at all is taken as something that was asked for.
  return (typeof condition.isNot === 'number' ? readNumber(text) / scaleOf(setting) : text) !== condition.isNot;
}

/** What was typed as a number, as the trainer takes it; null where the range does not hold it. */
export function numberIn(range: NumberRange, name: string, text: string): number | null {
  const value = readNumber(text) / scaleOf(name);
  if (!Number.isFinite(value) || (range.whole && !Number.isInteger(value))) return null;
  if (value < range.min || (range.minExcluded && value === range.min)) return null;
  if (range.max === null) return value;
  return value > range.max || (range.maxExcluded && value === range.max) ? null : value;
}

function readNumber(text: string): number {
  // A decimal comma is what many keyboards offer.
  const cleaned = text.trim().replace(',', '.');
  return cleaned === '' ? Number.NaN : Number(cleaned);
}
