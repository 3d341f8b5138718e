import { useState } from 'preact/hooks';
import { phaseName } from '../../state/progress-words.js';
import type { EpochPoint } from '../../state/types.js';
import { percent } from '../../state/words.js';

/** A longer table would take its time to draw and nobody to read. */
const ROWS = 200;

/** What the curves show as figures, made only when it is asked for. */
export function FiguresTable({ points }: { points: readonly EpochPoint[] }) {
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
