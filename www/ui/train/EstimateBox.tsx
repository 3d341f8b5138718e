import { describeMemory, describeTime, describeTrained } from '../../state/progress-words.js';
import { useAppState } from '../control/useAppState.js';

/** What fine-tuning would train and take, in step with the settings. */
export function EstimateBox() {
  const { status, value, problem } = useAppState((state) => state.estimate);
  const memory = value === null ? null : describeMemory(value);
  return (
    <div class="estimate" role="status" aria-busy={status === 'asking'}>
      {problem !== null && <p class="problem">{problem}</p>}
      {value === null && status === 'asking' && <p>Working out how long it takes…</p>}
      {value !== null && (
        <>
          <p class="estimate-time">{describeTime(value)}</p>
          <p>{describeTrained(value)}</p>
          {memory !== null && <p>{memory}</p>}
          {value.note !== '' && <p class="hint">{value.note}</p>}
        </>
      )}
    </div>
  );
}
