/** A run in words: where it is, how it goes, and what of the network it concerns. */
import type { Estimate, Phase, TrainEvent } from '../generated/types.js';
import { bestEpoch } from './run.js';
import type { RunState } from './types.js';
import { andList, bytes, count, percent, roughly, timeLeft, wholePercent } from './words.js';

/** Where a run is and how long it still takes. */
export function describeRun(run: RunState): string {
  const { latest } = run;
  // What is kept is still measured, which can take its time.
  if (run.status === 'stopping' && latest?.phase !== 'measure') return 'Stopping…';
  if (latest === null) return 'Preparing…';
  const place = placeOf(latest);
  if (run.status === 'paused') return `${place}, paused`;
  const validation = run.points.at(-1)?.validationAccuracy ?? null;
  const accuracy = validation === null || latest.phase === 'measure' ? '' : `, ${percent(validation)} right so far`;
  const left = timeLeft(latest.eta);
  return `${place}${accuracy}${left === '' ? '' : `, ${left}`}`;
}

function placeOf({ phase, step, steps, epoch, epochs }: TrainEvent): string {
  switch (phase) {
    case 'prepare':
      return `Preparing pictures ${step} of ${steps}`;
    case 'head':
      return `Training the head: epoch ${epoch} of ${epochs}`;
    case 'fine-tune':
      return `Fine-tuning: epoch ${epoch} of ${epochs}`;
    case 'measure':
      return 'Measuring how good it is';
  }
}

/** What a phase is called in a table. */
export function phaseName(phase: Phase): string {
  return { prepare: 'Preparing', head: 'Head', 'fine-tune': 'Fine-tuning', measure: 'Measuring' }[phase];
}

/** Pictures a second and memory, as far as there is anything to tell. */
export function describePace({ imagesPerSecond, memory }: TrainEvent): string {
  const parts = [
    imagesPerSecond > 0 ? `${count(Math.max(1, Math.round(imagesPerSecond)), 'picture')} a second` : '',
    memory > 0 ? `${bytes(memory)} of memory for prepared pictures` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** Whether stopping now would leave nothing of this run. */
export function nothingLearned({ latest }: RunState): boolean {
  return latest === null || latest.phase === 'prepare';
}

/** How much better what was learned from is known than what was held back, or null where nothing was. */
export function describeGap(run: RunState): string | null {
  const { report } = run;
  const last = run.points.at(-1);
  const training = report?.trainAccuracy ?? last?.accuracy ?? null;
  const held = report ? report.validationAccuracy : (last?.validationAccuracy ?? null);
  if (training === null || held === null) return null;
  const points = wholePercent(training) - wholePercent(held);
  const gap = points > 0 ? `a gap of ${count(points, 'point')}` : 'no gap';
  return `Training ${percent(training)}, held back ${percent(held)}: ${gap}.`;
}

/** “Best epoch: 12”, or what else is kept. */
export function describeBest(run: RunState): string | null {
  const best = bestEpoch(run);
  if (best === null) return null;
  if (best > 0) return `Best epoch: ${best}`;
  return run.config.warmStart === true ? 'Best so far: the model before' : null;
}

/** What an estimate says of the network. */
export function describeTrained({ trainableStages, trainableParameters }: Estimate): string {
  const values = count(trainableParameters, 'value');
  const [first, ...others] = trainableStages;
  if (first === undefined) return `Trains the head alone: ${values}.`;
  // A whole network has too many stages to name each.
  const parts = others.length < 5 ? trainableStages : [`${trainableStages.length} blocks from ${first} to ${others.at(-1)}`];
  return `Trains ${andList([...parts, 'the head'])}: ${values}.`;
}

/** How long it takes by an estimate. */
export function describeTime({ pictures, epochSeconds, totalSeconds }: Estimate): string {
  if (pictures === 0) return 'Add pictures to see how long it takes.';
  if (epochSeconds === null && totalSeconds === null) return 'How long it takes shows once it has begun.';
  const epoch = epochSeconds === null ? '' : `${roughly(epochSeconds)} an epoch`;
  const total = totalSeconds === null ? '' : `${roughly(totalSeconds)} in all`;
  const text = [epoch, total].filter((part) => part !== '').join(', ');
  return `Takes ${text}.`;
}

/** What prepared pictures take by an estimate, or nothing where there are none or none is kept. */
export function describeMemory({ pictures, storage, cacheBytes, memoryLimit }: Estimate): string | null {
  if (pictures === 0 || storage === 'recompute') return null;
  return `Memory for prepared pictures: ${bytes(cacheBytes)} of at most ${bytes(memoryLimit)}.`;
}
