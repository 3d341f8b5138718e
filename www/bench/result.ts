import { short, shown, type Spread } from './figures.js';
import type { Outcome, Taken } from './measure.js';

/** What the figures are of. */
export interface Circumstances {
  /** As in `2026-11-29T12:00:00.000Z`. */
  date: string;
  backbone: string;
  browser: string;
  cores: number;
  /** What WebGPU computes on, in the browser's words; null where there is none. */
  gpu: string | null;
  rounds: number;
}

/** How many times as long as the fastest of ours another takes; null where ours is not there. */
export function ratioOf({ taken }: Outcome, { median }: Spread): number | null {
  const own = taken.filter(({ ours }) => ours).map((each) => each.median);
  return own.length === 0 ? null : median / Math.min(...own);
}

export const ratioShown = (ratio: number | null): string => (ratio === null ? '–' : `${short(ratio)} ×`);

/** In the order in which they are shown: fastest first. */
export const ordered = ({ taken }: Outcome): Taken[] => [...taken].sort((a, b) => a.median - b.median);

export function asJson(circumstances: Circumstances, outcomes: readonly Outcome[]): string {
  const works = outcomes.map((outcome) => ({
    work: outcome.work.title,
    unit: outcome.work.unit,
    times: outcome.taken.map((each) => ({ ...each, ratio: ratioOf(outcome, each) })),
    failures: outcome.failures,
  }));
  return `${JSON.stringify({ ...circumstances, works }, null, 1)}\n`;
}

export function asMarkdown({ date, backbone, browser, cores, gpu, rounds }: Circumstances, outcomes: readonly Outcome[]): string {
  const about = `${backbone}, ${date.slice(0, 10)}, ${cores} cores, ${gpu === null ? 'no WebGPU' : `WebGPU on ${gpu}`}, ${rounds} rounds, ${browser}`;
  const tables = outcomes.map((outcome) => {
    const { work, failures } = outcome;
    const rows = ordered(outcome).map((each) => `| ${cell(each.name)} | ${shown(each)} ${work.unit} | ${ratioShown(ratioOf(outcome, each))} |`);
    const failed = failures.map(({ name, reason }) => `| ${cell(name)} | ${cell(reason)} | |`);
    return [`### ${work.title}`, '', '| | median (quartiles) | to the fastest of ours |', '|---|---|---|', ...rows, ...failed].join('\n');
  });
  return `${[`Headstart's bench.html: ${about}`, ...tables].join('\n\n')}\n`;
}

const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
