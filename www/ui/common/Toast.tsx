import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Icon } from './Icon.js';

const SHOWN_MS = 12_000;

/** What was just done, with the way back. Ctrl+Z keeps working after it has gone. */
export function Toast() {
  const { store, pictures } = useApp();
  const toast = useAppState((state) => state.toast);
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (toast === null || held) return undefined;
    const timer = setTimeout(() => store.dispatch({ type: 'toast-closed', id: toast.id }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast, held, store]);
  return (
    <div class="toast-place" role="status">
      {toast !== null && (
        <div
          class="toast"
          key={toast.id}
          onPointerEnter={() => setHeld(true)}
          onPointerLeave={() => setHeld(false)}
          onFocusIn={() => setHeld(true)}
          onFocusOut={() => setHeld(false)}
        >
          <p>{toast.text}</p>
          <button type="button" class="button small on-dark" onClick={() => pictures.undo()}>
            Undo
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Close"
            onClick={() => store.dispatch({ type: 'toast-closed', id: toast.id })}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
