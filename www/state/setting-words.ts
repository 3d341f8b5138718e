/** What may be typed, in words. */
import type { NumberRange } from '../generated/types.js';
import { scaleOf, type SettingName } from './setting-rules.js';

/** Few people have a learning rate at hand. */
const EXAMPLES: Readonly<Partial<Record<SettingName, string>>> = {
  learningRate: '0.003',
  backboneLearningRate: '0.003',
  headLearningRate: '0.003',
};

/** What is wrong with a number that its range does not hold. */
export function problemText(name: SettingName, { min, max, minExcluded, maxExcluded, whole }: NumberRange): string {
  // Only a backbone with a single block to train allows but one.
  if (name === 'stages' && max === 1) return 'Only 1 block can be trained.';
  const scale = scaleOf(name);
  const kind = whole ? 'whole number' : scale === 100 ? 'percentage' : 'number';
  const figure = (end: number): string => (end * scale).toLocaleString('en', { maximumFractionDigits: 6 });
  const from = `${minExcluded ? 'above' : 'from'} ${figure(min)}`;
  const to = max === null ? '' : ` ${minExcluded ? (maxExcluded ? 'and' : 'and up to') : 'to'}${maxExcluded ? ' below' : ''} ${figure(max)}`;
  const example = EXAMPLES[name];
  return `A ${kind} ${from}${to}${example === undefined ? '' : `, such as ${example}`}.`;
}
