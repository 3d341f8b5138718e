import { useEffect, useLayoutEffect } from 'preact/hooks';
import { useApp, type App } from './control/app.js';
import { useAppState } from './control/useAppState.js';

/** What concerns the page as a whole: pasting, undoing by keyboard, leaving, and the colours. */
export function usePageEvents(): void {
  const app = useApp();
  const theme = useAppState((state) => state.settings.theme);
  // Before anything is painted: no flash of the other colours.
  useLayoutEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  useEffect(() => {
    const onPaste = (event: ClipboardEvent): void => paste(app, event);
    const onKeyDown = (event: KeyboardEvent): void => undo(app, event);
    const onLeave = (event: BeforeUnloadEvent): void => {
      // A slip of the hand must not lose what is only here.
      if (app.wouldLose()) event.preventDefault();
    };
    const onHide = (): void => {
      // A tab in the background may be gone without another word.
      if (document.visibilityState === 'hidden') void app.projects.archive.flush();
    };
    document.addEventListener('paste', onPaste);
    document.addEventListener('keydown', onKeyDown);
    const onAddress = (): void => app.projects.follow(location.hash);
    document.addEventListener('visibilitychange', onHide);
    window.addEventListener('popstate', onAddress);
    window.addEventListener('beforeunload', onLeave);
    return () => {
      document.removeEventListener('paste', onPaste);
      document.removeEventListener('keydown', onKeyDown);
      document.removeEventListener('visibilitychange', onHide);
      window.removeEventListener('popstate', onAddress);
      window.removeEventListener('beforeunload', onLeave);
    };
  }, [app]);
}

/** Into the class that was used last, or to the model when that was. */
function paste(app: App, event: ClipboardEvent): void {
  const { clipboardData } = event;
  const file = clipboardData?.files[0];
  if (!clipboardData || file === undefined) return;
  event.preventDefault();
  if (isAsking()) return;
  const { target, model } = app.store.get();
  if (target === 'try' && model !== null) void app.predictor.tryPicture(file);
  else app.pictures.addTransfer(clipboardData, app.pictures.targetClass());
}

/** Inputs that nobody types into. */
const UNTYPED = ['button', 'checkbox', 'color', 'file', 'image', 'radio', 'range', 'reset', 'submit'];

function undo(app: App, event: KeyboardEvent): void {
  // What the browser fills in by itself comes with events that have no key.
  if (event.key?.toLowerCase() !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  if (isAsking()) return;
  // A text field undoes its own typing.
  if (event.target instanceof HTMLInputElement && !UNTYPED.includes(event.target.type)) return;
  event.preventDefault();
  app.pictures.undo();
}

/** A dialog is open: what lies behind it is out of reach. */
function isAsking(): boolean {
  return document.querySelector('dialog[open]') !== null;
}
