import { lazy } from '../common/lazy.js';
import { useAppState } from '../control/useAppState.js';

const ImportDialog = lazy(() => import('./ImportDialog.js').then((module) => module.ImportDialog));

/** Where the dialog of an import opens. */
export function ImportPlace() {
  const asking = useAppState((state) => state.import !== null && state.import.status !== 'adding');
  return asking ? <ImportDialog /> : null;
}
