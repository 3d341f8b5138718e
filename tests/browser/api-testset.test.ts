/** The test set of the public API: it changes nothing that is learned, and what the model knows of it is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('the test set', () => {
  it('is listed apart, and nothing is learned from it', async () => {
    const seen = await api.page.evaluate(async () => {
      const losses = async (withTest: boolean) => {
        const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
        const nothing = await tools.refused(trainer.evaluate('test'));
        await tools.fill(trainer, 'circles', 8);
        const tested: number[] = [];
        if (withTest) {
          for (let seed = 100; seed < 104; seed++) tested.push(await trainer.addImage('circles', await drawing.draw('circles', seed), { part: 'test' }));
        }
        await tools.fill(trainer, 'stripes', 8);
        if (withTest) {
          // Among those to learn from first, and moved to the test set.
          const late = await trainer.addImage('stripes', await drawing.draw('stripes', 100));
          await trainer.setPart(late, 'test');
          tested.push(late);
        }
        const untrained = await tools.refused(trainer.evaluate('test'));
        const told: (number | null)[] = [];
        const run = trainer.train({ epochs: 4 });
        for await (const event of run) told.push(event.loss, event.validationLoss);
        const report = await run.report;
        const { classes } = trainer;
        const measured = withTest ? await trainer.evaluate('test') : null;
        const none = await tools.refused(trainer.evaluate('test'));
        const validation = await trainer.evaluate();
        trainer.close();
        return { nothing, untrained, told, report, classes, measured, none, validation, tested };
      };
      return { plain: await losses(false), tested: await losses(true) };
    });
    const { plain, tested } = seen;
    expect([plain.nothing.code, plain.untrained.code, plain.none.code]).toEqual(['not_trained', 'not_trained', 'no_test_pictures']);
    expect(tested.told).toEqual(plain.told);
    // The numbers of later pictures are others where there is a test set.
    const unnumbered = ({ answers, ...figures }: typeof plain.validation) => ({ ...figures, answers: answers.map(({ label, predicted, probability }) => [label, predicted, probability]) });
    expect(unnumbered(tested.validation)).toEqual(unnumbered(plain.validation));
    expect(plain.validation.answers).toHaveLength(4);
    expect(plain.report).toMatchObject({ images: { train: 12, validation: 4, test: 0 }, testAccuracy: null });
    expect(tested.report.images).toEqual({ train: 12, validation: 4, test: 5 });
    expect(tested.classes.map(({ images, test }) => [images.length, test.length])).toEqual([[8, 4], [8, 1]]);
    expect(tested.classes.flatMap(({ test }) => test)).toEqual(tested.tested);
    const measured = tested.measured!;
    expect(measured).toMatchObject({ images: 5, accuracy: tested.report.testAccuracy, leaks: [], warnings: [] });
    expect(measured.confusionMatrix).toEqual(tested.report.confusionMatrix);
    expect(measured.answers.map(({ id }) => id)).toEqual(tested.tested);
    const right = measured.answers.filter(({ label, predicted }) => label === predicted).length;
    expect(right / 5).toBe(measured.accuracy);
    for (const { probability } of measured.answers) expect(probability).toBeGreaterThanOrEqual(0.5);
  });

  it('can be pictures that the project has not, of which each answer is told', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      const draw = (kind: 'circles' | 'stripes') => Promise.all([100, 101, 102].map((seed) => drawing.draw(kind, seed)));
      // The last is another's, so that something is wrong.
      const [circles, stripes] = [[...(await draw('circles')), await drawing.draw('stripes', 103)], await draw('stripes')];
      const untrained = await tools.refused(trainer.evaluate({ circles }));
      await trainer.train({ epochs: 6 }).report;
      const refused = [await tools.refused(trainer.evaluate({ circles, birds: [] })), await tools.refused(trainer.evaluate({ circles: [] }))];
      const broken = new File(['no picture'], 'broken.jpg', { type: 'image/jpeg' });
      const progress: string[] = [];
      const onProgress = (done: number, total: number) => progress.push(`${done}/${total}`);
      const { failures, ...measured } = await trainer.evaluate({ circles: [circles[0]!, broken, ...circles.slice(1)], stripes }, { onProgress });
      const single = await trainer.predict(circles[0]!);
      const before = trainer.classes;
      for (const picture of circles) await trainer.addImage('circles', picture, { part: 'test' });
      for (const picture of stripes) await trainer.addImage('stripes', picture, { part: 'test' });
      const tested = await trainer.evaluate('test');
      const stopped = await trainer.evaluate({ circles }, { signal: AbortSignal.abort('enough') }).catch(String);
      trainer.close();
      return { untrained, refused, progress, measured, single, before, tested, stopped, failures: failures.map(({ className, index, error }) => [className, index, error.code]) };
    });
    expect(seen.untrained.code).toBe('not_trained');
    expect(seen.refused.map(({ code, value }) => [code, value ?? null])).toEqual([['class_unknown', 'birds'], ['no_test_pictures', null]]);
    expect(seen.failures).toEqual([['circles', 1, 'picture_unreadable']]);
    expect(seen.progress.at(-1)).toBe('8/8');
    const { answers, loss, ...figures } = seen.measured;
    const { classes, images, accuracy, confusionMatrix, perClass } = seen.tested;
    expect(figures).toEqual({ classes, images, accuracy, confusionMatrix, perClass });
    expect(loss).toBeCloseTo(seen.tested.loss, 5);
    expect(Object.keys(answers)).toEqual(['circles', 'stripes']);
    expect(answers['circles']!.map((answer) => answer !== null)).toEqual([true, false, true, true, true]);
    expect(answers['circles']![0]).toEqual(seen.single);
    expect(seen.before.map(({ test }) => test.length)).toEqual([0, 0]);
    expect(seen.stopped).toBe('enough');
  });

  it('does without what the model knows, and says so; it is saved with the project', async () => {
    const seen = await api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
      await tools.fill(trainer, 'circles', 6);
      await tools.fill(trainer, 'stripes', 6);
      await trainer.addImage('circles', await drawing.draw('circles', 200), { group: 'take' });
      const copy = await trainer.addImage('circles', await drawing.draw('circles', 3), { part: 'test' });
      const frame = await trainer.addImage('circles', await drawing.draw('circles', 201), { part: 'test', group: 'take' });
      const fresh = await trainer.addImage('stripes', await drawing.draw('stripes', 300), { part: 'test' });
      const refused = [
        await tools.refused(trainer.setPart(999, 'test')),
        await tools.refused(trainer.setPart(copy, 'exam' as 'test')),
        await tools.refused(trainer.addImage('circles', await drawing.draw('circles', 1), { part: 'exam' as 'test' })),
      ];
      const report = await trainer.train({ epochs: 3 }).report;
      const before = await trainer.evaluate('test');
      const project = await trainer.saveProject({ pictures: true });
      trainer.close();
      const again = await headstart.Trainer.create({ engine: 'cpu', project });
      const after = await again.evaluate('test');
      const { classes } = again;
      await again.removeImage(fresh);
      const none = await tools.refused(again.evaluate('test'));
      const without = again.classes;
      await again.restoreImage(fresh);
      await again.moveImage(fresh, 'circles');
      const moved = again.classes;
      again.close();
      return { copy, frame, fresh, refused, report, before, after, classes, none, without, moved };
    });
    const { copy, frame, fresh, before } = seen;
    expect(seen.refused.map(({ code }) => code)).toEqual(['image_unknown', 'config_invalid', 'config_invalid']);
    expect(before).toMatchObject({ images: 1, leaks: [copy, frame] });
    expect(before.answers.map(({ id }) => id)).toEqual([fresh]);
    expect(before.warnings.map(({ code }) => code)).toEqual(['test_pictures_known']);
    expect(before.warnings[0]!.message).toMatch(/^2 test pictures .*[.]$/);
    expect(seen.report.warnings.map(({ code }) => code)).toContain('test_pictures_known');
    expect(seen.after).toEqual(before);
    expect(seen.none.code).toBe('no_test_pictures');
    const tests = (classes: typeof seen.classes) => classes.map(({ test }) => test);
    expect(tests(seen.classes)).toEqual([[copy, frame], [fresh]]);
    expect(tests(seen.without)).toEqual([[copy, frame], []]);
    expect(tests(seen.moved)).toEqual([[copy, frame, fresh], []]);
  });
});
