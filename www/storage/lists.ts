/** The lists of pictures as they are kept: in pieces, so that a few pictures more change one piece, however many there are. */
import { difference } from '../state/difference.js';
import type { ClassState, Key, PictureState } from '../state/types.js';
import type { ListRecord } from './database.js';

/** Pictures of a piece. */
export const PIECE = 100;

/** What is to be written so that lists become others. */
export interface ChangedPieces {
  readonly put: readonly Omit<ListRecord, 'project'>[];
  readonly gone: readonly (readonly [classKey: Key, piece: number])[];
}

/** The pieces in which the lists of these classes differ. */
export function changedPieces(before: readonly ClassState[], after: readonly ClassState[]): ChangedPieces {
  const put: Omit<ListRecord, 'project'>[] = [];
  const gone: [Key, number][] = [];
  const old = new Map(before.map(({ key, pictures }) => [key, pictures]));
  const compare = (classKey: Key, was: readonly PictureState[], is: readonly PictureState[]): void => {
    const { from, oldTo, nowTo } = difference(was, is);
    if (from === oldTo && from === nowTo) return;
    // Where there are more or fewer, all that follow are in other places.
    const to = was.length === is.length ? nowTo : is.length;
    for (let piece = Math.floor(from / PIECE); piece * PIECE < to; piece += 1) {
      put.push({ class: classKey, piece, pictures: is.slice(piece * PIECE, (piece + 1) * PIECE) });
    }
    for (let piece = countPieces(is); piece < countPieces(was); piece += 1) gone.push([classKey, piece]);
  };
  for (const { key, pictures } of after) {
    compare(key, old.get(key) ?? [], pictures);
    old.delete(key);
  }
  for (const [key, pictures] of old) compare(key, pictures, []);
  return { put, gone };
}

/** The classes with the lists that these pieces make up; they are in order. */
export function withLists(classes: readonly Pick<ClassState, 'key' | 'name'>[], pieces: readonly ListRecord[]): ClassState[] {
  const lists = new Map<Key, PictureState[]>(classes.map(({ key }) => [key, []]));
  for (const piece of pieces) lists.get(piece.class)?.push(...piece.pictures);
  return classes.map(({ key, name }) => ({ key, name, pictures: lists.get(key) ?? [] }));
}

/** The classes without pictures that are not there; they themselves where all are. */
export function withPresent(classes: readonly ClassState[], isThere: (key: Key) => boolean): readonly ClassState[] {
  if (classes.every(({ pictures }) => pictures.every(({ key }) => isThere(key)))) return classes;
  return classes.map((each) => ({ ...each, pictures: each.pictures.filter(({ key }) => isThere(key)) }));
}

function countPieces({ length }: readonly PictureState[]): number {
  return Math.ceil(length / PIECE);
}
