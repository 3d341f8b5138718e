import type { Part } from '../../headstart.js';
import type { Key, PictureState } from '../../state/types.js';
import type { Source } from './library.js';

/** Why a picture did not come in. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** Something is wrong with the file itself. */
  readonly ordinary: boolean;
}

/** What became of a picture that was delivered: it is in, its class has gone or it was withdrawn, or there is something wrong with it. */
export type Delivery = { readonly key: Key; readonly outcome: 'added' | 'gone' | Failure };

/** Files that came together and are reported on together. */
export interface Batch {
  readonly classKey: Key;
  /** What they are there for. */
  readonly part: Part;
  readonly total: number;
  done: number;
  readonly failed: Failure[];
  /** Whoever has sent it reports on it; null where the page does. */
  readonly settled: ((outcome: Delivery['outcome']) => void) | null;
  withdrawn: boolean;
}

export interface Job {
  readonly key: Key;
  readonly batch: Batch;
  /** Whether the page does not show the picture yet. */
  readonly fresh: boolean;
  /** What was read of what is kept. */
  source?: Source;
  features?: Uint8Array | undefined;
}

/** What happened to the pictures of a class that the state does not know yet. */
export interface News {
  added: PictureState[];
  /** Shown already, but their files cannot be read any more. */
  lost: Set<Key>;
  done: number;
}
