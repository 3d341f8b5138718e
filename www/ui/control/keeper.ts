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
  #due = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

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
    const changed = newModel || before.classes !== state.classes;
    if (!changed && isIdle(before) === isIdle(state)) return;
    this.#due ||= changed;
    clearTimeout(this.#timer);
    // A training takes much longer than arranging pictures: nobody should have to repeat one.
    if (this.#due && isIdle(state)) this.#timer = setTimeout(() => this.#keep(), newModel ? 0 : QUIET_MS);
  }

  #keep(): void {
    this.#due = false;
    void this.#session.keep();
  }
}

/** While it trains the worker has no time, and there will be another model soon. */
function isIdle({ engine, run }: AppState): boolean {
  return engine.status === 'ready' && !isActive(run);
}
