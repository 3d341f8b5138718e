import { useState } from 'preact/hooks';
import type { Here } from '../session.js';

/** What was chosen to be measured. */
export interface Chosen {
  names: ReadonlySet<string>;
  rounds: number;
}

const ROUNDS = [3, 7, 15] as const;

interface ChoiceProps {
  here: Here;
  busy: boolean;
  onStart(chosen: Chosen): void;
}

export function Choice({ here, busy, onStart }: ChoiceProps) {
  const [names, setNames] = useState<ReadonlySet<string>>(() => new Set(here.contenders.map(({ name }) => name)));
  const [rounds, setRounds] = useState(7);
  const toggle = (name: string): void => {
    const next = new Set(names);
    if (!next.delete(name)) next.add(name);
    setNames(next);
  };
  return (
    <section class="card" aria-labelledby="choice">
      <h2 id="choice">What is measured</h2>
      <p>
        Features, head training and fine-tuning with the backbone {here.backbone}. Each does the same work by turns; what counts is the middle one of all rounds. Leave the device alone
        meanwhile, keep this tab in front, and plug it in.
      </p>
      <fieldset disabled={busy}>
        <legend class="visually-hidden">Who takes part</legend>
        <div class="choices">
          {here.contenders.map(({ name }) => (
            <label key={name} class="choice">
              <input type="checkbox" checked={names.has(name)} onChange={() => toggle(name)} /> {name}
            </label>
          ))}
        </div>
      </fieldset>
      {here.noGpu !== null && <p class="hint">WebGPU is not measured: {here.noGpu}.</p>}
      {here.peersProblem !== null && <p class="problem">The libraries beside this page could not be loaded: {here.peersProblem}</p>}
      {here.peersProblem === null && here.contenders.every(({ ours }) => ours) && (
        <p class="hint">
          TensorFlow.js, onnxruntime-web and jax-js are not beside this page, so nothing is compared with them: they are large. <code>HEADSTART_PEERS=1 ./build.sh serve</code>, in the
          project’s folder, puts them there.
        </p>
      )}
      <div class="start">
        <label class="field">
          <span>Rounds</span>
          <select value={rounds} disabled={busy} onChange={({ currentTarget }) => setRounds(Number(currentTarget.value))}>
            {ROUNDS.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="button primary" disabled={busy || names.size === 0} onClick={() => onStart({ names, rounds })}>
          Measure
        </button>
      </div>
    </section>
  );
}
