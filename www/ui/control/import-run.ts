import type { Part } from '../../headstart.js';
import type { PlannedItem } from '../../import/types.js';
import { reasonOf } from '../../import/refusal.js';
import { findClass } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key } from '../../state/types.js';
import { atMostEvery } from './frames.js';
import type { Intake } from './intake.js';

/** So many pictures are unpacked or on their way at a time: a few more than the worker is given. */
const AT_ONCE = 16;
/** How far it is is told so often at most. */
const SHOW_MS = 100;
/** Before this many seconds nobody knows how long it takes. */
const UNKNOWN_SECONDS = 2;

/** A picture that did not come in. */
export interface Failed {
  readonly name: string;
  /** Words that follow its name. */
  readonly reason: string;
}

/** A picture and where it goes. */
export interface ImportJob {
  readonly classKey: Key;
  readonly item: PlannedItem;
  readonly part: Part;
}

/** Pictures on their way from where they lie into their classes. */
export class ImportRun {
  /** Resolves when nothing more comes in. */
  readonly done: Promise<readonly Failed[]>;
  stopped = false;
  added = 0;
  readonly #store: Store;
  readonly #intake: Intake;
  readonly #jobs: readonly ImportJob[];
  readonly #failed: (Failed & { readonly at: number })[] = [];
  readonly #id: number;
  #next = 0;
  #settled = 0;
  #keys: Key[] = [];
  /** When the first picture came in: before, the engine may have been starting. */
  #began: number | null = null;
  readonly #showSoon = atMostEvery(SHOW_MS, () => this.#show());

  constructor(store: Store, intake: Intake, jobs: readonly ImportJob[]) {
    this.#store = store;
    this.#intake = intake;
    this.#jobs = jobs;
    const { import: progress } = store.get();
    this.#id = progress?.status === 'adding' ? progress.id : -1;
    this.done = this.#work();
  }

  /** What has not come in stays out. */
  stop(): void {
    this.stopped = true;
    this.#intake.withdraw();
  }

  async #work(): Promise<readonly Failed[]> {
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#lane()));
    // Before anybody can take it back.
    this.#intake.flush();
    this.#show();
    // They have overtaken each other on their way.
    return this.#failed.sort((one, other) => one.at - other.at);
  }

  async #lane(): Promise<void> {
    while (!this.stopped && this.#next < this.#jobs.length) {
      await this.#bring(this.#next++);
      this.#settled += 1;
      this.#showSoon();
    }
  }

  async #bring(at: number): Promise<void> {
    const { classKey, item, part } = this.#jobs[at] as ImportJob;
    // Somebody has deleted it meanwhile.
    if (findClass(this.#store.get().classes, classKey) === undefined) return;
    const { name, group } = item;
    let blob: Blob;
    try {
      blob = await item.read();
    } catch (error) {
      this.#failed.push({ at, name: item.path, reason: reasonOf(error) });
      return;
    }
    if (this.stopped) return;
    const { key, outcome } = await this.#intake.deliver(classKey, { blob, name, group }, part);
    this.#began ??= performance.now();
    if (outcome === 'added') {
      this.added += 1;
      this.#keys.push(key);
    } else if (outcome !== 'gone') {
      // It begins with the name, which is said anyway.
      const message = outcome.message.replace(`“${name}” `, '');
      this.#failed.push({ at, name: item.path, reason: outcome.ordinary ? 'is damaged' : message });
    }
  }

  #show(): void {
    const keys = this.#keys;
    this.#keys = [];
    this.#store.dispatch({ type: 'import-grew', id: this.#id, keys, done: this.#settled, secondsLeft: this.#secondsLeft() });
  }

  #secondsLeft(): number | null {
    const seconds = this.#began === null ? 0 : (performance.now() - this.#began) / 1000;
    return seconds < UNKNOWN_SECONDS ? null : (seconds / this.#settled) * (this.#jobs.length - this.#settled);
  }
}
