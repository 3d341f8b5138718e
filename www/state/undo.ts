/** What can be taken back, and taking it back. */
import { freeName, removePictures, rename, restorePictures } from './classes.js';
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
    if (entry.kind === 'class-renamed') return [entry];
    if (entry.kind === 'class-removed') {
      return [{ ...entry, removed: { ...entry.removed, pictures: entry.removed.pictures.filter(({ key }) => !keys.has(key)) } }];
    }
    const places = entry.places.filter(({ picture }) => !keys.has(picture.key));
    return places.length === 0 ? [] : [{ ...entry, places }];
  });
}

/** The classes as they are after the newest entry was taken back. */
export function takeBack(classes: readonly ClassState[], entry: UndoEntry): readonly ClassState[] {
  switch (entry.kind) {
    case 'class-removed': {
      // Its name may have been given to another class meanwhile.
      const name = freeName(classes, entry.removed.name, null);
      const restored = [...classes];
      restored.splice(Math.min(entry.index, classes.length), 0, { ...entry.removed, name });
      return restored;
    }
    case 'class-renamed':
      return rename(classes, entry.key, freeName(classes, entry.from, entry.key));
    case 'pictures-removed':
      return restorePictures(classes, entry.places);
    case 'pictures-moved': {
      const keys = new Set(entry.places.map((place) => place.picture.key));
      return restorePictures(removePictures(classes, keys), entry.places);
    }
  }
}

/** In words, for the toast. */
export function describe(entry: UndoEntry, classes: readonly ClassState[]): string {
  switch (entry.kind) {
    case 'class-removed':
      return `Class “${entry.removed.name}” deleted`;
    case 'class-renamed':
      return `Renamed to “${entry.to}”`;
    case 'pictures-removed':
      return `${pictures(entry.places.length)} deleted`;
    case 'pictures-moved': {
      const to = classes.find((each) => each.key === entry.to)?.name ?? '';
      return `${pictures(entry.places.length)} moved to “${to}”`;
    }
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

/** The pictures that a change has put out of reach. */
export function lostPictures(before: AppState, after: AppState): Key[] {
  const left = reachablePictures(after);
  return [...reachablePictures(before)].filter((key) => !left.has(key));
}

/** Whether a class is there or can be brought back. */
export function isReachable({ classes, undo }: AppState, key: Key): boolean {
  return classes.some((each) => each.key === key) || undo.some((entry) => entry.kind === 'class-removed' && entry.removed.key === key);
}

/** The deleted classes that a change has put out of reach. */
export function lostClasses(before: AppState, after: AppState): Key[] {
  const deleted = (undo: readonly UndoEntry[]): Key[] => undo.flatMap((entry) => (entry.kind === 'class-removed' ? [entry.removed.key] : []));
  const left = new Set([...deleted(after.undo), ...after.classes.map(({ key }) => key)]);
  return deleted(before.undo).filter((key) => !left.has(key));
}
