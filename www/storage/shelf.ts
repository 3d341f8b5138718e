/** All projects on this device. */
import { deleteDB } from 'idb';
import { ALL_TABLES, DURABLE, listsOf, openDatabase, picturesOf, type Database, type ProjectRecord } from './database.js';
import { isTaken } from './lock.js';
import { ProjectPlace } from './project.js';

/** When a project was deleted that was never there whole. */
export const NEVER_WHOLE = 0;
/** A deleted project can be brought back for so long. */
const REMEMBERED_MS = 24 * 3600 * 1000;

/** How much of the device this site uses and may use, in bytes; null where the browser does not tell. */
export interface Room {
  readonly used: number;
  readonly left: number;
}

export class Shelf {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** @throws where the browser refuses storage. */
  static async open(): Promise<Shelf> {
    return new Shelf(await openDatabase());
  }

  /** Where a project is or is going to be. */
  place(id: string): ProjectPlace {
    return new ProjectPlace(this.#database, id);
  }

  /** Every project, those that were deleted too, the one that was changed last first. */
  async list(): Promise<ProjectRecord[]> {
    const all = await this.#database.getAll('projects');
    return all.sort((one, other) => other.changed - one.changed);
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#change(id, (record) => ({ ...record, name }));
  }

  /** It can be brought back; see {@link purge}. */
  async remove(id: string, now: number): Promise<void> {
    await this.#change(id, (record) => ({ ...record, deleted: now }));
  }

  async restore(id: string): Promise<void> {
    await this.#change(id, (record) => ({ ...record, deleted: null }));
  }

  /** Makes a second one of the same content. */
  async duplicate(id: string, copy: { readonly id: string; readonly name: string; readonly now: number }): Promise<void> {
    const transaction = this.#database.transaction(ALL_TABLES, 'readwrite', DURABLE);
    const [projects, pages] = [transaction.objectStore('projects'), transaction.objectStore('pages')];
    const [lists, trainers, pictures] = [transaction.objectStore('lists'), transaction.objectStore('trainers'), transaction.objectStore('pictures')];
    const [backbones, checkpoints] = [transaction.objectStore('backbones'), transaction.objectStore('checkpoints')];
    const [summary, page, pieces, trainer, backbone, checkpoint] = await Promise.all([projects.get(id), pages.get(id), lists.getAll(listsOf(id)), trainers.get(id), backbones.get(id), checkpoints.get(id)]);
    // The transaction says itself what went wrong.
    transaction.done.catch(() => undefined);
    const { name, now } = copy;
    if (summary !== undefined) await projects.put({ ...summary, id: copy.id, name, created: now, changed: now, deleted: null });
    if (page !== undefined) await pages.put({ ...page, id: copy.id });
    for (const piece of pieces) await lists.put({ ...piece, project: copy.id });
    if (trainer !== undefined) await trainers.put({ ...trainer, id: copy.id });
    if (backbone !== undefined) await backbones.put({ ...backbone, id: copy.id });
    if (checkpoint !== undefined) await checkpoints.put({ ...checkpoint, id: copy.id });
    // One after the other: together they may not fit into memory.
    for (let cursor = await pictures.openCursor(picturesOf(id)); cursor; cursor = await cursor.continue()) {
      await pictures.put({ ...cursor.value, project: copy.id });
    }
    await transaction.done;
  }

  /** Forgets what was deleted long enough ago, unless somebody has it open. */
  async purge(now: number): Promise<void> {
    for (const { id, deleted } of await this.list()) {
      if (deleted !== null && now - deleted > REMEMBERED_MS && !(await isTaken(id))) await this.place(id).forget();
    }
  }

  /** Forgets everything on this device, for good. */
  async clear(): Promise<void> {
    this.#database.close();
    const { name } = this.#database;
    await deleteDB(name);
  }

  async room(): Promise<Room | null> {
    const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
    return usage === undefined || quota === undefined ? null : { used: usage, left: Math.max(0, quota - usage) };
  }

  /** Asks the browser not to make room with what is here; some ask their user. */
  async persist(): Promise<boolean> {
    return (await navigator.storage?.persist?.()) ?? false;
  }

  async #change(id: string, change: (record: ProjectRecord) => ProjectRecord): Promise<void> {
    const transaction = this.#database.transaction('projects', 'readwrite', DURABLE);
    const record = await transaction.store.get(id);
    if (record !== undefined) await transaction.store.put(change(record));
    await transaction.done;
  }
}
