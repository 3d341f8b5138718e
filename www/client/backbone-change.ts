import type { BackboneOutcome, BackboneProgress, Calls } from '../protocol.js';
import type { Connection } from './connection.js';
import { EventBuffer } from './event-buffer.js';

/**
 * A change of the backbone under way: iterate over it to watch the pictures being prepared, await {@link BackboneChange.finished} for
 * the end, or do both.
 *
 * The first event comes when the new backbone has taken the place of the one before, which is also when `trainer.backbone` is the new
 * one. From then on pictures are prepared between other calls: predictions go on with the model that there is, whose own backbone it
 * keeps, and new pictures can be added. Training waits: until the last picture is prepared it is refused with `backbone_changing`.
 */
export class BackboneChange implements AsyncIterable<BackboneProgress> {
  /** How it ended, also where it was cancelled; rejects where the backbone could not be used, and nothing has changed then. */
  readonly finished: Promise<BackboneOutcome>;
  readonly #connection: Connection;
  readonly #id: number;
  readonly #events = new EventBuffer<BackboneProgress>(() => true);
  #progress: BackboneProgress | null = null;
  #ended = false;

  /** @internal `change` is left out where the project came with pictures that are still to be prepared. */
  constructor(connection: Connection, change?: () => Calls['setBackbone']['args']) {
    const tell = (progress: BackboneProgress) => {
      this.#progress = progress;
      this.#events.push(progress);
    };
    const started = change
      ? connection.start('setBackbone', change, tell)
      : connection.start('prepare', () => [], tell);
    this.#connection = connection;
    this.#id = started.id;
    this.finished = started.result;
    started.result.then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    );
  }

  /** How far it is; null while the new backbone is being loaded. */
  get progress(): BackboneProgress | null {
    return this.#progress;
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Goes back to the backbone before, where every picture is prepared still; resolves once it is back. Does nothing after the end, and
   * where a project came with the change: then nobody knows what was before.
   *
   * @throws what {@link BackboneChange.finished} rejects with.
   */
  async cancel(): Promise<void> {
    if (!this.#ended) this.#connection.control(this.#id, 'cancel');
    await this.finished;
  }

  /** How far it is, each time that changes; a slow reader gets the latest. Throws what {@link BackboneChange.finished} rejects with. */
  [Symbol.asyncIterator](): AsyncGenerator<BackboneProgress, void, undefined> {
    return this.#events[Symbol.asyncIterator]();
  }

  #end(end: { error?: unknown }): void {
    this.#ended = true;
    this.#events.end(end);
  }
}
