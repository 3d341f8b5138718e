/** A training run as the page follows it. */
import type { TrainEvent, TrainReport } from '../generated/types.js';
import type { EpochPoint, Key, RunState } from './types.js';

export const NO_RUN: RunState = { status: 'idle', latest: null, points: [], report: null, learned: [], stale: false };

export type RunAction =
  | { readonly type: 'run-started'; readonly learned: readonly Key[] }
  | { readonly type: 'run-progressed'; readonly events: readonly TrainEvent[] }
  | { readonly type: 'run-paused' }
  | { readonly type: 'run-continued' }
  | { readonly type: 'run-stopping' }
  | { readonly type: 'run-ended'; readonly report: TrainReport }
  | { readonly type: 'run-failed' };

export function isActive(run: RunState): boolean {
  return run.status !== 'idle';
}

export function reduceRun(run: RunState, action: RunAction): RunState {
  switch (action.type) {
    case 'run-started':
      return { ...NO_RUN, status: 'starting', learned: action.learned };
    case 'run-progressed':
      return progressed(run, action.events);
    case 'run-paused':
      return isActive(run) ? { ...run, status: 'paused' } : run;
    case 'run-continued':
      return run.status === 'paused' ? { ...run, status: 'running' } : run;
    case 'run-stopping':
      return isActive(run) ? { ...run, status: 'stopping' } : run;
    case 'run-ended':
      return { ...run, status: 'idle', report: action.report };
    case 'run-failed':
      return { ...run, status: 'idle' };
  }
}

function progressed(run: RunState, events: readonly TrainEvent[]): RunState {
  const latest = events.at(-1);
  if (!isActive(run) || latest === undefined) return run;
  const points = [...run.points];
  for (const event of events) if (event.kind === 'epoch') points.push(pointOf(event));
  return { ...run, status: run.status === 'starting' ? 'running' : run.status, latest, points };
}

function pointOf(event: TrainEvent): EpochPoint {
  const { epoch, loss, accuracy, validationLoss, validationAccuracy } = event;
  return { epoch, loss, accuracy, validationLoss, validationAccuracy };
}

/** The epoch whose weights are kept, as far as it is known. */
export function bestEpoch(run: RunState): number | null {
  return run.report?.best_epoch ?? run.latest?.bestEpoch ?? null;
}

/** Between 0 and 1. */
export function progressOf(run: RunState): number {
  if (run.latest === null || run.latest.steps === 0) return 0;
  return Math.min(1, run.latest.step / run.latest.steps);
}
