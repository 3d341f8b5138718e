import { HeadstartError } from './error.js';

interface Waiting {
  start(): void;
  drop(): void;
}

/** Runs one task at a time and lets at most one wait: a newer task takes the waiting one's place. */
export class Latest {
  #running = false;
  #waiting: Waiting | null = null;

  /**
   * Runs `task` now or as soon as the running one is done.
   *
   * `discard` is called instead when a newer task takes its place; the promise then rejects with the code `busy`.
   */
  run<T>(task: () => Promise<T>, discard: () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const start = () => {
        this.#running = true;
        void task().then(resolve, reject).finally(() => this.#next());
      };
      const drop = () => {
        discard();
        reject(new HeadstartError({ code: 'busy', message: 'A newer picture took the place of this one.' }));
      };
      if (!this.#running) {
        start();
        return;
      }
      this.#waiting?.drop();
      this.#waiting = { start, drop };
    });
  }

  #next(): void {
    const next = this.#waiting;
    this.#waiting = null;
    this.#running = false;
    next?.start();
  }
}
