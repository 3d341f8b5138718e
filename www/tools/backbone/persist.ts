import { Passing, Problem, Unreachable } from './problem.js';

const TRIES = 5;

/** What trying again needs of its surroundings. */
export interface Patience {
  /** Prints a line. */
  say(line: string): void;
  /** Waits so many milliseconds; tests do not. */
  wait(milliseconds: number): Promise<unknown>;
}

/** Tries until it works: as long as something comes each time, else a few times over. */
export async function persistently<T>(patience: Patience, action: () => Promise<T>): Promise<T> {
  let inVain = 0;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (error instanceof Unreachable) {
        throw new Problem(
          `${error.message}. Is there a network? Otherwise bring config.json and model.safetensors here by hand and name their folder.`,
        );
      }
      inVain = error.advanced ? 0 : inVain + 1;
      if (inVain === TRIES) {
        throw new Problem(`${error.message}, ${TRIES} times in a row. What came is kept: run the command again and it goes on from there.`);
      }
      const seconds = 2 ** Math.max(inVain - 1, 0);
      patience.say(`${error.message}. Trying again in ${seconds} s.`);
      await patience.wait(seconds * 1000);
    }
  }
}
