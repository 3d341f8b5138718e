import type { Pixels } from '../protocol.js';

/** So many bytes of pixels may wait to be packed. */
const MOST_BYTES = 64e6;

/**
 * What each picture was added as, so that it can be decoded again for another backbone; those of removed ones too. A file stays on the
 * disk. What came as pixels is packed without loss, once there is nothing else to do.
 */
export class Sources {
  readonly #pack: (pixels: Pixels, id: number) => Promise<Blob>;
  readonly #sources = new Map<number, Blob>();
  /** Pixels that wait, in order. */
  readonly #waiting = new Map<number, Pixels>();
  /** Those that are being packed. */
  readonly #packing = new Map<number, Promise<void>>();
  #bytes = 0;

  constructor(pack: (pixels: Pixels, id: number) => Promise<Blob>) {
    this.#pack = pack;
  }

  set(id: number, source: Blob): void {
    this.delete(id);
    this.#sources.set(id, source);
  }

  /** Keeps pixels; comes back at once unless too many wait. */
  async pack(id: number, pixels: Pixels): Promise<void> {
    this.delete(id);
    this.#waiting.set(id, pixels);
    this.#bytes += pixels.rgba.byteLength;
    while (this.#bytes > MOST_BYTES) await this.packNext();
  }

  /** Whether pixels wait. */
  get wait(): boolean {
    return this.#waiting.size > 0;
  }

  /** Packs the pixels that have waited longest, where there are any. */
  async packNext(): Promise<void> {
    const [first] = this.#waiting.keys();
    if (first !== undefined) await this.get(first);
  }

  async get(id: number): Promise<Blob | undefined> {
    const pixels = this.#waiting.get(id);
    if (pixels) {
      this.#forget(id);
      const packed = this.#pack(pixels, id)
        // Without a source it stays on the backbones that have seen it.
        .catch(() => null)
        .then((source) => {
          // It may have been forgotten meanwhile.
          if (this.#packing.get(id) !== packed) return;
          this.#packing.delete(id);
          if (source) this.#sources.set(id, source);
        });
      this.#packing.set(id, packed);
    }
    await this.#packing.get(id);
    return this.#sources.get(id);
  }

  /** All of them by the numbers of their pictures. */
  async all(): Promise<ReadonlyMap<number, Blob>> {
    while (this.wait) await this.packNext();
    await Promise.all(this.#packing.values());
    return new Map(this.#sources);
  }

  delete(id: number): void {
    this.#forget(id);
    this.#packing.delete(id);
    this.#sources.delete(id);
  }

  #forget(id: number): void {
    this.#bytes -= this.#waiting.get(id)?.rgba.byteLength ?? 0;
    this.#waiting.delete(id);
  }
}
