/** Remembers the settings of the page from visit to visit; never pictures, names of classes or models. */
import type { Overrides, Settings } from '../state/types.js';

const KEY = 'headstart-settings';

export const FIRST_SETTINGS: Settings = {
  theme: 'auto',
  engine: 'auto',
  overrides: {},
  advancedOpen: false,
  cameraId: null,
  backbone: null,
};

/**
 * What was remembered, with anything missing, broken or from another version replaced by its first value. Which settings of a run can be
 * used is only known once the engine has told its rules: see `usableSettings`.
 */
export function readSettings(text: string | null): Settings {
  const stored = parse(text);
  return {
    theme: oneOf(stored['theme'], ['auto', 'light', 'dark'], FIRST_SETTINGS.theme),
    engine: oneOf(stored['engine'], ['auto', 'webgpu', 'cpu'], FIRST_SETTINGS.engine),
    overrides: readOverrides(stored['overrides']),
    advancedOpen: stored['advancedOpen'] === true,
    cameraId: textOr(stored['cameraId'], null),
    backbone: textOr(stored['backbone'], null),
  };
}

/** Storage may be switched off, full or forbidden: then the page works and forgets. */
export function loadSettings(): Settings {
  try {
    return readSettings(localStorage.getItem(KEY));
  } catch {
    return FIRST_SETTINGS;
  }
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // See loadSettings.
  }
}

export function forgetSettings(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // See loadSettings.
  }
}

function parse(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.find((each) => each === value) ?? otherwise;
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise;
}

function readOverrides(value: unknown): Overrides {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string'));
}
