/** A project that is saved and opened again: nothing of it is lost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evaluation, Prediction, Trainer } from '../../www/headstart.js';
import { openApiPage, type ApiPage } from './support/api-page.js';

/** What a trainer answers, to compare it with another. */
interface Answers {
  classes: Trainer['classes'];
  modelClasses: Trainer['modelClasses'];
  predictions: Prediction[][];
  evaluation: Evaluation;
}

declare global {
  /** Three classes, one of them renamed and one picture removed, trained once. */
  function trained(): Promise<Trainer>;
  function predictionsOf(trainer: Trainer): Promise<Prediction[][]>;
  function answersOf(trainer: Trainer): Promise<Answers>;
}

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
  await api.page.evaluate(() => {
    const trained = async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const kinds = { 7: 'circles', 3: 'stripes', 11: 'squares' } as const;
      for (const id of [7, 3, 11] as const) {
        await trainer.addClass(kinds[id], { id });
        for (let i = 0; i < 8; i++) {
          const group = i < 3 ? `recording of ${id}` : undefined;
          await trainer.addImage(id, await drawing.draw(kinds[id], i), { id: 100 * id + i, ...(group === undefined ? {} : { group }) });
        }
      }
      await trainer.renameClass(3, 'bars');
      await trainer.removeImage(705);
      await trainer.train({ epochs: 8, seed: 4 }).report;
      return trainer;
    };
    const predictionsOf = async (trainer: Trainer) => {
      const kinds = ['circles', 'stripes', 'squares'] as const;
      return Promise.all(kinds.map(async (kind) => trainer.predict(await drawing.draw(kind, 900))));
    };
    const answersOf = async (trainer: Trainer) => ({
      classes: trainer.classes,
      modelClasses: trainer.modelClasses,
      predictions: await predictionsOf(trainer),
      evaluation: await trainer.evaluate(),
    });
    Object.assign(globalThis, { trained, predictionsOf, answersOf });
  });
});
afterAll(() => api?.close());

/** The same labels in the same order, with the same probabilities. */
function expectSamePredictions(found: Prediction[][], expected: Prediction[][]): void {
  const labels = (all: Prediction[][]) => all.map((each) => each.map(({ classId, className }) => [classId, className]));
  const probabilities = (all: Prediction[][]) => all.flat().map(({ probability }) => probability);
  expect(labels(found)).toEqual(labels(expected));
  const differences = probabilities(found).map((each, i) => Math.abs(each - probabilities(expected)[i]!));
  expect(Math.max(...differences)).toBeLessThan(1e-6);
}

/** Two trainers that should be one. */
function expectSame(found: Answers, expected: Answers): void {
  expect(found.classes).toEqual(expected.classes);
  expect(found.modelClasses).toEqual(expected.modelClasses);
  expectSamePredictions(found.predictions, expected.predictions);
  expect(found.evaluation.confusionMatrix).toEqual(expected.evaluation.confusionMatrix);
  expect(found.evaluation.loss).toBeCloseTo(expected.evaluation.loss, 5);
}

describe('a project saved with its pictures', () => {
  it('is the same when it is opened, and goes on as if nothing had been', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await trained();
      const before = await answersOf(trainer);
      // As a page would keep it.
      const project = structuredClone(await trainer.saveProject({ pictures: true }));
      const version = typeof JSON.parse(project.project);
      const opened = await headstart.Trainer.create({ engine: 'cpu', project });
      const after = await answersOf(opened);
      const sizes = async (each: Trainer) => Promise.all([700, 307, 1103].map(async (id) => (await each.thumbnail(id)).size));
      const thumbnails = [await sizes(trainer), await sizes(opened)];
      const again = { epochs: 3, seed: 9 };
      const anew = [(await trainer.train(again).report), (await opened.train(again).report)];
      const further = { ...again, warmStart: true };
      const on = [(await trainer.train(further).report), (await opened.train(further).report)];
      for (const each of [trainer, opened]) await each.restoreImage(705);
      const restored = opened.classes[0]!.images.includes(705);
      const added = await opened.addImage('bars', await drawing.draw('stripes', 70));
      for (const each of [trainer, opened]) each.close();
      const figures = (reports: typeof anew) => reports.map((report) => ({ train: report.trainLoss, validation: report.validationLoss, images: report.images }));
      return { before, after, version, thumbnails, anew: figures(anew), on: figures(on), restored, added };
    });
    expect(seen.version).toBe('object');
    expectSame(seen.after, seen.before);
    expect(seen.thumbnails[1]).toEqual(seen.thumbnails[0]);
    for (const [original, opened] of [seen.anew, seen.on]) {
      expect(opened!.images).toEqual(original!.images);
      expect(opened!.train).toBeCloseTo(original!.train, 5);
      expect(opened!.validation).toBeCloseTo(original!.validation!, 5);
    }
    expect(seen.restored).toBe(true);
    expect(seen.before.classes.flatMap(({ images }) => images)).not.toContain(seen.added);
  });

  it('can be saved while training runs, and the run goes on', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await trained();
      const before = await predictionsOf(trainer);
      const run = trainer.train({ epochs: 1000, batchSize: 1, head: 'mlp:256' });
      await run[Symbol.asyncIterator]().next();
      const project = await trainer.saveProject({ pictures: true });
      const { state } = run;
      await run.cancel();
      trainer.close();
      const opened = await headstart.Trainer.create({ engine: 'cpu', project });
      const after = await predictionsOf(opened);
      opened.close();
      return { before, after, state };
    });
    expect(seen.state).toBe('running');
    expectSamePredictions(seen.after, seen.before);
  });
});

describe('a project saved without its pictures', () => {
  it('has its model at once, and the rest when the pictures are there again', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await trained();
      const before = await answersOf(trainer);
      const project = await trainer.saveProject();
      trainer.close();
      const opened = await headstart.Trainer.create({ engine: 'cpu', project });
      const known = opened.classes;
      const atOnce = await predictionsOf(opened);
      const missing = await tools.refused(opened.thumbnail(700));
      const kinds = { 7: 'circles', 3: 'stripes', 11: 'squares' } as const;
      for (const { id, images } of before.classes) {
        const kind = kinds[id as keyof typeof kinds];
        for (const image of images) await opened.addImage(id, await drawing.draw(kind, image - 100 * id), { id: image });
      }
      const after = await answersOf(opened);
      const thumbnail = (await opened.thumbnail(700)).type;
      const taken = await tools.refused(opened.addImage(7, await drawing.draw('circles', 0), { id: 700 }));
      const report = await opened.train({ epochs: 2, warmStart: true }).report;
      opened.close();
      return { before, pictures: project.pictures, thumbnails: project.thumbnails, known, atOnce, missing, after, thumbnail, taken, report };
    });
    expect(seen.pictures).toBeNull();
    expect(seen.thumbnails).toBeNull();
    expect(seen.known).toEqual(seen.before.classes);
    expectSamePredictions(seen.atOnce, seen.before.predictions);
    expect(seen.missing.code).toBe('image_unknown');
    expectSame(seen.after, seen.before);
    expect(seen.thumbnail).toBe('image/jpeg');
    expect(seen.taken).toMatchObject({ code: 'id_taken', value: '700' });
    expect(seen.report).toMatchObject({ stopped: 'finished', classIds: [7, 3, 11] });
    expect(seen.report.images.train + seen.report.images.validation).toBe(23);
  });

  it('has no model where nothing was trained', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await tools.trainerWithPictures();
      const project = await trainer.saveProject();
      const { classes } = trainer;
      trainer.close();
      const opened = await headstart.Trainer.create({ engine: 'cpu', project });
      const refused = await tools.refused(opened.predict(await drawing.draw('circles', 1)));
      const same = JSON.stringify(opened.classes) === JSON.stringify(classes);
      const { modelClasses } = opened;
      opened.close();
      return { model: project.model, refused, same, modelClasses };
    });
    expect(seen).toMatchObject({ model: null, same: true, modelClasses: null, refused: { code: 'not_trained' } });
  });
});

describe('what is no project', () => {
  it('is refused, and so is one whose parts are damaged', async () => {
    const refusals = await api.page.evaluate(async () => {
      const trainer = await trained();
      const project = await trainer.saveProject({ pictures: true });
      trainer.close();
      const parts = [
        { project: 'no JSON' },
        { project: '{}' },
        { pictures: project.pictures!.slice(0, 100) },
        { model: new Blob(['no zip']) },
      ];
      const refusals = [];
      for (const part of parts) refusals.push(await tools.refused(headstart.Trainer.create({ engine: 'cpu', project: { ...project, ...part } })));
      return refusals;
    });
    expect(refusals.map(({ code }) => code).slice(0, 3)).toEqual(['project_file_invalid', 'project_file_invalid', 'project_file_invalid']);
    expect(['project_file_invalid', 'model_file_invalid']).toContain(refusals[3]!.code);
    for (const refused of refusals) expect(refused).toMatchObject({ isHeadstartError: true, message: expect.stringMatching(/[.]$/) });
  });
});

describe('the page', () => {
  it('logged no error', () => {
    expect(api.record.errors).toEqual([]);
  });
});
