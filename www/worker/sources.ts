import type { Pixels } from './decode.js';

/** So many pictures may wait to be packed: their pixels are kept as long. */
const MAX_WAITING = 4;

/**
 * What each picture was added as, so that it can be decoded again for another backbone; those of removed ones too. A file stays on the
 * disk. What came as pixels is packed without loss after the picture was added.
 */
export class Sources {
  readonly #pack: (pixels: Pixels) => Promise<Blob>;
  readonly #sources = new Map<number, Blob>();
  /** Pictures that are being packed, in order. */
  readonly #waiting = new Map<number, Promise<void>>();
  #turn: Promise<void> = Promise.resolve();

  constructor(pack: (pixels: Pixels) => Promise<Blob>) {
    this.#pack = pack;
  }

  set(id: number, source: Blob): void {
    this.#waiting.delete(id);
    this.#sources.set(id, source);
  }

  /** Keeps pixels; comes back at once unless too many wait. */
  async pack(id: number, pixels: Pixels): Promise<void> {
    const packed = this.#turn.then(async () => {
      const source = await this.#pack(pixels).catch(() => null);
      // It may have been forgotten meanwhile. Without a source it stays on the backbones that have seen it.
      if (this.#waiting.get(id) !== packed) return;
      this.#waiting.delete(id);
      if (source) this.#sources.set(id, source);
    });
    this.#turn = packed;
    this.#waiting.set(id, packed);
    if (this.#waiting.size > MAX_WAITING) await [...this.#waiting.values()][0];
  }

  async get(id: number): Promise<Blob | undefined> {
    await this.#waiting.get(id);
    return this.#sources.get(id);
  }

  /** All of them by the numbers of their pictures. */
  async all(): Promise<ReadonlyMap<number, Blob>> {
    await Promise.all(this.#waiting.values());
    return new Map(this.#sources);
  }

  delete(id: number): void {
    this.#waiting.delete(id);
    this.#sources.delete(id);
  }
}
