import { Trainer } from '../../headstart.js';
import { ImportRefusal } from '../../import/refusal.js';
import { freeProjectName, projectName } from '../../state/project.js';
import type { Store } from '../../state/store.js';
import type { ProjectRecord } from '../../storage/database.js';
import { isTaken, takeProject } from '../../storage/lock.js';
import type { OnProgress } from '../../storage/project-file.js';
import type { ProjectPlace } from '../../storage/project.js';
import { forgetSettings } from '../../storage/settings.js';
import type { Room, Shelf } from '../../storage/shelf.js';
import type { Archive } from './archive.js';
import { dataUrl } from './data-url.js';
import { safeName } from './download.js';
import { fileOf, projectFrom } from './project-files.js';
import { forgetSite } from './offline.js';
import { addressOf, NEW_PROJECT, projectOf } from './recall.js';
import type { CreateTrainer, Session } from './session.js';

/** What people do with whole projects. Another one is opened by loading the page anew: nothing of the one before is left behind then. */
export class Projects {
  readonly #store: Store;
  readonly #session: Session;
  readonly #archive: Archive;
  readonly shelf: Shelf | null;

  constructor(store: Store, session: Session, shelf: Shelf | null, archive: (find: () => Promise<ProjectPlace | null>) => Archive) {
    this.#store = store;
    this.#session = session;
    this.shelf = shelf;
    this.#archive = archive(() => this.#begin());
  }

  get archive(): Archive {
    return this.#archive;
  }

  async list(): Promise<ProjectRecord[]> {
    return (await this.shelf?.list()) ?? [];
  }

  async room(): Promise<Room | null> {
    return (await this.shelf?.room()) ?? null;
  }

  /** Addresses of the first pictures of a project's classes, small. */
  async covers({ id, covers }: ProjectRecord): Promise<string[]> {
    const place = this.shelf?.place(id);
    const pictures = await Promise.all(covers.map((key) => place?.picture(key)));
    return Promise.all(pictures.flatMap((picture) => (picture?.thumbnail ? [dataUrl(picture.thumbnail)] : [])));
  }

  /** Names the project on the page; blank names are passed over. */
  rename(typed: string): void {
    const name = projectName(typed);
    if (name !== null) this.#store.dispatch({ type: 'project-changed', change: { name } });
  }

  async renameOther(id: string, typed: string): Promise<void> {
    const name = projectName(typed);
    if (id === this.#store.get().project.id) this.rename(typed);
    else if (name !== null) {
      await refuseTaken(id);
      await this.shelf?.rename(id, name);
    }
  }

  open(id: string): Promise<void> {
    return this.#go(id);
  }

  startNew(): Promise<void> {
    return this.#go(NEW_PROJECT);
  }

  /** A second one of the same content, beside the first. */
  async duplicate(id: string): Promise<void> {
    await this.#settle();
    const all = await this.list();
    const name = freeProjectName(`Copy of ${all.find((each) => each.id === id)?.name ?? 'a project'}`, all.map((each) => each.name));
    await this.shelf?.duplicate(id, { id: crypto.randomUUID(), name, now: Date.now() });
  }

  /** It can be brought back for a day. */
  async remove(id: string): Promise<void> {
    const isPresent = id === this.#store.get().project.id;
    if (!isPresent || this.#store.get().project.keeping === 'elsewhere') await refuseTaken(id);
    if (isPresent) {
      await this.#settle();
      // Nothing that is written from here on may bring it back.
      await this.#archive.stop();
      this.#store.dispatch({ type: 'project-changed', change: { keeping: 'empty', id: null } });
    }
    await this.shelf?.remove(id, Date.now());
    if (isPresent) this.#load(NEW_PROJECT);
  }

  /** Makes room at once. */
  async forget(id: string): Promise<void> {
    await this.shelf?.place(id).forget();
  }

  async bringBack(id: string): Promise<void> {
    await this.shelf?.restore(id);
  }

  /** Goes on here with a copy of what another tab has. */
  async copyHere(): Promise<void> {
    const all = await this.list();
    const name = freeProjectName(`Copy of ${this.#store.get().project.name}`, all.map((each) => each.name));
    const place = await this.#newPlace();
    if (place === null) return;
    this.#store.dispatch({ type: 'project-changed', change: { id: place.id, name, keeping: 'saving' } });
    await this.#archive.moveTo(place);
  }

  /** The project on the page as a file, with its name. */
  async toFile(onProgress: OnProgress): Promise<File> {
    const isKept = await this.#settle();
    const { id, keeping } = this.#store.get().project;
    // A file of what was kept before would lack what has come since.
    if (!isKept || keeping !== 'saved') throw new Error('Not everything is saved on this device yet: wait until it says so beside the project’s name.');
    const place = id === null ? null : (this.shelf?.place(id) ?? null);
    const kept = (await place?.read(false)) ?? null;
    if (place === null || kept === null) throw new Error('There is nothing to save yet.');
    const blob = await fileOf(kept, place, onProgress);
    return new File([blob], safeName(`${kept.summary.name}.headstart`), { type: 'application/zip' });
  }

  /** Puts a project from a file beside the others and opens it. */
  async openFile(file: File, onProgress: OnProgress): Promise<void> {
    const id = crypto.randomUUID();
    if (this.shelf === null) throw new Error('This browser does not let the page store anything, so it cannot open projects.');
    const names = (await this.list()).map(({ name }) => name);
    // Nobody takes half of it for something to be cleared away.
    await takeProject(id);
    const create: CreateTrainer = (options) => Trainer.create(options);
    try {
      await projectFrom(file, { place: this.shelf.place(id), names, create }, onProgress);
    } catch (error) {
      throw error instanceof ImportRefusal ? new Error(`“${file.name}” ${error.reason}.`) : error;
    }
    await this.#go(id);
  }

  /** Forgets all projects and settings on this device, and the page itself. */
  async forgetEverything(): Promise<void> {
    await this.#archive.stop();
    this.#store.dispatch({ type: 'project-changed', change: { keeping: 'empty', id: null } });
    await this.shelf?.clear();
    forgetSettings();
    // What is left of it otherwise tells at most that this browser was here.
    await forgetSite().catch(() => undefined);
    this.#load(NEW_PROJECT);
  }

  /** Something is to be kept for the first time. */
  async #begin(): Promise<ProjectPlace | null> {
    const place = await this.#newPlace();
    if (place === null) return null;
    const names = (await this.list()).map((each) => each.name);
    const name = freeProjectName(this.#store.get().project.name, names);
    this.#store.dispatch({ type: 'project-changed', change: { id: place.id, name } });
    // Only now is there something to lose.
    void this.shelf?.persist().catch(() => false);
    return place;
  }

  async #newPlace(): Promise<ProjectPlace | null> {
    const id = crypto.randomUUID();
    if (this.shelf === null || !(await takeProject(id))) return null;
    history.replaceState(null, '', addressOf(id));
    return this.shelf.place(id);
  }

  async #go(project: string): Promise<void> {
    await this.#settle();
    this.#load(project);
  }

  /** Goes where the address leads, which somebody has typed or gone back to. */
  follow(hash: string): void {
    const asked = projectOf(hash);
    if (asked !== null && asked !== this.#store.get().project.id) location.reload();
  }

  /** Has everything written that can be; tells whether the trainer's part is. */
  async #settle(): Promise<boolean> {
    const isKept = await this.#session.keep();
    await this.#archive.flush();
    return isKept;
  }

  #load(project: string): void {
    history.pushState(null, '', addressOf(project));
    location.reload();
  }
}

/** What another tab writes is its own to change. */
async function refuseTaken(id: string): Promise<void> {
  if (await isTaken(id)) throw new Error('This project is open in another tab: do that there, or close it first.');
}
