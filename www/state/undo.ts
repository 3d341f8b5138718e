/** What can be taken back, and taking it back. */
import { freeName, removePictures, rename, restorePictures } from './classes.js';
import type { AppState, ClassState, Key, UndoEntry } from './types.js';

/** Deleted pictures stay in memory until their entry falls off the end. */
const UNDO_DEPTH = 50;

export function pushUndo(undo: readonly UndoEntry[], entry: UndoEntry): readonly UndoEntry[] {
  return [...undo, entry].slice(-UNDO_DEPTH);
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
  for (const entry of state.undo) {
    if (entry.kind === 'class-removed') for (const picture of entry.removed.pictures) keys.add(picture.key);
    if (entry.kind === 'pictures-removed') for (const place of entry.places) keys.add(place.picture.key);
  }
  return keys;
}
