/** Merging a class into another: when it can be done, and what it leaves as it is. */
import type { ModelClass } from '../generated/types.js';
import type { AppState, ClassState, Key } from './types.js';

/** Why a class cannot be merged into another now, or null when it can: what comes in later would belong nowhere. */
export function whyNotMerge(state: AppState, key: Key): string | null {
  if (state.import?.status === 'adding') return 'Pictures are still being imported.';
  return state.intake[key] === undefined ? null : 'Its pictures are still being read.';
}

/** What a model that has learned the class says of it until it learns anew, or null where it does not know it. */
export function whatTheModelGoesOnWith(model: readonly ModelClass[] | null, { key, name }: ClassState): string | null {
  // One from a file knows names only.
  const knows = model?.some((each) => (each.id === null ? each.name === name : each.id === key)) ?? false;
  return knows ? `The model goes on telling “${name}” apart until it is trained again.` : null;
}
