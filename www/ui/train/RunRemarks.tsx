import { describeGap } from '../../state/progress-words.js';
import type { RunState } from '../../state/types.js';

/** How far training and held-back pictures are apart, and what Headstart makes of the curves. */
export function RunRemarks({ run }: { run: RunState }) {
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
