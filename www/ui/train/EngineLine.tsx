import { ProgressBar } from '../common/ProgressBar.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** What computes and why, quietly; loudly only when it did not start. */
export function EngineLine() {
  const { session, store } = useApp();
  const engine = useAppState((state) => state.engine);
  if (engine.status === 'failed') {
    return (
      <div class="notice error" role="alert">
        <p>{engine.problem}</p>
        <button type="button" class="button small" onClick={() => void session.start(store.get().settings.engine)}>
          Start again
        </button>
      </div>
    );
  }
  if (engine.status !== 'ready') {
    const text = engine.status === 'loading' ? 'Loading the engine and its network…' : 'Starting the engine…';
    return <ProgressBar label="Starting the engine" share={null} text={text} />;
  }
  const name = engine.report?.kind === 'webgpu' ? 'WebGPU' : 'the CPU';
  return (
    <p class="engine hint">
      Computes on {name}. {engine.report?.reason}
    </p>
  );
}
