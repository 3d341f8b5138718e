/** What can be taken back, and taking it back. */
import { freeName, removePictures, rename, restorePictures } from './classes.js';
import { difference } from './difference.js';
import type { AppState, ClassState, Key, PictureState, UndoEntry } from './types.js';

/** Deleted pictures stay in memory until their entry falls off the end. */
const UNDO_DEPTH = 50;
/** So many deleted pictures stay in memory in all, and more only where they were deleted at once. */
const DELETED_PICTURES = 500;

export function pushUndo(undo: readonly UndoEntry[], entry: UndoEntry): readonly UndoEntry[] {
  return withinLimits([...undo, entry]);
}

/** Without the oldest entries that are too many; the newest always stays. */
export function withinLimits(undo: readonly UndoEntry[]): readonly UndoEntry[] {
  let kept = 0;
  let pictures = 0;
  for (const entry of undo.toReversed()) {
    pictures += deletedPictures(entry).length;
    if (kept > 0 && (kept === UNDO_DEPTH || pictures > DELETED_PICTURES)) break;
    kept += 1;
  }
  return kept === undo.length ? undo : undo.slice(-kept);
}

/** The pictures that only this entry still holds. */
function deletedPictures(entry: UndoEntry): readonly PictureState[] {
  if (entry.kind === 'class-removed') return entry.removed.pictures;
  return entry.kind === 'pictures-removed' ? entry.places.map(({ picture }) => picture) : [];
}

/** The entries without pictures that are gone for good. */
export function withoutPictures(undo: readonly UndoEntry[], keys: ReadonlySet<Key>): readonly UndoEntry[] {
  return undo.flatMap<UndoEntry>((entry) => {
    if (entry.kind === 'class-renamed' || entry.kind === 'imported') return [entry];
    if (isGone(entry)) {
      return [{ ...entry, removed: { ...entry.removed, pictures: entry.removed.pictures.filter(({ key }) => !keys.has(key)) } }];
    }
    const places = entry.places.filter(({ picture }) => !keys.has(picture.key));
    return places.length === 0 ? [] : [{ ...entry, places }];
  });
}

/** The classes as they are after the newest entry was taken back. */
export function takeBack(classes: readonly ClassState[], entry: UndoEntry): readonly ClassState[] {
  switch (entry.kind) {
    case 'class-removed':
      return withClass(classes, entry.removed, entry.index);
    case 'class-merged': {
      const keys = new Set(entry.removed.pictures.map(({ key }) => key));
      return withClass(removePictures(classes, keys), entry.removed, entry.index);
    }
    case 'class-renamed':
      return rename(classes, entry.key, freeName(classes, entry.from, entry.key));
    case 'pictures-removed':
      return restorePictures(classes, entry.places);
    case 'pictures-moved': {
      const keys = new Set(entry.places.map((place) => place.picture.key));
      return restorePictures(removePictures(classes, keys), entry.places);
    }
    case 'imported':
      return withoutImport(classes, entry);
  }
}

/** A class that was gone is back at its place; its name may have been given to another meanwhile. */
function withClass(classes: readonly ClassState[], removed: ClassState, index: number): readonly ClassState[] {
  const restored = [...classes];
  restored.splice(Math.min(index, classes.length), 0, { ...removed, name: freeName(classes, removed.name, null) });
  return restored;
}

/** Classes that were made for an import go with it, unless somebody has put other pictures in. */
function withoutImport(classes: readonly ClassState[], entry: UndoEntry & { kind: 'imported' }): readonly ClassState[] {
  const { pictures, created, dropped } = entry;
  const left = removePictures(classes, new Set(pictures)).filter((each) => each.pictures.length > 0 || !created.includes(each.key));
  return dropped.reduce<readonly ClassState[]>((all, { removed, index }) => withClass(all, removed, index), left);
}

/** Pictures have come in with the import of this number. */
export function addToImport(undo: readonly UndoEntry[], id: number, keys: readonly Key[]): readonly UndoEntry[] {
  if (keys.length === 0) return undo;
  return undo.map((entry) => (entry.kind === 'imported' && entry.id === id ? { ...entry, pictures: [...entry.pictures, ...keys] } : entry));
}

/** In words, for the toast. */
export function describe(entry: UndoEntry, classes: readonly ClassState[]): string {
  switch (entry.kind) {
    case 'class-removed':
      return `Class “${entry.removed.name}” deleted`;
    case 'class-merged': {
      const into = classes.find((each) => each.key === entry.into)?.name ?? '';
      return `Class “${entry.removed.name}” merged into “${into}”`;
    }
    case 'class-renamed':
      return `Renamed to “${entry.to}”`;
    case 'pictures-removed':
      return `${pictures(entry.places.length)} deleted`;
    case 'pictures-moved': {
      const to = classes.find((each) => each.key === entry.to)?.name ?? '';
      return `${pictures(entry.places.length)} moved to “${to}”`;
    }
    case 'imported':
      return `${pictures(entry.pictures.length)} imported`;
  }
}

function pictures(count: number): string {
  return count === 1 ? '1 picture' : `${count} pictures`;
}

/** Every picture that is shown or can be brought back: whatever is not among them may be forgotten. */
export function reachablePictures(state: AppState): Set<Key> {
  const keys = new Set<Key>();
  for (const each of state.classes) for (const picture of each.pictures) keys.add(picture.key);
  for (const entry of state.undo) for (const picture of deletedPictures(entry)) keys.add(picture.key);
  return keys;
}

/** Pictures that a change has brought, and those that it has put out of reach. */
export interface PictureChange {
  readonly came: ReadonlySet<Key>;
  readonly went: ReadonlySet<Key>;
}

/**
 * How the pictures that are {@link reachablePictures | within reach} differ. Lists that are the same are not looked through, and of the
 * others only what lies between the ends that they share: pictures come in all the time, and there may be thousands already.
 */
export function pictureChange(before: AppState, after: AppState): PictureChange {
  const [came, went] = [new Set<Key>(), new Set<Key>()];
  const compare = (old: readonly PictureState[], now: readonly PictureState[]): void => {
    const { from, oldTo, nowTo } = difference(old, now);
    for (let index = from; index < oldTo; index += 1) went.add((old[index] as PictureState).key);
    for (let index = from; index < nowTo; index += 1) came.add((now[index] as PictureState).key);
  };
  if (before.classes !== after.classes) {
    const old = new Map(before.classes.map(({ key, pictures }) => [key, pictures]));
    for (const { key, pictures } of after.classes) {
      compare(old.get(key) ?? [], pictures);
      old.delete(key);
    }
    for (const pictures of old.values()) compare(pictures, []);
  }
  if (before.undo !== after.undo) {
    const old = new Set(before.undo);
    for (const entry of after.undo) if (!old.delete(entry)) compare([], deletedPictures(entry));
    for (const entry of old) compare(deletedPictures(entry), []);
  }
  // One that only lies somewhere else has neither come nor gone.
  for (const key of came) {
    if (went.delete(key)) came.delete(key);
  }
  return { came, went };
}

/** Whether a class is there or can be brought back. */
export function isReachable({ classes, undo }: AppState, key: Key): boolean {
  return classes.some((each) => each.key === key) || undo.some((entry) => isGone(entry) && entry.removed.key === key);
}

/** Whether it holds a class that is not shown. */
function isGone(entry: UndoEntry): entry is Extract<UndoEntry, { kind: 'class-removed' | 'class-merged' }> {
  return entry.kind === 'class-removed' || entry.kind === 'class-merged';
}

/** The classes that a change has put out of reach. */
export function lostClasses(before: AppState, after: AppState): Key[] {
  const left = new Set(reachableClasses(after));
  return reachableClasses(before).filter((key) => !left.has(key));
}

/** Those that are there, and those that can be brought back. */
function reachableClasses({ classes, undo }: AppState): Key[] {
  const gone = undo.flatMap((entry) => {
    if (isGone(entry)) return [entry.removed.key];
    return entry.kind === 'imported' ? entry.dropped.map(({ removed }) => removed.key) : [];
  });
  return [...classes.map(({ key }) => key), ...gone];
}
