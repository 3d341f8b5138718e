import type { CallRequest } from '../protocol.js';
import type { Decoded } from './pictures.js';

/** A request that waits, with its picture where that is already being decoded. */
export interface Queued {
  request: CallRequest;
  decoded?: Promise<Decoded>;
}

/**
 * Requests in the order of arrival, with one exception: a prediction goes ahead of pictures that wait to be added, so that a live
 * view does not stand still while a folder is imported. Nothing that it depends on is overtaken.
 *
 * (The other exception of the protocol, thumbnails, never gets into the queue: they need no session.)
 */
export class RequestQueue {
  readonly #queue: Queued[] = [];

  add(request: CallRequest): void {
    this.#queue.push({ request });
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  take(): Queued | undefined {
    const first = this.#queue.findIndex(({ request }) => request.call !== 'addImage');
    if (first > 0 && this.#queue[first]?.request.call === 'predict') return this.#queue.splice(first, 1)[0];
    return this.#queue.shift();
  }

  /** The next picture to be added, so that it can be decoded while another is worked on. */
  get nextImage(): Queued | undefined {
    const next = this.#queue[0];
    return next?.request.call === 'addImage' ? next : undefined;
  }
}
