import type { LayerReport, Run, TrainConfig, TrainEvent } from '../../headstart.js';
import { whyNotFurther, whyNotReady } from '../../state/readiness.js';
import { checkSettings } from '../../state/settings.js';
import type { Store } from '../../state/store.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Session } from './session.js';

/** The page is told of a run's progress this often: smooth for the eye, little work for the page. */
const UPDATE_MS = 100;

/** What a run that was stopped before it learned anything ends with. */
const NOTHING_LEARNED: readonly (string | null)[] = ['not_trained', 'nothing_learned'];

/** Starts, steers and follows training runs. */
export class Training {
  readonly #store: Store;
  readonly #session: Session;
  #run: Run | null = null;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  /** Trains anew, or goes on from the present model. */
  async start(further = false): Promise<void> {
    const state = this.#store.get();
    const { trainer } = this.#session;
    const { rules, backbone } = state.engine;
    const reason = further ? whyNotFurther(state) : whyNotReady(state);
    if (trainer === null || rules === null || reason !== null) return;
    this.#store.dispatch({ type: 'area-cleared', area: 'train' });
    const checked = checkSettings(state.settings.overrides, rules, backbone);
    const config = further ? { ...checked.config, warmStart: true } : checked.config;
    this.#store.dispatch({ type: 'run-started', config });
    const run = trainer.train(config);
    this.#run = run;
    const progress = new Progress(this.#store);
    try {
      for await (const event of run) progress.add(event);
      const ended = await run.report;
      progress.flush();
      this.#store.dispatch({ type: 'run-ended', report: ended });
      this.#session.modelTrained();
    } catch (error) {
      progress.flush();
      if (codeOf(error) === 'worker_failed') {
        // What was learned is gone with the worker, but no earlier model.
        report(this.#store, 'train', error);
      } else if (this.#store.get().run.status === 'stopping' && NOTHING_LEARNED.includes(codeOf(error))) {
        // What was asked for has happened.
        this.#store.dispatch({ type: 'run-undone' });
        this.#store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text: messageOf(error) });
      } else {
        this.#store.dispatch({ type: 'run-failed' });
        report(this.#store, 'train', error);
        // What it had learned by then may be in use.
        this.#session.modelTrained();
      }
    } finally {
      this.#run = null;
      this.#session.refresh();
    }
  }

  pause(): void {
    this.#run?.pause();
    this.#store.dispatch({ type: 'run-paused' });
  }

  continue(): void {
    this.#run?.resume();
    this.#store.dispatch({ type: 'run-continued' });
  }

  /** Every tensor as a run with these settings would have it; none before there is an engine. */
  async layers(config: Partial<TrainConfig>): Promise<readonly LayerReport[]> {
    return (await this.#session.trainer?.layers(config)) ?? [];
  }

  /** Ends the run early; the best weights so far are kept. */
  cancel(): void {
    this.#store.dispatch({ type: 'run-stopping' });
    void this.#run?.cancel();
  }
}

/** Gathers events between two updates of the page. */
class Progress {
  readonly #store: Store;
  #events: TrainEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  add(event: TrainEvent): void {
    this.#events.push(event);
    this.#timer ??= setTimeout(() => this.flush(), UPDATE_MS);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#events.length === 0) return;
    this.#store.dispatch({ type: 'run-progressed', events: this.#events });
    this.#events = [];
  }
}
