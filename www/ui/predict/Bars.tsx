import type { Prediction } from '../../headstart.js';
import { percent } from '../../state/words.js';
import { hueOfName } from '../common/hue.js';
import { useAppState } from '../control/useAppState.js';

/** How sure the model is of each class, in the order of the classes so that live bars keep their places. */
export function Bars() {
  const model = useAppState((state) => state.model);
  const classes = useAppState((state) => state.classes);
  const predictions = useAppState((state) => state.trial.predictions);
  const live = useAppState((state) => state.camera === 'try');
  if (model === null) return null;
  const [best] = predictions ?? [];
  return (
    <div class="bars">
      {/* A live view would talk without end. */}
      <p class="verdict" role={live ? undefined : 'status'}>
        {best === undefined ? 'No picture yet' : verdict(best)}
      </p>
      <ul>
        {model.map((name, index) => {
          const share = predictions?.find((each) => each.className === name)?.probability ?? 0;
          return (
            <li key={name} class={`${hueOfName(classes, name, index)}${name === best?.className ? ' best' : ''}`}>
              <span class="bar-name">{name}</span>
              <span class="bar-share">{predictions === null ? '' : percent(share)}</span>
              <div
                class="bar"
                role="meter"
                aria-label={name}
                aria-valuemin={0}
                aria-valuemax={100}
                aria-valuenow={Math.round(share * 100)}
                aria-valuetext={percent(share)}
              >
                <div class="bar-fill" style={{ transform: `scaleX(${share})` }} />
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function verdict(best: Prediction): string {
  return `${best.className}, ${percent(best.probability)}`;
}
