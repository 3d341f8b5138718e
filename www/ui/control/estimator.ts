import { picturesBeingRead, whyNotYet } from '../../state/readiness.js';
import { isActive } from '../../state/run.js';
import { checkSettings } from '../../state/settings.js';
import type { Store } from '../../state/store.js';
import type { AppState } from '../../state/types.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Session } from './session.js';
import type { Estimate, Readiness, TrainConfig, Trainer } from '../../headstart.js';

/** Asked only once nobody has typed and no picture has come for so long. */
const QUIET_MS = 350;

/** What is asked, as far as there is anything to ask. */
interface Question {
  readonly config: Partial<TrainConfig>;
  /** Whether training could start, as far as the page can tell. */
  readonly ready: boolean;
  /** Whether something is fine-tuned: the head alone takes no time to speak of. */
  readonly fineTunes: boolean;
}

/** Keeps what the core says of a training before it starts (whether it can, and what it takes) in step with settings and pictures. */
export class Estimator {
  readonly #store: Store;
  readonly #session: Session;
  #asked = '';
  #seen: AppState | null = null;
  /** Counts models and engines, which say nothing of themselves that would tell each from all others. */
  #versions = 0;
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
      (before.backboneChange === null) === (state.backboneChange === null) &&
      isActive(before.run) === isActive(state.run);
    if (same) return;
    const newModel = before !== null && before.model !== state.model;
    if (newModel || before?.engine !== state.engine) this.#versions += 1;
    // What is on show stays until pictures are in, and while a run is about them.
    if (isActive(state.run) || state.backboneChange !== null || picturesBeingRead(state) > 0) return;
    const question = wanted(state);
    const about = [question, state.classes.map(({ key, pictures }) => [key, pictures.length]), this.#versions];
    const asked = question === null ? '' : JSON.stringify(about);
    if (asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    if (question?.fineTunes !== true) this.#store.dispatch({ type: 'estimate-dropped' });
    else this.#store.dispatch({ type: 'estimate-asked' });
    // Whether a new model can be trained further shows beside it at once.
    if (question !== null) this.#timer = setTimeout(() => void this.#ask(asked, question), newModel ? 0 : QUIET_MS);
  }

  async #ask(asked: string, question: Question): Promise<void> {
    const { trainer } = this.#session;
    if (trainer === null) return;
    const isWanted = (): boolean => asked === this.#asked && trainer === this.#session.trainer;
    try {
      const readiness = question.ready ? await trainer.readiness(question.config) : null;
      if (readiness !== null && isWanted()) this.#store.dispatch({ type: 'readiness-told', readiness });
      if (!question.fineTunes || !isWanted()) return;
      const [estimate, further] = await estimates(trainer, question.config, readiness);
      if (isWanted()) this.#store.dispatch({ type: 'estimated', estimate, further });
    } catch (error) {
      // One that was replaced meanwhile no longer matters.
      if (!isWanted()) return;
      if (question.fineTunes) this.#store.dispatch({ type: 'estimate-failed', problem: messageOf(error) });
      if (codeOf(error) === 'worker_failed') report(this.#store, 'train', error);
    }
  }
}

/** Of a training that starts anew, and of one that goes on from the present model where that can be. */
async function estimates(trainer: Trainer, config: Partial<TrainConfig>, readiness: Readiness | null): Promise<[Estimate, Estimate | null]> {
  const goesOn = readiness !== null && readiness.further === null;
  return Promise.all([trainer.estimate(config), goesOn ? trainer.estimate({ ...config, warmStart: true }) : null]);
}

/** Null where there is nothing to ask: no engine, or a setting that makes no sense. */
function wanted(state: AppState): Question | null {
  const { status, defaults, rules, backbone } = state.engine;
  if (status !== 'ready' || defaults === null || rules === null || backbone === null) return null;
  const { config, problems } = checkSettings(state.settings.overrides, rules, backbone);
  if (Object.keys(problems).length > 0) return null;
  return { config, ready: whyNotYet(state) === null, fineTunes: (config.fineTune ?? defaults.fineTune) !== 'none' };
}
