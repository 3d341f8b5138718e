import type { Picture, Pixels } from '../protocol.js';
import { decode, giveBack, makeThumbnail, pack, readPixels } from './decode.js';
import { refusal } from './failure.js';

/** A picture on its way into the session. */
export interface Decoded {
  /** Whoever has worked on them gives them back. */
  pixels: Pixels;
  /** Of a file; it is made while the pixels are worked on. */
  thumbnail: Blob | Promise<Blob> | null;
  /** What was no file, open; a thumbnail of it is made once somebody wants that. */
  bitmap: ImageBitmap | null;
  /** What there is to be known of it, where that was found out ahead of its turn. */
  studied?: Uint8Array;
}

/** What the server needs of the browser's picture decoding. */
export interface PictureReader {
  /** Pixels alone, to predict. */
  read(picture: Picture, name: string): Promise<Pixels>;
  /** Decoded, and small enough to be read. */
  open(picture: Picture, name: string): Promise<ImageBitmap>;
  /** The pixels of what was opened, which stays open. */
  pixels(bitmap: ImageBitmap): Promise<Pixels>;
  /** Pixels with all that is kept of a picture; pixels as they are. */
  readToKeep(picture: Picture | Pixels, name: string): Promise<Decoded>;
  /** Nobody needs these pixels any more: others may be read to where they are. */
  giveBack(pixels: Pixels): void;
  /** A thumbnail of what was opened. */
  thumbnail(bitmap: ImageBitmap): Promise<Blob>;
  /** It as a file that reads as the very same pixels. */
  pack(bitmap: ImageBitmap): Promise<Blob>;
}

/** Pixels as the browser decodes them. */
export async function readPicture(picture: Picture, name: string): Promise<Pixels> {
  const bitmap = await decode(picture, name);
  try {
    return await readPixels(bitmap);
  } finally {
    bitmap.close();
  }
}

/** What is made of a picture's pixels by somebody who has copied them when it returns, as a session has. */
export async function madeOf<T>(pictures: Pick<PictureReader, 'read' | 'giveBack'>, [picture, name]: [Picture, string], make: (pixels: Pixels) => T): Promise<Awaited<T>> {
  const pixels = await pictures.read(picture, name);
  const made = make(pixels);
  pictures.giveBack(pixels);
  return await made;
}

/** The browser's decoder. */
export const browserPictures: PictureReader = {
  read: readPicture,
  open: decode,
  pixels: readPixels,
  async readToKeep(picture, name) {
    if ('bgra' in picture) return { pixels: picture, thumbnail: null, bitmap: null };
    const bitmap = await decode(picture, name);
    let kept: ImageBitmap | null = null;
    try {
      const thumbnail = picture instanceof Blob ? makeThumbnail(bitmap) : null;
      // Whoever needs it hears of it.
      thumbnail?.catch(() => undefined);
      const pixels = await readPixels(bitmap);
      if (!thumbnail) kept = bitmap;
      return { pixels, thumbnail, bitmap: kept };
    } finally {
      if (!kept) bitmap.close();
    }
  },
  giveBack,
  thumbnail: makeThumbnail,
  pack,
};

/** The thumbnails of all pictures, those of removed ones too: a picture can come back until it is forgotten. */
export class Thumbnails {
  /** Those that are there, those that are being made, and how the others are made. */
  readonly #thumbnails = new Map<number, Blob | Promise<Blob> | (() => Promise<Blob>)>();

  /** One, or how it is made once it is wanted. That it cannot be made is no reason to refuse the picture. */
  set(id: number, thumbnail: Blob | Promise<Blob> | (() => Promise<Blob>)): void {
    if (thumbnail instanceof Promise) thumbnail.catch(() => undefined);
    this.#thumbnails.set(id, thumbnail);
  }

  async get(id: number): Promise<Blob> {
    const thumbnail = await this.make(id);
    if (!thumbnail) throw refusal('image_unknown', `There is no thumbnail of picture number ${id}.`, String(id));
    return thumbnail;
  }

  /** Makes it where that is still to be done; null where there is none. */
  async make(id: number): Promise<Blob | null> {
    const known = this.#thumbnails.get(id) ?? null;
    if (known === null || known instanceof Blob) return known;
    // What is thrown at once is no other failure.
    const making = typeof known === 'function' ? Promise.resolve().then(known) : known;
    this.#thumbnails.set(id, making);
    const made = await making.catch(() => null);
    // It may have been forgotten meanwhile, or be another's.
    if (this.#thumbnails.get(id) !== making) return made;
    if (made) this.#thumbnails.set(id, made);
    else this.#thumbnails.delete(id);
    return made;
  }

  /** All of them by the numbers of their pictures. */
  async all(): Promise<ReadonlyMap<number, Blob>> {
    const made = await Promise.all([...this.#thumbnails.keys()].map(async (id) => [id, await this.make(id)] as const));
    return new Map(made.flatMap(([id, thumbnail]) => (thumbnail ? [[id, thumbnail] as const] : [])));
  }

  delete(id: number): void {
    this.#thumbnails.delete(id);
  }
}
