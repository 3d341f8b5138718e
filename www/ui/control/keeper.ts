import { isActive } from '../../state/run.js';
import type { Store } from '../../state/store.js';
import type { AppState } from '../../state/types.js';
import type { Session } from './session.js';

/** Changes are saved once there were no others for so long. */
const QUIET_MS = 2000;

/** Has saved what only the worker holds, the model above all, before the worker can die with it. */
export class Keeper {
  readonly #store: Store;
  readonly #session: Session;
  #seen: AppState;
  /** Something is not saved. */
  #due = false;
  /** It is a model. */
  #urgent = false;
  /** A save that is to come. */
  #next: { readonly timer: ReturnType<typeof setTimeout>; readonly urgent: boolean } | null = null;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
    this.#seen = store.get();
  }

  follow(): void {
    this.#store.subscribe(() => this.#look());
  }

  #look(): void {
    const before = this.#seen;
    const state = this.#store.get();
    this.#seen = state;
    const newModel = before.model !== state.model;
    const arithmetic = ({ engine }: AppState): string | undefined => engine.backbone?.arithmetic;
    const computes = before.engine.backbone !== null && arithmetic(before) !== arithmetic(state);
    const changed = newModel || computes || before.classes !== state.classes;
    if (!changed && isIdle(before) === isIdle(state)) return;
    this.#due ||= changed;
    this.#urgent ||= newModel;
    this.#plan(isIdle(state));
  }

  #plan(idle: boolean): void {
    const urgent = this.#urgent;
    // Pictures that keep coming do not put it off.
    if (idle && urgent && this.#next?.urgent === true) return;
    if (this.#next !== null) clearTimeout(this.#next.timer);
    // A training takes much longer than arranging pictures: nobody should have to repeat one.
    this.#next = idle && this.#due ? { timer: setTimeout(() => void this.#keep(), urgent ? 0 : QUIET_MS), urgent } : null;
  }

  async #keep(): Promise<void> {
    const urgent = this.#urgent;
    this.#next = null;
    // What happens from here on is another matter.
    this.#due = false;
    this.#urgent = false;
    if (await this.#session.keep()) return;
    // With the next change, or when there is an engine again.
    this.#due = true;
    this.#urgent ||= urgent;
  }
}

/**
 * While it trains the worker has no time, and there will be another model soon. While the backbone is being changed, the project is on
 * one that it may not stay on.
 */
function isIdle({ engine, run, backboneChange }: AppState): boolean {
  return engine.status === 'ready' && !isActive(run) && backboneChange === null;
}
