import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBuffer } from '../../www/client/event-buffer.js';
import { isLaterStep } from '../../www/client/run.js';
import type { TrainEvent } from '../../www/generated/types.js';
import { Trainer, type Checkpoint } from '../../www/headstart.js';
import { refusal } from '../../www/worker/failure.js';
import { event } from './support/fake-session.js';
import { FakeWorker, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();

async function trainerWithClasses(): Promise<Trainer> {
  const trainer = await Trainer.create();
  await Promise.all([trainer.addClass('a'), trainer.addClass('b')]);
  return trainer;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function collect(run: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const each of run) events.push(each);
  return events;
}

describe('Run', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => {
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('gives every epoch, the end, and the report', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 5 });
    const events = await collect(run);
    expect(events.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
    expect(events.at(-1)?.kind).toBe('done');
    expect(await run.report).toMatchObject({ stopped: 'finished', epochsRun: 5 });
    expect(run.state).toBe('ended');
    expect(trainer.modelClasses?.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('gives what it can go on from after each epoch but the last, and goes on from there', async () => {
    const trainer = await trainerWithClasses();
    const kept: Checkpoint[] = [];
    const events = await collect(trainer.train({ epochs: 5 }, { checkpointSeconds: 0, onCheckpoint: (checkpoint) => kept.push(checkpoint) }));
    expect(kept.map(({ epoch, epochs }) => [epoch, epochs])).toEqual([[1, 5], [2, 5], [3, 5], [4, 5]]);
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['step', 'epoch', 'done']));
    const rest = await collect(trainer.train({ epochs: 5 }, { checkpoint: kept[2]!.checkpoint }));
    expect(rest.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([4, 5]);
    await expect(trainer.train({ epochs: 6 }, { checkpoint: kept[2]!.checkpoint }).report).rejects.toMatchObject({ code: 'checkpoint_differs' });
  });

  it('keeps what there was where a run that goes on is stopped at once', async () => {
    const trainer = await trainerWithClasses();
    const kept: Checkpoint[] = [];
    await trainer.train({ epochs: 3 }, { checkpointSeconds: 0, onCheckpoint: (checkpoint) => kept.push(checkpoint) }).report;
    const run = trainer.train({ epochs: 3 }, { checkpoint: kept[1]!.checkpoint });
    await run.cancel();
    expect(await run.report).toMatchObject({ stopped: 'cancelled', epochsRun: 2 });
  });

  it('takes no time for that where nobody asks, and seldom where it is to be seldom', async () => {
    const trainer = await trainerWithClasses();
    await trainer.train({ epochs: 5 }, { checkpointSeconds: 0 }).report;
    await trainer.train({ epochs: 5 }, { onCheckpoint: () => expect.unreachable() }).report;
    expect(FakeWorker.last.session.calls).not.toContain('checkpoint');
  });

  it('treats an undefined setting as one that is not there', async () => {
    const trainer = await trainerWithClasses();
    const config = { epochs: 1, seed: undefined } as { epochs: number };
    expect(await trainer.train(config).report).toMatchObject({ epochsRun: 1 });
  });

  it('names a setting that there is none of', async () => {
    const trainer = await trainerWithClasses();
    await expect(trainer.train({ epocs: 1 } as object).report).rejects.toMatchObject({ code: 'config_invalid', value: 'epocs' });
  });

  it('throws a refusal to the reader, and from the report, and nowhere else', async () => {
    const trainer = await Trainer.create();
    const watched = trainer.train();
    await expect(collect(watched)).rejects.toMatchObject({ code: 'too_few_classes', value: '0' });
    const awaited = trainer.train();
    await expect(awaited.report).rejects.toMatchObject({ code: 'too_few_classes' });
    trainer.train();
    await wait(30);
  });

  it('stands still while paused, answers meanwhile, and goes on', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 40 });
    await wait(40);
    run.pause();
    await wait(30);
    const { session } = FakeWorker.last;
    const steps = session.steps;
    expect(await trainer.predict(picture(3))).toHaveLength(1);
    await wait(50);
    expect(session.steps).toBe(steps);
    expect(run.state).toBe('paused');
    run.resume();
    expect(await run.report).toMatchObject({ stopped: 'finished', epochsRun: 40 });
  });

  it('can be cancelled while it runs, while it is paused, and before it starts', async () => {
    const trainer = await trainerWithClasses();
    const running = trainer.train({ epochs: 1000 });
    await wait(40);
    await running.cancel();
    expect(await running.report).toMatchObject({ stopped: 'cancelled' });
    expect(running.state).toBe('ended');

    const paused = trainer.train({ epochs: 1000 });
    await wait(40);
    paused.pause();
    await wait(20);
    await paused.cancel();
    expect((await paused.report).stopped).toBe('cancelled');

    const early = trainer.train({ epochs: 1000 });
    await early.cancel();
    const nothing = { code: 'not_trained', message: 'Training was cancelled before anything was learned.' };
    await expect(early.report).rejects.toMatchObject(nothing);
    expect(await trainer.train({ epochs: 2 }).report).toMatchObject({ stopped: 'finished', epochsRun: 2 });
  });

  it.each(['running', 'paused'] as const)('measures what it keeps step by step, and answers meanwhile, where it is cancelled while %s', async (state) => {
    FakeWorker.faults = { measure: 60 };
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 1000 });
    const events = collect(run);
    await wait(40);
    if (state === 'paused') run.pause();
    await wait(20);
    const { session } = FakeWorker.last;
    const before = session.steps;
    let over = false;
    const cancelled = run.cancel().then(() => (over = true));
    await trainer.predict(picture(3));
    // Neither of these changes anything any more.
    void run.cancel();
    run.pause();
    await trainer.predict(picture(4));
    expect(over).toBe(false);
    await cancelled;
    expect((await run.report).stopped).toBe('cancelled');
    expect(session.calls.filter((call) => call.endsWith('Training'))).toEqual(['startTraining', 'stopTraining']);
    expect(session.steps - before).toBeGreaterThanOrEqual(61);
    const last = (await events).slice(-2);
    expect(last.map(({ kind, phase }) => [kind, phase])).toEqual([['step', 'measure'], ['done', 'measure']]);
  });

  it('learned nothing where it is cancelled while pictures are prepared', async () => {
    FakeWorker.faults = { prepare: 50 };
    const trainer = await trainerWithClasses();
    const run = trainer.train();
    for await (const each of run) {
      expect(each).toMatchObject({ phase: 'prepare', epoch: 0 });
      break;
    }
    await run.cancel();
    await expect(run.report).rejects.toMatchObject({ code: 'not_trained' });
    expect(trainer.modelClasses).toBeNull();
    await expect(trainer.train().cancel()).resolves.toBeUndefined();
  });

  it('estimates between the steps of a run', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 200 });
    await wait(20);
    expect(await trainer.estimate()).toMatchObject({ trainableParameters: 8 });
    expect(run.state).toBe('running');
    await run.cancel();
  });

  it('refuses a second run and goes on with the first', async () => {
    const trainer = await trainerWithClasses();
    const first = trainer.train({ epochs: 10 });
    const second = trainer.train();
    await expect(second.report).rejects.toMatchObject({ code: 'training_running' });
    await second.cancel();
    expect(await first.report).toMatchObject({ stopped: 'finished', epochsRun: 10 });
  });

  it('takes pictures and predicts between steps', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 200 });
    await wait(20);
    const ids = await Promise.all([3, 4, 5].map((width) => trainer.addImage('a', picture(width))));
    await trainer.predict(picture(1));
    expect(run.state).toBe('running');
    expect(trainer.classes[0]?.images).toEqual(ids);
    await run.cancel();
  });

  it('ends with the error of a failed step, and the next run works', async () => {
    FakeWorker.faults = { step: { at: 6, error: refusal('not_finite', 'Training stopped because the loss is no longer finite.', 'the loss') } };
    const trainer = await trainerWithClasses();
    const run = trainer.train();
    await expect(collect(run)).rejects.toMatchObject({ code: 'not_finite', value: 'the loss' });
    expect(FakeWorker.last.session.calls).toContain('cancelTraining');
    expect(await trainer.train().report).toMatchObject({ stopped: 'finished' });
  });

  it('ends when the worker fails', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 1000 });
    await wait(20);
    FakeWorker.last.crash('unreachable');
    await expect(collect(run)).rejects.toMatchObject({ code: 'worker_failed' });
    await expect(run.report).rejects.toMatchObject({ code: 'worker_failed' });
  });

  it('goes on when a reader leaves, and a second reader takes up the rest', async () => {
    const trainer = await trainerWithClasses();
    const run = trainer.train({ epochs: 6 });
    for await (const each of run) if (each.kind === 'epoch') break;
    const rest = await collect(run);
    expect(rest.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([2, 3, 4, 5, 6]);
  });
});

describe('EventBuffer', () => {
  it('keeps the latest step and every epoch for a slow reader', async () => {
    const buffer = new EventBuffer(isLaterStep);
    for (let step = 1; step <= 12; step++) buffer.push(event(step % 4 === 0 ? 'epoch' : 'step', Math.ceil(step / 4), step));
    buffer.end({});
    const steps: number[] = [];
    for (let taken = await buffer.take(); taken; taken = await buffer.take()) steps.push(taken.step);
    expect(steps).toEqual([3, 4, 7, 8, 11, 12]);
  });
});
