/** One project's place on this device. */
import type { BackboneSource } from '../protocol.js';
import type { ClassState, Key } from '../state/types.js';
import {
  ALL_TABLES,
  DURABLE,
  featuresOf,
  listsOf,
  pictureOf,
  picturesOf,
  stored,
  storedPicture,
  type BackboneRecord,
  type CheckpointRecord,
  type Database,
  type PageRecord,
  type PictureRecord,
  type ProjectRecord,
  type StoredTrainer,
  type TrainerRecord,
} from './database.js';
import { changedPieces, withLists, withPresent } from './lists.js';
import { runOf } from './report.js';

/** A project as it was found. */
export interface KeptProject {
  readonly summary: ProjectRecord;
  readonly page: PageRecord;
  /** Null where it was not saved by the time that the page went. */
  readonly trainer: TrainerRecord | null;
  /** Null where no run was cut short. */
  readonly checkpoint: CheckpointRecord | null;
}

/** What has changed since it was last written. */
export interface Changes {
  readonly summary: ProjectRecord;
  /** Its lists may name pictures that are still to come; until they have, nobody is told of them. */
  readonly page: PageRecord;
  /** The classes as they were written last, so that only what is new on their lists is; none where they never were. */
  readonly listed: readonly ClassState[];
  readonly trainer: TrainerRecord | null;
  readonly added: readonly PictureRecord[];
  readonly removed: readonly Key[];
}

export class ProjectPlace {
  readonly #database: Database;
  readonly id: string;
  /** The backbone from files that was written last. */
  #backbone: BackboneSource | null = null;

  constructor(database: Database, id: string) {
    this.#database = database;
    this.id = id;
  }

  /**
   * What is here, or null. Where it is `ours`, it is put in order: pictures that the page does not list are let go, for they had been
   * deleted and could be brought back as long as that page was open; and those that it lists and that never came are struck off.
   */
  async read(ours: boolean): Promise<KeptProject | null> {
    const transaction = this.#database.transaction(ALL_TABLES, 'readwrite');
    const [lists, pictures] = [transaction.objectStore('lists'), transaction.objectStore('pictures')];
    const [summary, page, pieces, trainer, backbone, checkpoint, keys] = await Promise.all([
      transaction.objectStore('projects').get(this.id),
      transaction.objectStore('pages').get(this.id),
      lists.getAll(listsOf(this.id)),
      transaction.objectStore('trainers').get(this.id),
      transaction.objectStore('backbones').get(this.id),
      transaction.objectStore('checkpoints').get(this.id),
      pictures.getAllKeys(picturesOf(this.id)),
    ]);
    if (summary === undefined || page === undefined || ![2, 3, 4].includes(page.version)) return null;
    const listed = withLists(page.classes, pieces);
    const there = new Set(keys.map(([, key]) => key));
    const classes = withPresent(listed, (key) => there.has(key));
    if (ours) {
      for (const { pictures: shown } of classes) for (const { key } of shown) there.delete(key);
      for (const key of there) void pictures.delete([this.id, key]);
      const { put, gone } = changedPieces(listed, classes);
      for (const piece of put) void lists.put({ project: this.id, ...piece });
      for (const place of gone) void lists.delete([this.id, ...place]);
    }
    await transaction.done;
    return { summary, page: { ...page, classes, run: runOf(page.run), merges: page.merges ?? [] }, trainer: whole(trainer, backbone), checkpoint: checkpoint ?? null };
  }

  /** A picture, or undefined where it is not here any more. */
  async picture(key: Key): Promise<PictureRecord | undefined> {
    const picture = await this.#database.get('pictures', [this.id, key]);
    return picture && pictureOf(picture);
  }

  /** What a backbone has made of a picture, if it is here. */
  async features(backbone: string, key: Key): Promise<Uint8Array | undefined> {
    return (await this.#database.get('features', [this.id, backbone, key]))?.bytes;
  }

  /** The pictures of which a backbone's features are here. Those of other backbones are let go. */
  async featured(backbone: string): Promise<Key[]> {
    const transaction = this.#database.transaction('features', 'readwrite');
    const [all, own] = await Promise.all([transaction.store.count(featuresOf(this.id)), transaction.store.getAllKeys(featuresOf(this.id, backbone))]);
    if (all > own.length) {
      void transaction.store.delete(IDBKeyRange.bound([this.id], [this.id, backbone], false, true));
      void transaction.store.delete(IDBKeyRange.bound([this.id, backbone, []], [this.id, []]));
    }
    await transaction.done;
    return own.map(([, , key]) => key);
  }

  /** Keeps features and lets go of others. They can be computed again, so nobody waits until they have reached the disk. */
  async writeFeatures(backbone: string, added: ReadonlyMap<Key, Uint8Array>, removed: readonly Key[]): Promise<void> {
    const transaction = this.#database.transaction('features', 'readwrite');
    transaction.done.catch(() => undefined);
    for (const [key, bytes] of added) await transaction.store.put({ project: this.id, backbone, key, bytes });
    for (const key of removed) await transaction.store.delete([this.id, backbone, key]);
    await transaction.done;
  }

  /** Keeps what a run can go on from, in the place of what was kept before; null leaves nothing. */
  async writeCheckpoint(checkpoint: CheckpointRecord | null): Promise<void> {
    const transaction = this.#database.transaction('checkpoints', 'readwrite', DURABLE);
    transaction.done.catch(() => undefined);
    await (checkpoint === null ? transaction.store.delete(this.id) : transaction.store.put(checkpoint));
    await transaction.done;
  }

  /** Leaves nothing here. */
  async forget(): Promise<void> {
    const transaction = this.#database.transaction(ALL_TABLES, 'readwrite', DURABLE);
    const gone = [
      ...(['projects', 'pages', 'trainers', 'backbones', 'checkpoints'] as const).map((name) => transaction.objectStore(name).delete(this.id)),
      transaction.objectStore('lists').delete(listsOf(this.id)),
      transaction.objectStore('features').delete(featuresOf(this.id)),
      transaction.objectStore('pictures').delete(picturesOf(this.id)),
    ];
    await Promise.all([...gone, transaction.done]);
  }

  /** Writes all of it or, where that fails, nothing. */
  async write({ summary, page, listed, trainer, added, removed }: Changes): Promise<void> {
    // Before the transaction, which would end while files are read.
    const written = await Promise.all(added.map(storedPicture));
    const transaction = this.#database.transaction(ALL_TABLES, 'readwrite', DURABLE);
    const [lists, pictures] = [transaction.objectStore('lists'), transaction.objectStore('pictures')];
    const { put, gone } = changedPieces(listed, page.classes);
    const pending: Promise<unknown>[] = [];
    try {
      pending.push(transaction.objectStore('projects').put(summary), transaction.objectStore('pages').put(stored(page)));
      for (const piece of put) pending.push(lists.put({ project: this.id, ...piece }));
      for (const place of gone) pending.push(lists.delete([this.id, ...place]));
      if (trainer !== null) {
        const files = typeof trainer.backbone === 'string' ? null : trainer.backbone;
        pending.push(transaction.objectStore('trainers').put(files === null ? trainer : { ...trainer, backbone: null }));
        const backbones = transaction.objectStore('backbones');
        if (files === null) pending.push(backbones.delete(this.id));
        else if (files !== this.#backbone) pending.push(backbones.put({ id: this.id, source: files }));
      }
      for (const each of written) pending.push(pictures.put(each));
      for (const key of removed) pending.push(pictures.delete([this.id, key]));
    } catch (error) {
      // Something in it cannot be stored at all: then none of it is.
      transaction.abort();
      transaction.done.catch(() => undefined);
      throw error;
    } finally {
      // Where the transaction fails so do they, and only it knows why.
      for (const each of pending) each.catch(() => undefined);
    }
    await transaction.done;
    if (trainer !== null) this.#backbone = trainer.backbone;
  }
}

/** A trainer with its backbone; null where there is none, or where its backbone has gone. */
function whole(trainer: StoredTrainer | undefined, apart: BackboneRecord | undefined): TrainerRecord | null {
  const backbone = trainer?.backbone ?? apart?.source;
  return trainer === undefined || backbone === undefined ? null : { ...trainer, backbone };
}
