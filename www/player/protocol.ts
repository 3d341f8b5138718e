/** What the page and its worker say to each other: types only, no code. Each {@link Request} gets one reply with the same `id`. */
import type { Failure } from '../protocol.js';

/** What there is to know of a model. */
export interface Model {
  /** The names, in the model's order. */
  readonly classes: readonly string[];
  /** Pictures are looked at in so many pixels a side. */
  readonly inputSize: number;
  readonly architecture: string;
}

/** What a model makes of a picture. */
export interface Answer {
  /** How probable each class is, in the order of the classes. */
  readonly shares: readonly number[];
  /** A small picture of it, where one was wanted. */
  readonly thumbnail: Blob | null;
}

/** The calls, with what they take and what they give. */
export interface Calls {
  /** A model's file; null for the one beside the page. Until it is open the one before goes on answering. */
  open: { args: { file: Blob | null }; value: Model };
  predict: { args: { picture: Blob | ImageBitmap; name: string; thumbnail: boolean }; value: Answer };
}

export type Call = keyof Calls;

export type Request = { [C in Call]: { id: number; call: C } & Calls[C]['args'] }[Call];

/** How far the opening of a model is. */
export interface Progress {
  /** Fetching it, or all that comes then. */
  readonly doing: 'fetching' | 'preparing';
  /** Bytes. */
  readonly done: number;
  /** Null where the server does not say. */
  readonly total: number | null;
}

export type Message =
  | { kind: 'progress'; progress: Progress }
  | { kind: 'result'; id: number; value: Model | Answer }
  | { kind: 'failure'; id: number; failure: Failure }
  /** The wasm code has stopped in the middle of this request: the worker answers nothing more. */
  | { kind: 'fatal'; id: number; failure: Failure };
