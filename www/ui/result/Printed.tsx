import { shareInterval } from '../../state/outcome.js';
import type { RunState } from '../../state/types.js';
import type { TrainReport } from '../../headstart.js';
import { percent } from '../../state/words.js';
import { useAppState } from '../control/useAppState.js';

/** What is told of a run on paper only, where nobody can look it up on the page beside it. */
export function PrintedFacts({ run, report }: { run: RunState; report: TrainReport }) {
  const project = useAppState((state) => state.project.name);
  const { images, validationAccuracy: accuracy } = report;
  const facts: [what: string, is: string][] = [
    ['Project', project],
    ['Printed', new Date().toLocaleDateString(undefined, { dateStyle: 'long' })],
    ['Pictures', `${images.train} learned from, ${images.validation} held back${images.test > 0 ? `, ${images.test} to test with` : ''}`],
    ['Backbone', report.backbone],
    ['Head', report.head],
    ['Fine-tuning', report.fineTune],
    ['Settings', settings(run)],
    ['Seed', String(report.seed)],
  ];
  if (accuracy !== null) {
    const [low, high] = shareInterval(accuracy, images.validation);
    facts.push(['Accuracy', `${percent(accuracy)} of the pictures held back (95% interval ${percent(low)} to ${percent(high)}). These chose which epoch is kept; only test pictures tell more.`]);
  }
  return (
    <dl class="printed">
      {facts.map(([what, is]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>{is}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Those that were chosen, as the command line and the library take them. */
function settings({ config }: RunState): string {
  const chosen = Object.entries(config).map(([name, value]) => `${name} ${String(value)}`);
  return chosen.length === 0 ? 'as they come' : chosen.join(', ');
}
