import { checkSettings, shownSettings, type CheckedSettings, type Shown } from '../../state/settings.js';
import type { SettingName } from '../../state/setting-rules.js';
import type { BackboneLimits } from '../../state/types.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

export interface SettingsForm {
  readonly shown: Shown;
  readonly checked: CheckedSettings;
  readonly limits: BackboneLimits;
  change(name: SettingName, text: string): void;
}

/** The settings of a run as fields show them; null before the engine has told its defaults. */
export function useSettings(): SettingsForm | null {
  const { store } = useApp();
  const overrides = useAppState((state) => state.settings.overrides);
  const defaults = useAppState((state) => state.engine.defaults);
  const limits = useAppState((state) => state.engine.backbone);
  if (defaults === null || limits === null) return null;
  return {
    shown: shownSettings(overrides, defaults, limits),
    checked: checkSettings(overrides, defaults, limits),
    limits,
    change: (name, text) => store.dispatch({ type: 'settings-changed', change: { overrides: { ...overrides, [name]: text } } }),
  };
}
