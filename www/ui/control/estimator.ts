import { countPictures } from '../../state/classes.js';
import { picturesBeingRead, whyNotFurther } from '../../state/readiness.js';
import { isActive } from '../../state/run.js';
import { checkSettings } from '../../state/settings.js';
import type { Store } from '../../state/store.js';
import type { AppState } from '../../state/types.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Session } from './session.js';
import type { Trainer, TrainConfig } from '../../headstart.js';

/** Asked only once nobody has typed and no picture has come for so long. */
const QUIET_MS = 350;

/** Keeps the estimate of a fine-tuning in step with settings and pictures. */
export class Estimator {
  readonly #store: Store;
  readonly #session: Session;
  #asked = '';
  #seen: AppState | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  follow(): void {
    this.#store.subscribe(() => this.#look());
    this.#look();
  }

  #look(): void {
    const state = this.#store.get();
    const before = this.#seen;
    this.#seen = state;
    const same =
      before !== null &&
      before.settings === state.settings &&
      before.engine === state.engine &&
      before.classes === state.classes &&
      before.intake === state.intake &&
      before.model === state.model &&
      isActive(before.run) === isActive(state.run);
    if (same) return;
    // What is on show stays until pictures are in, and while a run is about them.
    if (isActive(state.run) || picturesBeingRead(state) > 0) return;
    const config = wanted(state);
    const further = whyNotFurther(state) === null;
    const { classes, engine, model, run } = state;
    const about = [config, countPictures(classes), classes.length, engine.report?.kind, model, run.report?.seconds, further];
    const question = config === null ? '' : JSON.stringify(about);
    if (question === this.#asked) return;
    this.#asked = question;
    clearTimeout(this.#timer);
    if (config === null) {
      this.#store.dispatch({ type: 'estimate-dropped' });
      return;
    }
    this.#store.dispatch({ type: 'estimate-asked' });
    this.#timer = setTimeout(() => void this.#ask(question, config, further), QUIET_MS);
  }

  async #ask(question: string, config: Partial<TrainConfig>, goesOn: boolean): Promise<void> {
    const trainer: Trainer | null = this.#session.trainer;
    if (trainer === null) return;
    try {
      const [estimate, further] = await Promise.all([
        trainer.estimate(config),
        goesOn ? trainer.estimate({ ...config, warmStart: true }) : null,
      ]);
      if (question === this.#asked) this.#store.dispatch({ type: 'estimated', estimate, further });
    } catch (error) {
      // One that was replaced meanwhile no longer matters.
      if (question !== this.#asked || trainer !== this.#session.trainer) return;
      this.#store.dispatch({ type: 'estimate-failed', problem: messageOf(error) });
      if (codeOf(error) === 'worker_failed') report(this.#store, 'train', error);
    }
  }
}

/** The settings to ask about, or null where there is nothing to ask: no engine, a setting that makes no sense, or the head alone. */
function wanted(state: AppState): Partial<TrainConfig> | null {
  const { status, defaults, rules, backbone } = state.engine;
  if (status !== 'ready' || defaults === null || rules === null || backbone === null) return null;
  const { config, problems } = checkSettings(state.settings.overrides, rules, backbone);
  if (Object.keys(problems).length > 0) return null;
  return (config.fineTune ?? defaults.fineTune) === 'none' ? null : config;
}
