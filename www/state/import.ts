/** An import on its way: what the page shows of it. The files themselves are with `ui/control/importer.ts`. */
import { addToImport, describe } from './undo.js';
import type { AppState, ClassState, Key } from './types.js';

/** A class that pictures would go to. */
export interface ImportClass {
  readonly name: string;
  /** So many pictures would come in. */
  readonly count: number;
  readonly wanted: boolean;
  /** It is in the project already. */
  readonly present: boolean;
}

/** Files that are left out for one reason. */
export interface ImportLeftOut {
  /** Words that follow a name. */
  readonly reason: string;
  /** Of the first of them. */
  readonly names: readonly string[];
  readonly total: number;
}

/** What an import would do, for somebody to decide on. */
export interface ImportSummary {
  readonly title: string;
  readonly classes: readonly ImportClass[];
  /** So many pictures are there more than once; so many of them in the project already. */
  readonly equals: number;
  readonly present: number;
  readonly withEquals: boolean;
  /** Pictures for testing, by folder. */
  readonly tests: readonly { readonly folder: string; readonly count: number }[];
  readonly leftOut: readonly ImportLeftOut[];
  /** What a list of labels has to say. */
  readonly remarks: readonly string[];
}

export type ImportState =
  /** The files are being looked through. */
  | { readonly status: 'looking'; readonly title: string; readonly done: number; readonly total: number }
  | { readonly status: 'ready'; readonly summary: ImportSummary }
  /** Pictures come in; `id` is that of the entry in the list of what can be undone. */
  | {
      readonly status: 'adding';
      readonly id: number;
      readonly title: string;
      readonly done: number;
      readonly total: number;
      readonly secondsLeft: number | null;
      readonly stopping: boolean;
    };

/** A class that was there before and made room, and where it was. */
export interface DroppedClass {
  readonly removed: ClassState;
  readonly index: number;
}

export type ImportAction =
  | { readonly type: 'import-looking'; readonly title: string; readonly done: number; readonly total: number }
  | { readonly type: 'import-planned'; readonly summary: ImportSummary }
  /** It begins: these classes were made for it, and those went. */
  | {
      readonly type: 'import-began';
      readonly title: string;
      readonly created: readonly Key[];
      readonly dropped: readonly DroppedClass[];
      readonly total: number;
    }
  /** These pictures have come in. */
  | { readonly type: 'import-grew'; readonly id: number; readonly keys: readonly Key[]; readonly done: number; readonly secondsLeft: number | null }
  | { readonly type: 'import-stopping' }
  | { readonly type: 'import-ended' };

export function reduceImport(state: AppState, action: ImportAction): AppState {
  switch (action.type) {
    case 'import-looking':
      return { ...state, import: { status: 'looking', title: action.title, done: action.done, total: action.total } };
    case 'import-planned':
      return { ...state, import: { status: 'ready', summary: action.summary } };
    case 'import-began': {
      const { title, created, dropped, total } = action;
      const id = state.nextNotice;
      const progress = { status: 'adding', id, title, done: 0, total, secondsLeft: null, stopping: false } as const;
      const undo = [...state.undo, { kind: 'imported', id, created, dropped, pictures: [] } as const];
      return { ...state, undo, import: progress, nextNotice: id + 1 };
    }
    case 'import-grew': {
      const undo = addToImport(state.undo, action.id, action.keys);
      const { import: before } = state;
      if (before?.status !== 'adding' || before.id !== action.id) return { ...state, undo };
      return { ...state, undo, import: { ...before, done: action.done, secondsLeft: action.secondsLeft } };
    }
    case 'import-stopping':
      return state.import?.status === 'adding' ? { ...state, import: { ...state.import, stopping: true } } : state;
    case 'import-ended':
      return ended(state);
  }
}

/** Offers to take it back, where something was done and nothing else since. */
function ended(state: AppState): AppState {
  const { import: before } = state;
  const last = state.undo.at(-1);
  if (before?.status !== 'adding' || last?.kind !== 'imported' || last.id !== before.id) return { ...state, import: null };
  const isNothing = last.pictures.length + last.created.length + last.dropped.length === 0;
  if (isNothing) return { ...state, import: null, undo: state.undo.slice(0, -1) };
  const toast = { id: state.nextNotice, text: describe(last, state.classes) };
  return { ...state, import: null, toast, nextNotice: state.nextNotice + 1 };
}

/** How many pictures would come in. */
export function countWanted({ classes, tests }: ImportSummary): number {
  const toLearn = classes.reduce((sum, { wanted, count }) => sum + (wanted ? count : 0), 0);
  return tests.reduce((sum, { count }) => sum + count, toLearn);
}
