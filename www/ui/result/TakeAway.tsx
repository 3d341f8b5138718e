import { useEffect, useRef } from 'preact/hooks';
import type { TrainReport } from '../../headstart.js';
import type { RunState } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { PrintedMistakes } from './PrintedMistakes.js';
import { TableButton } from './TableButton.js';
import { usePrint } from './usePrint.js';

/** A result on paper and as a table. */
export function TakeAway({ run, report }: { run: RunState; report: TrainReport }) {
  const { mistakes, isLooking, status, hasToWait, start, cancel } = usePrint(report);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Whoever asked for it with the keyboard is to see what it waits for.
    if (isLooking) button.current?.scrollIntoView({ block: 'nearest' });
  }, [isLooking]);
  return (
    <>
      <PrintedMistakes run={run} report={report} mistakes={mistakes} />
      <div class="row not-printed">
        <TableButton />
        {/* Opens the browser's dialog, which saves as PDF too. One button for both, so that the focus stays. */}
        <button ref={button} type="button" class="button small" disabled={hasToWait && !isLooking} onClick={isLooking ? cancel : start}>
          {isLooking ? (
            <>
              <Icon name="stop" /> Cancel
            </>
          ) : (
            'Print the result'
          )}
        </button>
        <p class="hint print-status" role="status">
          {status}
        </p>
      </div>
    </>
  );
}
