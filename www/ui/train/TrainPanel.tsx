import { isActive } from '../../state/run.js';
import { Notices } from '../common/Notices.js';
import { Step } from '../common/Step.js';
import { useAppState } from '../control/useAppState.js';
import { Results } from '../result/Results.js';
import { Advanced } from './Advanced.js';
import { Curves } from './Curves.js';
import { EngineLine } from './EngineLine.js';
import { FurtherButton } from './FurtherButton.js';
import { PlannedLayers } from './PlannedLayers.js';
import { RunProgress } from './RunProgress.js';
import { TrainButton } from './TrainButton.js';
import { TrainChoice } from './TrainChoice.js';

/** Step 2: training and what came of it. */
export function TrainPanel() {
  const active = useAppState((state) => isActive(state.run));
  const started = useAppState((state) => isActive(state.run) || state.run.points.length > 0);
  return (
    <Step id="train" number={2} title="Train" lead="The computer learns from your pictures, here in this tab.">
      <div class="card">
        {active ? (
          <RunProgress />
        ) : (
          <>
            <TrainChoice />
            <TrainButton />
            <FurtherButton />
          </>
        )}
        <Notices area="train" />
        <EngineLine />
        <div class="disclosures">
          <PlannedLayers />
          <Advanced />
        </div>
      </div>
      {started && <Curves />}
      <Results />
    </Step>
  );
}
