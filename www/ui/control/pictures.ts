import { filesOfTransfer, sortFound, type FoundFile } from '../../media/index.js';
import { findClass, freeName, nameProblem, placesOf, untouchedClasses } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Area, Key } from '../../state/types.js';
import { reachablePictures } from '../../state/undo.js';
import { andList, count } from '../../state/words.js';
import { report } from './errors.js';
import type { Intake } from './intake.js';
import type { Library, Source } from './library.js';
import type { Session } from './session.js';

/** What people do with classes and pictures: the state changes at once, the trainer is told. */
export class Pictures {
  readonly #store: Store;
  readonly #library: Library;
  readonly #intake: Intake;
  readonly #session: Session;

  constructor(store: Store, library: Library, intake: Intake, session: Session) {
    this.#store = store;
    this.#library = library;
    this.#intake = intake;
    this.#session = session;
  }

  /** The key of the new class. */
  addClass(name?: string): Key {
    const key = this.#store.get().nextKey;
    this.#store.dispatch(name === undefined ? { type: 'class-added' } : { type: 'class-added', name });
    const added = findClass(this.#store.get().classes, key);
    if (added) this.#session.addClass(added.name);
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
    this.#session.renameClass(before.name, to);
    return null;
  }

  removeClass(key: Key): void {
    const removed = findClass(this.#store.get().classes, key);
    if (removed === undefined) return;
    this.#store.dispatch({ type: 'class-removed', key });
    this.#session.removeClass(key, removed.name);
    this.#forget();
  }

  remove(keys: ReadonlySet<Key>): void {
    this.#store.dispatch({ type: 'pictures-removed', keys });
    for (const key of keys) this.#tell(key, (id) => this.#session.trainer?.removeImage(id));
    this.#forget();
  }

  move(keys: ReadonlySet<Key>, to: Key): void {
    const name = findClass(this.#store.get().classes, to)?.name;
    if (name === undefined) return;
    const places = placesOf(this.#store.get().classes, keys).filter((place) => place.classKey !== to);
    this.#store.dispatch({ type: 'pictures-moved', keys, to });
    for (const { picture } of places) this.#tell(picture.key, (id) => this.#session.trainer?.moveImage(id, name));
  }

  /** Takes back the latest change. */
  undo(): void {
    const entry = this.#store.get().undo.at(-1);
    if (entry === undefined) return;
    this.#store.dispatch({ type: 'undone' });
    const { classes } = this.#store.get();
    switch (entry.kind) {
      case 'class-removed':
        return this.#session.restoreClass(entry.removed.key);
      case 'class-renamed': {
        const name = findClass(classes, entry.key)?.name;
        if (name !== undefined) this.#session.renameClass(entry.to, name);
        return;
      }
      case 'pictures-removed':
        for (const { picture } of entry.places) this.#tell(picture.key, (id) => this.#session.trainer?.restoreImage(id));
        for (const key of new Set(entry.places.map((place) => place.classKey))) this.#intake.resend(key);
        return;
      case 'pictures-moved':
        for (const { picture, classKey } of entry.places) {
          const name = findClass(classes, classKey)?.name;
          if (name !== undefined) this.#tell(picture.key, (id) => this.#session.trainer?.moveImage(id, name));
        }
    }
  }

  addFiles(key: Key, files: readonly File[]): void {
    this.#intake.add(key, files.map((file) => ({ blob: file, name: file.name, group: undefined })));
  }

  addSources(key: Key, sources: readonly Source[]): void {
    this.#intake.add(key, sources);
  }

  /** Folders become classes of their names, but for test sets; files by themselves go to the class that was used last. */
  addFound(found: readonly FoundFile[]): void {
    const groups = this.#toLearn(found, 'pictures');
    const loose = groups.get(null) ?? [];
    groups.delete(null);
    if (groups.size > 0) this.#dropUntouched();
    for (const [folder, files] of groups) if (folder !== null) this.addFiles(this.classNamed(folder), files);
    if (loose.length > 0) this.addFiles(this.targetClass(), loose);
  }

  /** The transfer of a drop or a paste; to be called while its event is being handled. */
  addTransfer(transfer: DataTransfer, key: Key | null): void {
    filesOfTransfer(transfer).then(
      (found) => (key === null ? this.addFound(found) : this.addFiles(key, [...this.#toLearn(found, `class-${key}`).values()].flat())),
      (error: unknown) => report(this.#store, key === null ? 'pictures' : `class-${key}`, error),
    );
  }

  /** Ready-made classes with their pictures. */
  addSamples(samples: ReadonlyMap<string, readonly Source[]>): void {
    this.#dropUntouched();
    for (const [name, sources] of samples) this.#intake.add(this.addClass(freeName(this.#store.get().classes, name, null)), sources);
  }

  /** The class of this name, made if there is none. */
  classNamed(name: string): Key {
    return this.#store.get().classes.find((each) => each.name === name)?.key ?? this.addClass(name);
  }

  /** Where pictures go that were given to no class in particular. */
  targetClass(): Key {
    const { classes, target } = this.#store.get();
    if (typeof target === 'number' && findClass(classes, target)) return target;
    return classes.at(-1)?.key ?? this.addClass();
  }

  /** What is not for testing, by folder; says what was left out. */
  #toLearn(found: readonly FoundFile[], area: Area): Map<string | null, File[]> {
    const { classes, tests } = sortFound(found);
    // Not the notes and lists that lie beside the pictures.
    const leftOut = [...tests.values()].flat().filter(({ type }) => type === '' || type.startsWith('image/')).length;
    if (leftOut > 0) {
      const folders = andList([...tests.keys()].map((name) => `“${name}”`));
      const text = leftOut === 1 ? 'was left out: it is' : 'were left out: they are';
      this.#store.dispatch({ type: 'noticed', area, tone: 'info', text: `${count(leftOut, 'picture')} in ${folders} ${text} for testing, not for learning.` });
    }
    return classes;
  }

  #dropUntouched(): void {
    const keys = untouchedClasses(this.#store.get());
    for (const key of keys) {
      const name = findClass(this.#store.get().classes, key)?.name;
      if (name !== undefined) this.#session.removeClass(key, name);
    }
    this.#store.dispatch({ type: 'classes-dropped', keys });
  }

  /** Tells the trainer something about a picture, as soon as the trainer has it. */
  #tell(key: Key, request: (id: number) => Promise<void> | undefined): void {
    const id = this.#library.id(key);
    if (id !== null) this.#session.ask('pictures', id.then(request));
  }

  /** What can neither be seen nor brought back need not be kept. */
  #forget(): void {
    const { undo, intake } = this.#store.get();
    if (undo.length > 0 && Object.keys(intake).length === 0) this.#library.keepOnly(reachablePictures(this.#store.get()));
  }
}
