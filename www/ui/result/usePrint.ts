import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { TrainReport } from '../../headstart.js';
import { isTakenUp, whyNoMistakes } from '../../state/mistakes.js';
import type { AppState } from '../../state/types.js';
import { useApp } from '../control/app.js';
import type { ShownMistakes } from '../control/model.js';
import { useAppState } from '../control/useAppState.js';

/** What was found, and what of: with other classes or another model it would be something else. */
interface Found {
  readonly mistakes: ShownMistakes | null;
  readonly report: TrainReport;
  readonly classes: AppState['classes'];
  readonly model: AppState['model'];
}

/** How looking for the mistakes goes, or how it has ended. */
type Looking = 'looking' | 'found' | 'not-had' | 'busy' | 'cancelled';

export interface Print {
  /** `unasked` before anybody has looked for them, null where they could not be had. */
  readonly mistakes: ShownMistakes | null | 'unasked';
  readonly isLooking: boolean;
  /** The same for everybody to read, and how it has ended; nothing where nobody has looked for them. */
  readonly status: string;
  /** The model has to be asked and is at something else. */
  readonly hasToWait: boolean;
  /** Prints once the mistaken pictures are there. */
  start(): void;
  /** Gives up looking for them. */
  cancel(): void;
}

/** Printing a result with the pictures that were mistaken, which the model is asked about when they are first wanted. */
export function usePrint(report: TrainReport): Print {
  const { store, models } = useApp();
  const [found, setFound] = useState<Found | null>(null);
  const [state, setState] = useState<Looking | null>(null);
  const looking = useRef<AbortController | null>(null);
  const wanted = useRef(false);
  const hasToWait = useAppState((now) => isTakenUp(now) && whyNoMistakes(report, now.run, now.model !== null) === null);

  const isUpToDate = (): boolean => {
    const { run, classes, model } = store.get();
    if (whyNoMistakes(report, run, model !== null) !== null) return true;
    return found !== null && found.mistakes !== null && isSame(found.report, report) && found.classes === classes && found.model === model;
  };
  const find = async (signal: AbortSignal): Promise<Found | 'busy'> => {
    for (;;) {
      const { run, classes, model } = store.get();
      const asked = run.report ?? report;
      const mistakes = await models.mistakes(asked, signal);
      if (mistakes === 'busy') return mistakes;
      // Classes were renamed meanwhile, and these may have the old names.
      if (mistakes !== null && !isSame(asked, store.get().run.report ?? asked)) continue;
      return { mistakes, report: asked, classes, model };
    }
  };
  const look = async (): Promise<void> => {
    const abort = new AbortController();
    looking.current = abort;
    setState('looking');
    const now = await find(abort.signal);
    // Not before: until then the model would be found busy by the next one.
    looking.current = null;
    if (abort.signal.aborted) return setState('cancelled');
    if (now === 'busy') return setState('busy');
    wanted.current = true;
    setState(now.mistakes === null ? 'not-had' : 'found');
    setFound(now);
  };
  const start = (): void => {
    if (looking.current !== null) return;
    if (isUpToDate()) window.print();
    else void look();
  };
  const cancel = (): void => looking.current?.abort();

  // Not with each report: that is another one after a rename, too. With another run all of this goes from the page.
  useEffect(() => cancel, []);
  // What is printed is what is drawn by then.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    const pictures = [...document.querySelectorAll<HTMLImageElement>('.printed-mistakes img')];
    void Promise.allSettled(pictures.map((each) => each.decode())).then(() => window.print());
  }, [found]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      // What the browser fills in by itself comes with events that have no key.
      if (event.key?.toLowerCase() !== 'p' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      // The browser would not wait for them. Where the model is at something else nobody knows how long that takes, and the sheet says so.
      if (looking.current === null && (hasToWait || isUpToDate())) return;
      event.preventDefault();
      start();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  });
  return {
    mistakes: found !== null && isSame(found.report, report) ? found.mistakes : 'unasked',
    isLooking: state === 'looking',
    status: state === null ? '' : STATUS[state],
    hasToWait,
    start,
    cancel,
  };
}

/** Whether two reports are of one run, and call its classes the same. */
function isSame(one: TrainReport, other: TrainReport): boolean {
  // A report is replaced where classes may have been renamed, while what it has counted stays the very same.
  return one.images === other.images && one.classes.every((name, index) => name === other.classes[index]);
}

const STATUS: Readonly<Record<Looking, string>> = {
  looking: 'Looking for mistaken pictures…',
  found: 'The mistaken pictures are on the sheet.',
  'not-had': 'The mistaken pictures could not be had.',
  busy: 'The model is busy with something else: nothing was printed.',
  cancelled: 'Cancelled: nothing was printed.',
};
