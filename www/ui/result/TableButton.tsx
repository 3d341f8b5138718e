import { useEffect, useRef, useState } from 'preact/hooks';
import { isActive } from '../../state/run.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** What the model makes of every picture, as a table; pressed again, it is given up. */
export function TableButton() {
  const { models } = useApp();
  const ready = useAppState((state) => state.engine.status === 'ready' && state.model !== null && !isActive(state.run) && !state.modelFileBusy);
  const [progress, setProgress] = useState<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const save = async (): Promise<void> => {
    abort.current = new AbortController();
    setProgress('Predicting…');
    await models.saveTable((done, total) => setProgress(`Predicting ${Math.floor((done / total) * 100)}%, press to cancel`), abort.current.signal);
    abort.current = null;
    setProgress(null);
  };
  return (
    <button
      type="button"
      class="button small"
      disabled={!ready && progress === null}
      onClick={() => (abort.current === null ? void save() : abort.current.abort())}
    >
      <Icon name="down" /> {progress ?? 'Save predictions as CSV'}
    </button>
  );
}
