/** Reports of trainings, on this device and in project files, as whichever version wrote them. */
import type { TrainReport } from '../generated/types.js';
import type { RunState } from '../state/types.js';

/** A report as it was written: the names in it had underscores once (`train_loss`). */
export type StoredReport = Readonly<Record<string, unknown>>;

/** A run as it was written. */
export interface StoredRun extends Omit<RunState, 'report' | 'before'> {
  readonly report: StoredReport | null;
  readonly before: StoredRun | null;
}

/** What core takes a report to say where it does not, as the first ones did not. */
const UNSAID: Pick<TrainReport, 'classIds' | 'phase' | 'headEpochs'> = { classIds: [], phase: 'head', headEpochs: 0 };

/** A report that was written, with the names of today. Whichever it has are read: in a page's version 3 they may be either. */
export function reportOf(written: StoredReport): TrainReport {
  const named = Object.entries(written).map(([name, value]) => [name.replace(/_[a-z]/g, ([, letter]) => letter!.toUpperCase()), value]);
  return { ...UNSAID, ...(Object.fromEntries(named) as TrainReport) };
}

/** A run that was written. */
export function runOf({ report, before, ...rest }: StoredRun): RunState {
  return { ...rest, report: report && reportOf(report), before: before && runOf(before) };
}
