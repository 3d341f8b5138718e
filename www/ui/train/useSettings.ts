import { checkSettings, shownSettings, type CheckedSettings } from '../../state/settings.js';
import type { SettingName, Shown } from '../../state/setting-rules.js';
import type { BackboneLimits } from '../../state/types.js';
import type { SettingRules } from '../../headstart.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

export interface SettingsForm {
  readonly rules: SettingRules;
  readonly shown: Shown;
  readonly checked: CheckedSettings;
  readonly limits: BackboneLimits;
  change(name: SettingName, text: string): void;
}

/** The settings of a run as fields show them; null before the engine has told its rules. */
export function useSettings(): SettingsForm | null {
  const { store } = useApp();
  const overrides = useAppState((state) => state.settings.overrides);
  const rules = useAppState((state) => state.engine.rules);
  const limits = useAppState((state) => state.engine.backbone);
  if (rules === null || limits === null) return null;
  return {
    rules,
    shown: shownSettings(overrides, rules, limits),
    checked: checkSettings(overrides, rules, limits),
    limits,
    change: (name, text) => store.dispatch({ type: 'settings-changed', change: { overrides: { ...overrides, [name]: text } } }),
  };
}
