/** A trainer that goes on with an older project than the page is told what was done since: by what the page shows, and by merges. */
import { describe, expect, it } from 'vitest';
import type { Trainer } from '../../www/headstart.js';
import type { ClassState, Key } from '../../www/state/types.js';
import type { Merge } from '../../www/storage/database.js';
import { reconcile } from '../../www/ui/control/reconcile.js';
import { FakeTrainer } from './support/fake-trainer.js';

/** Classes as pages have them, by key: their names and pictures. */
function shown(classes: { [key: Key]: readonly [name: string, ...pictures: Key[]] }): ClassState[] {
  return Object.entries(classes).map(([key, [name, ...pictures]]) => ({ key: Number(key), name, pictures: pictures.map((each) => ({ key: each, name: `${each}.png` })) }) as unknown as ClassState);
}

const BEFORE = { 1: ['cat', 1, 2], 2: ['dog', 3, 4], 3: ['cow', 5, 6] } as const;

/** What is asked of a trainer with three classes, and what it has then. */
async function after(wanted: ReturnType<typeof shown>, merges: readonly Merge[]) {
  const trainer = new FakeTrainer({}, new Set());
  for (const { key, name, pictures } of shown(BEFORE)) {
    await trainer.addClass(name, { id: key });
    for (const { key: id } of pictures) await trainer.addImage(key, new Blob(), { id, name: '' });
  }
  trainer.calls.length = 0;
  await reconcile(trainer as unknown as Trainer, wanted, merges);
  const classes = Object.fromEntries(trainer.classes.map(({ id, name, images }) => [id, [name, ...images].sort()]));
  return { classes, asked: trainer.calls.filter((call) => /Class/.test(call)) };
}

describe('a class that was merged after the project was saved', () => {
  const both = { 2: ['dog', 1, 2, 3, 4], 3: ['cow', 5, 6] } as const;

  it('is merged, not removed: a model goes on telling it apart', async () => {
    const { classes, asked } = await after(shown(both), [[1, 2]]);
    expect(asked).toEqual(['mergeClasses 1 2']);
    expect(classes).toEqual({ 2: [1, 2, 3, 4, 'dog'], 3: [5, 6, 'cow'] });
  });

  it('is removed where its pictures were only moved', async () => {
    const { classes, asked } = await after(shown(both), []);
    expect(asked).toEqual(['removeClass 1']);
    expect(classes).toEqual({ 2: [1, 2, 3, 4, 'dog'], 3: [5, 6, 'cow'] });
  });

  it('ends where the last of several merges has put it', async () => {
    const { classes, asked } = await after(shown({ 3: ['cow', 1, 2, 3, 4, 5, 6] }), [[1, 2], [2, 3]]);
    expect(asked).toEqual(['mergeClasses 1 3', 'mergeClasses 2 3']);
    expect(classes).toEqual({ 3: [1, 2, 3, 4, 5, 6, 'cow'] });
  });

  it('goes with a class that was removed after that', async () => {
    const { classes, asked } = await after(shown({ 3: ['cow', 5, 6] }), [[1, 2]]);
    expect(asked).toEqual(['removeClass 1', 'removeClass 2']);
    expect(classes).toEqual({ 3: [5, 6, 'cow'] });
  });

  it('leaves its name to others', async () => {
    const { classes, asked } = await after(shown({ 2: ['cat', 1, 2, 3, 4], 3: ['cow', 5, 6] }), [[1, 2]]);
    expect(asked).toEqual(['mergeClasses 1 2', 'renameClass 2 cat']);
    expect(classes).toEqual({ 2: [1, 2, 3, 4, 'cat'], 3: [5, 6, 'cow'] });
  });

  it('can have gone into one that is new, too', async () => {
    const { classes, asked } = await after(shown({ 2: ['dog', 3, 4], 3: ['cow', 5, 6], 4: ['pig', 1, 2] }), [[1, 4]]);
    expect(asked).toContain('mergeClasses 1 4');
    expect(asked.some((call) => call.startsWith('removeClass'))).toBe(false);
    expect(classes).toEqual({ 2: [3, 4, 'dog'], 3: [5, 6, 'cow'], 4: [1, 2, 'pig'] });
  });
});
