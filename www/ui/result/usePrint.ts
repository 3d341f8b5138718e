import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { TrainReport } from '../../headstart.js';
import { whyNoMistakes } from '../../state/mistakes.js';
import type { AppState } from '../../state/types.js';
import { useApp } from '../control/app.js';
import type { ShownMistakes } from '../control/model.js';

/** What was found, and what of: with other classes or another model it would be something else. */
interface Found {
  readonly mistakes: ShownMistakes | null;
  readonly report: TrainReport;
  readonly classes: AppState['classes'];
  readonly model: AppState['model'];
}

export interface Print {
  /** `unasked` before anybody has looked for them, null where they could not be had. */
  readonly mistakes: ShownMistakes | null | 'unasked';
  /** How far looking for them is, 0 to 1; null where nobody does. */
  readonly progress: number | null;
  /** Prints once the mistaken pictures are there. */
  start(): void;
  /** Gives up looking for them. */
  cancel(): void;
}

/** Printing a result with the pictures that were mistaken, which the model is asked about when they are first wanted. */
export function usePrint(report: TrainReport): Print {
  const { store, models } = useApp();
  const [found, setFound] = useState<Found | null>(null);
  const [progress, setProgress] = useState<number | null>(null);
  const looking = useRef<AbortController | null>(null);
  const wanted = useRef(false);

  const isUpToDate = (): boolean => {
    const { run, classes, model } = store.get();
    if (whyNoMistakes(report, run, model !== null) !== null) return true;
    return found !== null && found.mistakes !== null && found.report === report && found.classes === classes && found.model === model;
  };
  const look = async (): Promise<void> => {
    const { classes, model } = store.get();
    const abort = new AbortController();
    looking.current = abort;
    setProgress(0);
    const onProgress = (done: number, total: number): void => {
      // One answer may still come after it was given up.
      if (!abort.signal.aborted) setProgress(done / total);
    };
    const mistakes = await models.mistakes(report, onProgress, abort.signal);
    if (looking.current === abort) looking.current = null;
    if (abort.signal.aborted) return;
    setProgress(null);
    wanted.current = true;
    setFound({ mistakes, report, classes, model });
  };
  const start = (): void => {
    if (looking.current !== null) return;
    if (isUpToDate()) window.print();
    else void look();
  };
  const cancel = (): void => {
    looking.current?.abort();
    looking.current = null;
    setProgress(null);
  };

  useEffect(() => cancel, [report]);
  // What is printed is what is drawn by then.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    const pictures = [...document.querySelectorAll<HTMLImageElement>('.printed-mistakes img')];
    void Promise.allSettled(pictures.map((each) => each.decode())).then(() => window.print());
  }, [found]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'p' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      // The browser would not wait for them.
      if (isUpToDate()) return;
      event.preventDefault();
      start();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  });
  return { mistakes: found?.report === report ? found.mistakes : 'unasked', progress, start, cancel };
}
