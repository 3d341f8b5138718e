import { afterEach, describe, expect, it } from 'vitest';
import { Trainer } from '../../www/headstart.js';
import { refusal } from '../../www/worker/failure.js';
import { FakeWorker, picture, useFakeWorker } from './support/fake-worker.js';

useFakeWorker();
let trainer: Trainer;
afterEach(() => trainer.close());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function withPictures(count: number): Promise<void> {
  trainer = await Trainer.create();
  await Promise.all(['a', 'b'].map((name) => trainer.addClass(name)));
  for (let i = 0; i < count; i += 1) {
    await trainer.addImage(i % 2 ? 'a' : 'b', picture(i + 1));
    await wait(20);
  }
}

const ahead = (): number => FakeWorker.last.session.ahead;

describe('pixels of pictures', () => {
  it('are packed once nothing else has come for a while, before anything is computed ahead', async () => {
    // With the first that is, what can wait is over.
    FakeWorker.faults = { ahead: refusal('device_lost', 'The GPU is gone.') };
    await withPictures(3);
    const { session } = FakeWorker.last;
    expect(session.packed, 'while pictures come in').toBe(0);
    await wait(600);
    expect(session.packed).toBe(3);
    expect(session.calls.at(-1)).toBe('embedAhead');
  });
});

describe('what a training wants of pictures', () => {
  it('is computed once nothing else has come for a while, a picture at a time', async () => {
    await withPictures(10);
    expect(ahead(), 'while pictures come in').toBe(0);
    await wait(600);
    expect(ahead()).toBe(10);
    expect(FakeWorker.last.session.calls.slice(-10)).toEqual(Array.from({ length: 10 }, () => 'embedAhead'));
    await trainer.classes;
    await wait(400);
    expect(ahead(), 'and no more than there is').toBe(10);
    await trainer.addImage('a', picture(1));
    await wait(600);
    expect(ahead()).toBe(11);
  });

  it('makes way for whatever is asked for, and for a training', async () => {
    await withPictures(4);
    const run = trainer.train({ epochs: 2000 });
    await wait(600);
    expect(ahead()).toBe(0);
    await run.cancel();
    await wait(600);
    expect(ahead()).toBe(4);
  });

  it('is left to the training where it fails', async () => {
    FakeWorker.faults = { ahead: refusal('device_lost', 'The GPU is gone.') };
    await withPictures(4);
    await wait(600);
    expect(FakeWorker.last.session.calls.filter((call) => call === 'embedAhead').length).toBe(1);
    expect(await trainer.train({ epochs: 1 }).report).toMatchObject({ stopped: 'finished' });
  });

  it('is a part of what is kept beside a picture', async () => {
    await withPictures(2);
    expect(await trainer.features(1)).toEqual(Uint8Array.of(1));
    expect(FakeWorker.last.session.calls.at(-1)).toBe('embedUsual 1');
  });
});
