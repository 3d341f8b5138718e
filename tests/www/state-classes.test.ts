import { describe, expect, it } from 'vitest';
import { freeName, freshName, nameProblem, untouchedClasses } from '../../www/state/classes.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import type { AppState, Key } from '../../www/state/types.js';
import { lostClasses, pictureChange, reachablePictures } from '../../www/state/undo.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';

const start = (): AppState => initialState(FIRST_SETTINGS);
const play = (state: AppState, ...actions: Action[]): AppState => actions.reduce(reduce, state);
const read = (key: Key, ...pictures: Key[]): Action => ({
  type: 'pictures-read',
  key,
  added: pictures.map((each) => ({ key: each, name: `${each}.jpg` })),
  done: pictures.length,
});
/** Classes as “name: picture keys”. */
const outline = (state: AppState): string[] =>
  state.classes.map(({ name, pictures }) => `${name}: ${pictures.map((each) => each.key).join(' ')}`.trim());

const filled = (): AppState => play(start(), read(1, 10, 11, 12), read(2, 20, 21));

describe('classes', () => {
  it('start as two and are added under the first free name', () => {
    const state = play(start(), { type: 'class-removed', key: 1 }, { type: 'class-added' }, { type: 'class-added', name: '  cats ' });
    expect(outline(state)).toEqual(['Class 2:', 'Class 3:', 'cats:']);
    expect(state.target).toBe(4);
  });

  it('have names that are neither empty nor taken', () => {
    const { classes } = start();
    expect(nameProblem(classes, null, '  ')).toContain('needs a name');
    expect(nameProblem(classes, 1, ' Class 2 ')).toContain('already');
    expect(nameProblem(classes, 1, 'Class 1')).toBeNull();
    expect(freshName(classes)).toBe('Class 3');
    expect(freeName(classes, 'Class 1', null)).toBe('Class 1 (2)');
    const before = start();
    expect(play(before, { type: 'class-added', name: 'Class 1' }, { type: 'class-renamed', key: 1, name: 'Class 2' })).toBe(before);
  });

  it('are untouched until they have a name, a picture or a past', () => {
    expect(untouchedClasses(start())).toEqual([1, 2]);
    expect(untouchedClasses(play(start(), { type: 'pictures-expected', key: 1, count: 3 }))).toEqual([2]);
    expect(untouchedClasses(play(start(), { type: 'camera-given', to: 2 }))).toEqual([1]);
    expect(untouchedClasses(play(start(), { type: 'class-removed', key: 1 }))).toEqual([]);
    expect(untouchedClasses(play(start(), { type: 'class-renamed', key: 2, name: 'dogs' }))).toEqual([]);
  });
});

describe('undo', () => {
  it('brings a class back to its place with its pictures', () => {
    const removed = play(filled(), { type: 'class-removed', key: 1 });
    expect(outline(removed)).toEqual(['Class 2: 20 21']);
    expect(removed.toast?.text).toBe('Class “Class 1” deleted');
    const back = play(removed, { type: 'undone' });
    expect(outline(back)).toEqual(['Class 1: 10 11 12', 'Class 2: 20 21']);
    expect(back.toast).toBeNull();
  });

  it('takes a merged class out of the other again, to its place, with each of its pictures at its own', () => {
    const merged = play(filled(), { type: 'target-chosen', target: 1 }, { type: 'camera-given', to: 1 }, { type: 'class-merged', key: 1, into: 2 });
    expect(outline(merged)).toEqual(['Class 2: 20 21 10 11 12']);
    expect([merged.toast?.text, merged.target, merged.camera]).toEqual(['Class “Class 1” merged into “Class 2”', 2, null]);
    expect(outline(play(merged, { type: 'undone' }))).toEqual(['Class 1: 10 11 12', 'Class 2: 20 21']);
    // What came since stays where it came in, what was lost is lost, and the name may be another's by now.
    const later = play(merged, read(2, 22), { type: 'pictures-lost', keys: new Set([11]) }, { type: 'class-added', name: 'Class 1' }, { type: 'undone' });
    expect(outline(later)).toEqual(['Class 1 (2): 10 12', 'Class 2: 20 21 22', 'Class 1:']);
  });

  it('keeps the test pictures of a merged class what they are', () => {
    const test: Action = { type: 'pictures-read', key: 1, added: [{ key: 13, name: '13.jpg', test: true }], done: 1 };
    const before = play(filled(), test);
    const merged = play(before, { type: 'class-merged', key: 1, into: 2 });
    expect(merged.classes[0]?.pictures.filter(({ test: isTest }) => isTest).map(({ key }) => key)).toEqual([13]);
    expect(play(merged, { type: 'undone' }).classes).toEqual(before.classes);
  });

  it('does not count merging a class with itself, or into none, as a change', () => {
    const state = filled();
    expect(play(state, { type: 'class-merged', key: 1, into: 1 })).toBe(state);
    expect(play(state, { type: 'class-merged', key: 1, into: 99 })).toBe(state);
    expect(play(state, { type: 'class-merged', key: 99, into: 1 })).toBe(state);
  });

  it('brings a class back under another name where its own was given away', () => {
    const state = play(filled(), { type: 'class-removed', key: 1 }, { type: 'class-added', name: 'Class 1' }, { type: 'undone' });
    expect(outline(state)).toEqual(['Class 1 (2): 10 11 12', 'Class 2: 20 21', 'Class 1:']);
  });

  it('brings back pictures that were on their way when their class was deleted', () => {
    const state = play(filled(), { type: 'class-removed', key: 2 }, read(2, 22), { type: 'undone' });
    expect(outline(state)).toEqual(['Class 1: 10 11 12', 'Class 2: 20 21 22']);
  });

  it('puts deleted pictures back where they were', () => {
    const removed = play(filled(), { type: 'pictures-removed', keys: new Set([10, 12, 21]) });
    expect(outline(removed)).toEqual(['Class 1: 11', 'Class 2: 20']);
    expect(removed.toast?.text).toBe('3 pictures deleted');
    expect(outline(play(removed, { type: 'undone' }))).toEqual(['Class 1: 10 11 12', 'Class 2: 20 21']);
  });

  it('moves pictures back, from more than one class at once', () => {
    const state = play(filled(), { type: 'class-added', name: 'cats' }, { type: 'pictures-moved', keys: new Set([11, 20]), to: 3 });
    expect(outline(state)).toEqual(['Class 1: 10 12', 'Class 2: 21', 'cats: 11 20']);
    expect(state.toast?.text).toBe('2 pictures moved to “cats”');
    expect(outline(play(state, { type: 'undone' }))).toEqual(['Class 1: 10 11 12', 'Class 2: 20 21', 'cats:']);
  });

  it('does not count moving to the same class or to none as a change', () => {
    const state = filled();
    expect(play(state, { type: 'pictures-moved', keys: new Set([10]), to: 1 })).toBe(state);
    expect(play(state, { type: 'pictures-moved', keys: new Set([10]), to: 99 })).toBe(state);
    expect(play(state, { type: 'pictures-removed', keys: new Set([99]) })).toBe(state);
    expect(play(state, { type: 'undone' })).toBe(state);
  });

  it('takes back one thing after another, newest first', () => {
    const state = play(
      filled(),
      { type: 'class-renamed', key: 1, name: 'cats' },
      { type: 'pictures-moved', keys: new Set([10]), to: 2 },
      { type: 'class-removed', key: 1 },
      { type: 'pictures-removed', keys: new Set([10]) },
    );
    expect(outline(state)).toEqual(['Class 2: 20 21']);
    const seen: string[][] = [];
    for (let back = state; back.undo.length > 0; ) {
      back = play(back, { type: 'undone' });
      seen.push(outline(back));
    }
    expect(seen).toEqual([
      ['Class 2: 20 21 10'],
      ['cats: 11 12', 'Class 2: 20 21 10'],
      ['cats: 10 11 12', 'Class 2: 20 21'],
      ['Class 1: 10 11 12', 'Class 2: 20 21'],
    ]);
  });

  it('keeps what it may bring back and forgets what it cannot', () => {
    let state = play(filled(), { type: 'pictures-removed', keys: new Set([10]) });
    expect(reachablePictures(state)).toEqual(new Set([10, 11, 12, 20, 21]));
    for (let time = 0; time < 50; time += 1) state = play(state, { type: 'class-renamed', key: 2, name: `name ${time}` });
    expect(reachablePictures(state)).toEqual(new Set([11, 12, 20, 21]));
  });

  const lostPictures = (before: AppState, after: AppState): Key[] => [...pictureChange(before, after).went];
  const range = (from: Key, count: number): Key[] => Array.from({ length: count }, (_, index) => from + index);
  const removed = (from: Key, count: number): Action => ({ type: 'pictures-removed', keys: new Set(range(from, count)) });

  it('keeps 500 deleted pictures at most, or all that were deleted at once', () => {
    const before = play(start(), read(1, ...range(1, 1000)), removed(1, 300), removed(301, 200));
    expect([before.undo.length, lostPictures(start(), before)]).toEqual([2, []]);
    const after = play(before, removed(501, 1));
    expect([after.undo.length, lostPictures(before, after)]).toEqual([2, range(1, 300)]);
    const many = play(after, removed(502, 499), { type: 'class-removed', key: 1 });
    expect(many.undo.map(({ kind }) => kind)).toEqual(['pictures-removed', 'pictures-removed', 'class-removed']);
    expect(outline(play(many, { type: 'undone' }, { type: 'undone' }))[0]).toBe(`Class 1: ${range(502, 499).join(' ')}`);
    const all = play(start(), read(1, ...range(1, 600)), { type: 'class-renamed', key: 2, name: 'dogs' }, removed(1, 600));
    expect(all.undo.map(({ kind }) => kind)).toEqual(['pictures-removed']);
    expect(outline(play(all, { type: 'undone' }))[0]).toBe(`Class 1: ${range(1, 600).join(' ')}`);
  });

  it('holds no more after pictures were added and deleted again and again', () => {
    let state = start();
    const held: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      state = play(state, read(1, ...range(600 * time, 600)), removed(600 * time, 600));
      held.push(reachablePictures(state).size);
    }
    expect(held).toEqual([600, 600, 600, 600, 600]);
  });

  it('tells which deleted classes cannot come back', () => {
    const before = play(filled(), { type: 'class-removed', key: 1 });
    const after = play(before, read(2, ...range(1000, 501)), removed(1000, 501));
    expect([lostClasses(before, after), lostPictures(before, after)]).toEqual([[1], [10, 11, 12]]);
    expect(lostClasses(before, play(before, { type: 'undone' }))).toEqual([]);
  });

  it('holds no more for a merged class, which is lost with its entry', () => {
    const before = play(filled(), { type: 'class-merged', key: 1, into: 2 });
    expect([lostPictures(filled(), before), lostClasses(filled(), before)]).toEqual([[], []]);
    expect(lostClasses(before, play(before, { type: 'undone' }))).toEqual([]);
    const after = play(before, read(2, ...range(1000, 501)), removed(1000, 501));
    expect([lostClasses(before, after), lostPictures(before, after)]).toEqual([[1], []]);
  });

  it('does not bring back pictures whose files are gone', () => {
    const state = play(
      filled(),
      { type: 'pictures-moved', keys: new Set([10, 11]), to: 2 },
      { type: 'pictures-moved', keys: new Set([12]), to: 2 },
      { type: 'pictures-lost', keys: new Set([10, 12]) },
    );
    expect(outline(state)).toEqual(['Class 1:', 'Class 2: 20 21 11']);
    expect(outline(play(state, { type: 'undone' }))).toEqual(['Class 1: 11', 'Class 2: 20 21']);
    const deleted = play(filled(), { type: 'class-removed', key: 1 }, { type: 'pictures-lost', keys: new Set([10]) }, { type: 'undone' });
    expect(outline(deleted)[0]).toBe('Class 1: 11 12');
  });
});
