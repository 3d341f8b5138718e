import type { TrainEvent, TrainReport } from '../generated/types.js';
import type { CallEvents, RunCare } from '../protocol.js';
import { isTrap, refusal } from './failure.js';
import type { Session } from './session.js';

/** What the page has asked of a long call; set as soon as the message arrives, looked at between slices of it. */
export interface CallControls {
  paused: boolean;
  cancelled: boolean;
}

/** So long the worker computes before it looks for messages: a frame's time. */
const SLICE_MS = 16;
/** Steps are reported at most this often; a page cannot show more. */
const STEP_EVENT_MS = 50;
/** At most such a share of the time goes into writing what a run can go on from. */
const CHECKPOINT_SHARE = 0.05;

/** A training run, pulled step by step. */
export class TrainingRun {
  readonly id: number;
  readonly #session: Session;
  readonly #controls: CallControls;
  readonly #emit: (event: CallEvents['train']) => void;
  readonly #checkpointMs: number;
  /** When the next is due. */
  #nextCheckpoint: number;
  #lastStepEvent = -Infinity;
  #begun: boolean;
  #stopped = false;

  /** One that goes on from a checkpoint has begun already. Without `checkpointSeconds` nothing is kept to go on from. */
  constructor(id: number, session: Session, controls: CallControls, { checkpoint, checkpointSeconds }: RunCare, emit: (event: CallEvents['train']) => void) {
    this.id = id;
    this.#session = session;
    this.#controls = controls;
    this.#emit = emit;
    this.#begun = checkpoint !== undefined;
    this.#checkpointMs = (checkpointSeconds ?? Infinity) * 1000;
    this.#nextCheckpoint = performance.now() + this.#checkpointMs;
  }

  /** Whether there is anything to do now. */
  get due(): boolean {
    return this.#controls.cancelled || !this.#controls.paused;
  }

  /** Trains for a moment. Gives the report once the run has ended, null before. */
  async slice(): Promise<TrainReport | null> {
    const until = performance.now() + SLICE_MS;
    do {
      if (this.#controls.cancelled) await this.#stop();
      else if (this.#controls.paused) return null;
      const event = await this.#session.step(until - performance.now());
      this.#begun = true;
      this.#pass(event);
      if (event.kind === 'epoch' && performance.now() >= this.#nextCheckpoint) await this.#keep(event);
      if (event.kind === 'done') return this.#report();
    } while (performance.now() < until);
    return null;
  }

  /** Leaves training after an error, so that another run can start; what was learned before it stays. */
  async abandon(): Promise<void> {
    await this.#session.cancelTraining();
  }

  #pass(event: TrainEvent): void {
    if (event.kind === 'step') {
      const now = performance.now();
      if (now - this.#lastStepEvent < STEP_EVENT_MS) return;
      this.#lastStepEvent = now;
    }
    this.#emit(event);
  }

  async #keep({ epoch, epochs }: TrainEvent): Promise<void> {
    const start = performance.now();
    const bytes = await this.#session.checkpoint().catch((error: unknown) => {
      if (isTrap(error)) throw error;
      // A GPU that has gone is noticed by the next step too, which knows what to do.
      return null;
    });
    const now = performance.now();
    // Who asks for each has each.
    const pause = this.#checkpointMs === 0 ? 0 : Math.max(this.#checkpointMs, (now - start) / CHECKPOINT_SHARE);
    this.#nextCheckpoint = now + pause;
    // There is none of a run that has come to its end.
    if (bytes) this.#emit({ kind: 'checkpoint', epoch, epochs, checkpoint: new Blob([bytes]) });
  }

  /** What is kept is measured by the steps that follow, so that messages are looked at between them. */
  async #stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    // Without a single step there is nothing to keep, and an earlier model stays what it was: the session refuses, in other words.
    // It refuses too where the steps so far only prepared pictures.
    if (!this.#begun) throw refusal('not_trained', 'Training was cancelled before anything was learned.');
    await this.#session.stopTraining();
  }

  async #report(): Promise<TrainReport> {
    const report = await this.#session.report();
    if (!report) throw refusal('internal', 'Something went wrong inside Headstart: training ended without a report.');
    return report;
  }
}
