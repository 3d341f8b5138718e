import { useRef } from 'preact/hooks';
import { count, timeLeft } from '../../state/words.js';
import { Icon } from '../common/Icon.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { Spoken } from '../common/Spoken.js';
import { useFocusIfLost } from '../common/useFocusIfLost.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** How far an import is, and ending it. */
export function ImportProgress() {
  const adding = useAppState((state) => state.import?.status === 'adding');
  return adding ? <Running /> : null;
}

function Running() {
  const { importer } = useApp();
  const running = useAppState((state) => state.import);
  const waiting = useAppState((state) => state.engine.status === 'loading');
  const cancel = useRef<HTMLButtonElement>(null);
  useFocusIfLost(cancel);
  if (running?.status !== 'adding') return null;
  const { title, done, total, secondsLeft, stopping } = running;
  const left = secondsLeft === null ? '' : timeLeft(secondsLeft);
  const far = [`${done} of ${total}`, left].filter(Boolean).join(' · ');
  const text = waiting ? `${count(total, 'picture')} waiting for the engine to start` : far;
  return (
    <div class="card import-progress">
      <p>Importing {title}</p>
      <ProgressBar label={`Importing ${title}`} share={total === 0 ? 1 : done / total} text={text} />
      <Spoken text={stopping ? 'Cancelling the import' : `Importing: ${text}`} />
      <button ref={cancel} type="button" class="button" disabled={stopping} onClick={() => importer.cancel()}>
        <Icon name="stop" /> Cancel the import
      </button>
    </div>
  );
}
