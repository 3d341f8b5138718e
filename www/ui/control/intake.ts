import { findClass } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key, PictureState } from '../../state/types.js';
import { unreadable } from '../../state/words.js';
import type { Trainer } from '../../headstart.js';
import { codeOf, report } from './errors.js';
import { oncePerFrame } from './frames.js';
import type { Library, Source } from './library.js';

/** Files that came together and are reported on together. */
interface Batch {
  readonly classKey: Key;
  readonly total: number;
  done: number;
  readonly failed: { name: string; message: string; code: string | null }[];
}

interface Job {
  readonly key: Key;
  readonly batch: Batch;
  /** Whether the page does not show the picture yet. */
  readonly fresh: boolean;
}

/** So many pictures are with the worker at a time: enough that it decodes one while it works on another. */
const IN_FLIGHT = 4;

/** Pictures on their way into classes: sent a few at a time, shown a frame at a time. */
export class Intake {
  readonly #store: Store;
  readonly #library: Library;
  #trainer: Trainer | null = null;
  #waiting: Job[] = [];
  /** Jobs whose class was deleted; they go on when it is brought back. */
  #parked: Job[] = [];
  #inFlight = 0;
  /** What the state does not know yet, by class. */
  #news = new Map<Key, { added: PictureState[]; done: number }>();
  readonly #flushSoon = oncePerFrame(() => this.#flush());

  constructor(store: Store, library: Library) {
    this.#store = store;
    this.#library = library;
  }

  /** Goes on with another trainer, to which every shown picture must be given again. */
  attach(trainer: Trainer): void {
    this.#flush();
    this.#library.forgetIds();
    this.#trainer = trainer;
    this.#inFlight = 0;
    for (const each of this.#store.get().classes) this.resend(each.key);
    this.#pump();
  }

  /** Pictures that are new. */
  add(classKey: Key, sources: readonly Source[]): void {
    if (sources.length === 0) return;
    const batch: Batch = { classKey, total: sources.length, done: 0, failed: [] };
    for (const source of sources) this.#waiting.push({ key: this.#library.add(source), batch, fresh: true });
    this.#store.dispatch({ type: 'pictures-expected', key: classKey, count: sources.length });
    this.#pump();
  }

  /** Pictures of a class that are shown already but that the present trainer has not been given, and those that were parked. */
  resend(classKey: Key): void {
    this.#waiting.push(...this.#parked.filter((job) => job.batch.classKey === classKey));
    this.#parked = this.#parked.filter((job) => job.batch.classKey !== classKey);
    const queued = new Set(this.#waiting.map((job) => job.key));
    const pictures = findClass(this.#store.get().classes, classKey)?.pictures ?? [];
    const missing = pictures.filter((each) => this.#library.id(each.key) === null && !queued.has(each.key));
    if (missing.length > 0) {
      const batch: Batch = { classKey, total: missing.length, done: 0, failed: [] };
      this.#waiting.unshift(...missing.map(({ key }) => ({ key, batch, fresh: false })));
      this.#store.dispatch({ type: 'pictures-expected', key: classKey, count: missing.length });
    }
    this.#pump();
  }

  #pump(): void {
    while (this.#trainer !== null && this.#inFlight < IN_FLIGHT) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const name = this.#destination(job);
      if (name !== null) void this.#send(job, name, this.#trainer);
      else if (job.fresh) this.#parked.push(job);
      // Deleted meanwhile; sent again if that is undone.
      else this.#settle(job, null);
    }
  }

  /** The class's present name; a picture that is shown may have been moved since it was queued. */
  #destination(job: Job): string | null {
    const { classes } = this.#store.get();
    if (job.fresh) return findClass(classes, job.batch.classKey)?.name ?? null;
    return classes.find((each) => each.pictures.some((picture) => picture.key === job.key))?.name ?? null;
  }

  async #send(job: Job, className: string, trainer: Trainer): Promise<void> {
    const source = this.#library.source(job.key);
    if (source === undefined) return this.#settle(job, null);
    this.#inFlight += 1;
    const options = source.group === undefined ? { name: source.name } : { name: source.name, group: source.group };
    const id = trainer.addImage(className, source.blob, options);
    this.#library.setId(job.key, id);
    const outcome = await id.then(
      () => ({ error: null }),
      (error: unknown) => ({ error }),
    );
    const replaced = trainer !== this.#trainer;
    if (!replaced) this.#inFlight -= 1;
    const died = !replaced && codeOf(outcome.error) === 'worker_failed';
    if (died) {
      this.#trainer = null;
      report(this.#store, 'pictures', outcome.error);
    }
    // The trainer is another one now or will be, and has not seen the picture.
    if ((replaced || died) && job.fresh) this.#waiting.unshift(job);
    else this.#settle(job, replaced || died ? null : outcome.error);
    this.#pump();
  }

  #settle(job: Job, error: unknown): void {
    const { batch, key, fresh } = job;
    const name = this.#library.source(key)?.name ?? '';
    const news = this.#news.get(batch.classKey) ?? { added: [], done: 0 };
    this.#news.set(batch.classKey, news);
    news.done += 1;
    batch.done += 1;
    if (error !== null) {
      const message = error instanceof Error ? error.message : String(error);
      batch.failed.push({ name, message, code: codeOf(error) });
      if (fresh) this.#library.delete(key);
      else this.#library.setId(key, null);
    } else if (fresh) {
      news.added.push({ key, name });
    }
    if (batch.done === batch.total) this.#conclude(batch);
    this.#flushSoon();
  }

  #flush(): void {
    const all = this.#news;
    this.#news = new Map();
    for (const [key, { added, done }] of all) this.#store.dispatch({ type: 'pictures-read', key, added, done });
  }

  /** One message for all that failed together. */
  #conclude(batch: Batch): void {
    const [first] = batch.failed;
    if (first === undefined) return;
    const names = batch.failed.map((each) => each.name);
    const ordinary = batch.failed.every((each) => each.code === 'picture_unreadable' || each.code === 'picture_empty');
    const summary = unreadable(names, batch.total);
    // Another cause than a bad file deserves its own words.
    const text = ordinary ? summary : batch.failed.length === 1 ? first.message : `${summary}. ${first.message}`;
    this.#store.dispatch({ type: 'noticed', area: `class-${batch.classKey}`, tone: 'error', text });
  }
}
