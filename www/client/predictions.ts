import type { Prediction } from '../generated/types.js';
import { discard, type Connection } from './connection.js';
import { Latest } from './latest.js';
import { nameOf, toPicture, type PictureSource } from './source.js';

/** Asks a worker's model about pictures, in the two ways that there are. */
export class Predictions {
  readonly #connection: Connection;
  readonly #latest = new Latest();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Every picture in its turn. Files wait as files, and the worker decodes one when the one before is done: a thousand take no more
   * memory than one.
   */
  each(source: PictureSource, signal?: AbortSignal): Promise<Prediction[]> {
    const name = nameOf(source);
    return this.#connection.callWith(toPicture(source, name, signal), 'predict', (taken) => [taken, name]);
  }

  /** One picture at a time; of those that come meanwhile only the newest. */
  latest(source: PictureSource): Promise<Prediction[]> {
    const name = nameOf(source);
    const picture = toPicture(source, name);
    return this.#latest.run(
      () => this.#connection.callWith(picture, 'predict', (taken) => [taken, name]),
      () => void picture.then(discard, () => undefined),
    );
  }
}
