import { filesOfTransfer, sortFound, type FoundFile } from '../../media/index.js';
import type { Trainer } from '../../headstart.js';
import { findClass, freeName, freshName, nameNow, nameProblem, placesOf, untouchedClasses } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { AppState, Area, Key, Place } from '../../state/types.js';
import { lostClasses, lostPictures } from '../../state/undo.js';
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
  #seen: AppState;

  constructor(store: Store, library: Library, intake: Intake, session: Session) {
    this.#store = store;
    this.#library = library;
    this.#intake = intake;
    this.#session = session;
    this.#seen = store.get();
    store.subscribe(() => this.#forget());
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
    const entry = this.#store.get().undo.at(-1);
    if (entry === undefined) return;
    this.#store.dispatch({ type: 'undone' });
    const { classes } = this.#store.get();
    switch (entry.kind) {
      case 'class-removed': {
        const { key, name } = entry.removed;
        return this.#session.restoreClass(key, nameNow(classes, key, name));
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
    const lost = lostPictures(before, after);
    // One whose file could not be read again was not deleted by anybody.
    this.#each(keysOf(placesOf(before.classes, new Set(lost))), (trainer, key) => trainer.removeImage(key));
    const sent = lost.filter((key) => this.#library.isSent(key));
    if (sent.length > 0) this.#session.tell('pictures', (trainer) => trainer.forgetImages(sent));
    for (const key of lost) this.#library.delete(key);
  }
}

function keysOf(places: readonly Place[]): Key[] {
  return places.map(({ picture }) => picture.key);
}
