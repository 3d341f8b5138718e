import type { Failure, Picture } from '../protocol.js';
import { abortable } from './abort.js';
import { HeadstartError } from './error.js';
import { fetched } from './fetched.js';

/** What a picture can be given as: a file, whose bytes the worker decodes, pixels, an element that shows it, or its address. */
export type PictureSource = Blob | ImageBitmap | ImageData | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas | HTMLImageElement | string | URL;

/** What to call a picture in error messages. */
export function nameOf(source: PictureSource): string {
  if (typeof source === 'string' || source instanceof URL) return isData(source) ? 'picture' : String(source);
  return typeof File !== 'undefined' && source instanceof File && source.name ? source.name : 'picture';
}

/**
 * A source as it is sent to the worker. What an element shows is taken at the time of the call, without decoding anything here;
 * the caller's own bitmap stays usable.
 */
export function toPicture(source: PictureSource, name: string, signal?: AbortSignal): Promise<Picture> {
  const picture = take(source, name, signal);
  // It may wait its turn before anybody awaits it; whoever does still gets the error.
  picture.catch(() => undefined);
  return picture;
}

/** Pixels from which on a picture is large while it waits as such: 16 MB. */
const LARGE_PIXELS = 4e6;

/** Whether it is one of which few should wait. A file waits as it is. */
export function isLarge(source: PictureSource): boolean {
  return !(source instanceof Blob) && typeof source !== 'string' && !(source instanceof URL) && pixelsOf(source) > LARGE_PIXELS;
}

function pixelsOf(source: Exclude<PictureSource, Blob | string | URL>): number {
  if ('videoWidth' in source) return source.videoWidth * source.videoHeight;
  if ('naturalWidth' in source) return source.naturalWidth * source.naturalHeight;
  return source.width * source.height;
}

/** Everything that is asked later waits for a picture, and a lazy image off screen may never load: this long and no longer. */
const PATIENCE_MS = 10_000;

function tooLate(): Promise<never> {
  return new Promise((_, reject) => setTimeout(reject, PATIENCE_MS, new Error('it has not loaded')));
}

/** An address that is the picture itself, too long to be named. */
function isData(address: string | URL): boolean {
  return /^data:/i.test(String(address));
}

/** A server may take its time, but not for ever. */
const FETCH_MS = 60_000;

/** The file at an address, which is asked for by this page, as its policy allows. */
async function fileAt(address: string | URL, name: string, signal: AbortSignal | undefined): Promise<Blob> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('the server did not answer')), FETCH_MS);
  const read = (response: Response): Promise<Blob> => {
    // It answers: the rest may take as long as the line needs.
    clearTimeout(timer);
    return response.blob();
  };
  const failure = (reason: string): Failure => ({ code: 'picture_unreadable', message: `“${name}” could not be fetched (${reason}).`, value: name });
  try {
    return await fetched(address, read, failure, signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function take(source: PictureSource, name: string, signal: AbortSignal | undefined): Promise<Picture> {
  if (typeof source === 'string' || source instanceof URL) return fileAt(source, name, signal);
  if (source instanceof Blob) return source;
  if (typeof ImageData !== 'undefined' && source instanceof ImageData) {
    // The caller may draw the next frame into it before its turn comes.
    return new ImageData(new Uint8ClampedArray(source.data), source.width, source.height);
  }
  try {
    if (typeof HTMLImageElement !== 'undefined' && source instanceof HTMLImageElement && !source.complete) {
      await abortable(Promise.race([source.decode(), tooLate()]), signal);
    }
    return await createImageBitmap(source);
  } catch (error) {
    const detail = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
    const failure: Failure = { code: 'picture_unreadable', message: `“${name}” has no picture to take: ${detail}.`, value: name };
    throw new HeadstartError(failure, { cause: error });
  }
}
