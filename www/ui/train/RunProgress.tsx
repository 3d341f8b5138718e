import { useRef } from 'preact/hooks';
import type { GroupRate } from '../../headstart.js';
import { describePace, describeRun, nothingLearned } from '../../state/progress-words.js';
import { progressOf } from '../../state/run.js';
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
  const nothing = nothingLearned(run);
  return (
    <div class="run">
      <ProgressBar label="Training" share={run.latest === null ? null : progressOf(run)} text={describeRun(run)} />
      {run.latest !== null && <p class="hint pace">{describePace(run.latest)}</p>}
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
          <Icon name="stop" /> {nothing ? 'Stop' : 'Stop and keep the best'}
        </button>
      </div>
      {nothing && <p class="hint">Nothing has been learned yet: stopping now changes nothing.</p>}
      <LearningRates rates={run.latest?.learningRates ?? []} />
    </div>
  );
}

/** How fast each part learns at the moment, for those who want to know. */
function LearningRates({ rates }: { rates: readonly GroupRate[] }) {
  if (rates.length === 0) return null;
  return (
    <details class="rates">
      <summary>Learning rates</summary>
      <ul>
        {rates.map(({ group, rate }) => (
          <li key={group}>
            {group} <span>{Number(rate.toPrecision(2))}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
