import { FLAGS, NUMBERS, PARTS, type NumberRule, type SettingName } from '../../state/setting-rules.js';
import { Field } from './Field.js';
import { OPTIONS, type SettingText } from './groups.js';

interface SettingFieldProps {
  readonly text: SettingText;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (name: SettingName, text: string) => void;
}

const RULES: Readonly<Partial<Record<SettingName, NumberRule>>> = { ...NUMBERS, ...PARTS };
const SWITCHES: readonly SettingName[] = FLAGS;

/** One setting: a choice, a switch or a number. */
export function SettingField({ text: { name, label, about }, value, problem, onChange }: SettingFieldProps) {
  return (
    <Field id={name} label={label} about={about} problem={problem}>
      <Control name={name} value={value} problem={problem} onChange={onChange} />
    </Field>
  );
}

function Control({ name, value, problem, onChange }: Omit<SettingFieldProps, 'text'> & { readonly name: SettingName }) {
  const options = OPTIONS[name];
  if (options !== undefined) {
    return (
      <select id={name} value={value} aria-describedby={`${name}-about`} onChange={(event) => onChange(name, event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    );
  }
  if (SWITCHES.includes(name)) {
    return (
      <input
        id={name}
        type="checkbox"
        class="check"
        checked={value === 'true'}
        aria-describedby={`${name}-about`}
        onChange={(event) => onChange(name, String(event.currentTarget.checked))}
      />
    );
  }
  return (
    <input
      id={name}
      inputMode={RULES[name]?.whole === true ? 'numeric' : 'decimal'}
      autocomplete="off"
      value={value}
      aria-invalid={problem !== undefined}
      aria-describedby={problem === undefined ? `${name}-about` : `${name}-problem ${name}-about`}
      onInput={(event) => onChange(name, event.currentTarget.value)}
    />
  );
}
