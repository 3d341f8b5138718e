import { duration, size } from './words.js';

/** One line of a download: how far, how fast, how long yet. `received` came in `seconds`; the rest of `done` was there before. */
export function progressLine(name: string, done: number, total: number | null, received: number, seconds: number): string {
  const parts = [total === null ? size(done) : `${Math.floor((100 * done) / Math.max(total, 1))} % of ${size(total)}`];
  if (seconds >= 1 && received > 0) {
    const rate = received / seconds;
    parts.push(`${size(Math.round(rate))}/s`);
    if (total !== null) parts.push(`${duration((total - done) / rate)} left`);
  }
  return `${name}: ${parts.join(', ')}`;
}

/** Where lines for a person go. */
export interface Terminal {
  isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Shows a download on a terminal, in one line that changes; elsewhere nothing moves. */
export class Progress {
  #started = 0;
  #before = 0;
  #shown = -Infinity;
  #name: string | null = null;

  constructor(
    readonly terminal: Terminal,
    /** Milliseconds. */
    readonly now: () => number = () => performance.now(),
  ) {}

  /** So many bytes of a file are here. */
  show(name: string, done: number, total: number | null): void {
    if (!this.terminal.isTTY) return;
    if (this.#name !== name) {
      [this.#name, this.#started, this.#before, this.#shown] = [name, this.now(), done, -Infinity];
    }
    if (this.now() - this.#shown < 100 && done !== total) return;
    this.#shown = this.now();
    const line = progressLine(name, done, total, done - this.#before, (this.now() - this.#started) / 1000);
    this.terminal.write(`\r\x1b[K${line}`);
  }

  /** Prints a line that stays. */
  say(line: string): void {
    this.terminal.write(this.#name === null ? `${line}\n` : `\r\x1b[K${line}\n`);
    this.#name = null;
  }
}
