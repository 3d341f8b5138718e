import type { AppState, Key } from '../../state/types.js';
import { pictureChange } from '../../state/undo.js';

/** Which pictures are on the device, which are still to be written, and which are to go from there. */
export class Kept {
  /** The state that the rest is about. */
  #seen: AppState;
  readonly #here = new Set<Key>();
  /** In the order in which they came. */
  readonly #missing = new Set<Key>();
  readonly #surplus = new Set<Key>();

  /** Of a page that has no pictures yet, or whose pictures are all on the device: see {@link restore}. */
  constructor(state: AppState) {
    this.#seen = state;
  }

  /** These are on the device, and are what the page shows. */
  restore(keys: Iterable<Key>): void {
    for (const key of keys) this.#here.add(key);
  }

  /** Finds out what has come and gone since. */
  follow(state: AppState): void {
    const { came, went } = pictureChange(this.#seen, state);
    this.#seen = state;
    for (const key of came) {
      this.#surplus.delete(key);
      if (!this.#here.has(key)) this.#missing.add(key);
    }
    for (const key of went) {
      this.#missing.delete(key);
      if (this.#here.has(key)) this.#surplus.add(key);
    }
  }

  /** What is still to be written. */
  get missing(): ReadonlySet<Key> {
    return this.#missing;
  }

  /** What can neither be seen nor be brought back any more. */
  get surplus(): ReadonlySet<Key> {
    return this.#surplus;
  }

  /** These cannot be written, whatever is done. */
  giveUp(keys: Iterable<Key>): void {
    for (const key of keys) this.#missing.delete(key);
  }

  written(added: Iterable<Key>, removed: Iterable<Key>): void {
    for (const key of added) {
      this.#here.add(key);
      this.#missing.delete(key);
    }
    for (const key of removed) {
      this.#here.delete(key);
      this.#surplus.delete(key);
    }
  }

  /** All of it has to be written, to another place. */
  beginAnew(): void {
    for (const key of this.#here) if (!this.#surplus.has(key)) this.#missing.add(key);
    this.#here.clear();
    this.#surplus.clear();
  }
}
