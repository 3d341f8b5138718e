import { unavailable } from '../../state/settings.js';
import { BlockCount } from './BlockCount.js';
import { EstimateBox } from './EstimateBox.js';
import { useSettings } from './useSettings.js';

const CHOICES = [
  { value: 'none', title: 'Head only (fast)', about: 'The network stays as it is.' },
  { value: 'last', title: 'Last blocks', about: 'Its end learns too. Slower, often better.' },
  { value: 'all', title: 'Whole network', about: 'All of it learns. Slowest.' },
] as const;

/** How much of the network trains: the one choice that everybody is asked. */
export function TrainChoice() {
  const form = useSettings();
  if (form === null) return null;
  const { shown, checked, limits, change } = form;
  // This also explains why a number of blocks is refused: the whole network has more.
  const refused = CHOICES.some(({ value }) => unavailable(value, limits));
  return (
    <div class="train-choice">
      <fieldset class="choices">
        <legend>What trains</legend>
        {CHOICES.map(({ value, title, about }) => (
          <div key={value} class={shown.fineTune === value ? 'choice chosen' : 'choice'}>
            <input
              type="radio"
              id={`fineTune-${value}`}
              name="fineTune"
              value={value}
              checked={shown.fineTune === value}
              disabled={unavailable(value, limits)}
              aria-describedby={unavailable(value, limits) ? `fineTune-${value}-about fineTune-reason` : `fineTune-${value}-about`}
              onChange={() => change('fineTune', value)}
            />
            <label for={`fineTune-${value}`}>{title}</label>
            <p id={`fineTune-${value}-about`} class="hint">
              {about}
            </p>
            {value === 'last' && shown.fineTune === 'last' && (
              <BlockCount value={shown.stages} most={limits.fineTunable} problem={checked.problems.stages} onChange={change} />
            )}
          </div>
        ))}
      </fieldset>
      {refused && (
        <p id="fineTune-reason" class="hint reason">
          {limits.fineTuneReason}
        </p>
      )}
      {shown.fineTune !== 'none' && <EstimateBox />}
    </div>
  );
}
