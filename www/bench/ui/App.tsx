import { useEffect, useRef, useState } from 'preact/hooks';
import { measureAll, type Outcome, type Progress } from '../measure.js';
import { circumstances, look, type Here } from '../session.js';
import type { Circumstances } from '../result.js';
import { WORKS } from '../works.js';
import { Choice, type Chosen } from './Choice.js';
import { CopyResult } from './CopyResult.js';
import { Header } from './Header.js';
import { Running } from './Running.js';
import { WorkCard } from './WorkCard.js';

type State = 'looking' | 'ready' | 'running' | 'stopping';

/** The whole page. */
export function App() {
  const [here, setHere] = useState<Here | null>(null);
  const [state, setState] = useState<State>('looking');
  const [problem, setProblem] = useState<string | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const [about, setAbout] = useState<Circumstances | null>(null);
  const stop = useRef<AbortController | null>(null);

  useEffect(() => {
    look().then(
      (found) => {
        setHere(found);
        setState('ready');
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, []);

  const start = async ({ names, rounds }: Chosen): Promise<void> => {
    if (here === null) return;
    const controller = new AbortController();
    stop.current = controller;
    setState('running');
    setProblem(null);
    setOutcomes([]);
    setProgress(null);
    setAbout(circumstances(here, rounds));
    const put = (outcome: Outcome): void => setOutcomes((before) => [...before.filter(({ work }) => work !== outcome.work), outcome]);
    try {
      const contenders = here.contenders.filter(({ name }) => names.has(name));
      await measureAll(WORKS, contenders, rounds, { signal: controller.signal, onProgress: setProgress, onOutcome: put });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setState('ready');
  };
  const cancel = (): void => {
    setState('stopping');
    stop.current?.abort();
  };

  const busy = state === 'running' || state === 'stopping';
  return (
    <div class="page bench">
      <Header />
      <main>
        {problem !== null && (
          <p class="notice error" role="alert">
            {problem}
          </p>
        )}
        {here === null ? problem === null && <p role="status">Looking at what this device has…</p> : <Choice here={here} busy={busy} onStart={(chosen) => void start(chosen)} />}
        {busy && <Running progress={progress} stopping={state === 'stopping'} onCancel={cancel} />}
        <p class="visually-hidden" role="status">
          {state === 'ready' && outcomes.length > 0 ? `Measured: ${outcomes.length} of ${WORKS.length} kinds of work.` : ''}
        </p>
        {about !== null && outcomes.length > 0 && <CopyResult about={about} outcomes={outcomes} />}
        <div class="works">
          {outcomes.map((outcome) => (
            <WorkCard key={outcome.work.id} outcome={outcome} />
          ))}
        </div>
      </main>
    </div>
  );
}
