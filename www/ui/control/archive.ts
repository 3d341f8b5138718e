import { nameInUse } from '../../state/backbones.js';
import { hasContent, summaryOf } from '../../state/project.js';
import { isActive, NO_RUN } from '../../state/run.js';
import type { Store } from '../../state/store.js';
import type { AppState, Keeping, Key } from '../../state/types.js';
import { someOf } from '../../state/words.js';
import type { PageRecord, PictureRecord, TrainerRecord } from '../../storage/database.js';
import type { KeptProject, ProjectPlace } from '../../storage/project.js';
import { isFromDisk } from './backbone-choices.js';
import type { Checkpoints, RunCheckpoint } from './checkpoints.js';
import { Kept } from './kept.js';
import type { KeptPicture, Library, Source } from './library.js';
import type { Session } from './session.js';

/** Changes are written once so much time has passed since the first of them. */
const GATHER_MS = 150;
/** Writing that failed is tried again after so long. */
const AGAIN_MS = 5000;
/**
 * So many pictures are written at a time, and no more once they have so many bytes: what is read for it lies in memory, and the page
 * answers between one time and the next.
 */
const BATCH = 8;
const BATCH_BYTES = 8e6;
/** A thumbnail that takes longer is made anew on the next visit. */
const THUMBNAIL_MS = 2000;

/** What of the state is kept. */
const KEPT_PARTS: readonly ((state: AppState) => unknown)[] = [
  (state) => state.classes,
  (state) => state.undo,
  (state) => state.model,
  (state) => state.backbones.settled,
  (state) => state.project.name,
  (state) => state.run.stale,
  (state) => isActive(state.run),
  (state) => state.cutShort,
  (state) => state.engine.status === 'failed',
  shownRun,
];

/** Where a project goes once there is something to keep; null where it cannot be kept now. */
export type FindPlace = () => Promise<ProjectPlace | null>;

/** Keeps on this device what is on the page, as it happens. */
export class Archive {
  readonly #store: Store;
  readonly #library: Library;
  readonly #session: Session;
  readonly #checkpoints: Checkpoints;
  readonly #find: FindPlace;
  #place: ProjectPlace | null = null;
  #created = Date.now();
  readonly #kept: Kept;
  /** The classes as they were written last. */
  #listed: AppState['classes'] = [];
  #trainer: TrainerRecord | null = null;
  /** What is on the device to go on from. */
  #checkpoint: RunCheckpoint | null = null;
  #seen: AppState;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> | null = null;
  #due = false;
  #stopped = false;
  #backbone: string | null = null;

  constructor(store: Store, library: Library, session: Session, checkpoints: Checkpoints, find: FindPlace) {
    this.#store = store;
    this.#library = library;
    this.#session = session;
    this.#checkpoints = checkpoints;
    this.#find = find;
    this.#seen = store.get();
    this.#kept = new Kept(this.#seen);
  }

  /** Goes on with a project that was read. */
  restore(place: ProjectPlace, { summary, page }: KeptProject): void {
    this.#created = summary.created;
    this.#backbone = page.backbone;
    this.#listed = page.classes;
    this.#checkpoint = this.#checkpoints.latest;
    this.#kept.restore(page.classes.flatMap(({ pictures }) => pictures.map(({ key }) => key)));
    this.#settleIn(place);
  }

  follow(): void {
    this.#store.subscribe(() => this.#look());
    this.#session.onSaved(() => {
      this.#noteTrainer();
      this.#touch();
    });
    this.#checkpoints.onChange(() => this.#touch());
  }

  #noteTrainer(): void {
    const { saved, models } = this.#session;
    if (saved === undefined) return;
    const { project, model, backbone } = saved;
    this.#trainer = { id: '', project, model, backbone, backboneName: nameInUse(this.#store.get()), models: models.saved };
  }

  /** Where the project is kept; null where it is not. */
  get place(): ProjectPlace | null {
    return this.#place;
  }

  /** Writes at once what is to be written; resolves when it is done or has failed. */
  async flush(): Promise<void> {
    if (this.#timer !== null) this.#begin();
    await this.#writing;
  }

  /** Writes nothing any more: the project is to go. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#writing;
  }

  /** Keeps everything under another number from now on. */
  async moveTo(place: ProjectPlace): Promise<void> {
    await this.#writing;
    this.#settleIn(place);
    this.#kept.beginAnew();
    this.#listed = [];
    this.#checkpoint = null;
    this.#noteTrainer();
    this.#created = Date.now();
    this.#touch();
  }

  #settleIn(place: ProjectPlace): void {
    const before = this.#place;
    this.#place = place;
    // Copies of what another tab has come from there until they are here.
    this.#library.setKept(
      async (key) => (await place.picture(key)) ?? before?.picture(key),
      (backbone, key) => place.features(backbone, key),
    );
  }

  #look(): void {
    const [before, now] = [this.#seen, this.#store.get()];
    this.#seen = now;
    const differ = (part: (state: AppState) => unknown): boolean => part(before) !== part(now);
    if (KEPT_PARTS.some(differ)) this.#touch();
  }

  #touch(): void {
    const { keeping } = this.#store.get().project;
    if (this.#stopped || keeping === 'off' || keeping === 'elsewhere' || !hasContent(this.#store.get())) return;
    this.#due = true;
    if (keeping !== 'full' && keeping !== 'failed') this.#show('saving');
    this.#plan(GATHER_MS);
  }

  #plan(milliseconds: number): void {
    // What fails is not tried all the time; pictures that keep coming do not put it off.
    if (this.#timer === null && this.#writing === null) this.#timer = setTimeout(() => this.#begin(), milliseconds);
  }

  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
      // Something may have come at the very end; what has failed is tried again in its own time.
      if (this.#due && this.#store.get().project.keeping === 'saving') this.#plan(GATHER_MS);
    });
  }

  async #writeAll(): Promise<void> {
    try {
      this.#place ??= await this.#findPlace();
      if (this.#place === null) return;
      while (this.#due && !this.#stopped) await this.#write(this.#place);
      this.#show(this.#reached());
    } catch (error) {
      this.#due = true;
      if (this.#stopped) return;
      this.#show(error instanceof DOMException && error.name === 'QuotaExceededError' ? 'full' : 'failed');
      setTimeout(() => this.#plan(0), AGAIN_MS);
    }
  }

  /** What has been reached once there is nothing to write: a model counts once it is on the device. */
  #reached(): Keeping {
    if (this.#hasModel) return 'saved';
    return this.#store.get().engine.status === 'failed' ? 'without-model' : 'saving';
  }

  /** Whether the latest model is in what the trainer gave last; that is written with all else. */
  get #hasModel(): boolean {
    const { made, saved } = this.#session.models;
    return made === saved;
  }

  async #findPlace(): Promise<ProjectPlace | null> {
    const place = await this.#find();
    if (place !== null) this.#settleIn(place);
    return place;
  }

  async #write(place: ProjectPlace): Promise<void> {
    const state = this.#store.get();
    this.#kept.follow(state);
    const removed = [...this.#kept.surplus];
    const trainer = this.#trainer;
    const { merges } = this.#session;
    const hasModel = this.#hasModel;
    this.#due = false;
    const batch = await this.#batch();
    const added = await this.#records(place, batch);
    const left = this.#kept.missing.size - added.length;
    // What was not taken comes next.
    this.#due ||= left > 0;
    const page = { ...this.#page(place.id, state), merges };
    const whole = summaryOf(page, state.project.name, this.#created);
    const summary = { ...whole, pictures: Math.max(0, whole.pictures - left) };
    await place.write({ summary, page, listed: this.#listed, trainer: trainer && { ...trainer, id: place.id }, added, removed });
    await this.#writeCheckpoint(place, hasModel);
    this.#listed = state.classes;
    if (this.#trainer === trainer) this.#trainer = null;
    this.#kept.written(added.map(({ key }) => key), removed);
    for (const { key } of added) this.#library.letGo(key);
  }

  /** By itself, for it may be large: where there is no room for it, all else is kept. `hasModel` is whether the latest model is. */
  async #writeCheckpoint(place: ProjectPlace, hasModel: boolean): Promise<void> {
    // What led to a model is let go when the model is here.
    if (this.#checkpoints.over && hasModel) this.#checkpoints.keep(null);
    const { latest } = this.#checkpoints;
    if (latest === this.#checkpoint) return;
    this.#checkpoint = latest;
    await place.writeCheckpoint(latest && { ...latest, id: place.id }).catch(() => undefined);
  }

  /** The next pictures to be written. */
  async #batch(): Promise<Map<Key, Source | null>> {
    const batch = new Map<Key, Source | null>();
    let bytes = 0;
    for (const key of this.#kept.missing) {
      if (batch.size === BATCH || bytes >= BATCH_BYTES) break;
      const source = (await this.#library.source(key)) ?? null;
      bytes += source?.blob.size ?? 0;
      batch.set(key, source);
    }
    return batch;
  }

  async #records(place: ProjectPlace, batch: ReadonlyMap<Key, Source | null>): Promise<PictureRecord[]> {
    const records = await Promise.all(
      [...batch].map(async ([key, source]) => {
        if (source === null) return null;
        const { blob, name, group } = source;
        // One that comes from another place has its own.
        const thumbnail = (source as Partial<KeptPicture>).thumbnail ?? (await this.#thumbnail(key));
        // A file that changes or goes while it is written would take the rest down with it.
        const bytes = await blob.arrayBuffer().catch(() => null);
        return bytes && { project: place.id, key, name, group, blob: new Blob([bytes], { type: blob.type }), thumbnail };
      }),
    );
    const lost = [...batch.keys()].filter((_, index) => records[index] === null);
    this.#kept.giveUp(lost);
    if (lost.length > 0) this.#tellLost(lost);
    return records.filter((record) => record !== null);
  }

  #tellLost(keys: readonly Key[]): void {
    const names = keys.map((key) => this.#library.nameOf(key) ?? '');
    const text = `Not saved, for their files cannot be read any more: ${someOf(names)}. Add them again.`;
    this.#store.dispatch({ type: 'noticed', area: 'page', tone: 'error', text });
  }

  async #thumbnail(key: Key): Promise<Blob | null> {
    const made = this.#session.trainer?.thumbnail(key).catch(() => null) ?? null;
    return Promise.race([made, new Promise<null>((resolve) => setTimeout(resolve, THUMBNAIL_MS, null))]);
  }

  #page(id: string, state: AppState): Omit<PageRecord, 'merges'> {
    // None before there is an engine; one from the disk lies with the trainer's project.
    const { settled } = state.backbones;
    if (settled !== null) this.#backbone = isFromDisk(settled) ? null : settled;
    return {
      id,
      classes: state.classes,
      nextKey: state.nextKey,
      nextPicture: this.#library.nextKey,
      run: keptRun(state),
      interrupted: isActive(state.run) ? state.run.config : null,
      ofModel: state.backbones.ofModel,
      backbone: this.#backbone,
      model: state.model,
      models: this.#session.models.made,
    };
  }

  #show(keeping: Keeping): void {
    if (this.#store.get().project.keeping !== keeping) this.#store.dispatch({ type: 'project-changed', change: { keeping } });
  }
}

/** The run whose result is shown or, while one is under way, the one that it takes the place of. */
function shownRun({ run }: AppState): AppState['run'] {
  return isActive(run) ? (run.before ?? NO_RUN) : run;
}

/** That one, which the pictures may have changed under meanwhile. */
function keptRun(state: AppState): AppState['run'] {
  const run = shownRun(state);
  return { ...run, stale: run.report !== null && (run.stale || state.run.stale) };
}
