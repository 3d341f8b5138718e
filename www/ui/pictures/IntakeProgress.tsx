import type { Key } from '../../state/types.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { useAppState } from '../control/useAppState.js';

/** How far the pictures of a class are read. */
export function IntakeProgress({ classKey }: { classKey: Key }) {
  const intake = useAppState((state) => state.intake[classKey]);
  const starting = useAppState((state) => state.engine.status === 'loading');
  const importing = useAppState((state) => state.import?.status === 'adding');
  // An import has a bar of its own, and hands them over a few at a time.
  if (importing) return null;
  // A single picture is there before the bar could be read.
  if (intake === undefined || (intake.total < 3 && !starting)) return null;
  const text = starting ? `${intake.total} waiting for the engine to start` : `Reading ${intake.done} of ${intake.total}`;
  return <ProgressBar label="Reading pictures" share={intake.done / intake.total} text={text} />;
}
