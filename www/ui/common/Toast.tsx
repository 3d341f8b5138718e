import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Key, Toast as ToastState, UndoEntry } from '../../state/types.js';
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
  const root = useRef<HTMLDivElement>(null);
  const close = (): void => store.dispatch({ type: 'toast-closed', id: toast.id });
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(close, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  useLayoutEffect(() => {
    const element = root.current;
    return () => {
      // The focus would fall off the page with the button that was pressed.
      if (element?.contains(document.activeElement)) document.querySelector('main')?.focus({ preventScroll: true });
    };
  }, []);
  const undo = (): void => {
    const entry = store.get().undo.at(-1);
    pictures.undo();
    if (entry !== undefined) focusCard(classOf(entry));
  };
  return (
    <div
      ref={root}
      class="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      <p>{toast.text}</p>
      <button type="button" class="button small on-dark" onClick={undo}>
        Undo
      </button>
      <button type="button" class="icon-button" aria-label="Close" onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}

/** Where the focus was in the toast, the keyboard goes on from the class that something came back to. */
function focusCard(key: Key): void {
  const go = (): void => {
    if (document.activeElement?.matches('main')) document.getElementById(`class-${key}`)?.focus({ preventScroll: true });
  };
  // A class that came back has its card after the next frame.
  requestAnimationFrame(() => requestAnimationFrame(go));
}

/** The class that an entry is about; the first of several. */
function classOf(entry: UndoEntry): Key {
  switch (entry.kind) {
    case 'class-removed':
    case 'class-merged':
      return entry.removed.key;
    case 'class-renamed':
      return entry.key;
    case 'pictures-removed':
    case 'pictures-moved':
      return entry.places[0]?.classKey ?? 0;
    case 'imported':
      return entry.dropped[0]?.removed.key ?? 0;
  }
}
