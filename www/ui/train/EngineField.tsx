import type { EngineChoice } from '../../headstart.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Field } from './Field.js';

/** What computes. Changing it takes effect at once; pictures and model are carried over. */
export function EngineField() {
  const app = useApp();
  const choice = useAppState((state) => state.settings.engine);
  const status = useAppState((state) => state.engine.status);
  return (
    <Field id="engine" label="Engine" about="Automatic measures both and takes the faster. Pictures and the trained model are carried over.">
      <select
        id="engine"
        value={choice}
        disabled={status === 'switching' || status === 'loading'}
        aria-describedby="engine-about"
        onChange={(event) => {
          const { currentTarget } = event;
          void app.chooseEngine(currentTarget.value as EngineChoice).then(() => {
            // Where it did not start, the one before goes on.
            currentTarget.value = app.store.get().settings.engine;
          });
        }}
      >
        <option value="auto">Automatic</option>
        <option value="webgpu">WebGPU</option>
        <option value="cpu">CPU</option>
      </select>
    </Field>
  );
}
