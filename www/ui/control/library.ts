import type { Trainer } from '../../headstart.js';
import type { Key } from '../../state/types.js';

/** A picture's file, kept so that nothing is lost when the engine changes. */
export interface Source {
  readonly blob: Blob;
  readonly name: string;
  /** Pictures of one webcam recording share it. */
  readonly group: string | undefined;
}

interface Entry {
  readonly source: Source;
  /** The number that the present trainer knows the picture by, once it was sent. */
  id: Promise<number> | null;
  thumbnail: Promise<string> | null;
}

/** What the state does not hold: the files behind the pictures, their ids and their thumbnails. */
export class Library {
  readonly #entries = new Map<Key, Entry>();
  #nextKey = 1;

  add(source: Source): Key {
    const key = this.#nextKey++;
    this.#entries.set(key, { source, id: null, thumbnail: null });
    return key;
  }

  source(key: Key): Source | undefined {
    return this.#entries.get(key)?.source;
  }

  id(key: Key): Promise<number> | null {
    return this.#entries.get(key)?.id ?? null;
  }

  setId(key: Key, id: Promise<number> | null): void {
    const entry = this.#entries.get(key);
    if (entry) entry.id = id;
  }

  /** A new trainer knows none of them. */
  forgetIds(): void {
    for (const entry of this.#entries.values()) entry.id = null;
  }

  /** An address to show the picture small; made when it is first wanted. */
  thumbnail(key: Key, trainer: Trainer | null): Promise<string> | null {
    const entry = this.#entries.get(key);
    if (!entry) return null;
    if (entry.thumbnail === null && entry.id !== null && trainer !== null) {
      entry.thumbnail = entry.id.then((id) => trainer.thumbnail(id)).then((blob) => URL.createObjectURL(blob));
      // Tried again when the picture is next shown: the trainer may have been replaced meanwhile.
      entry.thumbnail.catch(() => (entry.thumbnail = null));
    }
    return entry.thumbnail;
  }

  /** Lets go of everything about a picture. */
  delete(key: Key): void {
    void this.#entries.get(key)?.thumbnail?.then((url) => URL.revokeObjectURL(url), () => undefined);
    this.#entries.delete(key);
  }

  keepOnly(keys: ReadonlySet<Key>): void {
    for (const key of [...this.#entries.keys()]) if (!keys.has(key)) this.delete(key);
  }
}
