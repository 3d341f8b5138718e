import { describe, expect, it } from 'vitest';
import { isTakenUp, measuredPart, mistakesInWords, mistakesOf, MOST_MISTAKES, whatChangedSince, whyNoMistakes, type Mistake } from '../../www/state/mistakes.js';
import { initialState } from '../../www/state/reducer.js';
import { NO_RUN } from '../../www/state/run.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { report } from './support/state.js';

const wrong = (key: number, probability: number): Mistake => ({ key, name: `${key}.png`, actual: 'cat', said: 'dog', probability });
const many = (count: number): Mistake[] => Array.from({ length: count }, (_, index) => wrong(index, (index + 1) / 100));
const images = (validation: number, test = 0) => ({ ...report, images: { train: 8, validation, test } });

describe('mistaken pictures', () => {
  it('are those of the test set where it was measured on one', () => {
    expect(measuredPart({ ...report, testAccuracy: 0, validationAccuracy: 1 })).toBe('test');
    expect(measuredPart({ ...report, testAccuracy: null, validationAccuracy: 0 })).toBe('held-out');
    expect(measuredPart({ ...report, testAccuracy: null, validationAccuracy: null })).toBeNull();
  });

  it('are shown from the surest on, so many at most', () => {
    const { surest, total } = mistakesOf('test', 60, many(MOST_MISTAKES + 3));
    expect([total, surest.length]).toEqual([27, 24]);
    expect([surest[0]?.key, surest.at(-1)?.key]).toEqual([26, 3]);
  });

  it('are counted in words, with those that are not shown', () => {
    expect(mistakesInWords(mistakesOf('held-out', 12, []), images(12))).toBe('None: all 12 pictures held back were recognised.');
    expect(mistakesInWords(mistakesOf('test', 1, []), images(12, 1))).toBe('None: the only test picture was recognised.');
    expect(mistakesInWords(mistakesOf('test', 40, many(1)), images(12, 40))).toBe('1 of 40 test pictures was mistaken.');
    expect(mistakesInWords(mistakesOf('held-out', 40, many(5)), images(40))).toBe('5 of 40 pictures held back were mistaken, the surest first.');
    expect(mistakesInWords(mistakesOf('held-out', 60, many(30)), images(60))).toBe(
      '30 of 60 pictures held back were mistaken. These are the 24 that it was surest of; 6 more are not shown.',
    );
  });

  it('are told to be of fewer pictures where some are gone', () => {
    expect(mistakesInWords(mistakesOf('held-out', 10, []), images(12))).toBe(
      'None: all 10 pictures held back were recognised. 2 pictures that it was checked with are not here any more.',
    );
    expect(mistakesInWords(mistakesOf('test', 39, many(2)), images(12, 40))).toBe(
      '2 of 39 test pictures were mistaken, the surest first. 1 picture that it was checked with is not here any more.',
    );
    expect(mistakesInWords(mistakesOf('held-out', 0, []), images(12))).toBe('None of the pictures that it was checked with is here any more.');
  });

  it('need not agree with the figures where something has changed since', () => {
    expect(whatChangedSince({ ...NO_RUN, report })).toBeNull();
    expect(whatChangedSince({ ...NO_RUN, report, stale: true })).toContain('have changed since');
  });

  it('have to wait for the engine and for files of models, but not for an engine that has failed', () => {
    const { engine } = initialState(FIRST_SETTINGS);
    const taken = (status: typeof engine.status, modelFileBusy = false) => isTakenUp({ engine: { ...engine, status }, modelFileBusy });
    expect([taken('loading'), taken('switching'), taken('ready', true), taken('ready'), taken('failed')]).toEqual([true, true, true, false, false]);
  });

  it('are not known without pictures held back, or without the model', () => {
    const run = { ...NO_RUN, report };
    expect(whyNoMistakes(report, run, true)).toBeNull();
    expect(whyNoMistakes({ ...report, validationAccuracy: null }, run, true)).toContain('No pictures were held back');
    expect(whyNoMistakes(report, { ...run, replaced: true }, true)).toContain('not in use any more');
    expect(whyNoMistakes(report, run, false)).toContain('not in use any more');
  });
});
