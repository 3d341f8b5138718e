import { useMemo, useState } from 'preact/hooks';
import { describeBest, describeGap, phaseName } from '../../state/progress-words.js';
import { bestEpoch, fineTuneStart } from '../../state/run.js';
import type { EpochPoint, RunState } from '../../state/types.js';
import { percent } from '../../state/words.js';
import { useAppState } from '../control/useAppState.js';
import { Chart } from './Chart.js';

/** A longer table would take its time to draw and nobody to read. */
const ROWS = 200;

/** Loss and accuracy, epoch by epoch, while training and afterwards. */
export function Curves() {
  const run = useAppState((state) => state.run);
  const { points } = run;
  const best = bestEpoch(run);
  const bestText = describeBest(run);
  const fineTune = fineTuneStart(points);
  const held = points.some((point) => point.validationLoss !== null);
  const loss = useMemo(
    () => ({ epochs: points.map((each) => each.epoch), training: points.map((each) => each.loss), validation: points.map((each) => each.validationLoss) }),
    [points],
  );
  const accuracy = useMemo(
    () => ({
      epochs: points.map((each) => each.epoch),
      training: points.map((each) => each.accuracy * 100),
      validation: points.map((each) => (each.validationAccuracy === null ? null : each.validationAccuracy * 100)),
    }),
    [points],
  );
  return (
    <figure class="card curves" aria-label="Training curves">
      <figcaption class="legend">
        <span class="legend-training">Training</span>
        {held && <span class="legend-validation">Held back</span>}
        {bestText !== null && <span class="legend-best">{bestText}</span>}
        {fineTune !== null && <span class="legend-fine-tune">Fine-tuning from epoch {fineTune}</span>}
      </figcaption>
      <p class="visually-hidden">{inWords(run, best, fineTune)}</p>
      <Chart title="Loss" series={loss} best={best} fineTune={fineTune} />
      <Chart title="Accuracy" unit="%" range={[0, 100]} series={accuracy} best={best} fineTune={fineTune} />
      <RunRemarks run={run} />
      <FiguresTable points={points} />
    </figure>
  );
}

function inWords(run: RunState, best: number | null, fineTune: number | null): string {
  const last = run.points.at(-1);
  if (last === undefined) return 'No epoch has ended yet.';
  const validation =
    last.validationLoss === null || last.validationAccuracy === null
      ? ''
      : `; on pictures held back, loss ${last.validationLoss.toFixed(3)}, accuracy ${percent(last.validationAccuracy)}`;
  // None where it is the model that the run began with.
  const kept = !best ? '' : ` Best epoch so far: ${best}.`;
  const tuned = fineTune === null ? '' : ` Fine-tuning began with epoch ${fineTune}.`;
  return `After ${run.points.length} epochs: training loss ${last.loss.toFixed(3)}, accuracy ${percent(last.accuracy)}${validation}.${kept}${tuned}`;
}

/** How far training and held-back pictures are apart, and what Headstart makes of the curves. */
function RunRemarks({ run }: { run: RunState }) {
  const gap = describeGap(run);
  return (
    <div class="remarks">
      {gap !== null && <p class="hint">{gap}</p>}
      <div role="status">
        {/* Afterwards the report warns of it. */}
        {run.hint !== null && run.report === null && (
          <div class="notice warning">
            <p>{run.hint.message}</p>
          </div>
        )}
      </div>
    </div>
  );
}

/** What the curves show as figures, made only when it is asked for. */
function FiguresTable({ points }: { points: readonly EpochPoint[] }) {
  const [open, setOpen] = useState(false);
  const held = points.some((point) => point.validationLoss !== null);
  return (
    <details class="figures" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures as a table</summary>
      {open && (
        <div class="scroll" role="region" aria-label="Figures of the latest epochs" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Epoch</th>
                <th scope="col">Phase</th>
                <th scope="col">Loss</th>
                <th scope="col">Accuracy</th>
                {held && <th scope="col">Held back: loss</th>}
                {held && <th scope="col">Held back: accuracy</th>}
              </tr>
            </thead>
            <tbody>
              {points.slice(-ROWS).map((point) => (
                <tr key={point.epoch}>
                  <th scope="row">{point.epoch}</th>
                  <td>{phaseName(point.phase)}</td>
                  <td>{point.loss.toFixed(3)}</td>
                  <td>{percent(point.accuracy)}</td>
                  {held && <td>{point.validationLoss?.toFixed(3) ?? '–'}</td>}
                  {held && <td>{point.validationAccuracy === null ? '–' : percent(point.validationAccuracy)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
