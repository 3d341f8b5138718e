import type { Theme } from '../state/types.js';
import { Icon, type IconName } from './common/Icon.js';
import { useApp } from './control/app.js';
import { useAppState } from './control/useAppState.js';
import { ProjectBar } from './projects/ProjectBar.js';

const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };
const LOOKS: Readonly<Record<Theme, { icon: IconName; text: string }>> = {
  auto: { icon: 'auto', text: 'as the device' },
  light: { icon: 'sun', text: 'light' },
  dark: { icon: 'moon', text: 'dark' },
};

export function Header() {
  const { store } = useApp();
  const theme = useAppState((state) => state.settings.theme);
  const { icon, text } = LOOKS[theme];
  return (
    <header class="page-head">
      <div class="brand">
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect class="logo-ground" width="32" height="32" rx="9" />
          <circle cx="9.5" cy="21.5" r="4" fill="#f6c453" />
          <path d="M16 8.5 20 15.5h-8z" fill="#fff" />
          <rect x="18.5" y="17.5" width="8" height="8" rx="2" fill="#ff9a76" />
        </svg>
        <div>
          <h1>Headstart</h1>
          <p>Teach your browser to tell pictures apart</p>
        </div>
      </div>
      <ProjectBar />
      <p class="privacy">
        <Icon name="lock" /> Pictures stay on this device
      </p>
      <button
        type="button"
        class="icon-button"
        aria-label={`Colours: ${text}. Change`}
        title={`Colours: ${text}`}
        onClick={() => store.dispatch({ type: 'settings-changed', change: { theme: NEXT[theme] } })}
      >
        <Icon name={icon} />
      </button>
    </header>
  );
}
