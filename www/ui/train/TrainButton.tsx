import { useRef } from 'preact/hooks';
import { whyNotReady } from '../../state/readiness.js';
import { Icon } from '../common/Icon.js';
import { Spoken } from '../common/Spoken.js';
import { useFocusIfLost } from '../common/useFocusIfLost.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** Starts training, or says what is missing. It can be focused either way, so that the reason is found. */
export function TrainButton() {
  const { training } = useApp();
  const reason = useAppState(whyNotReady);
  const again = useAppState((state) => state.run.report !== null);
  const button = useRef<HTMLButtonElement>(null);
  useFocusIfLost(button);
  const shown = reason ?? 'Ready when you are.';
  return (
    <div class="train-button">
      <button
        ref={button}
        type="button"
        class="button primary big"
        aria-disabled={reason !== null}
        aria-describedby="train-reason"
        onClick={() => {
          if (reason === null) void training.start();
        }}
      >
        <Icon name="spark" /> {again ? 'Train again' : 'Train'}
      </button>
      {/* It counts the pictures that are being read. Hidden only so that it is not met twice: it still describes the button. */}
      <p id="train-reason" class="hint" aria-hidden="true">
        {shown}
      </p>
      <Spoken text={shown} />
    </div>
  );
}
