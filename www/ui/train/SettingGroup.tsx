import type { ComponentChildren } from 'preact';
import { matters } from '../../state/relevance.js';
import type { Group } from './groups.js';
import { SettingField } from './SettingField.js';
import type { SettingsForm } from './useSettings.js';

interface SettingGroupProps {
  readonly group: Group;
  readonly form: SettingsForm;
  readonly children?: ComponentChildren;
}

/** The settings of a group that make a difference now; a group without any is left out. */
export function SettingGroup({ group: { title, settings }, form, children }: SettingGroupProps) {
  const { shown, checked, change } = form;
  const wanted = settings.filter(({ name }) => matters(name, shown));
  if (wanted.length === 0 && children === undefined) return null;
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {children}
      {wanted.map((text) => (
        <SettingField key={text.name} text={text} value={shown[text.name]} problem={checked.problems[text.name]} onChange={change} />
      ))}
    </fieldset>
  );
}
