/** What a run came to, in words. */
import type { Stopped, TrainReport } from '../generated/types.js';
import { count, duration, percent } from './words.js';

/** Ends after which more epochs might have been better. */
const CUT_SHORT: readonly Stopped[] = ['cancelled', 'device-lost', 'not-finite'];

/** How it ended and which weights are in use, unless the model was replaced: by another one, or by none where it was lost. */
export function howItEnded(report: TrainReport, further: boolean, replaced = false, hasModel = true): string {
  const trained = `${count(report.images.train, 'picture')}, ${count(report.epochsRun, 'epoch')}, ${duration(report.seconds.train)}.`;
  const instead = hasModel ? 'Another model is in use now.' : 'Its model is gone, and no other is in use.';
  const keptWeights = (otherwise: string): string => (replaced ? instead : whatIsKept(report, further, otherwise));
  const kept = keptWeights(`The weights of epoch ${report.bestEpoch}, the best, are in use.`);
  const soFar = keptWeights(`The best so far, of epoch ${report.bestEpoch}, is kept and in use.`);
  const upToThen = keptWeights(`The best weights up to then, those of epoch ${report.bestEpoch}, are kept and in use.`);
  switch (report.stopped) {
    case 'cancelled':
      if (report.bestEpoch === 0 && !further) return `Stopped before the first epoch ended: ${trained} ${soFar}`;
      return `Stopped: ${trained} ${soFar}`;
    case 'early':
      return `Stopped by itself because it no longer improved: ${trained} ${kept}`;
    case 'device-lost':
      return `Ended early because the GPU was lost: ${trained} ${upToThen}`;
    case 'not-finite':
      return `Ended early because the numbers grew out of bounds; try a smaller learning rate. ${trained} ${upToThen}`;
    case 'finished':
      return `Trained on ${trained} ${kept}`;
  }
}

function whatIsKept(report: TrainReport, further: boolean, otherwise: string): string {
  if (report.bestEpoch > 0) return otherwise;
  return further ? 'Nothing was better than the model that it began with, which is kept.' : 'What it had learned is in use.';
}

/** What it got right of the test pictures, or null where there were none that it could be tested with. */
export function onTestPictures(report: TrainReport): string | null {
  const { testAccuracy: share, images } = report;
  if (share === null) return null;
  const [low, high] = shareInterval(share, images.test);
  return `On your test pictures: ${percent(share)} of ${images.test.toLocaleString('en')} (95% interval ${percent(low)} to ${percent(high)}).`;
}

/** Where the share lies in 19 of 20 cases by what so many pictures tell: the score interval of Wilson, 1927. */
export function shareInterval(share: number, number: number): [low: number, high: number] {
  const z2 = 1.959964 ** 2;
  const middle = share + z2 / (2 * number);
  const half = Math.sqrt(z2 * ((share * (1 - share)) / number + z2 / (4 * number ** 2)));
  const scale = 1 + z2 / number;
  // At the ends one of them is the share itself, which rounding must not move.
  return [share === 0 ? 0 : (middle - half) / scale, share === 1 ? 1 : (middle + half) / scale];
}

/** What of the network was trained, with the number of values. */
export function whatTrained(report: TrainReport): string {
  const values = `${report.trainableParameters.toLocaleString('en')} of ${report.totalParameters.toLocaleString('en')} values`;
  return `Trained: ${partOf(report.fineTune)} (${values}).`;
}

function partOf(fineTune: string): string {
  if (fineTune === 'none') return 'the head alone';
  if (fineTune === 'all') return 'the whole network';
  const number = Number(fineTune.split(':')[1] ?? 1);
  return number === 1 ? 'the last block and the head' : `the last ${number} blocks and the head`;
}

/** Whether fine-tuning was worth it, or null where none was asked for. */
export function whatFineTuningDid(report: TrainReport, replaced = false): string | null {
  // No epoch of this run is in use: that is said already, and the model that a warm start began with may be fine-tuned or not.
  if (report.fineTune === 'none' || report.bestEpoch === 0) return null;
  if (report.phase === 'fine-tune') return replaced ? 'The fine-tuned weights were kept.' : 'The fine-tuned weights are in use.';
  if (report.epochsRun <= report.headEpochs) return 'It ended before fine-tuning had come to anything, so the head-only model was kept.';
  if (CUT_SHORT.includes(report.stopped)) return 'The fine-tuned weights were no better so far, so the head-only model was kept.';
  return 'The fine-tuned weights were no better on the held-out pictures, so the head-only model was kept.';
}
