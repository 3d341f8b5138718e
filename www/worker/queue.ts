import type { CallRequest } from '../protocol.js';
import type { Decoded } from './pictures.js';

/** A request that waits, with its picture where that is already being decoded, or with the files that it waited for. */
export interface Queued {
  request: CallRequest;
  decoded?: Promise<Decoded>;
  /** Whether a helper looks at the picture, or this worker ahead of its turn, or one of them has; or has tried to. */
  taken?: boolean;
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

  take(): Queued | undefined {
    return this.#queue.splice(Math.max(this.#prediction, 0), 1)[0];
  }

  /** Whether a prediction is the next to be taken. */
  get predictsNext(): boolean {
    return this.#prediction >= 0;
  }

  /** Where the prediction is that goes ahead of all pictures before it; negative where there is none. */
  get #prediction(): number {
    const first = this.#queue.findIndex(({ request }) => request.call !== 'addImage');
    return this.#queue[first]?.request.call === 'predict' ? first : -1;
  }

  /** The next pictures, at most so many, so that they can be decoded while another is worked on. */
  nextImages(most: number): QueuedImage[] {
    const next = this.#queue.slice(0, most);
    const end = next.findIndex((queued) => !isImage(queued));
    return next.slice(0, end < 0 ? most : end).filter(isImage);
  }
}
