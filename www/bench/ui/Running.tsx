import { timeLeft } from '../../state/words.js';
import { ProgressBar } from '../../ui/common/ProgressBar.js';
import type { Progress } from '../measure.js';

interface RunningProps {
  progress: Progress | null;
  stopping: boolean;
  onCancel(): void;
}

export function Running({ progress, stopping, onCancel }: RunningProps) {
  const text = stopping ? 'Stopping…' : progress === null ? 'Starting…' : `${progress.work.title}: ${progress.name}, ${timeLeft(progress.secondsLeft)}`;
  return (
    <section class="card" aria-label="Progress">
      <ProgressBar label="Measuring" share={progress?.share ?? null} text={text} />
      <div class="row">
        <button type="button" class="button" disabled={stopping} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </section>
  );
}
