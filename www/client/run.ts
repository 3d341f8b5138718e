import type { TrainConfig, TrainEvent, TrainReport } from '../generated/types.js';
import type { Connection } from './connection.js';
import { EventBuffer } from './event-buffer.js';
import type { CheckpointEvent } from '../protocol.js';

/** Of steps the last says all; the ends of epochs and of the run are all kept. */
export function isLaterStep(next: TrainEvent, last: TrainEvent): boolean {
  return next.kind === 'step' && last.kind === 'step';
}

/** How {@link Trainer.train} keeps a run from being lost with its tab, or goes on with one that was. */
export interface TrainOptions {
  /**
   * Goes on from there: what `onCheckpoint` was given of a run with the same settings, pictures and backbone. On the CPU engine the outcome
   * is the same as if the run had never been cut short.
   */
  checkpoint?: Blob;
  /** Is given what the run can go on from, at the end of an epoch; each takes the place of the one before. */
  onCheckpoint?: (checkpoint: Checkpoint) => void;
  /** At most every so many seconds, and not so often that it takes up much of the time; 5 by default. With 0 after every epoch. */
  checkpointSeconds?: number;
}

/** What a run can go on from after `epoch` of `epochs`. */
export type Checkpoint = Omit<CheckpointEvent, 'kind'>;

const CHECKPOINT_SECONDS = 5;

/**
 * A training run: iterate over it to watch, await {@link Run.report} for the outcome, or do both.
 *
 * Training goes on whether or not anybody watches, and leaving a `for await` loop early does not stop it. Every end of an epoch
 * and the end of the run are delivered; of the steps between, a slow reader gets the latest. There is one stream of events:
 * a second loop goes on where the first stopped.
 */
export class Run implements AsyncIterable<TrainEvent> {
  /** How the run ended, also when it was cancelled; rejects when it could not start or go on, or learned nothing before the end. */
  readonly report: Promise<TrainReport>;
  readonly #connection: Connection;
  readonly #id: number;
  readonly #events = new EventBuffer<TrainEvent>(isLaterStep);
  #state: 'running' | 'paused' | 'ended' = 'running';

  /** @internal */
  constructor(connection: Connection, config: Partial<TrainConfig>, { checkpoint, onCheckpoint, checkpointSeconds = CHECKPOINT_SECONDS }: TrainOptions) {
    const care = { checkpoint, checkpointSeconds: onCheckpoint && checkpointSeconds };
    const { id, result } = connection.start('train', () => [config, care], (event) => {
      if (event.kind !== 'checkpoint') return void this.#events.push(event);
      const { kind: _, ...kept } = event;
      onCheckpoint?.(kept);
    });
    this.#connection = connection;
    this.#id = id;
    this.report = result;
    // Being handled here also keeps a report that nobody asks for from becoming an unhandled rejection: the iteration throws it too.
    result.then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    );
  }

  /** Where the run stands. */
  get state(): 'running' | 'paused' | 'ended' {
    return this.#state;
  }

  /** Stops after the current step, until {@link Run.resume}. */
  pause(): void {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.#connection.control(this.#id, 'pause');
  }

  /** Goes on after {@link Run.pause}. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#connection.control(this.#id, 'resume');
  }

  /**
   * Ends the run after the current step and keeps the best weights so far; resolves once it has ended. Where nothing was learned yet,
   * {@link Run.report} rejects and an earlier model stays.
   */
  async cancel(): Promise<void> {
    if (this.#state !== 'ended') this.#connection.control(this.#id, 'cancel');
    await this.report.catch(() => undefined);
  }

  /** The events in order; throws what {@link Run.report} rejects with. */
  [Symbol.asyncIterator](): AsyncGenerator<TrainEvent, void, undefined> {
    return this.#events[Symbol.asyncIterator]();
  }

  #end(end: { error?: unknown }): void {
    this.#state = 'ended';
    this.#events.end(end);
  }
}
