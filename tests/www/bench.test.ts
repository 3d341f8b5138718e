import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Contender } from '../../www/bench/contender.js';
import { measureAll, type Outcome, type Progress } from '../../www/bench/measure.js';
import { asMarkdown, ratioOf } from '../../www/bench/result.js';
import { Schedule } from '../../www/bench/schedule.js';
import { WORKS, type Work } from '../../www/bench/works.js';
import { CONTENT_SECURITY_POLICY } from '../../www/security.js';

const [PICTURE, PICTURES] = WORKS as [Work, Work];

/** Says that it takes so long, and does not. */
function fake(name: string, ms: number, { log = [] as string[], works = ['picture'] as ('picture' | 'pictures')[], fails = false, ours = false } = {}): Contender {
  const open = async () => {
    log.push(`${name} opened`);
    const measure = async (): Promise<number> => {
      log.push(name);
      // Longer than a measurement repeats its work for.
      await new Promise((resolve) => setTimeout(resolve, 210));
      if (fails) throw new Error(`${name} fails`);
      return ms;
    };
    return { measure, close: () => void log.push(`${name} closed`) };
  };
  return { name, ours, engine: 'cpu', works: Object.fromEntries(works.map((id) => [id, open])) };
}

async function run(works: Work[], contenders: Contender[], rounds: number, stopAt = Infinity): Promise<{ outcomes: Outcome[]; progress: Progress[] }> {
  const controller = new AbortController();
  const outcomes = new Map<Work, Outcome>();
  const progress: Progress[] = [];
  await measureAll(works, contenders, rounds, {
    signal: controller.signal,
    onProgress: (each) => {
      progress.push(each);
      if (progress.length >= stopAt) controller.abort();
    },
    onOutcome: (outcome) => void outcomes.set(outcome.work, outcome),
  });
  return { outcomes: [...outcomes.values()], progress };
}

describe('measuring', () => {
  it('takes turns, another one first in every round, and divides by the pictures', async () => {
    const log: string[] = [];
    const both = ['picture', 'pictures'] as ('picture' | 'pictures')[];
    const { outcomes } = await run([PICTURE, PICTURES], [fake('a', 32, { log, works: both, ours: true }), fake('b', 64, { log })], 2);
    // Twice to warm up, as it takes less than seconds.
    const expected = ['a opened', 'a', 'a', 'b opened', 'b', 'b', 'a', 'b', 'b', 'a', 'a closed', 'b closed', 'a opened', 'a', 'a', 'a', 'a', 'a closed'];
    expect(log).toEqual(expected);
    expect(outcomes.map(({ taken }) => taken.map(({ name, all }) => ({ name, all })))).toEqual([
      [{ name: 'a', all: [32, 32] }, { name: 'b', all: [64, 64] }],
      [{ name: 'a', all: [2, 2] }],
    ]);
    expect(ratioOf(outcomes[0]!, outcomes[0]!.taken[1]!)).toBe(2);
  });

  it('goes on without one that fails, and says why', async () => {
    const log: string[] = [];
    const { outcomes } = await run([PICTURE], [fake('bad', 1, { log, fails: true }), fake('good', 1)], 1);
    expect(outcomes[0]!.failures).toEqual([{ name: 'bad', reason: 'bad fails' }]);
    expect(outcomes[0]!.taken.map(({ name }) => name)).toEqual(['good']);
    expect(log).toEqual(['bad opened', 'bad', 'bad closed']);
  });

  it('ends early with all closed and nothing failed', async () => {
    const log: string[] = [];
    const { outcomes } = await run([PICTURE, PICTURES], [fake('a', 1, { log, works: ['picture', 'pictures'] })], 5, 4);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]!.failures).toEqual([]);
    expect(log.filter((each) => each === 'a opened')).toHaveLength(1);
    expect(log.at(-1)).toBe('a closed');
  });

  it('knows better how long it takes the further it is', () => {
    const slow = fake('slow', 1);
    const schedule = new Schedule([PICTURE], [slow], 8);
    const usual = PICTURE.usual.before + 9 * PICTURE.usual.each;
    expect(schedule.progress()).toEqual({ share: 0, secondsLeft: usual });
    schedule.done(PICTURE, slow, 10 * PICTURE.usual.before);
    expect(schedule.progress().secondsLeft).toBeCloseTo(10 * 9 * PICTURE.usual.each);
    const { share } = schedule.progress();
    expect(share).toBeGreaterThan(0);
    schedule.skip(PICTURE, slow);
    expect(schedule.progress()).toEqual({ share: 1, secondsLeft: 0 });
  });
});

it('writes what came out as tables', () => {
  const one = (name: string, ours: boolean, median: number) => ({ name, ours, median, quartiles: [median, median] as [number, number], least: median, all: [median] });
  const outcome: Outcome = { work: PICTURE, taken: [one('other', false, 9), one('own', true, 4.5)], failures: [{ name: 'third', reason: 'a | b' }] };
  const text = asMarkdown({ date: '2026-11-29T12:00:00.000Z', backbone: 'small', browser: 'some', cores: 2, gpu: null, rounds: 7 }, [outcome]);
  expect(text).toContain('| own | 4.50 ms | 1.00 × |\n| other | 9.00 ms | 2.00 × |\n| third | a \\| b | |');
  expect(text).toContain('small, 2026-11-29, 2 cores, no WebGPU, 7 rounds, some');
});

it('has the policy of the main page', () => {
  const page = readFileSync(new URL('../../www/bench/bench.html', import.meta.url), 'utf8');
  const [, meta] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page) ?? [];
  expect(meta).toBe(CONTENT_SECURITY_POLICY);
});
