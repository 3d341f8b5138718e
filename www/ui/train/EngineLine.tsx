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
  const reason = engine.report?.reason ?? '';
  return (
    <p class="engine hint" title={reason}>
      Computes on {name}. {inShort(reason)}
    </p>
  );
}

const LONG = 120;

/** What a driver said about itself, in brackets, can be very long; it stays in the tooltip. */
function inShort(reason: string): string {
  return reason.length <= LONG ? reason : reason.replace(/ \(.*\)/s, '');
}
