import { findClass, findPicture } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key, PictureState } from '../../state/types.js';
import { isReachable, reachablePictures } from '../../state/undo.js';
import { unreadable } from '../../state/words.js';
import { HeadstartError, type Part, type Trainer } from '../../headstart.js';
import { codeOf, report } from './errors.js';
import { backboneTag } from './features.js';
import { atMostEvery } from './frames.js';
import type { Batch, Delivery, Job, News } from './intake-batch.js';
import type { Library, Source } from './library.js';

/** So many pictures are with the worker at a time: enough for it and each of its helpers to have some, and one more to begin with. */
const IN_FLIGHT = 12;

/** What has come in is shown so often at most: each time the lists are drawn anew. */
const SHOW_MS = 100;

/** What is wrong with the file itself. */
const BAD_FILE: readonly (string | null)[] = ['picture_unreadable', 'picture_empty'];

/** A picture was kept on this device, and is not there any more. */
const GONE = new HeadstartError({ code: 'picture_unreadable', message: 'It is not kept on this device any more.' });

/** Pictures on their way into classes: sent a few at a time, shown several times a second. */
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
  /** How many new pictures are with the worker. */
  #arriving = 0;
  /** Those whose files are being fetched from where they are kept. */
  readonly #reading = new Set<Job>();
  /** Those that {@link deliver} has not answered yet. */
  readonly #delivered = new Set<Batch>();
  readonly #news = new Map<Key, News>();
  readonly #flushSoon = atMostEvery(SHOW_MS, () => this.flush());

  constructor(store: Store, library: Library) {
    this.#store = store;
    this.#library = library;
  }

  /** Whether pictures are on their way that are nowhere else yet. */
  get hasNew(): boolean {
    return this.#arriving > 0 || this.#waiting.some(({ fresh }) => fresh);
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
    this.flush();
    this.#trainer = trainer;
    this.#inFlight = 0;
    if (!hasPictures) {
      this.#library.forgetArrivals();
      for (const each of this.#store.get().classes) this.resend(each.key);
    }
    this.release();
  }

  /** Pictures that are new. */
  add(classKey: Key, sources: readonly Source[], part: Part = 'learn'): void {
    // A picture can be on its way from the camera while its class goes for good.
    if (sources.length === 0 || !isReachable(this.#store.get(), classKey)) return;
    const batch: Batch = { classKey, part, total: sources.length, done: 0, failed: [], settled: null, withdrawn: false };
    for (const source of sources) this.#waiting.push({ key: this.#library.add(source), batch, fresh: true });
    this.#store.dispatch({ type: 'pictures-expected', key: classKey, count: sources.length });
    this.#pump();
  }

  /** A new picture of somebody who waits for what becomes of it before sending many more. */
  deliver(classKey: Key, source: Source, part: Part = 'learn'): Promise<Delivery> {
    const key = this.#library.add(source);
    return new Promise((resolve) => {
      const settled = (outcome: Delivery['outcome']): void => {
        this.#delivered.delete(batch);
        resolve({ key, outcome });
      };
      const batch: Batch = { classKey, part, total: 1, done: 0, failed: [], settled, withdrawn: false };
      this.#delivered.add(batch);
      this.#waiting.push({ key, batch, fresh: true });
      this.#store.dispatch({ type: 'pictures-expected', key: classKey, count: 1 });
      this.#pump();
    });
  }

  /** Takes back what was delivered and is not with the worker yet. */
  withdraw(): void {
    for (const batch of this.#delivered) batch.withdrawn = true;
    const left = this.#waiting.filter(({ batch }) => batch.withdrawn);
    this.#waiting = this.#waiting.filter(({ batch }) => !batch.withdrawn);
    for (const job of left) this.#drop(job);
  }

  /** Pictures of a class that are shown already but that the present trainer has not been given, and those that were parked. */
  resend(classKey: Key): void {
    this.#waiting.push(...this.#parked.filter((job) => job.batch.classKey === classKey));
    this.#parked = this.#parked.filter((job) => job.batch.classKey !== classKey);
    const queued = new Set([...this.#waiting, ...this.#reading].map((job) => job.key));
    const pictures = findClass(this.#store.get().classes, classKey)?.pictures ?? [];
    const missing = pictures.filter((each) => !this.#library.isSent(each.key) && !queued.has(each.key));
    if (missing.length > 0) {
      // What each is there for is told by what is shown.
      const batch: Batch = { classKey, part: 'learn', total: missing.length, done: 0, failed: [], settled: null, withdrawn: false };
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
    for (const { key, batch } of left) {
      this.#library.delete(key);
      batch.settled?.('gone');
    }
    if (left.length > 0) this.#store.dispatch({ type: 'pictures-read', key: classKey, added: [], done: left.length });
  }

  #pump(): void {
    while (this.#trainer !== null && !this.#held && this.#inFlight + this.#reading.size < IN_FLIGHT) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const source = job.source ?? this.#library.source(job.key);
      if (source instanceof Promise) {
        void this.#read(job, source);
        continue;
      }
      const destination = job.batch.withdrawn ? null : this.#destination(job);
      if (source === undefined) this.#settle(job, null);
      else if (destination !== null) void this.#send(job, source, destination, this.#trainer);
      else if (job.batch.settled !== null) this.#drop(job);
      else if (job.fresh) this.#parked.push(job);
      // Deleted meanwhile; sent again if that is undone.
      else this.#settle(job, null);
    }
  }

  /** The class, if it is there; a picture that is shown may have been moved since it was queued. */
  #destination(job: Job): Key | null {
    const { classes } = this.#store.get();
    if (!job.fresh) return findPicture(classes, job.key)?.classKey ?? null;
    return findClass(classes, job.batch.classKey)?.key ?? null;
  }

  /** What happens to the picture or to the trainer meanwhile is looked at afterwards. */
  async #read(job: Job, kept: Promise<Source | undefined>): Promise<void> {
    this.#reading.add(job);
    const source = await kept.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    const features = this.#trainer && (await this.#library.features(backboneTag(this.#trainer.backbone), job.key));
    this.#reading.delete(job);
    if (source === undefined) this.#settle(job, GONE);
    else if (source instanceof Error) this.#settle(job, source);
    else this.#waiting.unshift({ ...job, source, features: features ?? undefined });
    this.#pump();
  }

  #isTest({ key, batch, fresh }: Job): boolean {
    if (fresh) return batch.part === 'test';
    return findPicture(this.#store.get().classes, key)?.picture.test === true;
  }

  async #send(job: Job, { blob, name, group }: Source, classKey: Key, trainer: Trainer): Promise<void> {
    const { key } = job;
    this.#inFlight += 1;
    if (job.fresh) this.#arriving += 1;
    const { features } = job;
    const options = { id: key, name, ...(group !== undefined && { group }), ...(this.#isTest(job) && { part: 'test' as const }), ...(features && { features }) };
    const arrival = trainer.addImage(classKey, blob, options);
    this.#library.setArrival(key, arrival);
    const outcome = await arrival.then(
      () => ({ error: null }),
      (error: unknown) => ({ error }),
    );
    if (job.fresh) this.#arriving -= 1;
    const replaced = trainer !== this.#trainer;
    if (!replaced) this.#inFlight -= 1;
    const died = !replaced && codeOf(outcome.error) === 'worker_failed';
    if (died) {
      this.#trainer = null;
      report(this.#store, 'pictures', outcome.error);
    }
    // The trainer is another one now or will be, and has not seen the picture.
    if ((replaced || died) && job.batch.withdrawn) this.#drop(job);
    else if ((replaced || died) && job.fresh) this.#waiting.unshift(job);
    else this.#settle(job, replaced || died ? null : outcome.error);
    this.#pump();
  }

  /** Lets go of a picture that was delivered and is not wanted any more. */
  #drop({ key, batch }: Job): void {
    this.#library.delete(key);
    this.#newsOf(batch.classKey).done += 1;
    batch.settled?.('gone');
    this.#flushSoon();
  }

  #settle(job: Job, error: unknown): void {
    const { batch, key, fresh } = job;
    const name = this.#library.nameOf(key) ?? '';
    const news = this.#newsOf(batch.classKey);
    news.done += 1;
    batch.done += 1;
    if (error !== null) {
      const message = error instanceof Error ? error.message : String(error);
      const ordinary = BAD_FILE.includes(codeOf(error));
      batch.failed.push({ name, message, ordinary });
      if (fresh) this.#library.delete(key);
      else this.#library.setArrival(key, null);
      // What is on the device may be read another time: only what is not there any more is lost.
      if (!fresh && ordinary && (error === GONE || !this.#library.isKept(key))) news.lost.add(key);
    } else if (fresh) {
      news.added.push({ key, name, ...(batch.part === 'test' && { test: true as const }) });
    }
    if (batch.done === batch.total) this.#conclude(batch);
    this.#flushSoon();
  }

  #newsOf(classKey: Key): News {
    const news = this.#news.get(classKey) ?? { added: [], lost: new Set<Key>(), done: 0 };
    this.#news.set(classKey, news);
    return news;
  }

  /** Shows at once what has come in. */
  flush(): void {
    const all = [...this.#news];
    this.#news.clear();
    for (const [key, { added, lost, done }] of all) {
      this.#store.dispatch({ type: 'pictures-read', key, added, done });
      // A tile without a picture behind it would be there for good, and train nothing.
      if (lost.size > 0) this.#store.dispatch({ type: 'pictures-lost', keys: lost });
      if (added.length > 0 && !findClass(this.#store.get().classes, key)) this.#forgetAll(added);
    }
  }

  /** Pictures that arrived in a class which will not come back. */
  #forgetAll(added: readonly PictureState[]): void {
    const kept = reachablePictures(this.#store.get());
    const gone = added.filter(({ key }) => !kept.has(key)).map(({ key }) => key);
    for (const key of gone) this.#library.delete(key);
    if (gone.length > 0) this.#forget(gone);
  }

  /** One message for all that failed together. */
  #conclude(batch: Batch): void {
    const [first] = batch.failed;
    if (batch.settled !== null) return batch.settled(first ?? 'added');
    if (first === undefined) return;
    const names = batch.failed.map((each) => each.name);
    const summary = unreadable(names, batch.total);
    // Another cause than a bad file deserves its own words.
    const ordinary = batch.failed.every((each) => each.ordinary);
    const { message } = batch.failed.find((each) => !each.ordinary) ?? first;
    const text = ordinary ? summary : batch.failed.length === 1 ? message : `${summary}. ${message}`;
    this.#store.dispatch({ type: 'noticed', area: `class-${batch.classKey}`, tone: 'error', text });
  }
}
