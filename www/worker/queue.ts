import type { CallRequest } from '../protocol.js';
import type { Decoded } from './pictures.js';

/** A request that waits, with its picture where that is already being decoded, or with the files that it waited for. */
export interface Queued {
  request: CallRequest;
  decoded?: Promise<Decoded>;
  /** Whether a helper is looking at the picture, or has. */
  studied?: boolean;
  loaded?: Promise<unknown>;
}

/** A picture that waits to be added, or to be looked at for another worker. */
export type QueuedImage = Queued & { request: CallRequest<'addImage'> | CallRequest<'study'> };

function isImage(queued: Queued): queued is QueuedImage {
  return queued.request.call === 'addImage' || queued.request.call === 'study';
}

/**
 * Requests in the order of arrival, with one exception: a prediction goes ahead of pictures that wait to be added, so that a live
 * view does not stand still while a folder is imported. Nothing that it depends on is overtaken.
 *
 * (There are two other exceptions of the protocol. Thumbnails never get into the queue: they need no session. And what needs a
 * backbone's files gets into it when these are there: nobody else should wait for them.)
 */
export class RequestQueue {
  readonly #queue: Queued[] = [];

  add(queued: Queued): void {
    this.#queue.push(queued);
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  take(): Queued | undefined {
    const first = this.#queue.findIndex(({ request }) => request.call !== 'addImage');
    if (first > 0 && this.#queue[first]?.request.call === 'predict') return this.#queue.splice(first, 1)[0];
    return this.#queue.shift();
  }

  /** The next pictures, at most so many, so that they can be decoded while another is worked on. */
  nextImages(most: number): QueuedImage[] {
    const next = this.#queue.slice(0, most);
    const end = next.findIndex((queued) => !isImage(queued));
    return next.slice(0, end < 0 ? most : end).filter(isImage);
  }
}
