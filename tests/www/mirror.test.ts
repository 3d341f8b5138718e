import { describe, expect, it } from 'vitest';
import { BLANK, mirror, type Mirror } from '../../www/client/mirror.js';
import type { EngineReport } from '../../www/generated/types.js';

const CPU: EngineReport = { kind: 'cpu', adapter: '', reason: '', cpuMilliseconds: null, gpuMilliseconds: null };

/** Two classes, the first with the pictures 2, 4 and 6. */
const start: Mirror = mirror(BLANK, {
  classes: [
    { id: 7, name: 'cat', images: [2, 4, 6] },
    { id: 9, name: 'dog', images: [] },
  ],
  model: [{ id: 7, name: 'cat' }],
  engine: CPU,
});
const images = ({ classes }: Mirror) => Object.fromEntries(classes.map((each) => [each.name, each.images]));

describe('The page’s copy', () => {
  it('is blank until something is told', () => {
    expect(BLANK).toEqual({ classes: [], modelClasses: null, engine: null });
    expect(mirror(BLANK, {})).toEqual(BLANK);
  });

  it.each([
    ['first', 1, [1, 2, 4, 6]],
    ['in between', 5, [2, 4, 5, 6]],
    ['last', 8, [2, 4, 6, 8]],
    ['once, where it is there already', 4, [2, 4, 6]],
  ])('puts a picture in the order of numbers: %s', (_, id, cat) => {
    expect(images(mirror(start, { image: { id, classId: 7 } }))).toEqual({ cat, dog: [] });
  });

  it('moves a picture out of every other class, and takes a removed one out of all', () => {
    const moved = mirror(start, { image: { id: 4, classId: 9 } });
    expect(images(moved)).toEqual({ cat: [2, 6], dog: [4] });
    expect(images(mirror(moved, { image: { id: 4, classId: null } }))).toEqual({ cat: [2, 6], dog: [] });
    expect(images(mirror(start, { image: { id: 5, classId: null } }))).toEqual({ cat: [2, 4, 6], dog: [] });
    expect(images(mirror(start, { image: { id: 5, classId: 11 } }))).toEqual({ cat: [2, 4, 6], dog: [] });
  });

  it('changes what it is told and nothing else, and leaves the copy before as it was', () => {
    const before = structuredClone(start);
    expect(mirror(start, { model: null })).toEqual({ ...before, modelClasses: null });
    expect(mirror(start, { engine: { ...CPU, reason: 'lost' } }).engine?.reason).toBe('lost');
    expect(mirror(start, { classes: [] })).toEqual({ ...before, classes: [] });
    const added = mirror(start, { image: { id: 5, classId: 7 } });
    expect(added.classes[1]).toBe(start.classes[1]);
    expect(added.modelClasses).toBe(start.modelClasses);
    expect(start).toEqual(before);
  });

  it('is what the classes would be after any order of arrivals, moves and removals', () => {
    let copy = start;
    const where = new Map<number, number | null>([2, 4, 6].map((id) => [id, 7]));
    let state = 1;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    for (let i = 0; i < 500; i++) {
      const image = { id: random(40), classId: [7, 9, null][random(3)]! };
      where.set(image.id, image.classId);
      copy = mirror(copy, { image });
    }
    const of = (classId: number) => [...where].filter(([, each]) => each === classId).map(([id]) => id).sort((a, b) => a - b);
    expect(images(copy)).toEqual({ cat: of(7), dog: of(9) });
  });
});
