import { describeEngine, engineFigures } from '../../state/engine-words.js';
import { isActive } from '../../state/run.js';
import { Notices } from '../common/Notices.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { Step } from '../common/Step.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Results } from '../result/Results.js';
import { Advanced } from './Advanced.js';
import { BackbonePicker } from './BackbonePicker.js';
import { BackboneProgress } from './BackboneProgress.js';
import { Curves } from './Curves.js';
import { CutShort } from './CutShort.js';
import { FurtherButton } from './FurtherButton.js';
import { RunProgress } from './RunProgress.js';
import { TrainButton } from './TrainButton.js';
import { TrainChoice } from './TrainChoice.js';
import { PlannedLayers } from './WhatTrains.js';

/** Step 2: training and what came of it. */
export function TrainPanel() {
  const active = useAppState((state) => isActive(state.run));
  const started = useAppState((state) => isActive(state.run) || state.run.points.length > 0);
  return (
    <Step id="train" number={2} title="Train" lead="The computer learns from your pictures, here in this tab.">
      <div class="card">
        <CutShort />
        {active ? (
          <RunProgress />
        ) : (
          <>
            <BackboneProgress />
            <TrainChoice />
            <TrainButton />
            <FurtherButton />
          </>
        )}
        <Notices area="train" />
        <EngineLine />
        <div class="disclosures">
          <BackbonePicker />
          <PlannedLayers />
          <Advanced />
        </div>
      </div>
      {started && <Curves />}
      <Results />
    </Step>
  );
}

/** What computes and why, quietly; loudly only when it did not start. */
function EngineLine() {
  const app = useApp();
  const engine = useAppState((state) => state.engine);
  if (engine.status === 'failed') {
    return (
      <div class="notice error" role="alert">
        <p>{engine.problem}</p>
        <button type="button" class="button small" onClick={() => void app.start()}>
          Start again
        </button>
      </div>
    );
  }
  if (engine.status !== 'ready') {
    const text = engine.status === 'loading' ? 'Loading the engine and its network…' : 'Starting the engine…';
    return <ProgressBar label="Starting the engine" share={null} text={text} />;
  }
  if (engine.report === null) return null;
  return (
    <p class="engine hint" title={engineFigures(engine.report) || engine.report.reason}>
      {describeEngine(engine.report)}
    </p>
  );
}
