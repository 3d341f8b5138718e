import type { Picture } from '../protocol.js';
import { decode, makeThumbnail, pack, readPixels, type Pixels } from './decode.js';
import { refusal } from './failure.js';

/** A picture on its way into the session. */
export interface Decoded {
  pixels: Pixels;
  /** It is made while the pixels are worked on. */
  thumbnail: Blob | Promise<Blob>;
  /** What the backbone makes of it, where a helper has found that out. */
  features?: Uint8Array | null;
}

/** What the server needs of the browser's picture decoding. */
export interface PictureReader {
  /** Pixels alone, to predict. */
  read(picture: Picture, name: string): Promise<Pixels>;
  /** Pixels and a thumbnail, to keep. */
  readWithThumbnail(picture: Picture, name: string): Promise<Decoded>;
  /** Pixels as a file that reads as the very same ones. */
  pack(pixels: Pixels): Promise<Blob>;
}

/** Pixels as the browser decodes them. */
export async function readPicture(picture: Picture, name: string): Promise<Pixels> {
  const bitmap = await decode(picture, name);
  try {
    return readPixels(bitmap);
  } finally {
    bitmap.close();
  }
}

/** The browser's decoder. */
export const browserPictures: PictureReader = {
  read: readPicture,
  async readWithThumbnail(picture, name) {
    const bitmap = await decode(picture, name);
    try {
      const thumbnail = makeThumbnail(bitmap);
      // Whoever needs it hears of it.
      thumbnail.catch(() => undefined);
      return { pixels: readPixels(bitmap), thumbnail };
    } finally {
      bitmap.close();
    }
  },
  pack,
};

/** The thumbnails of all pictures, those of removed ones too: a picture can come back until it is forgotten. */
export class Thumbnails {
  readonly #thumbnails = new Map<number, Blob>();

  /** All of them by the numbers of their pictures. */
  get all(): ReadonlyMap<number, Blob> {
    return this.#thumbnails;
  }

  set(id: number, thumbnail: Blob): void {
    this.#thumbnails.set(id, thumbnail);
  }

  get(id: number): Blob {
    const thumbnail = this.#thumbnails.get(id);
    if (!thumbnail) throw refusal('image_unknown', `There is no thumbnail of picture number ${id}.`, String(id));
    return thumbnail;
  }

  delete(id: number): void {
    this.#thumbnails.delete(id);
  }
}
