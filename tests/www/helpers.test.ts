import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Trainer } from '../../www/headstart.js';
import type { CallRequest, Message, Pixels, Request } from '../../www/protocol.js';
import { Helpers, PICTURES_EACH } from '../../www/worker/helpers.js';
import { FakeWorker, picture, useFakeWorker } from './support/fake-worker.js';

/** What the helpers compute with. */
const CODE = { simd: 'relaxed', code: null } as const;

const sizeOf = (given: Blob | Pixels): number => (given instanceof Blob ? given.size : given.width);

/** Looks like a helper's worker: says of every picture that there is the number of its bytes to be known of it, and doubles numbers. */
class FakeHelper extends EventTarget {
  static all: FakeHelper[] = [];
  /** What becomes of the picture of so many bytes, or of so many numbers. */
  static fate: (bytes: number) => 'studied' | 'refused' | 'dies' | 'crashes' | 'hangs' = () => 'studied';
  /** Milliseconds that it takes for a picture; 0 is a turn of the event loop. */
  static takes = 0;
  readonly studied: number[] = [];
  calls: string[] = [];
  terminated = false;
  crash: Event | null = null;

  constructor() {
    super();
    FakeHelper.all.push(this);
  }

  postMessage(request: Request, transfer: Transferable[] | StructuredSerializeOptions = []): void {
    // What is transferred is nobody else's from now on.
    const { id, call, args } = structuredClone(request, Array.isArray(transfer) ? { transfer } : transfer) as CallRequest;
    this.calls.push(call);
    const later = (answer: () => void): unknown => (call === 'study' && FakeHelper.takes > 0 ? setTimeout(answer, FakeHelper.takes) : setImmediate(answer));
    later(() => {
      if (call !== 'study' && call !== 'help') return this.#answer({ kind: 'result', id, value: 0 });
      const size = call === 'help' ? (args[1] as Float32Array).length : sizeOf(args[0] as Blob | Pixels);
      const fate = FakeHelper.fate(size);
      if (fate === 'hangs') return;
      if (fate === 'crashes') this.dispatchEvent((this.crash = new Event('error', { cancelable: true })));
      else if (fate === 'dies') this.#answer({ kind: 'fatal', failure: { code: 'worker_failed', message: 'gone' } });
      else if (fate === 'refused') this.#answer({ kind: 'failure', id, failure: { code: 'picture_unreadable', message: 'no' } });
      else if (call === 'help') this.#answer({ kind: 'result', id, value: (args[1] as Float32Array).map((value) => 2 * value) });
      else {
        this.studied.push(size);
        const pixels = { bytes: new Uint8Array(4 * size), bgra: false, width: size, height: 1 };
        this.#answer({ kind: 'result', id, value: { pixels, thumbnail: args[0] instanceof Blob ? new Blob(['small']) : null, studied: Uint8Array.of(size) } });
      }
    });
  }

  terminate(): void {
    this.terminated = true;
  }

  #answer(data: Message): void {
    if (!this.terminated) this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

beforeEach(() => {
  FakeHelper.all = [];
  FakeHelper.fate = () => 'studied';
  FakeHelper.takes = 0;
});

describe('helpers', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  const backbone = { config: '{}', weights: new Blob(['weights']) };
  const helpersOn = (cores: number): Helpers => {
    const helpers = new Helpers(() => new FakeHelper(), cores);
    helpers.serve(backbone, CODE);
    return helpers;
  };
  const come = (helpers: Helpers, count: number): void => {
    for (let i = 0; i < count; i += 1) helpers.expect(1);
  };
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) await new Promise(setImmediate);
  };
  const gone = () => FakeHelper.all.map(({ terminated }) => terminated);
  /** Asks as often as it takes for one that is ready. */
  const studied = (helpers: Helpers): Promise<string> =>
    vi.waitFor(async () => {
      const asked = helpers.study(picture(1), 'a', 1);
      expect(asked).not.toBe(null);
      return asked!.then(
        () => 'studied',
        (error: Error) => error.message,
      );
    });

  it('are there once many pictures wait, one for each core that is left, three at most', async () => {
    for (const [cores, most] of [[1, 0], [2, 1], [4, 3], [16, 3]] as const) {
      FakeHelper.all = [];
      const helpers = helpersOn(cores);
      helpers.expect(10);
      helpers.expect(0);
      expect(FakeHelper.all.length).toBe(0);
      helpers.expect(10);
      expect(FakeHelper.all.length).toBe(most);
      // Nobody waits for one that is not ready.
      expect(helpers.study(picture(1), 'a', 1)).toBe(null);
      if (most > 0) expect(await studied(helpers)).toBe('studied');
      helpers.serve(null, CODE);
    }
  });

  it('are there with the first of as many', () => {
    helpersOn(2).expect(11);
    expect(FakeHelper.all.length).toBe(1);
  });

  it('have the code that is compiled already, and that of another package once there is that', () => {
    const started: unknown[] = [];
    const helpers = new Helpers((...code) => {
      started.push(code);
      return new FakeHelper();
    }, 2);
    const compiled = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    for (const code of [{ simd: 'relaxed', code: compiled }, { simd: 'plain', code: null }] as const) {
      helpers.serve(backbone, code);
      helpers.expect(11);
    }
    expect(started).toEqual([
      ['relaxed', compiled],
      ['plain', null],
    ]);
  });

  it('are not there for few pictures at a time, nor for a session that they would not help or that is too large for many', async () => {
    const helpers = helpersOn(4);
    for (let i = 0; i < 10; i += 1) {
      come(helpers, 8);
      helpers.expect(2);
      helpers.expect(0);
      helpers.rest();
    }
    helpers.serve(null, CODE);
    come(helpers, 50);
    helpers.serve({ weights: { size: 94e6 } as Blob }, CODE);
    come(helpers, 50);
    expect(FakeHelper.all).toEqual([]);
  });

  it('go once there is nothing to do, and when the backbone is another, and come again', async () => {
    for (const ready of [true, false]) {
      FakeHelper.all = [];
      const helpers = helpersOn(2);
      come(helpers, 20);
      if (ready) await settled();
      // A pause is not the end.
      helpers.rest();
      vi.advanceTimersByTime(4000);
      come(helpers, 1);
      vi.advanceTimersByTime(60_000);
      expect(gone()).toEqual([false]);
      helpers.rest();
      vi.advanceTimersByTime(6000);
      expect(gone()).toEqual([true]);
      await settled();
      come(helpers, 20);
      if (ready) await settled();
      expect(gone()).toEqual([true, false]);
      helpers.serve(backbone, CODE);
      expect(gone()).toEqual([true, true]);
      await settled();
      come(helpers, 20);
      expect(gone()).toEqual([true, true, false]);
      expect(await studied(helpers)).toBe('studied');
    }
  });

  it('are given the pictures that they will be done with in time, a few at a time', async () => {
    const helpers = helpersOn(3);
    come(helpers, 20);
    await settled();
    const given = (own: number): boolean => {
      const asked = helpers.study(picture(1), 'a', own);
      asked?.catch(() => undefined);
      return asked !== null;
    };
    // At once is too soon; while this worker has one of its own, each of the two has time for one, and so on.
    expect([0, 1, 1, 1, 2, 2, 2, 3, 3].map(given)).toEqual([false, true, true, false, true, true, false, true, true]);
    expect(given(9), 'more than it is good to have waiting').toBe(false);
    await settled();
    expect(given(9)).toBe(true);
  });

  it('that are slow are given what there is more time for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const helpers = helpersOn(2);
    come(helpers, 20);
    await settled();
    for (let i = 0; i < 5; i += 1) helpers.note(10);
    const study = async (took: number, own: number): Promise<boolean> => {
      const asked = helpers.study(picture(1), 'a', own);
      vi.advanceTimersByTime(took);
      await asked;
      return asked !== null;
    };
    // The first ones do not count: its code is being compiled.
    for (let i = 0; i < 2; i += 1) expect(await study(500, 1)).toBe(true);
    for (let i = 0; i < 5; i += 1) expect(await study(31, 5)).toBe(true);
    expect([await study(31, 1), await study(31, 2), await study(31, 3)]).toEqual([false, false, true]);
    // It may have been chance: with every other picture that comes in without it, less of that is left.
    for (let i = 0; i < 20; i += 1) helpers.note(10);
    expect(await study(31, 1)).toBe(true);
  });

  it('are given one picture at a time where these are large', async () => {
    const helpers = helpersOn(2);
    come(helpers, 20);
    await settled();
    expect(helpers.study(picture(1), 'a', 5, true)).not.toBe(null);
    expect(helpers.study(picture(1), 'a', 5, false)).toBe(null);
    await settled();
    expect(helpers.study(picture(1), 'a', 5, false)).not.toBe(null);
    expect(helpers.study(picture(1), 'a', 5, true)).toBe(null);
    expect(helpers.study(picture(1), 'a', 5, false)).not.toBe(null);
  });

  it('are given none while they have a part of a training', async () => {
    const helpers = helpersOn(2);
    const crew = helpers.engage();
    await settled();
    FakeHelper.fate = (size) => (size === 7 ? 'hangs' : 'studied');
    const asked = crew.ask(0, 'a task', new Float32Array(7));
    expect(helpers.study(picture(1), 'a', 5)).toBe(null);
    vi.advanceTimersByTime(20_000);
    expect(gone(), 'that takes longer than a picture').toEqual([false]);
    vi.advanceTimersByTime(45_000);
    expect(await asked).toBe(null);
  });

  it('are not tried again where one of them failed, of which nobody else is told', async () => {
    FakeHelper.fate = () => 'crashes';
    const helpers = helpersOn(2);
    come(helpers, 20);
    expect(await studied(helpers)).toBe('the helper has gone');
    expect(FakeHelper.all[0]!.crash?.defaultPrevented).toBe(true);
    come(helpers, 50);
    expect(FakeHelper.all.length).toBe(1);
    const without = new Helpers(() => {
      throw new Error('no workers in workers');
    }, 4);
    without.serve(backbone, CODE);
    come(without, 50);
    expect(without.study(picture(1), 'a', 1)).toBe(null);
  });

  it('are there for a training at once, as long as it goes on', async () => {
    const helpers = helpersOn(4);
    expect([helpers.candidates.most(), helpers.candidates.members()]).toEqual([3, 0]);
    const crew = helpers.engage();
    expect(crew.members(), 'before they have the backbone').toBe(0);
    await settled();
    expect([crew.most(), crew.members()]).toEqual([3, 3]);
    const answers = await Promise.all([0, 1, 2, 3].map((member) => crew.ask(member, 'a task', Float32Array.of(member))));
    expect(answers).toEqual([Float32Array.of(0), Float32Array.of(2), Float32Array.of(4), null]);
    // A pause between pictures does not send them away.
    helpers.rest();
    vi.advanceTimersByTime(60_000);
    expect(gone()).toEqual([false, false, false]);
    helpers.release();
    vi.advanceTimersByTime(6000);
    expect(gone()).toEqual([true, true, true]);
    expect(await crew.ask(0, 'a task', Float32Array.of(1))).toBe(null);
  });

  it('are asked with memory that their answers were in, where it is large enough', () => {
    const crew = helpersOn(3).engage();
    const answer = new Float32Array(10);
    crew.spare(1, answer.subarray(0, 4));
    expect(crew.room(0, 3).buffer).not.toBe(answer.buffer);
    const room = crew.room(1, 10);
    expect([room.buffer === answer.buffer, room.length]).toEqual([true, 10]);
    expect(crew.room(1, 10).buffer, 'once').not.toBe(answer.buffer);
    crew.spare(1, answer);
    expect(crew.room(1, 11).length).toBe(11);
  });

  it('that are there already join a training, and those of another backbone do not', async () => {
    const helpers = helpersOn(2);
    come(helpers, 20);
    await settled();
    const crew = helpers.engage();
    expect(crew.members()).toBe(1);
    helpers.serve(backbone, CODE);
    helpers.engage();
    await settled();
    expect([gone(), crew.members()]).toEqual([[true, false], 1]);
    expect(await crew.ask(0, 'a task', Float32Array.of(1)), 'it has gone').toBe(null);
  });

  it('do not look at pictures where a GPU does, and do not train where they could not', async () => {
    const helpers = helpersOn(2);
    helpers.serve(backbone, CODE, false);
    come(helpers, 50);
    expect(FakeHelper.all.length).toBe(0);
    helpers.engage();
    await settled();
    expect(helpers.study(picture(1), 'a', 1)).toBe(null);
    helpers.serve(null, CODE);
    expect([helpers.engage().most(), helpersOn(1).engage().most()]).toEqual([0, 0]);
    expect(FakeHelper.all.length).toBe(1);
  });

  it('that fail at a part of a training say so', async () => {
    for (const fate of ['refused', 'dies', 'crashes', 'hangs'] as const) {
      FakeHelper.fate = () => fate;
      const crew = helpersOn(2).engage();
      await settled();
      const asked = crew.ask(0, 'a task', Float32Array.of(1));
      if (fate === 'hangs') vi.advanceTimersByTime(62_000);
      expect(await asked, fate).toBe(null);
    }
  });

  it('are not waited for for ever', async () => {
    FakeHelper.fate = () => 'hangs';
    const helpers = helpersOn(2);
    come(helpers, 20);
    await settled();
    const asked = helpers.study(picture(1), 'a', 1)!.catch((error: Error) => error.message);
    vi.advanceTimersByTime(20_000);
    expect(await asked).toBe('the helper has gone');
    expect(gone()).toEqual([true]);
  });
});

describe('a session with helpers', () => {
  useFakeWorker();
  beforeEach(() => void (FakeWorker.startHelper = () => new FakeHelper()));
  afterEach(() => void (FakeWorker.startHelper = null));

  const COUNT = 120;
  const addMany = async (): Promise<string[]> => {
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    const { ids, failures } = await trainer.addImages('a', Array.from({ length: COUNT }, (_, i) => picture(i + 1)));
    expect(failures).toEqual([]);
    expect(ids).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
    return FakeWorker.last.session.calls.slice(1);
  };
  const all = Array.from({ length: COUNT }, (_, i) => i + 1);
  /** The pictures of such calls: they are known by their sizes. */
  const sizes = (calls: string[], ...kinds: ('addImage' | 'addStudied' | 'study')[]): number[] =>
    calls.map((call) => call.split(' ')).flatMap((call) => (kinds.some((kind) => kind === call[0]) ? [Number(call[call[0] === 'study' ? 1 : 2])] : []));

  it('adds every picture in its turn, with what they have found out', async () => {
    const calls = await addMany();
    expect(sizes(calls, 'addImage', 'addStudied')).toEqual(all);
    const studied = FakeHelper.all.flatMap((helper) => helper.studied);
    expect(studied.length).toBeGreaterThan(20);
    expect(FakeWorker.last.decoded).toBeGreaterThan(0);
    expect(FakeWorker.last.decoded + studied.length).toBe(COUNT);
    expect(sizes(calls, 'addStudied')).toEqual(studied.toSorted((a, b) => a - b));
  });

  /** They take as long as the worker takes for a dozen pictures, and are thought to be as fast. */
  const beSlow = (): void => {
    FakeHelper.takes = 20;
    vi.useFakeTimers({ toFake: ['performance'] });
  };
  afterEach(() => void vi.useRealTimers());

  it('looks at later pictures itself while they are not done with the one whose turn it is', async () => {
    beSlow();
    const calls = await addMany();
    expect(sizes(calls, 'addImage', 'addStudied'), 'in their turn').toEqual(all);
    const [studied, own] = [FakeHelper.all.flatMap((helper) => helper.studied), sizes(calls, 'study')];
    expect(Math.min(studied.length, own.length)).toBeGreaterThan(0);
    // Nobody looks at what another one has.
    expect(sizes(calls, 'addStudied')).toEqual([...studied, ...own].toSorted((a, b) => a - b));
  });

  it('tells of what it cannot read in its turn where it looks at later pictures itself', async () => {
    beSlow();
    FakeHelper.fate = (bytes) => (bytes === 0 ? 'refused' : 'studied');
    const trainer = await Trainer.create();
    await trainer.addClass('a');
    const { ids, failures } = await trainer.addImages('a', Array.from({ length: COUNT }, (_, i) => picture(i % 3 === 1 ? 0 : i + 1)));
    expect(failures.map(({ index }) => index)).toEqual(Array.from({ length: COUNT / 3 }, (_, i) => 3 * i + 1));
    expect(ids.map((id) => id === null)).toEqual(Array.from({ length: COUNT }, (_, i) => i % 3 === 1));
    expect(sizes(FakeWorker.last.session.calls, 'study').length).toBeGreaterThan(0);
  });

  it('embeds what they have looked at for another backbone', async () => {
    FakeWorker.faults = { otherBackbone: true };
    const calls = await addMany();
    expect(sizes(calls, 'addImage')).toEqual(all);
    expect(sizes(calls, 'addStudied').length).toBeGreaterThan(20);
  });

  it('gives them the pixels of bitmaps, which are kept', async () => {
    vi.stubGlobal('createImageBitmap', async (bitmap: unknown) => bitmap);
    for (const fate of ['studied', 'dies'] as const) {
      FakeHelper.all = [];
      FakeHelper.fate = (width) => (width > 80 ? fate : 'studied');
      const closed: number[] = [];
      const bitmap = (width: number) => ({ width, height: 1, close: () => closed.push(width) }) as unknown as ImageBitmap;
      const trainer = await Trainer.create();
      await trainer.addClass('a');
      const { ids, failures } = await trainer.addImages('a', Array.from({ length: COUNT }, (_, i) => bitmap(i + 1)));
      expect(failures).toEqual([]);
      expect(sizes(FakeWorker.last.session.calls, 'addImage', 'addStudied')).toEqual(all);
      const studied = FakeHelper.all.flatMap((helper) => helper.studied);
      expect(studied.length).toBeGreaterThan(10);
      // Another backbone may want them.
      expect(closed).toEqual([]);
      // Those that one had when it went are read once more.
      const again = FakeWorker.last.decoded - COUNT;
      expect(again > 0).toBe(fate === 'dies');
      expect(again).toBeLessThanOrEqual(FakeHelper.all.length * PICTURES_EACH);
      expect(await (await trainer.thumbnail(ids[COUNT - 1]!)).text()).toBe(`thumbnail of ${COUNT} pixels`);
      const forgotten = ids.slice(0, 5) as number[];
      for (const id of forgotten) await trainer.removeImage(id);
      await trainer.forgetImages(forgotten);
      expect(closed).toEqual([1, 2, 3, 4, 5]);
      await expect(trainer.addImage('no class', bitmap(COUNT + 1))).rejects.toThrow();
      expect(closed.at(-1), 'what is not added is let go of').toBe(COUNT + 1);
      trainer.close();
    }
  });

  it('has them help with fine-tuning and with much preparing, and with nothing else', async () => {
    const withPictures = async (): Promise<Trainer> => {
      const trainer = await Trainer.create();
      for (const name of ['a', 'b']) {
        await trainer.addClass(name);
        await trainer.addImage(name, picture(1));
      }
      return trainer;
    };
    FakeWorker.faults = { prepareSeconds: 2 };
    const preparing = await withPictures();
    await preparing.train({ epochs: 1 }).report;
    expect(FakeHelper.all.length).toBe(2);
    preparing.close();

    FakeHelper.all = [];
    FakeWorker.faults = { prepareSeconds: 0.4 };
    const trainer = await withPictures();
    await trainer.train({ epochs: 1 }).report;
    expect(FakeHelper.all.length).toBe(0);
    expect(FakeWorker.last.session.crew?.members()).toBe(0);
    await trainer.train({ epochs: 1, fineTune: 'last:1' }).report;
    expect(FakeHelper.all.length).toBeGreaterThan(0);
    expect(FakeWorker.last.session.crew?.most()).toBe(FakeHelper.all.length);
    trainer.close();
  });

  it('asks for them with the first of many pictures, and not for a few or for others', async () => {
    const first = async (count: number, part: 'learn' | 'test'): Promise<number> => {
      FakeHelper.all = [];
      const trainer = await Trainer.create();
      await trainer.addClass('a');
      const adding = trainer.addImages('a', Array.from({ length: count }, (_, i) => picture(i + 1)), { part });
      while (sizes(FakeWorker.last.session.calls, 'addImage').length === 0) await new Promise(setImmediate);
      const helpers = FakeHelper.all.length;
      await adding;
      trainer.close();
      return helpers;
    };
    expect(await first(COUNT, 'learn')).toBe(2);
    expect(await first(11, 'learn')).toBe(0);
    expect(await first(COUNT, 'test')).toBe(0);
  });

  it('does without them where they cannot read a picture, stop or crash', async () => {
    for (const fate of ['refused', 'dies', 'crashes'] as const) {
      FakeHelper.fate = (bytes) => (bytes > 60 ? fate : 'studied');
      const calls = await addMany();
      expect(sizes(calls, 'addImage', 'addStudied')).toEqual(all);
      expect(sizes(calls, 'addStudied').length).toBeGreaterThan(0);
    }
  });
});
