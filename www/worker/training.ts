import type { TrainEvent, TrainReport } from '../generated/types.js';
import { refusal } from './failure.js';
import type { Session } from './session.js';

/** What the page has asked of a long call; set as soon as the message arrives, looked at between steps. */
export interface CallControls {
  paused: boolean;
  cancelled: boolean;
}

/** So long the worker computes before it looks for messages: a frame's time. */
const SLICE_MS = 16;
/** Steps are reported at most this often; a page cannot show more. */
const STEP_EVENT_MS = 50;

/** A training run, pulled step by step. */
export class TrainingRun {
  readonly id: number;
  readonly #session: Session;
  readonly #controls: CallControls;
  readonly #emit: (event: TrainEvent) => void;
  #lastStepEvent = -Infinity;
  #begun = false;
  #stopped = false;

  constructor(id: number, session: Session, controls: CallControls, emit: (event: TrainEvent) => void) {
    this.id = id;
    this.#session = session;
    this.#controls = controls;
    this.#emit = emit;
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
      const event = await this.#session.step();
      this.#begun = true;
      this.#pass(event);
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
