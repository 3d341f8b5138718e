import { findClass } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key, PictureState } from '../../state/types.js';
import { isReachable, reachablePictures } from '../../state/undo.js';
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
  readonly failed: { name: string; message: string; ordinary: boolean }[];
}

interface Job {
  readonly key: Key;
  readonly batch: Batch;
  /** Whether the page does not show the picture yet. */
  readonly fresh: boolean;
}

/** What happened to the pictures of a class that the state does not know yet. */
interface News {
  added: PictureState[];
  /** Shown already, but their files cannot be read any more. */
  lost: Set<Key>;
  done: number;
}

/** So many pictures are with the worker at a time: enough that it decodes one while it works on another. */
const IN_FLIGHT = 4;

/** What is wrong with the file itself. */
const BAD_FILE: readonly (string | null)[] = ['picture_unreadable', 'picture_empty'];

/** Pictures on their way into classes: sent a few at a time, shown a frame at a time. */
export class Intake {
  readonly #store: Store;
  readonly #library: Library;
  #trainer: Trainer | null = null;
  #forget: (keys: readonly Key[]) => void = () => undefined;
  #held = false;
  #waiting: Job[] = [];
  /** Jobs whose class was deleted; they go on when it is brought back. */
  #parked: Job[] = [];
  #inFlight = 0;
  readonly #news = new Map<Key, News>();
  readonly #flushSoon = oncePerFrame(() => this.#flush());

  constructor(store: Store, library: Library) {
    this.#store = store;
    this.#library = library;
  }

  /** Who is told of pictures that the trainer was given for nothing. */
  onUnwanted(forget: (keys: readonly Key[]) => void): void {
    this.#forget = forget;
  }

  /** Sends no more for now: what the trainer has is about to be handed on. */
  hold(): void {
    this.#held = true;
  }

  /** Goes on after {@link hold}. */
  release(): void {
    this.#held = false;
    this.#pump();
  }

  /** Goes on with another trainer, which has the pictures of the one before or must be given each again. */
  attach(trainer: Trainer, hasPictures: boolean): void {
    this.#flush();
    this.#trainer = trainer;
    this.#inFlight = 0;
    if (!hasPictures) {
      this.#library.forgetArrivals();
      for (const each of this.#store.get().classes) this.resend(each.key);
    }
    this.release();
  }

  /** Pictures that are new. */
  add(classKey: Key, sources: readonly Source[]): void {
    // A picture can be on its way from the camera while its class goes for good.
    if (sources.length === 0 || !isReachable(this.#store.get(), classKey)) return;
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
    const missing = pictures.filter((each) => !this.#library.isSent(each.key) && !queued.has(each.key));
    if (missing.length > 0) {
      const batch: Batch = { classKey, total: missing.length, done: 0, failed: [] };
      this.#waiting.unshift(...missing.map(({ key }) => ({ key, batch, fresh: false })));
      this.#store.dispatch({ type: 'pictures-expected', key: classKey, count: missing.length });
    }
    this.#pump();
  }

  /** Lets go of the pictures that wait for a class which will not come back. */
  abandon(classKey: Key): void {
    const isOf = (job: Job): boolean => job.fresh && job.batch.classKey === classKey;
    const left = [...this.#waiting, ...this.#parked].filter(isOf);
    this.#waiting = this.#waiting.filter((job) => !isOf(job));
    this.#parked = this.#parked.filter((job) => !isOf(job));
    for (const { key } of left) this.#library.delete(key);
    if (left.length > 0) this.#store.dispatch({ type: 'pictures-read', key: classKey, added: [], done: left.length });
  }

  #pump(): void {
    while (this.#trainer !== null && !this.#held && this.#inFlight < IN_FLIGHT) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const destination = this.#destination(job);
      if (destination !== null) void this.#send(job, destination, this.#trainer);
      else if (job.fresh) this.#parked.push(job);
      // Deleted meanwhile; sent again if that is undone.
      else this.#settle(job, null);
    }
  }

  /** The class, if it is there; a picture that is shown may have been moved since it was queued. */
  #destination(job: Job): Key | null {
    const { classes } = this.#store.get();
    const own = job.fresh
      ? findClass(classes, job.batch.classKey)
      : classes.find((each) => each.pictures.some((picture) => picture.key === job.key));
    return own?.key ?? null;
  }

  async #send(job: Job, classKey: Key, trainer: Trainer): Promise<void> {
    const { key } = job;
    const source = this.#library.source(key);
    if (source === undefined) return this.#settle(job, null);
    this.#inFlight += 1;
    const { name, group } = source;
    const arrival = trainer.addImage(classKey, source.blob, group === undefined ? { id: key, name } : { id: key, name, group });
    this.#library.setArrival(key, arrival);
    const outcome = await arrival.then(
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
    const news = this.#newsOf(batch.classKey);
    news.done += 1;
    batch.done += 1;
    if (error !== null) {
      const message = error instanceof Error ? error.message : String(error);
      const ordinary = BAD_FILE.includes(codeOf(error));
      batch.failed.push({ name, message, ordinary });
      if (fresh) this.#library.delete(key);
      else this.#library.setArrival(key, null);
      if (!fresh && ordinary) news.lost.add(key);
    } else if (fresh) {
      news.added.push({ key, name });
    }
    if (batch.done === batch.total) this.#conclude(batch);
    this.#flushSoon();
  }

  #newsOf(classKey: Key): News {
    const news = this.#news.get(classKey) ?? { added: [], lost: new Set<Key>(), done: 0 };
    this.#news.set(classKey, news);
    return news;
  }

  #flush(): void {
    const all = [...this.#news];
    this.#news.clear();
    for (const [key, { added, lost, done }] of all) {
      this.#store.dispatch({ type: 'pictures-read', key, added, done });
      // A tile without a picture behind it would be there for good, and train nothing.
      if (lost.size > 0) this.#store.dispatch({ type: 'pictures-lost', keys: lost });
      if (added.length > 0 && !findClass(this.#store.get().classes, key)) this.#drop(added);
    }
  }

  /** Pictures that arrived in a class which will not come back. */
  #drop(added: readonly PictureState[]): void {
    const kept = reachablePictures(this.#store.get());
    const gone = added.filter(({ key }) => !kept.has(key)).map(({ key }) => key);
    for (const key of gone) this.#library.delete(key);
    if (gone.length > 0) this.#forget(gone);
  }

  /** One message for all that failed together. */
  #conclude(batch: Batch): void {
    const [first] = batch.failed;
    if (first === undefined) return;
    const names = batch.failed.map((each) => each.name);
    const summary = unreadable(names, batch.total);
    // Another cause than a bad file deserves its own words.
    const ordinary = batch.failed.every((each) => each.ordinary);
    const text = ordinary ? summary : batch.failed.length === 1 ? first.message : `${summary}. ${first.message}`;
    this.#store.dispatch({ type: 'noticed', area: `class-${batch.classKey}`, tone: 'error', text });
  }
}
