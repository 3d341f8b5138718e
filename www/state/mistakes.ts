/** The pictures that a model was measured on and took for something else, in words. */
import type { TrainReport } from '../generated/types.js';
import type { AppState, Key, RunState } from './types.js';
import { count } from './words.js';

/** So many are printed: two pages full. */
export const MOST_MISTAKES = 24;

/** A picture that was taken for something else. */
export interface Mistake {
  readonly key: Key;
  readonly name: string;
  /** The class that it was measured as one of. */
  readonly actual: string;
  readonly said: string;
  /** How sure the model was, 0 to 1. */
  readonly probability: number;
}

export interface Mistakes {
  /** The pictures that the result is about: those of the test set where there are any. */
  readonly part: 'test' | 'held-out';
  /** How many of these the model was asked about now. */
  readonly asked: number;
  readonly total: number;
  /** The first {@link MOST_MISTAKES} of them, the surest first. */
  readonly surest: readonly Mistake[];
}

/** Which pictures the figures are about, or null where there were none to measure it on. */
export function measuredPart({ testAccuracy, validationAccuracy }: TrainReport): Mistakes['part'] | null {
  if (testAccuracy !== null) return 'test';
  return validationAccuracy === null ? null : 'held-out';
}

export function mistakesOf(part: Mistakes['part'], asked: number, all: readonly Mistake[]): Mistakes {
  const surest = all.toSorted((one, other) => other.probability - one.probability).slice(0, MOST_MISTAKES);
  return { part, asked, total: all.length, surest };
}

/** Why nobody can say which pictures it mistakes, or null where that can be found out. */
export function whyNoMistakes(report: TrainReport, { replaced }: RunState, hasModel: boolean): string | null {
  if (measuredPart(report) === null) return 'No pictures were held back, so there are none that show what it mistakes.';
  return replaced || !hasModel ? 'The model that this is about is not in use any more, so it cannot be asked.' : null;
}

/** Whether the model is at something else, or on its way into another engine, so that it has to be asked later. */
export function isTakenUp({ engine, modelFileBusy }: Pick<AppState, 'engine' | 'modelFileBusy'>): boolean {
  return modelFileBusy || engine.status === 'loading' || engine.status === 'switching';
}

/** That the mistakes are those of now and the figures those of then, or null where nothing has changed in between. */
export function whatChangedSince({ stale }: RunState): string | null {
  return stale ? 'Pictures or classes have changed since the figures were measured, so these need not agree with them.' : null;
}

/** How many there are, and which of them are shown. */
export function mistakesInWords({ part, asked, total, surest }: Mistakes, { images }: TrainReport): string {
  const one = part === 'test' ? 'test picture' : 'picture held back';
  const of = count(asked, one, part === 'test' ? 'test pictures' : 'pictures held back');
  const gone = (part === 'test' ? images.test : images.validation) - asked;
  if (asked === 0) return 'None of the pictures that it was checked with is here any more.';
  const rest = gone > 0 ? ` ${count(gone, 'picture')} that it was checked with ${gone === 1 ? 'is' : 'are'} not here any more.` : '';
  if (total === 0) return `None: ${asked === 1 ? `the only ${one} was` : `all ${of} were`} recognised.${rest}`;
  const mistaken = `${total.toLocaleString('en')} of ${of} ${total === 1 ? 'was' : 'were'} mistaken`;
  if (total === 1) return `${mistaken}.${rest}`;
  const more = total - surest.length;
  return more > 0
    ? `${mistaken}. These are the ${surest.length} that it was surest of; ${more.toLocaleString('en')} more are not shown.${rest}`
    : `${mistaken}, the surest first.${rest}`;
}
