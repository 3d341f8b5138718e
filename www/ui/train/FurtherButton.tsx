import { whyNotFurther, whyNotReady } from '../../state/readiness.js';
import { describeTime } from '../../state/progress-words.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

const ABOUT = 'Goes on from the present model, with the pictures and settings of now, instead of starting anew.';

/** Goes on from the model that there is, or says why that cannot be done. */
export function FurtherButton() {
  const { training } = useApp();
  const model = useAppState((state) => state.model !== null);
  const reason = useAppState(whyNotFurther);
  // What holds up all training is already said beside the other button.
  const own = useAppState((state) => whyNotReady(state) === null);
  const estimate = useAppState((state) => state.estimate.further);
  if (!model) return null;
  return (
    <div class="train-button">
      <button
        type="button"
        class="button"
        aria-disabled={reason !== null}
        aria-describedby="further-about"
        onClick={() => {
          if (reason === null) void training.start(true);
        }}
      >
        <Icon name="play" /> Train further
      </button>
      <p id="further-about" class="hint">
        {own && reason !== null ? reason : ABOUT}
        {reason === null && estimate !== null && ` ${describeTime(estimate)}`}
      </p>
    </div>
  );
}
