import { useEffect, useState } from 'preact/hooks';
import type { Toast as ToastState } from '../../state/types.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Icon } from './Icon.js';

const SHOWN_MS = 12_000;

/** What was just done, with the way back. Ctrl+Z keeps working after it has gone. */
export function Toast() {
  const toast = useAppState((state) => state.toast);
  return (
    <div class="toast-place" role="status">
      {/* Each is one of its own: one that goes from under the pointer is never told that the pointer left. */}
      {toast !== null && <ShownToast key={toast.id} toast={toast} />}
    </div>
  );
}

function ShownToast({ toast }: { toast: ToastState }) {
  const { store, pictures } = useApp();
  const [held, setHeld] = useState(false);
  const close = (): void => store.dispatch({ type: 'toast-closed', id: toast.id });
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(close, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  return (
    <div
      class="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      <p>{toast.text}</p>
      <button type="button" class="button small on-dark" onClick={() => pictures.undo()}>
        Undo
      </button>
      <button type="button" class="icon-button" aria-label="Close" onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}
