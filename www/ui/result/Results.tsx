import type { TrainReport } from '../../headstart.js';
import type { RunState } from '../../state/types.js';
import { count, duration, percent } from '../../state/words.js';
import { useAppState } from '../control/useAppState.js';
import { ClassFigures } from './ClassFigures.js';
import { ConfusionMatrix } from './ConfusionMatrix.js';

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
  const accuracy = report.validation_accuracy;
  return (
    <section class="card result" aria-labelledby="result-title">
      <h3 id="result-title">Result</h3>
      {accuracy === null ? (
        <div class="headline">
          <p class="figure">Accuracy unknown</p>
          <p>
            No pictures were held back to check with, so nobody knows how well it does on new ones. It got{' '}
            {percent(report.train_accuracy)} of the pictures that it learned from right, which says little.
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
      <p class="hint">{howItEnded(report)}</p>
      {run.stale && (
        <div class="notice info">
          <p>Classes or pictures have changed since. Train again to take that in.</p>
        </div>
      )}
      {report.warnings.map((warning) => (
        <div key={warning.code + warning.message} class="notice warning">
          <p>{warning.message}</p>
        </div>
      ))}
      {report.per_class !== null && <ClassFigures figures={report.per_class} />}
      {report.confusion_matrix !== null && <ConfusionMatrix classes={report.classes} matrix={report.confusion_matrix} />}
    </section>
  );
}

function inShort(report: TrainReport): string {
  const share = report.validation_accuracy;
  return share === null ? 'Training has ended.' : `Training has ended: ${percent(share)} of the pictures held back were recognised.`;
}

function howItEnded(report: TrainReport): string {
  const trained = `${count(report.images.train, 'picture')}, ${count(report.epochs_run, 'epoch')}, ${duration(report.seconds.train)}.`;
  const kept = `The weights of epoch ${report.best_epoch}, the best, are in use.`;
  switch (report.stopped) {
    case 'cancelled':
      if (report.best_epoch === 0) return `Cancelled before the first epoch ended: ${trained} What it had learned is in use.`;
      return `Cancelled: ${trained} The best so far, of epoch ${report.best_epoch}, is kept and in use.`;
    case 'early':
      return `Stopped by itself because it no longer improved: ${trained} ${kept}`;
    case 'device-lost':
      return `Ended early because the GPU was lost: ${trained} The best so far, of epoch ${report.best_epoch}, is kept and in use.`;
    case 'not-finite':
      return `Ended early because the numbers grew out of bounds; try a smaller learning rate. ${trained} The best so far, of epoch ${report.best_epoch}, is kept and in use.`;
    case 'finished':
      return `Trained on ${trained} ${kept}`;
  }
}
