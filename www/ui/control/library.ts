import type { Trainer } from '../../headstart.js';
import type { Key } from '../../state/types.js';
import { dataUrl } from './data-url.js';

/** A picture's file, kept so that nothing is lost with a worker that dies. */
export interface Source {
  readonly blob: Blob;
  readonly name: string;
  /** Pictures of one webcam recording share it. */
  readonly group: string | undefined;
}

/** What is kept of a picture on this device. */
export interface KeptPicture extends Source {
  readonly thumbnail: Blob | null;
}

interface Entry {
  readonly name: string;
  /** What it was added as; null once that is kept, from where it can be had again. */
  source: Source | null;
  /** Settles once the present trainer has the picture; null before it was sent. */
  arrival: Promise<unknown> | null;
  thumbnail: Promise<string> | null;
}

/** So many thumbnails are held, more than any window shows; those of kept pictures are there again at once. */
const THUMBNAILS = 500;

/** What the state does not hold: the files behind the pictures, whether the trainer has them, and their thumbnails. */
export class Library {
  readonly #entries = new Map<Key, Entry>();
  /** Those with a thumbnail, the latest last. */
  readonly #small = new Set<Entry>();
  #nextKey = 1;

  /** Looks up what is kept of a picture. */
  #kept: (key: Key) => Promise<KeptPicture | undefined> = () => Promise.resolve(undefined);

  /** Looks up what a backbone has made of a picture. */
  #features: (backbone: string, key: Key) => Promise<Uint8Array | undefined> = () => Promise.resolve(undefined);

  /** The number of the next picture. */
  get nextKey(): Key {
    return this.#nextKey;
  }

  add(source: Source): Key {
    const key = this.#nextKey++;
    this.#entries.set(key, { name: source.name, source, arrival: null, thumbnail: null });
    return key;
  }

  /** Says where kept pictures are to be had, and what was computed of them. */
  setKept(kept: (key: Key) => Promise<KeptPicture | undefined>, features: (backbone: string, key: Key) => Promise<Uint8Array | undefined>): void {
    this.#kept = kept;
    this.#features = features;
  }

  /** What a backbone has made of a picture, where that is kept. */
  features(backbone: string, key: Key): Promise<Uint8Array | undefined> {
    // It can be computed again.
    return this.#features(backbone, key).catch(() => undefined);
  }

  /** Goes on with pictures that are kept. */
  restore(pictures: Iterable<{ readonly key: Key; readonly name: string }>, nextKey: Key): void {
    for (const { key, name } of pictures) this.#entries.set(key, { name, source: null, arrival: null, thumbnail: null });
    this.#nextKey = nextKey;
  }

  /** A picture is kept: its file need not be in memory too. */
  letGo(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry) entry.source = null;
  }

  /** Whether it is on the device, so that whatever goes wrong now it is not lost. */
  isKept(key: Key): boolean {
    return this.#entries.get(key)?.source === null;
  }

  /** What it is called; undefined where it is not known. */
  nameOf(key: Key): string | undefined {
    return this.#entries.get(key)?.name;
  }

  /** Its file; at once where it is in memory. Undefined where there is none any more. */
  source(key: Key): Source | Promise<Source | undefined> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.source !== null) return entry?.source ?? undefined;
    return this.#kept(key);
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
    if (entry.thumbnail === null && (entry.source === null || (entry.arrival !== null && trainer !== null))) {
      const made = this.#thumbnailOf(key, entry, trainer).then(dataUrl);
      entry.thumbnail = made;
      this.#small.add(entry);
      for (const oldest of this.#small) if (this.#small.size > THUMBNAILS) this.#drop(oldest);
      // Tried again when the picture is next shown: the trainer may have been replaced meanwhile.
      made.catch(() => this.#drop(entry));
    }
    return entry.thumbnail;
  }

  async #thumbnailOf(key: Key, entry: Entry, trainer: Trainer | null): Promise<Blob> {
    const kept = entry.source === null ? await this.#kept(key) : undefined;
    if (kept?.thumbnail) return kept.thumbnail;
    if (entry.arrival === null || trainer === null) throw new Error('Nobody has it yet.');
    await entry.arrival;
    return trainer.thumbnail(key);
  }

  #drop(entry: Entry): void {
    entry.thumbnail = null;
    this.#small.delete(entry);
  }

  /** Lets go of everything about a picture. */
  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry) this.#small.delete(entry);
    this.#entries.delete(key);
  }
}
