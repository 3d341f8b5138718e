import type { Model, Progress } from './protocol.js';

/** What stands where the model would be, or the model. */
export type ModelState =
  | { readonly status: 'loading'; readonly progress: Progress | null }
  | { readonly status: 'ready'; readonly model: Model }
  | { readonly status: 'failed'; readonly problem: string };

/** What came of a picture. */
export type Outcome =
  | { readonly status: 'waiting' }
  /** Of the model's classes; `thumbnail` is an address. */
  | { readonly status: 'seen'; readonly classes: readonly string[]; readonly shares: readonly number[]; readonly thumbnail: string }
  | { readonly status: 'refused'; readonly problem: string };

/** A picture of the list. */
export interface Item {
  readonly id: number;
  /** With the folders that it came in. */
  readonly name: string;
  readonly file: File;
  readonly outcome: Outcome;
}

/** The picture that is on show, whose list entry has been seen. */
export interface Shown {
  readonly id: number;
  readonly name: string;
  readonly url: string;
}

export interface Notice {
  readonly tone: 'info' | 'error';
  readonly text: string;
}

export interface State {
  readonly name: string;
  readonly model: ModelState;
  readonly items: readonly Item[];
  readonly shown: Shown | null;
  readonly live: boolean;
  /** What the model makes of the camera's latest frame. */
  readonly liveShares: readonly number[] | null;
  readonly notice: Notice | null;
}

/** Before anything has happened. */
export const FRESH: State = {
  name: 'Picture classifier',
  model: { status: 'loading', progress: null },
  items: [],
  shown: null,
  live: false,
  liveShares: null,
  notice: null,
};

/** What the bars show. */
export function sharesNow({ live, liveShares, items, shown }: State): readonly number[] | null {
  if (live) return liveShares;
  const outcome = items.find(({ id }) => id === shown?.id)?.outcome;
  return outcome?.status === 'seen' ? outcome.shares : null;
}

/** How many pictures of the list are looked at and how many of them could not be read. */
export function countOf(items: readonly Item[]): { done: number; refused: number } {
  const count = (status: Outcome['status']): number => items.filter(({ outcome }) => outcome.status === status).length;
  return { done: items.length - count('waiting'), refused: count('refused') };
}
