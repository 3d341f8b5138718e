/** What is kept on this device, and where: an IndexedDB of this origin. Nothing in it ever leaves the device. */
import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames } from 'idb';
import type { ModelClass, TrainConfig } from '../generated/types.js';
import type { BackboneSource } from '../protocol.js';
import type { ModelBackbone } from '../state/backbone-types.js';
import type { ClassState, EpochPoint, Key, PictureState, RunState } from '../state/types.js';
import { changedPieces } from './lists.js';
import { runOf, type StoredRun } from './report.js';

const NAME = 'headstart';
/** Of the tables; {@link StoredPage.version} is that of what stands in them. */
const VERSION = 3;

/** What the list of projects shows of one. */
export interface ProjectRecord {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970, as the next two. */
  readonly created: number;
  readonly changed: number;
  /** Since when it waits to be brought back or forgotten; null where it was not deleted. */
  readonly deleted: number | null;
  readonly classes: number;
  readonly pictures: number;
  readonly trained: boolean;
  /** Pictures that stand for it, at most four. */
  readonly covers: readonly Key[];
}

/** A class whose pictures were put into another, and that one. */
export type Merge = readonly [from: Key, into: Key];

/** A project as the page shows it. */
export interface PageRecord {
  readonly id: string;
  readonly classes: readonly ClassState[];
  readonly nextKey: Key;
  readonly nextPicture: Key;
  /** The latest run that ended, as it was shown. */
  readonly run: RunState;
  /** The settings of a run that was under way; null where there was none. */
  readonly interrupted: Readonly<Partial<TrainConfig>> | null;
  readonly ofModel: ModelBackbone | null;
  /** The folder's name of the backbone that was chosen last, where it is one that is served. */
  readonly backbone: string | null;
  /** The labels of the model. */
  readonly model: readonly ModelClass[] | null;
  /** How many models there had been by then. */
  readonly models: number;
  /** Merges that the trainer's part has not: of a class that has gone they tell that its model goes on with it. */
  readonly merges: readonly Merge[];
}

/** The same as it is written: what is on the lists of pictures is apart. */
export interface StoredPage extends Omit<PageRecord, 'classes' | 'run' | 'merges'> {
  /** Since 3 pictures may be as {@link StoredPicture} says; since 4 reports have the names of today, which a page of before cannot show. */
  readonly version: 2 | 3 | 4;
  readonly classes: readonly Pick<ClassState, 'key' | 'name'>[];
  readonly run: StoredRun;
  /** Pages of before have none. */
  readonly merges?: readonly Merge[];
}

/** A piece of the list of a class's pictures. */
export interface ListRecord {
  readonly project: string;
  readonly class: Key;
  /** Its place among the pieces, from 0. */
  readonly piece: number;
  readonly pictures: readonly PictureState[];
}

/** What only a trainer knows: which pictures a model has seen, what they are, the model itself. */
export interface TrainerRecord {
  readonly id: string;
  /** The written form; see `SavedProject`. */
  readonly project: string;
  readonly model: Blob | null;
  readonly backbone: BackboneSource;
  /** What to call that, where it came from files. */
  readonly backboneName: string;
  readonly models: number;
}

/** From where a run can go on that is under way or was cut short. */
export interface CheckpointRecord {
  readonly id: string;
  /** The settings that it was started with. */
  readonly config: Readonly<Partial<TrainConfig>>;
  /** Epochs that had ended, and that there are to be. */
  readonly epoch: number;
  readonly epochs: number;
  /** What its curves showed by then. */
  readonly points: readonly EpochPoint[];
  readonly checkpoint: Blob;
}

/** A picture as it came, and small. */
export interface PictureRecord {
  readonly project: string;
  readonly key: Key;
  readonly name: string;
  readonly group: string | undefined;
  readonly blob: Blob;
  readonly thumbnail: Blob | null;
}

/** A small file as it is written. */
export interface SmallFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/**
 * The same as it is written. What is small lies in the record itself: a browser keeps a file for each blob, opens it with every look at the
 * record, and takes the longer for it the more there are. Records of before have blobs only.
 */
export interface StoredPicture extends Omit<PictureRecord, 'blob' | 'thumbnail'> {
  readonly blob: Blob | SmallFile;
  readonly thumbnail: Blob | SmallFile | null;
}

/** What a backbone has made of a picture: it can be computed again. */
export interface FeatureRecord {
  readonly project: string;
  /** Which backbone. */
  readonly backbone: string;
  readonly key: Key;
  readonly bytes: Uint8Array;
}

/** The same as it is written: a backbone's files are apart, for they are large and stay what they are. */
export interface StoredTrainer extends Omit<TrainerRecord, 'backbone'> {
  /** Null where it lies apart. */
  readonly backbone: BackboneSource | null;
}

/** A project's backbone that came from files. */
export interface BackboneRecord {
  readonly id: string;
  readonly source: BackboneSource;
}

interface Tables extends DBSchema {
  projects: { key: string; value: ProjectRecord };
  pages: { key: string; value: StoredPage };
  lists: { key: [project: string, classKey: Key, piece: number]; value: ListRecord };
  trainers: { key: string; value: StoredTrainer };
  backbones: { key: string; value: BackboneRecord };
  checkpoints: { key: string; value: CheckpointRecord };
  pictures: { key: [project: string, picture: Key]; value: StoredPicture };
  features: { key: [project: string, backbone: string, picture: Key]; value: FeatureRecord };
}

export type Database = IDBPDatabase<Tables>;
export const ALL_TABLES = ['projects', 'pages', 'lists', 'trainers', 'backbones', 'checkpoints', 'pictures', 'features'] as const;

/** What is written has reached the disk once a transaction ends: neither a crash nor an empty battery takes it back. */
export const DURABLE: IDBTransactionOptions = { durability: 'strict' };

/**
 * Opens the database.
 *
 * @throws where the browser refuses storage, as some do in private windows, or where a newer version of this page has changed it.
 */
export function openDatabase(): Promise<Database> {
  return openDB<Tables>(NAME, VERSION, {
    async upgrade(database, before, _, transaction) {
      if (before < 1) {
        database.createObjectStore('projects', { keyPath: 'id' });
        database.createObjectStore('pages', { keyPath: 'id' });
        database.createObjectStore('trainers', { keyPath: 'id' });
        database.createObjectStore('pictures', { keyPath: ['project', 'key'] });
      }
      if (before < 2) {
        database.createObjectStore('lists', { keyPath: ['project', 'class', 'piece'] });
        database.createObjectStore('features', { keyPath: ['project', 'backbone', 'key'] });
      }
      database.createObjectStore('checkpoints', { keyPath: 'id' });
      database.createObjectStore('backbones', { keyPath: 'id' });
      if (before === 1) await moveLists(transaction);
    },
    // A newer page must not wait for this one.
    blocking: (_present, _wanted, event) => (event.target as IDBDatabase).close(),
  });
}

/** In the first version the lists stood on the page itself. */
async function moveLists(transaction: IDBPTransaction<Tables, StoreNames<Tables>[], 'versionchange'>): Promise<void> {
  const [pages, lists] = [transaction.objectStore('pages'), transaction.objectStore('lists')];
  for (const page of (await pages.getAll()) as unknown as (Omit<PageRecord, 'run' | 'merges'> & Pick<StoredPage, 'run'>)[]) {
    for (const piece of changedPieces([], page.classes).put) await lists.put({ project: page.id, ...piece });
    await pages.put(stored({ ...page, run: runOf(page.run), merges: [] }));
  }
}

/** A page as it is written. */
export function stored(page: PageRecord): StoredPage {
  return { ...page, version: 4, classes: page.classes.map(({ key, name }) => ({ key, name })) };
}

/**
 * Two of them fit into a record that browsers keep in one piece, and once they are read again thousands of them fit into memory, where a blob
 * of the database would be on the disk.
 */
const SMALL_BYTES = 24_000;

/** A picture as it is written. */
export async function storedPicture({ blob, thumbnail, ...rest }: PictureRecord): Promise<StoredPicture> {
  const [small, smallThumbnail] = await Promise.all([smallFile(blob), thumbnail && smallFile(thumbnail).catch(() => null)]);
  return { ...rest, blob: small, thumbnail: smallThumbnail };
}

async function smallFile(blob: Blob): Promise<Blob | SmallFile> {
  return blob.size > SMALL_BYTES ? blob : { bytes: new Uint8Array(await blob.arrayBuffer()), type: blob.type };
}

/** A picture that was written. */
export function pictureOf({ blob, thumbnail, ...rest }: StoredPicture): PictureRecord {
  return { ...rest, blob: blobOf(blob), thumbnail: thumbnail && blobOf(thumbnail) };
}

function blobOf(file: Blob | SmallFile): Blob {
  return file instanceof Blob ? file : new Blob([file.bytes], { type: file.type });
}

/** All features of a project's pictures, or those of one backbone. */
export function featuresOf(project: string, ...backbone: readonly string[]): IDBKeyRange {
  return IDBKeyRange.bound([project, ...backbone], [project, ...backbone, []]);
}

/** All pieces of a project's lists. */
export function listsOf(project: string): IDBKeyRange {
  // An array comes after every number.
  return IDBKeyRange.bound([project], [project, []]);
}

/** All pictures of a project. */
export function picturesOf(project: string): IDBKeyRange {
  return IDBKeyRange.bound([project, 0], [project, Number.MAX_SAFE_INTEGER]);
}
