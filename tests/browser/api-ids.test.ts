/** Classes and pictures by their numbers and by their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('numbers', () => {
  it('are given by the caller or by the trainer, and every call takes a class by either', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const picture = (seed: number) => drawing.draw('circles', seed);
      const given = await trainer.addClass('cat', { id: 12 });
      const next = await trainer.addClass('dog');
      const first = await trainer.addImage(12, await picture(1), { id: 40 });
      const second = await trainer.addImage('cat', await picture(2), { group: 'g' });
      const third = await trainer.addImage(next, await picture(3));
      const thumbnail = (await trainer.thumbnail(40)).type;
      await trainer.moveImage(40, next);
      await trainer.renameClass(12, 'lion');
      const between = trainer.classes;
      await trainer.moveImage(40, 'lion');
      await trainer.removeClass(12);
      const without = trainer.classes;
      await trainer.restoreClass(12);
      const after = trainer.classes;
      trainer.close();
      return { given, next, first, second, third, thumbnail, between, without, after };
    });
    const { next, second, third } = seen;
    expect(seen).toMatchObject({ given: 12, first: 40, thumbnail: 'image/jpeg' });
    expect(new Set([12, next]).size).toBe(2);
    expect(new Set([40, second, third]).size).toBe(3);
    const ascending = (...ids: number[]) => ids.sort((a, b) => a - b);
    expect(seen.between).toEqual([
      { id: 12, name: 'lion', images: [second], test: [] },
      { id: next, name: 'dog', images: ascending(40, third), test: [] },
    ]);
    expect(seen.without).toEqual([{ id: next, name: 'dog', images: [third], test: [] }]);
    expect(seen.after).toEqual([
      { id: 12, name: 'lion', images: ascending(40, second), test: [] },
      { id: next, name: 'dog', images: [third], test: [] },
    ]);
  });

  it('are refused where they are taken or unknown, and nothing is lost', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      await trainer.addClass('cat', { id: 3 });
      const picture = await drawing.draw('circles', 1);
      await trainer.addImage(3, picture, { id: 5 });
      const before = JSON.stringify(trainer.classes);
      const refusals = [
        await tools.refused(trainer.addClass('dog', { id: 3 })),
        await tools.refused(trainer.addImage(3, picture, { id: 5 })),
        await tools.refused(trainer.addImage(4, picture)),
        await tools.refused(trainer.addImage('3', picture)),
        await tools.refused(trainer.renameClass(4, 'x')),
        await tools.refused(trainer.moveImage(5, 4)),
        await tools.refused(trainer.restoreClass(3)),
        await tools.refused(trainer.forgetImages([5])),
      ];
      const nothingLost = before === JSON.stringify(trainer.classes);
      trainer.close();
      return { refusals, nothingLost };
    });
    expect(seen.refusals.map(({ code }) => code)).toEqual([
      'id_taken', 'id_taken', 'class_unknown', 'class_unknown', 'class_unknown', 'class_unknown', 'class_unknown', 'image_not_removed',
    ]);
    expect(seen.refusals.map(({ value }) => value).slice(0, 6)).toEqual(['3', '5', '4', '3', '4', '4']);
    for (const { isHeadstartError, message } of seen.refusals) {
      expect(isHeadstartError).toBe(true);
      expect(message).toMatch(/[.]$/);
    }
    expect(seen.nothingLost).toBe(true);
  });
});

describe('a class that was deleted', () => {
  it('keeps its number and its label in the model, whatever becomes of its name', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const first = await trainer.addClass('cat');
      const dog = await trainer.addClass('dog');
      for (let i = 0; i < 8; i++) {
        await trainer.addImage(first, await drawing.draw('circles', i));
        await trainer.addImage(dog, await drawing.draw('stripes', i));
      }
      await trainer.train({ epochs: 10 }).report;
      const circles = await drawing.draw('circles', 100);
      const answer = async () => (await trainer.predict(circles))[0];

      await trainer.removeClass('cat');
      const second = await trainer.addClass('cat');
      await trainer.addImage('cat', await drawing.draw('squares', 1));
      const taken = await tools.refused(trainer.restoreClass(first));
      await trainer.renameClass('cat', 'bird');
      const best = await answer();
      const labels = trainer.modelClasses;
      await trainer.restoreClass('cat');
      const { classes } = trainer;
      await trainer.renameClass(first, 'lion');
      const renamed = await answer();
      const relabelled = trainer.modelClasses;
      trainer.close();
      return { first, dog, second, taken, best, labels, classes, renamed, relabelled };
    });
    const { first, dog, second } = seen;
    expect(new Set([first, dog, second]).size).toBe(3);
    expect(seen.taken).toMatchObject({ code: 'class_name_taken', value: 'cat' });
    expect(seen.best).toMatchObject({ classId: first, className: 'cat' });
    expect(seen.labels).toEqual([{ id: first, name: 'cat' }, { id: dog, name: 'dog' }]);
    expect(seen.classes.map(({ id, name, images }) => [id, name, images.length])).toEqual([
      [first, 'cat', 8],
      [dog, 'dog', 8],
      [second, 'bird', 1],
    ]);
    expect(seen.renamed).toMatchObject({ classId: first, className: 'lion' });
    expect(seen.relabelled).toEqual([{ id: first, name: 'lion' }, { id: dog, name: 'dog' }]);
  });

  it('comes back by its name as the one that was made last, and by its number as itself', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const first = await trainer.addClass('cat');
      await trainer.removeClass(first);
      const second = await trainer.addClass('cat');
      await trainer.removeClass(second);
      await trainer.restoreClass('cat');
      const byName = trainer.classes.map(({ id }) => id);
      await trainer.renameClass('cat', 'other');
      await trainer.restoreClass(first);
      const both = Object.fromEntries(trainer.classes.map(({ id, name }) => [name, id]));
      trainer.close();
      return { first, second, byName, both };
    });
    expect(seen.byName).toEqual([seen.second]);
    expect(seen.both).toEqual({ cat: seen.first, other: seen.second });
  });
});

describe('pictures that are forgotten', () => {
  it('are gone for good with their thumbnails, and training goes on without them', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      const [circles, stripes] = trainer.classes.map(({ images }) => images);
      await trainer.train({ epochs: 2 }).report;
      const gone = circles!.slice(0, 4);
      for (const id of gone) await trainer.removeImage(id);
      const still = (await trainer.thumbnail(gone[0]!)).size;
      await trainer.forgetImages(gone);
      const refusals = [
        await tools.refused(trainer.thumbnail(gone[0]!)),
        await tools.refused(trainer.restoreImage(gone[0]!)),
        await tools.refused(trainer.forgetImages([stripes![0]!])),
      ];
      const kept = (await trainer.thumbnail(stripes![0]!)).size;
      const report = await trainer.train({ epochs: 2 }).report;
      const counts = trainer.classes.map(({ images }) => images.length);
      trainer.close();
      return { still, refusals, kept, images: report.images, counts };
    });
    expect(seen.still).toBeGreaterThan(300);
    expect(seen.kept).toBeGreaterThan(300);
    expect(seen.refusals.map(({ code }) => code)).toEqual(['image_unknown', 'image_unknown', 'image_not_removed']);
    expect(seen.counts).toEqual([8, 12]);
    expect(seen.images.train + seen.images.validation).toBe(20);
  });
});
