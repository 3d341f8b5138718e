/** So many bytes of pixels may wait to be packed. */
const MOST_BYTES = 64e6;

/**
 * What each picture was added as, so that it can be decoded again for another backbone; those of removed ones too. A file stays on the
 * disk. What was none is packed without loss, once there is nothing else to do, and closed.
 */
export class Sources {
  readonly #pack: (bitmap: ImageBitmap, id: number) => Promise<Blob>;
  readonly #sources = new Map<number, Blob>();
  /** What waits, in order. */
  readonly #waiting = new Map<number, ImageBitmap>();
  /** Those that are being packed. */
  readonly #packing = new Map<number, Promise<void>>();
  #bytes = 0;

  constructor(pack: (bitmap: ImageBitmap, id: number) => Promise<Blob>) {
    this.#pack = pack;
  }

  set(id: number, source: Blob): void {
    this.delete(id);
    this.#sources.set(id, source);
  }

  /** Keeps a picture, whose bitmap is nobody else's to close; comes back at once unless too many wait. */
  async pack(id: number, bitmap: ImageBitmap): Promise<void> {
    this.delete(id);
    this.#waiting.set(id, bitmap);
    this.#bytes += bytesOf(bitmap);
    while (this.#bytes > MOST_BYTES) await this.packNext();
  }

  /** Whether any wait. */
  get wait(): boolean {
    return this.#waiting.size > 0;
  }

  /** Packs what has waited longest, where there is any. */
  async packNext(): Promise<void> {
    const [first] = this.#waiting.keys();
    if (first !== undefined) await this.get(first);
  }

  async get(id: number): Promise<Blob | undefined> {
    const bitmap = this.#take(id);
    if (bitmap) {
      const packed = this.#pack(bitmap, id)
        // Without a source it stays on the backbones that have seen it.
        .catch(() => null)
        .then((source) => {
          bitmap.close();
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
    this.#take(id)?.close();
    this.#packing.delete(id);
    this.#sources.delete(id);
  }

  /** What waits no longer. */
  #take(id: number): ImageBitmap | undefined {
    const bitmap = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (bitmap) this.#bytes -= bytesOf(bitmap);
    return bitmap;
  }
}

function bytesOf({ width, height }: ImageBitmap): number {
  return 4 * width * height;
}
