import { describeMemory, describeTime, describeTrained } from '../../state/progress-words.js';
import { choicesOf, rangeOf } from '../../state/setting-rules.js';
import { problemText } from '../../state/setting-words.js';
import { unavailable } from '../../state/settings.js';
import { useAppState } from '../control/useAppState.js';
import { useSettings, type SettingsForm } from './useSettings.js';

const WORDS: Readonly<Record<string, { readonly title: string; readonly about: string }>> = {
  none: { title: 'Head only (fast)', about: 'The network stays as it is.' },
  last: { title: 'Last blocks', about: 'Its end learns too. Slower, often better.' },
  all: { title: 'Whole network', about: 'All of it learns. Slowest.' },
};

/** How much of the network trains: the one choice that everybody is asked. */
export function TrainChoice() {
  const form = useSettings();
  if (form === null) return null;
  const { rules, shown, limits, change } = form;
  const choices = choicesOf(rules, 'fineTune');
  // This also explains why a number of blocks is refused: the whole network has more.
  const refused = choices.some(({ value }) => unavailable(value, limits));
  return (
    <div class="train-choice">
      <fieldset class="choices">
        <legend>What trains</legend>
        {choices.map(({ value }) => (
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
            <label for={`fineTune-${value}`}>{WORDS[value]?.title ?? value}</label>
            <p id={`fineTune-${value}-about`} class="hint">
              {WORDS[value]?.about}
            </p>
            {value === 'last' && shown.fineTune === 'last' && <BlockCount form={form} />}
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

/** How many blocks train, counted from the end of the network. */
function BlockCount({ form: { rules, shown, checked, limits, change } }: { form: SettingsForm }) {
  const problem = checked.problems.stages;
  return (
    <div class="block-count">
      <label for="stages">How many blocks</label>
      <input
        type="number"
        id="stages"
        min={rangeOf(rules, 'stages')?.min}
        max={limits.fineTunable}
        step={1}
        value={shown.stages}
        aria-invalid={problem !== undefined}
        aria-describedby="stages-problem"
        onInput={(event) => change('stages', event.currentTarget.value)}
      />
      <p id="stages-problem" class="problem" role="alert">
        {problem && problemText('stages', problem)}
      </p>
    </div>
  );
}

/** What fine-tuning would train and take, in step with the settings. */
function EstimateBox() {
  const { status, value, problem } = useAppState((state) => state.estimate);
  const memory = value === null ? null : describeMemory(value);
  return (
    <div class="estimate" role="status" aria-busy={status === 'asking'}>
      {problem !== null && <p class="problem">{problem}</p>}
      {value === null && status === 'asking' && <p>Working out how long it takes…</p>}
      {value !== null && (
        <>
          <p class="estimate-time">{describeTime(value)}</p>
          <p>{describeTrained(value)}</p>
          {memory !== null && <p>{memory}</p>}
          {value.note !== '' && <p class="hint">{value.note}</p>}
        </>
      )}
    </div>
  );
}
