import { percent } from '../../state/words.js';
import { Spoken } from '../../ui/common/Spoken.js';
import { hueOf } from '../../ui/common/hue.js';
import { bestOf } from '../shares.js';

interface BarsProps {
  readonly classes: readonly string[];
  /** In the order of the classes; null where there is nothing to look at. */
  readonly shares: readonly number[] | null;
  /** In the order of the classes then, so that the bars keep their places. */
  readonly live: boolean;
}

/** How sure the model is of each class, the most probable first. */
export function Bars({ classes, shares, live }: BarsProps) {
  const best = shares === null ? null : bestOf(shares);
  const name = best === null ? '' : (classes[best] ?? '');
  const order = classes.map((_, index) => index);
  if (shares !== null && !live) order.sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0));
  return (
    <div class="bars">
      {/* A live view would talk without end: of that only the class is told, and that at most every few seconds. */}
      <p class="verdict" role={live ? undefined : 'status'}>
        {best === null ? 'No picture yet' : `${name}, ${percent(shares?.[best] ?? 0)}`}
      </p>
      {live && <Spoken text={name} />}
      <ul aria-label="Classes">
        {order.map((index) => {
          const share = shares?.[index] ?? 0;
          return (
            <li key={index} class={`${hueOf(null, index)}${index === best ? ' best' : ''}`}>
              <span class="bar-name">{classes[index]}</span>
              <span class="bar-share">{shares === null ? '' : percent(share)}</span>
              <div
                class="bar"
                role="meter"
                aria-label={classes[index]}
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
