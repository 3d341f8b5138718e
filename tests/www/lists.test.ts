import { describe, expect, it } from 'vitest';
import { seeded } from '../../www/samples/random.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import type { AppState, ClassState, Key } from '../../www/state/types.js';
import { pictureChange, reachablePictures } from '../../www/state/undo.js';
import type { ListRecord } from '../../www/storage/database.js';
import { changedPieces, PIECE, withLists, withPresent } from '../../www/storage/lists.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { Kept } from '../../www/ui/control/kept.js';

/** States that follow each other as somebody works at random. */
function* visits(seed: number, steps: number): Generator<AppState> {
  const next = seeded(seed);
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(next() * all.length)];
  let state = initialState(FIRST_SETTINGS);
  let key = 1;
  for (let step = 0; step < steps; step += 1) {
    const some = new Set(state.classes.flatMap((each) => each.pictures).filter(() => next() < 0.2).map((each) => each.key));
    const chosen = pick(state.classes)?.key ?? 1;
    const added = Array.from({ length: Math.floor(next() * 150) }, () => ({ key: key++, name: 'a picture' }));
    const action = pick<Action>([
      { type: 'pictures-read', key: chosen, added, done: added.length },
      { type: 'pictures-read', key: chosen, added, done: added.length },
      { type: 'pictures-removed', keys: some },
      { type: 'pictures-moved', keys: some, to: chosen },
      { type: 'pictures-lost', keys: some },
      { type: 'class-removed', key: chosen },
      { type: 'class-merged', key: chosen, into: pick(state.classes)?.key ?? 1 },
      { type: 'class-added' },
      { type: 'undone' },
    ]);
    if (action !== undefined) state = reduce(state, action);
    yield state;
  }
}

/** What a device has of lists, written piece by piece. */
class Pieces {
  readonly #records = new Map<string, ListRecord>();

  apply({ put, gone }: ReturnType<typeof changedPieces>): void {
    for (const piece of put) this.#records.set(`${piece.class} ${piece.piece}`, { project: 'p', ...piece });
    for (const [key, piece] of gone) this.#records.delete(`${key} ${piece}`);
  }

  /** In the order of their keys, as the database gives them. */
  get all(): ListRecord[] {
    return [...this.#records.values()].sort((one, other) => one.class - other.class || one.piece - other.piece);
  }
}

const without = (keys: ReadonlySet<Key>, others: ReadonlySet<Key>): Set<Key> => new Set([...keys].filter((key) => !others.has(key)));

const classOf = (key: Key, count: number, first = 1): ClassState => ({
  key,
  name: `class ${key}`,
  pictures: Array.from({ length: count }, (_, index) => ({ key: first + index, name: `${first + index}.png` })),
});

describe('lists of pictures', () => {
  it('are what the page shows, after whatever was done to them', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const device = new Pieces();
      let before: readonly ClassState[] = [];
      for (const { classes } of visits(seed, 40)) {
        device.apply(changedPieces(before, classes));
        before = classes;
        expect(withLists(classes, device.all), `seed ${seed}`).toEqual(classes);
        expect(device.all.length, `seed ${seed}`).toBe(classes.reduce((sum, { pictures }) => sum + Math.ceil(pictures.length / PIECE), 0));
      }
    }
  });

  it('change in one piece where a picture comes, and in the pieces that it is in where it is another', () => {
    const many = classOf(1, 10 * PIECE + 5);
    const other = classOf(2, 3 * PIECE, 100_000);
    const more = { ...many, pictures: [...many.pictures, { key: 5000, name: 'new' }] };
    expect(changedPieces([many, other], [more, other])).toMatchObject({ put: [{ class: 1, piece: 10 }], gone: [] });
    const marked = { ...other, pictures: other.pictures.map((each, index) => (index === PIECE ? { ...each, test: true as const } : each)) };
    expect(changedPieces([many, other], [many, marked])).toMatchObject({ put: [{ class: 2, piece: 1 }], gone: [] });
    expect(changedPieces([many, other], [{ ...many, name: 'renamed' }, other])).toEqual({ put: [], gone: [] });
  });

  it('lose what never came, and are the same where all is there', () => {
    const classes = [classOf(1, 3), classOf(2, 2, 10)];
    expect(withPresent(classes, () => true)).toBe(classes);
    expect(withPresent(classes, (key) => key !== 2).map(({ pictures }) => pictures.map(({ key }) => key))).toEqual([[1, 3], [10, 11]]);
  });
});

describe('what has come and gone', () => {
  it('is the difference of what is within reach, after whatever was done', () => {
    for (let seed = 100; seed < 140; seed += 1) {
      let before = initialState(FIRST_SETTINGS);
      for (const state of visits(seed, 40)) {
        const [old, now] = [reachablePictures(before), reachablePictures(state)];
        const { came, went } = pictureChange(before, state);
        expect(came, `seed ${seed}`).toEqual(without(now, old));
        expect(went, `seed ${seed}`).toEqual(without(old, now));
        before = state;
      }
    }
  });

  it('is written and let go until the device has what is within reach and nothing else', () => {
    for (let seed = 200; seed < 220; seed += 1) {
      const next = seeded(seed);
      const kept = new Kept(initialState(FIRST_SETTINGS));
      const device = new Set<Key>();
      for (const state of visits(seed, 40)) {
        // Not every change is looked at by itself, and not all is written at once.
        if (next() < 0.5) continue;
        kept.follow(state);
        const [added, removed] = [[...kept.missing].filter(() => next() < 0.7), [...kept.surplus]];
        for (const key of added) device.add(key);
        for (const key of removed) device.delete(key);
        kept.written(added, removed);
        expect(new Set([...device, ...kept.missing]), `seed ${seed}`).toEqual(reachablePictures(state));
      }
    }
  });
});
