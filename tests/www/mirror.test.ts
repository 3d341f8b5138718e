import { describe, expect, it } from 'vitest';
import { BLANK, mirror, type Mirror } from '../../www/client/mirror.js';
import type { ImageChange } from '../../www/protocol.js';
import { everythingOn } from './support/state.js';

const CPU = everythingOn('cpu', '');

/** Two classes, the first with the pictures 2, 4 and 6. */
const start: Mirror = mirror(BLANK, {
  classes: [
    { id: 7, name: 'cat', images: [2, 4, 6], test: [3] },
    { id: 9, name: 'dog', images: [], test: [] },
  ],
  model: [{ id: 7, name: 'cat' }],
  engine: CPU,
});
const tests = ({ classes }: Mirror) => Object.fromEntries(classes.map((each) => [each.name, each.test]));
const images = ({ classes }: Mirror) => Object.fromEntries(classes.map((each) => [each.name, each.images]));

describe('The page’s copy', () => {
  it('is blank until something is told', () => {
    expect(BLANK).toEqual({ classes: [], modelClasses: null, engine: null, backbone: null });
    expect(mirror(BLANK, {})).toEqual(BLANK);
  });

  it.each([
    ['first', 1, [1, 2, 4, 6]],
    ['in between', 5, [2, 4, 5, 6]],
    ['last', 8, [2, 4, 6, 8]],
    ['once, where it is there already', 4, [2, 4, 6]],
  ])('puts a picture in the order of numbers: %s', (_, id, cat) => {
    expect(images(mirror(start, { image: { id, classId: 7, part: 'learn' } }))).toEqual({ cat, dog: [] });
  });

  it('moves a picture out of every other class, and takes a removed one out of all', () => {
    const moved = mirror(start, { image: { id: 4, classId: 9, part: 'learn' } });
    expect(images(moved)).toEqual({ cat: [2, 6], dog: [4] });
    expect(images(mirror(moved, { image: { id: 4, classId: null, part: null } }))).toEqual({ cat: [2, 6], dog: [] });
    expect(images(mirror(start, { image: { id: 5, classId: null, part: null } }))).toEqual({ cat: [2, 4, 6], dog: [] });
    expect(images(mirror(start, { image: { id: 5, classId: 11, part: 'learn' } }))).toEqual({ cat: [2, 4, 6], dog: [] });
  });

  it('lists a picture among those to learn from or to test with, and nowhere twice', () => {
    const moved = mirror(start, { image: { id: 3, classId: 7, part: 'learn' } });
    expect([images(moved), tests(moved)]).toEqual([{ cat: [2, 3, 4, 6], dog: [] }, { cat: [], dog: [] }]);
    const back = mirror(moved, { image: { id: 4, classId: 9, part: 'test' } });
    expect([images(back), tests(back)]).toEqual([{ cat: [2, 3, 6], dog: [] }, { cat: [], dog: [4] }]);
    expect(mirror(back, { image: { id: 4, classId: 9, part: 'test' } }).classes[1]).toBe(back.classes[1]);
  });

  it('changes what it is told and nothing else, and leaves the copy before as it was', () => {
    const before = structuredClone(start);
    expect(mirror(start, { model: null })).toEqual({ ...before, modelClasses: null });
    expect(mirror(start, { engine: { ...CPU, reason: 'lost' } }).engine?.reason).toBe('lost');
    expect(mirror(start, { classes: [] })).toEqual({ ...before, classes: [] });
    const added = mirror(start, { image: { id: 5, classId: 7, part: 'learn' } });
    expect(added.classes[1]).toBe(start.classes[1]);
    expect(added.modelClasses).toBe(start.modelClasses);
    expect(start).toEqual(before);
  });

  it('is what the classes would be after any order of arrivals, moves and removals', () => {
    let copy = start;
    const where = new Map<number, ImageChange>([2, 4, 6].map((id) => [id, { id, classId: 7, part: 'learn' }]));
    where.set(3, { id: 3, classId: 7, part: 'test' });
    let state = 1;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    for (let i = 0; i < 500; i++) {
      const classId = [7, 9, null][random(3)]!;
      const image: ImageChange = { id: random(40), classId, part: classId === null ? null : (['learn', 'test'] as const)[random(2)]! };
      where.set(image.id, image);
      copy = mirror(copy, { image });
    }
    const of = (classId: number, part: string) =>
      [...where.values()].filter((each) => each.classId === classId && each.part === part).map(({ id }) => id).sort((a, b) => a - b);
    expect(images(copy)).toEqual({ cat: of(7, 'learn'), dog: of(9, 'learn') });
    expect(tests(copy)).toEqual({ cat: of(7, 'test'), dog: of(9, 'test') });
  });
});
