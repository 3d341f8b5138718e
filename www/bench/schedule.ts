import type { Contender } from './contender.js';
import type { Work } from './works.js';

/** The parts of a work by a contender: getting ready, the first run, and the rounds. */
const BEFORE = 2;

interface Item {
  work: Work;
  contender: Contender;
  parts: number;
  done: number;
}

/**
 * How long all still takes: what a part takes on a usual machine, times how much longer than that the contender took for its parts so far.
 */
export class Schedule {
  readonly #items: Item[];
  readonly #pace = new Map<Contender, { usual: number; seconds: number }>();
  #elapsed = 0;
  #share = 0;

  constructor(works: readonly Work[], contenders: readonly Contender[], rounds: number) {
    this.#items = works.flatMap((work) =>
      contenders.filter((contender) => contender.works[work.id]).map((contender) => ({ work, contender, parts: BEFORE + rounds, done: 0 })),
    );
  }

  /** A part took so many seconds. */
  done(work: Work, contender: Contender, seconds: number): void {
    const item = this.#find(work, contender);
    item.done = Math.min(item.parts, item.done + 1);
    this.#elapsed += seconds;
    const known = this.#pace.get(contender) ?? { usual: 0, seconds: 0 };
    this.#pace.set(contender, { usual: known.usual + usualOf(item, item.done - 1), seconds: known.seconds + seconds });
  }

  /** Nothing more comes of a contender at a work. */
  skip(work: Work, contender: Contender): void {
    const item = this.#find(work, contender);
    item.done = item.parts;
  }

  progress(): { share: number; secondsLeft: number } {
    let secondsLeft = 0;
    for (const item of this.#items) {
      const pace = this.#pace.get(item.contender);
      const factor = pace === undefined || pace.usual === 0 ? 1 : pace.seconds / pace.usual;
      for (let part = item.done; part < item.parts; part += 1) secondsLeft += factor * usualOf(item, part);
    }
    // A guess that turns out too low takes nothing back.
    this.#share = Math.max(this.#share, this.#elapsed / (this.#elapsed + secondsLeft || 1));
    return { share: this.#share, secondsLeft };
  }

  #find(work: Work, contender: Contender): Item {
    return this.#items.find((item) => item.work === work && item.contender === contender)!;
  }
}

const usualOf = ({ work: { usual } }: Item, part: number): number => (part === 0 ? usual.before : usual.each);
