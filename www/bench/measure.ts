import type { Contender, Measure, Opened } from './contender.js';
import { spread, type Spread } from './figures.js';
import { Schedule } from './schedule.js';
import type { Work } from './works.js';

/** What a contender took for a work, in the work's unit. */
export interface Taken extends Spread {
  name: string;
  ours: boolean;
  /** Every measurement, in order. */
  all: number[];
}

/** What came of a work. */
export interface Outcome {
  work: Work;
  taken: Taken[];
  /** Who could not do it, and why. */
  failures: { name: string; reason: string }[];
}

/** How far all is. */
export interface Progress {
  work: Work;
  /** Whoever is at it. */
  name: string;
  /** From 0 to 1. */
  share: number;
  secondsLeft: number;
}

export interface Watcher {
  signal: AbortSignal;
  onProgress(progress: Progress): void;
  /** Is told what there is of a work after each of its rounds. */
  onOutcome(outcome: Outcome): void;
}

/** A measurement repeats its work for about so long: clocks are coarse, and the system's other work comes in bursts. */
const LEAST_MS = 200;
/** Whoever takes longer for a measurement is measured once: more would take most of the time and change no answer. */
const SLOW_MS = 15_000;

/** One contender at one work. */
interface Running {
  contender: Contender;
  opened: Opened;
  runs: number;
  all: number[];
  once: boolean;
}

/**
 * Lets contenders do each work by turns, another one first in every round, so that what slows the device down slows all of them. One that
 * cannot do a work is told with the reason, and the others go on. Ends early where the signal says so.
 */
export async function measureAll(works: readonly Work[], contenders: readonly Contender[], rounds: number, watcher: Watcher): Promise<void> {
  const schedule = new Schedule(works, contenders, rounds);
  for (const work of works) {
    const able = contenders.filter((contender) => contender.works[work.id] !== undefined);
    await measureWork(work, able, rounds, schedule, watcher);
    if (watcher.signal.aborted) return;
  }
}

async function measureWork(work: Work, able: readonly Contender[], rounds: number, schedule: Schedule, watcher: Watcher): Promise<void> {
  const { signal } = watcher;
  let running: Running[] = [];
  const failures: Outcome['failures'] = [];
  // What waits for a worker that is closed would wait for what was told to stop.
  const closeAll = (): void => running.forEach(({ opened }) => opened.close());
  signal.addEventListener('abort', closeAll, { once: true });

  /** A part of the work by one contender, or why it failed; nothing of either once all was stopped. */
  const attempt = async <T>(contender: Contender, part: () => Promise<T>): Promise<T | null> => {
    watcher.onProgress({ work, name: contender.name, ...schedule.progress() });
    if (signal.aborted) return null;
    const start = performance.now();
    try {
      const result = await part();
      if (signal.aborted) return null;
      schedule.done(work, contender, (performance.now() - start) / 1000);
      return result;
    } catch (error) {
      if (signal.aborted) return null;
      failures.push({ name: contender.name, reason: error instanceof Error ? error.message : String(error) });
      running.filter((each) => each.contender === contender).forEach(({ opened }) => opened.close());
      running = running.filter((each) => each.contender !== contender);
      schedule.skip(work, contender);
      return null;
    }
  };
  const tell = (): void => {
    const taken = running.flatMap(({ contender: { name, ours }, all }) => (all.length === 0 ? [] : [{ name, ours, all: [...all], ...spread(all) }]));
    watcher.onOutcome({ work, taken, failures: [...failures] });
  };

  for (const contender of able) {
    const opened = await attempt(contender, async () => {
      const made = await contender.works[work.id]!();
      if (signal.aborted) made.close();
      return made;
    });
    if (opened === null) continue;
    const each: Running = { contender, opened, runs: 1, all: [], once: false };
    running.push(each);
    const first = await attempt(contender, () => warmUp(opened.measure));
    if (first === null) continue;
    each.runs = Math.max(1, Math.round(LEAST_MS / first.wall));
    if (first.wall > SLOW_MS) {
      each.all.push(first.own / work.by);
      each.once = true;
      schedule.skip(work, contender);
    }
  }
  for (let round = 0; round < rounds && !signal.aborted; round += 1) {
    const turns = running.filter(({ once }) => !once);
    for (let i = 0; i < turns.length; i += 1) {
      const { contender, opened, runs, all } = turns[(round + i) % turns.length]!;
      if (!running.some((each) => each.contender === contender)) continue;
      const own = await attempt(contender, () => meanOf(opened.measure, runs, signal));
      if (own !== null) all.push(own / work.by);
    }
    tell();
  }
  signal.removeEventListener('abort', closeAll);
  if (!signal.aborted) closeAll();
}

/** The first run also compiles and allocates: of what takes no seconds another one tells how long it is. */
async function warmUp(measure: Measure): Promise<Timed> {
  const first = await wallAndOwn(measure);
  return first.wall > 5 * LEAST_MS ? first : wallAndOwn(measure);
}

/** The time on the clock, and the one that is told, which may leave out what a run begins with. */
interface Timed {
  wall: number;
  own: number;
}

async function wallAndOwn(measure: Measure): Promise<Timed> {
  const start = performance.now();
  const own = await measure();
  return { wall: performance.now() - start, own };
}

async function meanOf(measure: Measure, runs: number, signal: AbortSignal): Promise<number> {
  let sum = 0;
  for (let run = 0; run < runs && !signal.aborted; run += 1) sum += await measure();
  return sum / runs;
}
