import { isActive } from '../../state/run.js';
import { FileButton } from '../common/FileButton.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Exports } from './Exports.js';

/** Keeping the trained model, and bringing one back. */
export function ModelFile() {
  const { models } = useApp();
  const model = useAppState((state) => state.model);
  const ready = useAppState((state) => state.engine.status === 'ready' && !isActive(state.run));
  const busy = useAppState((state) => state.modelFileBusy);
  const nothing = model === null || !ready || busy;
  return (
    <div class="card model-file">
      <h3>Keep it</h3>
      <p class="hint">A saved model is one file. It can be opened here again or used in a page of your own.</p>
      <div class="row">
        <button type="button" class="button grow" disabled={nothing} onClick={() => void models.save()}>
          <Icon name="down" /> Save model
        </button>
        <FileButton kind="button grow" accept=".zip,application/zip" disabled={!ready || busy} onFiles={([file]) => file && void models.open(file)}>
          <Icon name="up" /> Open model
        </FileButton>
      </div>
      <Exports disabled={nothing} />
    </div>
  );
}
