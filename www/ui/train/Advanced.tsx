import { isActive } from '../../state/run.js';
import { checkSettings, shownSettings } from '../../state/settings.js';
import type { SettingName } from '../../state/types.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { EngineField } from './EngineField.js';
import { Field } from './Field.js';

interface NumberSetting {
  readonly name: Exclude<SettingName, 'head'>;
  readonly label: string;
  readonly about: string;
  readonly mode: 'numeric' | 'decimal';
}

const NUMBERS: readonly NumberSetting[] = [
  { name: 'epochs', label: 'Epochs', about: 'How often every picture is looked at. Whatever comes after, the best epoch is kept.', mode: 'numeric' },
  { name: 'learningRate', label: 'Learning rate', about: 'How big a step each correction is. Too big and the curves jump about; too small and nothing happens.', mode: 'decimal' },
  { name: 'batchSize', label: 'Batch size', about: 'How many pictures are looked at between two corrections.', mode: 'numeric' },
  { name: 'validation', label: 'Held back for checking (%)', about: 'Pictures that are not learned from, to see how well new pictures are recognised.', mode: 'decimal' },
  { name: 'seed', label: 'Seed', about: 'The same number with the same pictures gives the same result.', mode: 'numeric' },
];

/** The settings of a run, for those who want them. */
export function Advanced() {
  const { store } = useApp();
  const { overrides, advancedOpen } = useAppState((state) => state.settings);
  const defaults = useAppState((state) => state.engine.defaults);
  const running = useAppState((state) => isActive(state.run));
  const change = (name: SettingName, text: string): void =>
    store.dispatch({ type: 'settings-changed', change: { overrides: { ...overrides, [name]: text } } });
  const onToggle = (open: boolean): void => {
    if (open !== advancedOpen) store.dispatch({ type: 'settings-changed', change: { advancedOpen: open } });
  };
  if (defaults === null) return null;
  const shown = shownSettings(overrides, defaults);
  const { problems } = checkSettings(overrides, defaults);
  return (
    <details class="advanced" open={advancedOpen} onToggle={(event) => onToggle(event.currentTarget.open)}>
      <summary>Advanced</summary>
      <fieldset disabled={running}>
        <legend class="visually-hidden">Advanced settings</legend>
        <Field id="head" label="Head" about="What is trained on top of the ready-made network: one layer, or two with units in between.">
          <select id="head" value={shown.head} aria-describedby="head-about" onChange={(event) => change('head', event.currentTarget.value)}>
            <option value="linear">Linear</option>
            <option value="mlp">Two layers (MLP)</option>
          </select>
        </Field>
        {shown.head === 'mlp' && (
          <Field id="units" label="Units" about="How many units the middle layer has." problem={problems.units}>
            <NumberInput name="units" mode="numeric" value={shown.units} problem={problems.units} onChange={change} />
          </Field>
        )}
        {NUMBERS.map(({ name, label, about, mode }) => (
          <Field key={name} id={name} label={label} about={about} problem={problems[name]}>
            <NumberInput name={name} mode={mode} value={shown[name]} problem={problems[name]} onChange={change} />
          </Field>
        ))}
        <EngineField />
        <button
          type="button"
          class="button small"
          disabled={Object.keys(overrides).length === 0}
          onClick={() => store.dispatch({ type: 'settings-changed', change: { overrides: {} } })}
        >
          Back to the defaults
        </button>
      </fieldset>
    </details>
  );
}

interface NumberInputProps {
  readonly name: SettingName;
  readonly mode: 'numeric' | 'decimal';
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (name: SettingName, text: string) => void;
}

function NumberInput({ name, mode, value, problem, onChange }: NumberInputProps) {
  return (
    <input
      id={name}
      inputMode={mode}
      autocomplete="off"
      value={value}
      aria-invalid={problem !== undefined}
      aria-describedby={problem === undefined ? `${name}-about` : `${name}-problem ${name}-about`}
      onInput={(event) => onChange(name, event.currentTarget.value)}
    />
  );
}
