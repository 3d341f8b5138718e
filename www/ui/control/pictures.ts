import { filesOfTransfer, sortFound, type FoundFile } from '../../media/index.js';
import type { Part, Trainer } from '../../headstart.js';
import { findClass, freeName, freshName, nameNow, nameProblem, placesOf, untouchedClasses } from '../../state/classes.js';
import { whyNotMerge } from '../../state/merge.js';
import type { Store } from '../../state/store.js';
import type { AppState, Key, Place } from '../../state/types.js';
import { lostClasses, pictureChange } from '../../state/undo.js';
import { forTesting } from '../../state/words.js';
import { report } from './errors.js';
import type { Intake } from './intake.js';
import type { Library, Source } from './library.js';
import type { Session } from './session.js';

/** Files that hold many pictures or say something of them; what lies in folders is looked through in the same way. */
const MANY = /\.(zip|tm|csv|tsv|json)$/i;

/** What {@link Pictures} needs of an import. */
export interface Imports {
  /** Shows what would come in, and asks. */
  look(found: readonly FoundFile[]): Promise<void>;
  /** Ends the import that is running; resolves when nothing more comes in. */
  stop(): Promise<void>;
}

/** What people do with classes and pictures: the state changes at once, the trainer is told. */
export class Pictures {
  readonly #store: Store;
  readonly #library: Library;
  readonly #intake: Intake;
  readonly #session: Session;
  #seen: AppState;
  #imports: Imports | null = null;

  constructor(store: Store, library: Library, intake: Intake, session: Session) {
    this.#store = store;
    this.#library = library;
    this.#intake = intake;
    this.#session = session;
    this.#seen = store.get();
    store.subscribe(() => this.#forget());
  }

  /** Who imports what is more than some pictures. */
  onImport(imports: Imports): void {
    this.#imports = imports;
  }

  /** The key of the new class; a name that it cannot have is changed into the nearest that is free. */
  addClass(wanted = ''): Key {
    const { classes, nextKey: key } = this.#store.get();
    const name = wanted.trim() === '' ? freshName(classes) : freeName(classes, wanted.trim(), null);
    this.#store.dispatch({ type: 'class-added', name });
    this.#session.addClass(key, name);
    return key;
  }

  /** Why not, or null when it is done. */
  renameClass(key: Key, name: string): string | null {
    const before = findClass(this.#store.get().classes, key);
    const problem = nameProblem(this.#store.get().classes, key, name);
    if (before === undefined || problem !== null) return problem;
    const to = name.trim();
    if (before.name === to) return null;
    this.#store.dispatch({ type: 'class-renamed', key, name: to });
    this.#session.renameClass(key, to);
    return null;
  }

  removeClass(key: Key): void {
    if (findClass(this.#store.get().classes, key) === undefined) return;
    this.#session.removeClass(key);
    this.#store.dispatch({ type: 'class-removed', key });
  }

  /** Puts all pictures of a class into another, and removes it. */
  mergeClass(key: Key, into: Key): void {
    const state = this.#store.get();
    const there = [key, into].every((each) => findClass(state.classes, each) !== undefined);
    if (!there || key === into || whyNotMerge(state, key) !== null) return;
    this.#session.mergeClasses(key, into);
    this.#store.dispatch({ type: 'class-merged', key, into });
  }

  remove(keys: ReadonlySet<Key>): void {
    this.#each(keys, (trainer, key) => trainer.removeImage(key));
    this.#store.dispatch({ type: 'pictures-removed', keys });
  }

  move(keys: ReadonlySet<Key>, to: Key): void {
    const { classes } = this.#store.get();
    if (findClass(classes, to) === undefined) return;
    const places = placesOf(classes, keys).filter((place) => place.classKey !== to);
    this.#store.dispatch({ type: 'pictures-moved', keys, to });
    this.#each(keysOf(places), (trainer, key) => trainer.moveImage(key, to));
  }

  /** Takes back the latest change. */
  undo(): void {
    const { undo, import: running } = this.#store.get();
    const entry = undo.at(-1);
    if (entry === undefined) return;
    if (entry.kind === 'imported' && running?.status === 'adding' && running.id === entry.id) return this.#undoRunning(entry.id);
    this.#store.dispatch({ type: 'undone' });
    const { classes } = this.#store.get();
    switch (entry.kind) {
      case 'class-removed': {
        const { key, name } = entry.removed;
        return this.#session.restoreClass(key, nameNow(classes, key, name));
      }
      case 'class-merged': {
        const { key, name, pictures } = entry.removed;
        this.#session.restoreClass(key, nameNow(classes, key, name));
        // The trainer has put those into the other class, too, that had been deleted and can be brought back next.
        const deleted = undo.flatMap((each) => (each.kind === 'pictures-removed' ? each.places.filter(({ classKey }) => classKey === key) : []));
        const own = [...pictures.map((each) => each.key), ...keysOf(deleted)];
        return this.#each(own, (trainer, picture) => trainer.moveImage(picture, key));
      }
      case 'class-renamed':
        return this.#session.renameClass(entry.key, nameNow(classes, entry.key, entry.from));
      case 'pictures-removed':
        this.#each(keysOf(entry.places), (trainer, key) => trainer.restoreImage(key));
        for (const key of new Set(entry.places.map((place) => place.classKey))) this.#intake.resend(key);
        return;
      case 'pictures-moved':
        for (const { picture, classKey } of entry.places) {
          this.#session.tell('pictures', (trainer) => trainer.moveImage(picture.key, classKey));
        }
        return;
      case 'imported':
        for (const key of entry.created) if (findClass(classes, key) === undefined) this.#session.removeClass(key);
        for (const { removed } of entry.dropped) this.#session.restoreClass(removed.key, nameNow(classes, removed.key, removed.name));
    }
  }

  /** What is on its way would come in after it was taken back. */
  #undoRunning(id: number): void {
    void this.#imports?.stop().then(() => {
      const entry = this.#store.get().undo.at(-1);
      if (entry?.kind === 'imported' && entry.id === id) this.undo();
    });
  }

  addFiles(key: Key, files: readonly File[], part: Part = 'learn'): void {
    this.#intake.add(key, files.map((file) => ({ blob: file, name: file.name, group: undefined })), part);
  }

  addSources(key: Key, sources: readonly Source[]): void {
    this.#intake.add(key, sources);
  }

  /** What is more than some pictures is imported; files by themselves go to the class that was used last. */
  addFound(found: readonly FoundFile[]): void {
    const isMuch = found.some(({ file, folders }) => folders.length > 0 || MANY.test(file.name));
    if (isMuch) void this.#imports?.look(found);
    else if (found.length > 0) this.addFiles(this.targetClass(), found.map(({ file }) => file));
  }

  /** The transfer of a drop or a paste; to be called while its event is being handled. */
  addTransfer(transfer: DataTransfer, key: Key | null): void {
    filesOfTransfer(transfer).then(
      (found) => {
        if (key === null || found.some(({ file, folders }) => folders.length === 0 && MANY.test(file.name))) this.addFound(found);
        else this.#addTo(key, found);
      },
      (error: unknown) => report(this.#store, key === null ? 'pictures' : `class-${key}`, error),
    );
  }

  /** Ready-made classes with their pictures. */
  addSamples(samples: ReadonlyMap<string, readonly Source[]>): void {
    this.#dropUntouched();
    for (const [name, sources] of samples) this.#intake.add(this.addClass(name), sources);
  }

  /** The class of this name, made if there is none; a name of nothing but blanks names none. */
  classNamed(wanted: string): Key {
    const name = wanted.trim();
    if (name === '') return this.targetClass();
    return this.#store.get().classes.find((each) => each.name === name)?.key ?? this.addClass(name);
  }

  /** Where pictures go that were given to no class in particular. */
  targetClass(): Key {
    const { classes, target } = this.#store.get();
    if (typeof target === 'number' && findClass(classes, target)) return target;
    return classes.at(-1)?.key ?? this.addClass();
  }

  /** Everything that was dropped on a class, its test pictures too. */
  #addTo(key: Key, found: readonly FoundFile[]): void {
    const { classes, tests } = sortFound(found);
    const filesOf = (groups: Iterable<FoundFile[]>): File[] => [...groups].flat().map(({ file }) => file);
    const toTest = filesOf(tests.values()).filter(isPicture);
    this.addFiles(key, filesOf(classes.values()));
    this.addFiles(key, toTest, 'test');
    const text = forTesting(toTest.length, [...tests.keys()]);
    if (toTest.length > 0) this.#store.dispatch({ type: 'noticed', area: `class-${key}`, tone: 'info', text });
  }

  #dropUntouched(): void {
    const keys = untouchedClasses(this.#store.get());
    for (const key of keys) this.#session.removeClass(key);
    this.#store.dispatch({ type: 'classes-dropped', keys });
  }

  #each(keys: Iterable<Key>, apply: (trainer: Trainer, key: Key) => Promise<unknown>): void {
    for (const key of keys) this.#session.tell('pictures', (trainer) => apply(trainer, key));
  }

  /** Lets go of what can neither be seen nor brought back any more. */
  #forget(): void {
    const before = this.#seen;
    const after = this.#store.get();
    this.#seen = after;
    if (before.undo === after.undo) return;
    for (const key of lostClasses(before, after)) this.#intake.abandon(key);
    const { went: lost } = pictureChange(before, after);
    if (lost.size === 0) return;
    // One whose file could not be read again was not deleted by anybody.
    this.#each(keysOf(placesOf(before.classes, lost)), (trainer, key) => trainer.removeImage(key));
    const sent = [...lost].filter((key) => this.#library.isSent(key));
    if (sent.length > 0) this.#session.tell('pictures', (trainer) => trainer.forgetImages(sent));
    for (const key of lost) this.#library.delete(key);
  }
}

/** Not the notes and lists that lie beside the pictures. */
function isPicture({ type }: File): boolean {
  return type === '' || type.startsWith('image/');
}

function keysOf(places: readonly Place[]): Key[] {
  return places.map(({ picture }) => picture.key);
}
