import { loadavg } from 'node:os';
import { short, shown, spread, type Spread } from '../../../www/bench/figures.js';
import { COUNTED, type Counts } from './gpu-counts.js';

/** Whoever the others are compared with. */
export const OURS = 'headstart';
/** Ours in eight bits. */
export const OURS_INT8 = `${OURS} int8`;
/** Ours with other settings is none of the others. */
const isAnother = (library: string): boolean => !library.startsWith(OURS);

const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
/** A measurement repeats its work for about so long: the page's clock is coarse, and a scheduler's slice is short. */
const LEAST_MS = 200;

/** Between two measurements: what one library has left to do (a queue of GPU commands, threads that spin, garbage) is not in the time of the next. */
const PAUSE_MS = Number(process.env['PAUSE_MS'] ?? 300);

/** Whoever takes so many times as long as the fastest of the others is measured once: more would take most of the benchmark's time and change no answer. */
const FAR_BEHIND = 8;

/** One piece of work, done by several libraries in turn. */
export interface Row {
  work: string;
  unit: string;
  /** By the library's name. */
  times: Record<string, Spread>;
  /** How many times as long each of the others takes as ours, round by round. */
  ratios: Record<string, Spread>;
  /** Every measurement, in the order in which it was made. */
  all: Record<string, number[]>;
  /** The machine's load of the last minute before and after. */
  load: [before: number, after: number];
  /** What computed, where that is a GPU or software in the place of one. */
  adapter?: string;
  /** What one piece of the work asks of WebGPU, by library. */
  counts?: Record<string, Counts>;
}

/** Does the work so many times and tells the milliseconds of one. */
export type Measure = (library: string, runs: number) => Promise<number>;

/**
 * Lets libraries do the same work by turns, another one first in every round, so that what slows the machine down slows all of them.
 * A time is divided by `by`, for work on several pictures or for another unit.
 */
export async function alternate(work: string, libraries: readonly string[], measure: Measure, { by = 1, unit = 'ms', rounds = ROUNDS } = {}): Promise<Row> {
  const before = loadavg()[0]!;
  const runs: Record<string, number> = {};
  const estimates: Record<string, number> = {};
  for (const library of libraries) {
    // The first run also compiles and allocates; of what takes seconds it shows enough all the same.
    const first = await measure(library, 1);
    estimates[library] = first > 5 * LEAST_MS ? first : await measure(library, 2);
    runs[library] = Math.max(1, Math.round(LEAST_MS / estimates[library]));
  }
  const limit = FAR_BEHIND * Math.min(...libraries.filter(isAnother).map((library) => estimates[library]!));
  const all: Record<string, number[]> = Object.fromEntries(libraries.map((library) => [library, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < libraries.length; i++) {
      const library = libraries[(round + i) % libraries.length]!;
      if (round > 0 && isAnother(library) && estimates[library]! > limit) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      all[library]!.push((await measure(library, runs[library]!)) / by);
    }
  }
  return rowOf(work, all, { unit, before });
}

/** A row of measurements by library that are there already. */
export function rowOf(work: string, all: Record<string, number[]>, { unit = 'ms', before = loadavg()[0]! } = {}): Row {
  const each = (names: readonly string[], of: (library: string) => Spread): Record<string, Spread> => Object.fromEntries(names.map((name) => [name, of(name)]));
  const libraries = Object.keys(all);
  const row: Row = {
    work,
    unit,
    times: each(libraries, (library) => spread(all[library]!)),
    ratios: each(all[OURS] ? libraries.filter(isAnother) : [], (library) => spread(all[library]!.map((time, i) => time / all[OURS]![i]!))),
    all,
    load: [before, loadavg()[0]!],
  };
  console.log(line(row));
  return row;
}

/** A row as text, to follow a long benchmark by. */
function line({ work, unit, times, load }: Row): string {
  const figures = Object.entries(times).map(([library, time]) => `${library} ${shown(time)} ${unit}`);
  return `${work}: ${figures.join(', ')}; load ${load.map((each) => each.toFixed(1)).join(' to ')}`;
}

/**
 * Rows as `console.table` shows them: medians with quartiles in brackets, how many times as long the fastest other one takes as ours, and
 * the same of the shortest times, which is what to read where the load is high. Under a row with counts, a row each of those.
 */
export function table(rows: readonly Row[]): Record<string, Record<string, string>> {
  return Object.fromEntries(rows.flatMap((row) => [[row.work, cellsOf(row)], ...countsOf(row)]));
}

function cellsOf({ unit, times, ratios, all, load }: Row): Record<string, string> {
  const cells = Object.entries(times).map(([library, time]) => [library, `${shown(time)} ${unit}`]);
  const fastest = Object.entries(ratios).sort(([, a], [, b]) => a.median - b.median)[0];
  const leasts = Object.keys(ratios).map((library) => times[library]!.least / times[OURS]!.least);
  const ahead = fastest && { 'other / ours': `${short(fastest[1].median)} (${fastest[0]})`, 'at best': short(Math.min(...leasts)) };
  const int8 = fastest && all[OURS_INT8]?.map((time, i) => all[fastest[0]]![i]! / time);
  const inInt8 = int8 && { 'other / int8': short(spread(int8).median) };
  return { ...Object.fromEntries(cells), ...ahead, ...inInt8, load: load[1].toFixed(1) };
}

function countsOf({ work, counts = {} }: Row): [string, Record<string, string>][] {
  if (Object.keys(counts).length === 0) return [];
  const cells = (key: keyof Counts): Record<string, string> =>
    Object.fromEntries(Object.entries(counts).map(([library, found]) => [library, String(Math.round(found[key] * 100) / 100)]));
  return Object.entries(COUNTED).map(([key, words]) => [`${work}: ${words}`, cells(key as keyof Counts)]);
}
