import type { ModelClass, Prediction } from '../../headstart.js';
import { nameNow } from '../../state/classes.js';
import { percent } from '../../state/words.js';
import { hueOf } from '../common/hue.js';
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
        {best === undefined ? 'No picture yet' : `${nameNow(classes, best.classId, best.className)}, ${percent(best.probability)}`}
      </p>
      <ul>
        {model.map((label, index) => {
          const name = nameNow(classes, label.id, label.name);
          const share = predictions?.find((each) => isOf(each, label))?.probability ?? 0;
          const isBest = best !== undefined && isOf(best, label);
          return (
            <li key={index} class={`${hueOf(label.id, index)}${isBest ? ' best' : ''}`}>
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

/** By number, as two classes can have had the same name; a label that is no class here has its name alone. */
function isOf({ classId, className }: Prediction, label: ModelClass): boolean {
  return classId === label.id && (classId !== null || className === label.name);
}
