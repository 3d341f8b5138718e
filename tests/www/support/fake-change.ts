import type { BackboneOutcome, BackboneProgress, BackboneRef, BackboneReport } from '../../../www/headstart.js';

/** A change of the backbone that goes as far as the test says. */
export class FakeChange implements AsyncIterable<BackboneProgress> {
  readonly finished: Promise<BackboneOutcome>;
  progress: BackboneProgress | null = null;
  ended = false;
  #resolve: (outcome: BackboneOutcome) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #wake: () => void = () => undefined;
  #news = new Promise<void>((resolve) => (this.#wake = resolve));
  readonly #place: (report: BackboneReport | null) => void;

  /** `place` is told of the backbone that is in use from then on; null is the one before. */
  constructor(
    readonly ref: BackboneRef | undefined,
    readonly before: { readonly backbone: BackboneReport; readonly chosen: string },
    place: (report: BackboneReport | null) => void,
  ) {
    this.#place = place;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.finished.catch(() => undefined);
  }

  /** The new one is loaded and takes the place of the one before. */
  load(report: BackboneReport, total: number, done = 0): void {
    this.#place(report);
    this.prepare(done, total);
  }

  prepare(done: number, total: number): void {
    this.progress = { done, total };
    this.#tell();
  }

  end(unreadable: BackboneOutcome['unreadable'] = []): void {
    this.#over();
    this.#resolve({ cancelled: false, unreadable });
  }

  fail(error: Error): void {
    this.#over();
    this.#reject(error);
  }

  cancel = async (): Promise<void> => {
    if (!this.ended) this.#place(null);
    this.makeWay();
    await this.finished;
  };

  /** Another has taken its place. */
  makeWay(): void {
    this.#over();
    this.#resolve({ cancelled: true, unreadable: [] });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BackboneProgress, void, undefined> {
    let seen: BackboneProgress | null = null;
    for (;;) {
      const news = this.#news;
      if (this.progress !== null && this.progress !== seen) {
        seen = this.progress;
        yield seen;
      } else if (this.ended) {
        await this.finished;
        return;
      } else await news;
    }
  }

  #over(): void {
    this.ended = true;
    this.#tell();
  }

  #tell(): void {
    const wake = this.#wake;
    this.#news = new Promise<void>((resolve) => (this.#wake = resolve));
    wake();
  }
}
