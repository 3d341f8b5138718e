import type { Trainer } from '../../headstart.js';
import type { Key } from '../../state/types.js';

/** A picture's file, kept so that nothing is lost with a worker that dies. */
export interface Source {
  readonly blob: Blob;
  readonly name: string;
  /** Pictures of one webcam recording share it. */
  readonly group: string | undefined;
}

interface Entry {
  readonly source: Source;
  /** Settles once the present trainer has the picture; null before it was sent. */
  arrival: Promise<unknown> | null;
  thumbnail: Promise<string> | null;
}

/** What the state does not hold: the files behind the pictures, whether the trainer has them, and their thumbnails. */
export class Library {
  readonly #entries = new Map<Key, Entry>();
  #nextKey = 1;

  add(source: Source): Key {
    const key = this.#nextKey++;
    this.#entries.set(key, { source, arrival: null, thumbnail: null });
    return key;
  }

  source(key: Key): Source | undefined {
    return this.#entries.get(key)?.source;
  }

  isSent(key: Key): boolean {
    return (this.#entries.get(key)?.arrival ?? null) !== null;
  }

  setArrival(key: Key, arrival: Promise<unknown> | null): void {
    const entry = this.#entries.get(key);
    if (entry) entry.arrival = arrival;
  }

  /** A trainer that was given no pictures has none of them. */
  forgetArrivals(): void {
    for (const entry of this.#entries.values()) entry.arrival = null;
  }

  /** An address to show the picture small; made when it is first wanted. */
  thumbnail(key: Key, trainer: Trainer | null): Promise<string> | null {
    const entry = this.#entries.get(key);
    if (!entry) return null;
    if (entry.thumbnail === null && entry.arrival !== null && trainer !== null) {
      const made = entry.arrival.then(() => trainer.thumbnail(key)).then((blob) => URL.createObjectURL(blob));
      entry.thumbnail = made;
      // Tried again when the picture is next shown: the trainer may have been replaced meanwhile.
      made.catch(() => (entry.thumbnail = null));
    }
    return entry.thumbnail;
  }

  /** Lets go of everything about a picture. */
  delete(key: Key): void {
    void this.#entries.get(key)?.thumbnail?.then((url) => URL.revokeObjectURL(url), () => undefined);
    this.#entries.delete(key);
  }
}
