import type { CheckpointRecord } from '../../storage/database.js';

/** What a run can go on from. */
export type RunCheckpoint = Omit<CheckpointRecord, 'id'>;

/** From where the run that is under way, or one that was cut short, can go on. */
export class Checkpoints {
  #latest: RunCheckpoint | null;
  #over = false;
  #tell: () => void = () => undefined;

  constructor(latest: RunCheckpoint | null) {
    this.#latest = latest;
  }

  /** Null where there is nothing to go on from. */
  get latest(): RunCheckpoint | null {
    return this.#latest;
  }

  /** Whether its run has come to its end: once the model that it made is kept, nobody needs it any more. */
  get over(): boolean {
    return this.#over;
  }

  keep(latest: RunCheckpoint | null): void {
    if (latest === this.#latest && !this.#over) return;
    this.#latest = latest;
    this.#over = false;
    this.#tell();
  }

  /** The run has ended with a model. */
  end(): void {
    if (this.#latest === null) return;
    this.#over = true;
    this.#tell();
  }

  /** The model of the run that had ended is lost, and it has to go on after all. */
  revive(): void {
    this.#over = false;
  }

  /** Who is told of each. */
  onChange(tell: () => void): void {
    this.#tell = tell;
  }
}
