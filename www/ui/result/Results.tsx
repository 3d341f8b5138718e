import type { TrainReport } from '../../headstart.js';
import { otherBackboneOfModel } from '../../state/backbones.js';
import { howItEnded, onTestPictures, whatFineTuningDid, whatTrained } from '../../state/outcome.js';
import type { RunState } from '../../state/types.js';
import { count, percent } from '../../state/words.js';
import { useAppState } from '../control/useAppState.js';
import { WhatTrains } from '../train/WhatTrains.js';
import { ClassFigures } from './ClassFigures.js';
import { ConfusionMatrix } from './ConfusionMatrix.js';
import { PrintedFacts } from './Printed.js';
import { TakeAway } from './TakeAway.js';

/** What the latest run achieved. */
export function Results() {
  const run = useAppState((state) => state.run);
  const { report } = run;
  return (
    <div class="result-place">
      <p class="visually-hidden" role="status">
        {report !== null && run.status === 'idle' && inShort(report)}
      </p>
      {report !== null && run.status === 'idle' && <Report run={run} report={report} />}
    </div>
  );
}

function Report({ run, report }: { run: RunState; report: TrainReport }) {
  const accuracy = report.validationAccuracy;
  const hasModel = useAppState((state) => state.model !== null);
  const otherBackbone = useAppState(otherBackboneOfModel);
  const fineTuned = whatFineTuningDid(report, run.replaced);
  const onTest = onTestPictures(report);
  return (
    <section class="card result" aria-labelledby="result-title">
      <h3 id="result-title">Result</h3>
      <PrintedFacts run={run} report={report} />
      {accuracy === null ? (
        <div class="headline">
          <p class="figure">Accuracy unknown</p>
          <p>
            No pictures were held back to check with, so nobody knows how well it does on new ones. It got{' '}
            {percent(report.trainAccuracy)} of the pictures that it learned from right, which says little.
          </p>
        </div>
      ) : (
        <div class="headline">
          <p class="figure">{percent(accuracy)}</p>
          <p>
            of {count(report.images.validation, 'picture')} that it had not learned from {report.images.validation === 1 ? 'was' : 'were'}{' '}
            recognised.
          </p>
        </div>
      )}
      {onTest !== null && <p class="test-figure">{onTest}</p>}
      <p class="hint">{howItEnded(report, run.config.warmStart === true, run.replaced, hasModel)}</p>
      <p class="hint">
        {whatTrained(report)} {fineTuned}
      </p>
      {run.replaced && (
        <div class="notice info">
          <p>{hasModel ? 'This is about an earlier model, not about the one that is in use now.' : 'This is about a model that was lost. Train again to have one.'}</p>
        </div>
      )}
      {otherBackbone !== null && !run.replaced && (
        <div class="notice info">
          <p>It was trained on {otherBackbone}, which is not the backbone in use any more. Train again to have a model on that one.</p>
        </div>
      )}
      {run.stale && !run.replaced && (
        <div class="notice info">
          <p>Classes or pictures have changed since. Train again to take that in.</p>
        </div>
      )}
      {report.warnings.map((warning) => (
        <div key={warning.code + warning.message} class="notice warning">
          <p>{warning.message}</p>
        </div>
      ))}
      {onTest !== null && <p class="hint">The tables are about the test pictures.</p>}
      {report.perClass !== null && <ClassFigures figures={report.perClass} ids={report.classIds} />}
      {report.confusionMatrix !== null && <ConfusionMatrix classes={report.classes} matrix={report.confusionMatrix} />}
      <WhatTrains title="What trained, layer by layer" config={run.config} />
      <TakeAway run={run} report={report} />
    </section>
  );
}

function inShort(report: TrainReport): string {
  const share = report.validationAccuracy;
  return share === null ? 'Training has ended.' : `Training has ended: ${percent(share)} of the pictures held back were recognised.`;
}
