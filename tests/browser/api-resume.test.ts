/** A run that is cut short goes on in another tab as if it had not been. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

it('goes on from a checkpoint with the same figures as the run that went on at once', async () => {
  const seen = await api.page.evaluate(async () => {
    const config = { head: 'mlp:8', dropout: 0.2, epochs: 3, fineTune: 'last:1', fineTuneEpochs: 3, batchSize: 4 } as const;
    const told = async (run: ReturnType<(typeof headstart.Trainer.prototype)['train']>) => {
      const epochs: [number, number, number | null][] = [];
      for await (const { kind, epoch, loss, validationLoss } of run) if (kind === 'epoch') epochs.push([epoch, loss, validationLoss]);
      return epochs;
    };
    const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: 'small' });
    await tools.fill(trainer, 'circles', 6);
    await tools.fill(trainer, 'stripes', 6);
    const project = await trainer.saveProject({ pictures: true });
    const kept: { epoch: number; epochs: number; checkpoint: Blob }[] = [];
    const run = trainer.train(config, { checkpointSeconds: 0, onCheckpoint: (checkpoint) => kept.push(checkpoint) });
    const whole = { epochs: await told(run), report: await run.report, answer: await trainer.predict(await drawing.draw('circles', 50)) };
    const other = await tools.refused(trainer.train({ ...config, seed: 1 }, { checkpoint: kept[0]!.checkpoint }).report);
    const damaged = await tools.refused(trainer.train(config, { checkpoint: kept[0]!.checkpoint.slice(0, 900) }).report);
    // Neither has cost the model.
    const { modelClasses } = trainer;
    trainer.close();
    const rest = [];
    // In the middle of either phase.
    for (const { epoch, checkpoint } of [kept[1]!, kept[4]!]) {
      const again = await headstart.Trainer.create({ engine: 'cpu', project });
      const run = again.train(config, { checkpoint });
      rest.push({ epoch, epochs: await told(run), report: await run.report, answer: await again.predict(await drawing.draw('circles', 50)) });
      again.close();
    }
    return { whole, rest, kept: kept.map(({ epoch, epochs }) => [epoch, epochs]), other, damaged, modelClasses };
  });
  const { whole, rest } = seen;
  expect(seen.kept).toEqual([1, 2, 3, 4, 5].map((epoch) => [epoch, 6]));
  expect([seen.other.code, seen.damaged.code]).toEqual(['checkpoint_differs', 'checkpoint_invalid']);
  expect(seen.modelClasses).toHaveLength(2);
  for (const { epoch, epochs, report, answer } of rest) {
    expect(epochs).toEqual(whole.epochs.slice(epoch));
    expect({ ...report, seconds: null }).toEqual({ ...whole.report, seconds: null });
    expect(answer).toEqual(whole.answer);
  }
});
