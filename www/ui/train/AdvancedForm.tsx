import type { ComponentChildren } from 'preact';
import type { EngineChoice } from '../../headstart.js';
import { isActive } from '../../state/run.js';
import { choicesOf, matters, rangeOf, type SettingName } from '../../state/setting-rules.js';
import { problemText } from '../../state/setting-words.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { AUGMENTATION, CHOICE_WORDS, COMPUTING, FINE_TUNING, HEAD, OPTIMISER, STOPPING, type Group, type SettingText } from './groups.js';
import { useSettings, type SettingsForm } from './useSettings.js';

/** Every setting that makes a difference now, in groups. */
export function AdvancedForm() {
  const { store } = useApp();
  const form = useSettings();
  const untouched = useAppState((state) => Object.keys(state.settings.overrides).length === 0);
  const running = useAppState((state) => isActive(state.run));
  if (form === null) return null;
  return (
    <fieldset class="groups" disabled={running}>
      <legend class="visually-hidden">Advanced settings</legend>
      {[HEAD, FINE_TUNING, OPTIMISER, AUGMENTATION, STOPPING].map((group) => (
        <SettingGroup key={group.title} group={group} form={form} />
      ))}
      <SettingGroup group={COMPUTING} form={form}>
        <EngineField />
      </SettingGroup>
      <button
        type="button"
        class="button small"
        disabled={untouched}
        onClick={() => store.dispatch({ type: 'settings-changed', change: { overrides: {} } })}
      >
        Back to the defaults
      </button>
    </fieldset>
  );
}

interface SettingGroupProps {
  readonly group: Group;
  readonly form: SettingsForm;
  readonly children?: ComponentChildren;
}

/** The settings of a group that make a difference now; a group without any is left out. */
function SettingGroup({ group: { title, settings }, form, children }: SettingGroupProps) {
  const wanted = settings.filter(({ name }) => matters(name, form.shown, form.rules));
  if (wanted.length === 0 && children === undefined) return null;
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {children}
      {wanted.map((text) => (
        <SettingField key={text.name} text={text} form={form} />
      ))}
    </fieldset>
  );
}

/** One setting: a choice, a switch or a number. */
function SettingField({ text: { name, label, about }, form }: { text: SettingText; form: SettingsForm }) {
  const range = form.checked.problems[name];
  const problem = range && problemText(name, range);
  return (
    <Field id={name} label={label} about={about} problem={problem}>
      <Control name={name} form={form} />
    </Field>
  );
}

function Control({ name, form: { rules, shown, checked, change } }: { name: SettingName; form: SettingsForm }) {
  const choices = choicesOf(rules, name);
  const range = rangeOf(rules, name);
  if (choices.length > 0) {
    return (
      <select id={name} value={shown[name]} aria-describedby={`${name}-about`} onChange={(event) => change(name, event.currentTarget.value)}>
        {choices.map(({ value }) => (
          <option key={value} value={value}>
            {CHOICE_WORDS[name]?.[value] ?? value}
          </option>
        ))}
      </select>
    );
  }
  if (range === null) {
    return (
      <input
        id={name}
        type="checkbox"
        class="check"
        checked={shown[name] === 'true'}
        aria-describedby={`${name}-about`}
        onChange={(event) => change(name, String(event.currentTarget.checked))}
      />
    );
  }
  const wrong = checked.problems[name] !== undefined;
  return (
    <input
      id={name}
      inputMode={range.whole ? 'numeric' : 'decimal'}
      autocomplete="off"
      value={shown[name]}
      aria-invalid={wrong}
      aria-describedby={wrong ? `${name}-problem ${name}-about` : `${name}-about`}
      onInput={(event) => change(name, event.currentTarget.value)}
    />
  );
}

/** What computes. Changing it takes effect at once; pictures and model are carried over. */
function EngineField() {
  const app = useApp();
  const choice = useAppState((state) => state.settings.engine);
  const status = useAppState((state) => state.engine.status);
  const busy = useAppState((state) => state.modelFileBusy);
  return (
    <Field id="engine" label="Engine" about="Automatic measures both and has each kind of work done where it is faster. Pictures and the trained model are carried over.">
      <select
        id="engine"
        value={choice}
        disabled={status === 'switching' || status === 'loading' || busy}
        aria-describedby="engine-about"
        onChange={(event) => {
          const { currentTarget } = event;
          void app.chooseEngine(currentTarget.value as EngineChoice).then(() => {
            // Where it did not start, the one before goes on.
            currentTarget.value = app.store.get().settings.engine;
          });
        }}
      >
        <option value="auto">Automatic</option>
        <option value="webgpu">WebGPU</option>
        <option value="cpu">CPU</option>
      </select>
    </Field>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  /** One plain sentence on what it does. */
  readonly about: string;
  readonly problem?: string | undefined;
  /** The control, with `id` and described by `${id}-about`. */
  readonly children: ComponentChildren;
}

function Field({ id, label, about, problem, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <p id={`${id}-problem`} class="problem" role="alert">
        {problem}
      </p>
      <p id={`${id}-about`} class="hint">
        {about}
      </p>
    </div>
  );
}
