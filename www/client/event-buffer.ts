/**
 * Events between a long call and whoever iterates over them, at whatever pace.
 *
 * An event that nobody has looked at makes way for the next one where that says all that matters, so that a slow reader is never behind
 * and memory stays bounded.
 */
export class EventBuffer<Event> {
  readonly #events: Event[] = [];
  readonly #outdates: (next: Event, last: Event) => boolean;
  #end: { error?: unknown } | null = null;
  #wake: (() => void)[] = [];

  constructor(outdates: (next: Event, last: Event) => boolean) {
    this.#outdates = outdates;
  }

  push(event: Event): void {
    const last = this.#events.at(-1);
    if (last !== undefined && this.#outdates(event, last)) this.#events.pop();
    this.#events.push(event);
    this.#notify();
  }

  /** No event comes after this; `end.error` is thrown to the reader once everything before it is read. */
  end(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#notify();
  }

  /** The next event, as soon as there is one, or null at the end. */
  async take(): Promise<Event | null> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      if (this.#end && 'error' in this.#end) throw this.#end.error;
      if (this.#end) return null;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** All of them, to the end; throws what it ended with. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    for (let event = await this.take(); event !== null; event = await this.take()) yield event;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
