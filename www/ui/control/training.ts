import type { LayerReport, Run, TrainConfig, TrainEvent, TrainOptions } from '../../headstart.js';
import { whyNotFurther, whyNotReady } from '../../state/readiness.js';
import { checkSettings } from '../../state/settings.js';
import type { Store } from '../../state/store.js';
import type { Checkpoints } from './checkpoints.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Session } from './session.js';

/** The page is told of a run's progress this often: smooth for the eye, little work for the page. */
const UPDATE_MS = 100;

/** No more than so much of a run is lost with the tab, beside the epoch that is under way. */
const CHECKPOINT_SECONDS = 2;

/** What a run that was stopped before it learned anything ends with. */
const NOTHING_LEARNED: readonly (string | null)[] = ['not_trained', 'nothing_learned'];

/** Starts, steers and follows training runs. */
export class Training {
  readonly #store: Store;
  readonly #session: Session;
  readonly #checkpoints: Checkpoints;
  #run: Run | null = null;

  constructor(store: Store, session: Session, checkpoints: Checkpoints) {
    this.#store = store;
    this.#session = session;
    this.#checkpoints = checkpoints;
    session.onModelLost(() => {
      this.#checkpoints.revive();
      this.#offerToGoOn();
    });
  }

  /** Trains anew, or goes on from the present model. */
  async start(further = false): Promise<void> {
    const state = this.#store.get();
    const { trainer } = this.#session;
    const { rules, backbone } = state.engine;
    const reason = further ? whyNotFurther(state) : whyNotReady(state);
    if (trainer === null || rules === null || reason !== null) return;
    const checked = checkSettings(state.settings.overrides, rules, backbone);
    const config = further ? { ...checked.config, warmStart: true } : checked.config;
    this.#store.dispatch({ type: 'run-started', config });
    this.#checkpoints.keep(null);
    await this.#follow(config, {});
  }

  /** Goes on with the run that was cut short. */
  async goOn(): Promise<void> {
    const { latest } = this.#checkpoints;
    if (latest === null || this.#session.trainer === null || whyNotReady(this.#store.get()) !== null) return;
    const { config, points, checkpoint } = latest;
    this.#store.dispatch({ type: 'run-started', config, points });
    await this.#follow(config, { checkpoint });
  }

  /** Nobody wants to go on with it. */
  dropCutShort(): void {
    this.#store.dispatch({ type: 'run-cut-short', cutShort: null });
    this.#checkpoints.keep(null);
  }

  async #follow(config: Partial<TrainConfig>, options: TrainOptions): Promise<void> {
    const { trainer } = this.#session;
    if (trainer === null) return;
    this.#store.dispatch({ type: 'area-cleared', area: 'train' });
    const progress = new Progress(this.#store);
    const run = trainer.train(config, {
      ...options,
      checkpointSeconds: CHECKPOINT_SECONDS,
      onCheckpoint: (kept) => {
        progress.flush();
        this.#checkpoints.keep({ ...kept, config, points: this.#store.get().run.points });
      },
    });
    this.#run = run;
    // Of a run that goes on: whether it has.
    let learned = false;
    try {
      for await (const event of run) {
        learned ||= event.phase !== 'prepare';
        progress.add(event);
      }
      const ended = await run.report;
      progress.flush();
      this.#store.dispatch({ type: 'run-ended', report: ended });
      this.#checkpoints.end();
      this.#session.modelTrained();
    } catch (error) {
      progress.flush();
      if (codeOf(error) === 'worker_failed') {
        // What was learned since the checkpoint is gone with the worker, but no earlier model.
        report(this.#store, 'train', error);
        this.#offerToGoOn();
      } else if (options.checkpoint !== undefined && !learned && codeOf(error) !== 'checkpoint_invalid') {
        // As it was before: what is in the way can be undone.
        this.#store.dispatch({ type: 'run-undone' });
        report(this.#store, 'train', error);
        this.#offerToGoOn();
      } else if (this.#store.get().run.status === 'stopping' && NOTHING_LEARNED.includes(codeOf(error))) {
        // What was asked for has happened.
        this.#store.dispatch({ type: 'run-undone' });
        this.#offerToGoOn();
        this.#store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text: messageOf(error) });
      } else {
        this.#store.dispatch({ type: options.checkpoint === undefined || learned ? 'run-failed' : 'run-undone' });
        this.#checkpoints.keep(null);
        report(this.#store, 'train', error);
        // What it had learned by then may be in use.
        if (options.checkpoint === undefined || learned) this.#session.modelTrained();
      }
    } finally {
      this.#run = null;
      this.#session.refresh();
    }
  }

  #offerToGoOn(): void {
    const { latest } = this.#checkpoints;
    if (latest === null) return;
    const { epoch, epochs } = latest;
    this.#store.dispatch({ type: 'run-cut-short', cutShort: { epoch, epochs } });
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
