import { isActive } from '../../state/run.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { EngineField } from './EngineField.js';
import { AUGMENTATION, COMPUTING, FINE_TUNING, HEAD, OPTIMISER, STOPPING } from './groups.js';
import { SettingGroup } from './SettingGroup.js';
import { useSettings } from './useSettings.js';

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
