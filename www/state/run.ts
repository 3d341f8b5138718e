/** A training run as the page follows it. */
import type { TrainConfig, TrainEvent, TrainReport } from '../generated/types.js';
import type { EpochPoint, RunState } from './types.js';

export const NO_RUN: RunState = {
  status: 'idle',
  latest: null,
  points: [],
  hint: null,
  report: null,
  config: {},
  before: null,
  stale: false,
  replaced: false,
};

export type RunAction =
  /** Anew, or going on with one that was cut short, whose curves had come so far. */
  | { readonly type: 'run-started'; readonly config: Partial<TrainConfig>; readonly points?: readonly EpochPoint[] }
  | { readonly type: 'run-progressed'; readonly events: readonly TrainEvent[] }
  | { readonly type: 'run-paused' }
  | { readonly type: 'run-continued' }
  | { readonly type: 'run-stopping' }
  | { readonly type: 'run-ended'; readonly report: TrainReport }
  | { readonly type: 'run-failed' }
  | { readonly type: 'run-undone' };

export function isActive(run: RunState): boolean {
  return run.status !== 'idle';
}

export function reduceRun(run: RunState, action: RunAction): RunState {
  switch (action.type) {
    case 'run-started':
      return { ...NO_RUN, status: 'starting', config: action.config, points: action.points ?? [], before: { ...run, before: null } };
    case 'run-progressed':
      return progressed(run, action.events);
    case 'run-paused':
      return isActive(run) ? { ...run, status: 'paused' } : run;
    case 'run-continued':
      return run.status === 'paused' ? { ...run, status: 'running' } : run;
    case 'run-stopping':
      return isActive(run) ? { ...run, status: 'stopping' } : run;
    case 'run-ended':
      return { ...run, status: 'idle', report: action.report, before: null };
    case 'run-failed':
      return failed(run);
    case 'run-undone':
      return undone(run);
  }
}

function progressed(run: RunState, events: readonly TrainEvent[]): RunState {
  const latest = events.at(-1);
  if (!isActive(run) || latest === undefined) return run;
  const points = [...run.points];
  let { hint } = run;
  for (const event of events) {
    if (event.kind === 'epoch') points.push(pointOf(event));
    hint = event.hint ?? hint;
  }
  return { ...run, status: run.status === 'starting' ? 'running' : run.status, latest, points, hint };
}

/** Before an epoch has ended there is nothing that would take an earlier model's place: that one stays, and so does what is known of it. */
function failed(run: RunState): RunState {
  if (!isActive(run)) return run;
  return run.points.length === 0 ? undone(run) : { ...run, status: 'idle', before: null };
}

/** Nothing was learned, so an earlier model and what is known of it stay. */
function undone({ before, stale }: RunState): RunState {
  if (before === null) return NO_RUN;
  return { ...before, stale: before.report !== null && (before.stale || stale) };
}

function pointOf(event: TrainEvent): EpochPoint {
  const { epoch, phase, loss, accuracy, validationLoss, validationAccuracy } = event;
  return { epoch, phase, loss, accuracy, validationLoss, validationAccuracy };
}

/** The epoch whose weights are kept, as far as it is known; 0 is the model that a warm start began with. */
export function bestEpoch(run: RunState): number | null {
  return run.report?.bestEpoch ?? run.latest?.bestEpoch ?? null;
}

/** How far the present phase is, between 0 and 1. */
export function progressOf(run: RunState): number {
  if (run.latest === null || run.latest.steps === 0) return 0;
  return Math.min(1, run.latest.step / run.latest.steps);
}

/** How far the run as a whole is, by its epochs, between 0 and 1. */
export function overallOf({ latest }: RunState): number {
  if (latest === null || latest.epochs === 0) return 0;
  if (latest.phase === 'measure') return 1;
  const ended = latest.kind === 'epoch' ? latest.epoch : Math.max(0, latest.epoch - 1);
  return Math.min(1, ended / latest.epochs);
}

/** The first epoch of fine-tuning, or null where there was none yet. */
export function fineTuneStart(points: readonly EpochPoint[]): number | null {
  return points.find((each) => each.phase === 'fine-tune')?.epoch ?? null;
}
