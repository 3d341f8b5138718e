import { useRef } from 'preact/hooks';
import { progressOf } from '../../state/run.js';
import { percent, timeLeft } from '../../state/words.js';
import type { RunState } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { useFocusIfLost } from '../common/useFocusIfLost.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** How far a run is, and steering it. */
export function RunProgress() {
  const { training } = useApp();
  const run = useAppState((state) => state.run);
  const steer = useRef<HTMLButtonElement>(null);
  useFocusIfLost(steer);
  const stopping = run.status === 'stopping';
  const paused = run.status === 'paused';
  return (
    <div class="run">
      <ProgressBar label="Training" share={run.latest === null ? null : progressOf(run)} text={describe(run)} />
      <div class="row">
        <button
          ref={steer}
          type="button"
          class={paused ? 'button primary grow' : 'button grow'}
          disabled={stopping}
          onClick={() => (paused ? training.continue() : training.pause())}
        >
          <Icon name={paused ? 'play' : 'pause'} /> {paused ? 'Continue' : 'Pause'}
        </button>
        <button type="button" class="button grow" disabled={stopping} onClick={() => training.cancel()}>
          <Icon name="stop" /> Cancel
        </button>
      </div>
      <p class="hint">Cancelling keeps the best that was learned so far.</p>
    </div>
  );
}

function describe(run: RunState): string {
  const { latest } = run;
  if (run.status === 'stopping') return 'Stopping…';
  if (latest === null) return 'Preparing…';
  const place = `Epoch ${latest.epoch} of ${latest.epochs}`;
  if (run.status === 'paused') return `${place}, paused`;
  const validation = run.points.at(-1)?.validationAccuracy ?? null;
  const accuracy = validation === null ? '' : `, ${percent(validation)} right so far`;
  const left = timeLeft(latest.eta);
  return `${place}${accuracy}${left === '' ? '' : `, ${left}`}`;
}
