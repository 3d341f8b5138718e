import { lazy } from '../common/lazy.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

const AdvancedForm = lazy(() => import('./AdvancedForm.js').then((module) => module.AdvancedForm));

/** The settings of a run, for those who want them. */
export function Advanced() {
  const { store } = useApp();
  const open = useAppState((state) => state.settings.advancedOpen);
  const known = useAppState((state) => state.engine.rules !== null);
  if (!known) return null;
  return (
    <details
      class="advanced"
      open={open}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open !== open) store.dispatch({ type: 'settings-changed', change: { advancedOpen: currentTarget.open } });
      }}
    >
      <summary>Advanced</summary>
      {open && <AdvancedForm />}
    </details>
  );
}
