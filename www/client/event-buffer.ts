import type { TrainEvent } from '../generated/types.js';

/**
 * Events between a run and whoever iterates over it, at whatever pace.
 *
 * A step that nobody has looked at makes way for the next step, so that a slow reader is never behind and memory stays bounded by
 * the number of epochs; the ends of epochs and of the run are all kept.
 */
export class EventBuffer {
  readonly #events: TrainEvent[] = [];
  #end: { error?: unknown } | null = null;
  #wake: (() => void)[] = [];

  push(event: TrainEvent): void {
    if (event.kind === 'step' && this.#events.at(-1)?.kind === 'step') this.#events.pop();
    this.#events.push(event);
    this.#notify();
  }

  /** No event comes after this; `end.error` is thrown to the reader once everything before it is read. */
  end(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#notify();
  }

  /** The next event, as soon as there is one, or null at the end. */
  async take(): Promise<TrainEvent | null> {
    for (;;) {
      const event = this.#events.shift();
      if (event) return event;
      if (this.#end && 'error' in this.#end) throw this.#end.error;
      if (this.#end) return null;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
