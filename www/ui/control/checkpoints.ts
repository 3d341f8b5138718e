import type { EpochPoint } from '../../state/types.js';
import type { TrainConfig } from '../../generated/types.js';

/** What a run can go on from. */
export interface RunCheckpoint {
  /** The settings that it was started with. */
  readonly config: Readonly<Partial<TrainConfig>>;
  /** Epochs that had ended, and that there are to be. */
  readonly epoch: number;
  readonly epochs: number;
  /** What its curves showed by then. */
  readonly points: readonly EpochPoint[];
  readonly checkpoint: Blob;
}

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
