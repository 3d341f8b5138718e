import { isActive, overallOf } from '../../state/run.js';
import type { Store } from '../../state/store.js';
import type { AppState } from '../../state/types.js';

const NAME = 'Headstart';
/** The circumference of the ring, in its own units. */
const ROUND = 100;
/** The icon is drawn anew so often in a training: more would cost the page time that nobody sees. */
const STEPS = 20;

/** What a training does beyond the page: the tab tells how far it is, and the screen stays on. */
export class Presence {
  readonly #store: Store;
  readonly #icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  readonly #usualIcon = this.#icon?.href ?? '';
  /** What the icon shows; null for the usual one. */
  #share: number | null = null;
  #lock: Promise<WakeLockSentinel | null> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  follow(): void {
    this.#store.subscribe(() => this.#show());
    // The browser lets go of the screen where the tab is hidden.
    document.addEventListener('visibilitychange', () => {
      this.#lock = null;
      this.#show();
    });
    this.#show();
  }

  #show(): void {
    const state = this.#store.get();
    const title = titleOf(state);
    if (document.title !== title) document.title = title;
    const share = isActive(state.run) ? Math.floor(overallOf(state.run) * STEPS) / STEPS : null;
    if (share !== this.#share && this.#icon !== null) this.#icon.href = share === null ? this.#usualIcon : ring(share);
    this.#share = share;
    this.#stayAwake(state.run.status === 'running' && document.visibilityState === 'visible');
  }

  #stayAwake(wanted: boolean): void {
    if (wanted && this.#lock === null) {
      // Refused on an empty battery: then it trains for as long as the device likes.
      this.#lock = navigator.wakeLock?.request('screen').catch(() => null) ?? null;
    } else if (!wanted && this.#lock !== null) {
      void this.#lock.then((lock) => lock?.release());
      this.#lock = null;
    }
  }
}

/** How far a training is, in front of the name, for the tab; else the project's name once it has one of its own. */
export function titleOf({ run, project }: Pick<AppState, 'run' | 'project'>): string {
  const share = `${Math.floor(overallOf(run) * 100)}%`;
  if (run.status === 'paused') return `Paused at ${share} – ${NAME}`;
  if (isActive(run)) return `${share} trained – ${NAME}`;
  return project.id === null ? NAME : `${project.name} – ${NAME}`;
}

function ring(share: number): string {
  const radius = ROUND / (2 * Math.PI);
  const circle = (stroke: string, dashes: string): string =>
    `<circle cx="20" cy="20" r="${radius}" fill="none" stroke="${stroke}" stroke-width="7" ${dashes} transform="rotate(-90 20 20)"/>`;
  const drawn = circle('#dcd5c5', '') + circle('#0a6659', `stroke-dasharray="${share * ROUND} ${ROUND}"`);
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">${drawn}</svg>`)}`;
}
