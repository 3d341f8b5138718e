/** Classes and their pictures: pure transitions on the list. */
import type { AppState, ClassState, Key, PictureState, Place } from './types.js';

type Classes = readonly ClassState[];

/** The first free “Class N”. */
export function freshName(classes: Classes): string {
  for (let number = classes.length + 1; ; number += 1) {
    const name = `Class ${number}`;
    if (!isTaken(classes, name, null)) return name;
  }
}

/** `wanted`, or the first of “wanted (2)”, “wanted (3)”, … that no class but `except` has. */
export function freeName(classes: Classes, wanted: string, except: Key | null): string {
  let name = wanted;
  for (let number = 2; isTaken(classes, name, except); number += 1) name = `${wanted} (${number})`;
  return name;
}

/** Why a class cannot have this name, or null if it can. */
export function nameProblem(classes: Classes, key: Key | null, name: string): string | null {
  if (name.trim() === '') return 'A class needs a name.';
  if (isTaken(classes, name.trim(), key)) return `There is already a class called “${name.trim()}”.`;
  return null;
}

function isTaken(classes: Classes, name: string, except: Key | null): boolean {
  return classes.some((each) => each.key !== except && each.name === name);
}

export function findClass(classes: Classes, key: Key): ClassState | undefined {
  return classes.find((each) => each.key === key);
}

/** Each list of pictures by key; made when one of it is first looked for. */
const INDEXES = new WeakMap<readonly PictureState[], ReadonlyMap<Key, PictureState>>();

/** A picture and its class. Many are looked for one after the other: a list is gone through for the first of them only. */
export function findPicture(classes: Classes, key: Key): { readonly classKey: Key; readonly picture: PictureState } | undefined {
  for (const { key: classKey, pictures } of classes) {
    let index = INDEXES.get(pictures);
    if (index === undefined) INDEXES.set(pictures, (index = new Map(pictures.map((each) => [each.key, each]))));
    const picture = index.get(key);
    if (picture !== undefined) return { classKey, picture };
  }
  return undefined;
}

/** What a class is called now; one that was deleted, or is none of the page's, keeps the name that came with its number. */
export function nameNow(classes: Classes, key: Key | null, name: string): string {
  return (key === null ? undefined : findClass(classes, key)?.name) ?? name;
}

/** The class with its pictures to learn from alone. */
export function toLearn(of: ClassState): ClassState {
  return of.pictures.some(({ test }) => test) ? { ...of, pictures: of.pictures.filter(({ test }) => !test) } : of;
}

/** The class with its pictures of the test set alone. */
export function toTest(of: ClassState): ClassState {
  return { ...of, pictures: of.pictures.filter(({ test }) => test) };
}

export function countPictures(classes: Classes): number {
  return classes.reduce((sum, each) => sum + each.pictures.length, 0);
}

/** How many are of the test set. */
export function countTests(classes: Classes): number {
  let total = 0;
  for (const { pictures } of classes) for (const { test } of pictures) if (test) total += 1;
  return total;
}

export function addPictures(classes: Classes, key: Key, added: readonly PictureState[]): Classes {
  return classes.map((each) => (each.key === key ? { ...each, pictures: [...each.pictures, ...added] } : each));
}

export function rename(classes: Classes, key: Key, name: string): Classes {
  return classes.map((each) => (each.key === key ? { ...each, name } : each));
}

/** Where each of these pictures is now; pictures that are in no class are left out. */
export function placesOf(classes: Classes, keys: ReadonlySet<Key>): Place[] {
  return classes.flatMap((each) =>
    each.pictures.flatMap((picture, index) =>
      keys.has(picture.key) ? [{ picture, classKey: each.key, index }] : [],
    ),
  );
}

export function removePictures(classes: Classes, keys: ReadonlySet<Key>): Classes {
  return classes.map((each) => {
    const left = each.pictures.filter((picture) => !keys.has(picture.key));
    return left.length === each.pictures.length ? each : { ...each, pictures: left };
  });
}

/** Puts pictures back where they were. `places` of one class must be in rising order of index, as `placesOf` gives them. */
export function restorePictures(classes: Classes, places: readonly Place[]): Classes {
  return classes.map((each) => {
    const own = places.filter((place) => place.classKey === each.key);
    if (own.length === 0) return each;
    const pictures = [...each.pictures];
    for (const place of own) pictures.splice(Math.min(place.index, pictures.length), 0, place.picture);
    return { ...each, pictures };
  });
}

/** The classes that the page came with and nobody has used: a set of ready classes takes their place. */
export function untouchedClasses(state: AppState): Key[] {
  if (state.undo.length > 0) return [];
  const isInUse = ({ key, pictures }: ClassState): boolean => pictures.length > 0 || state.intake[key] !== undefined || state.camera === key;
  return state.classes.filter((each) => !isInUse(each) && /^Class \d+$/.test(each.name)).map((each) => each.key);
}
