import type { SavedProject, Trainer } from '../../headstart.js';
import type { Area, Key } from '../../state/types.js';
import type { Merge } from '../../storage/database.js';

/** Something that a trainer is told, and the one after it too. */
export interface Change {
  /** Where it is said that it went wrong. */
  readonly area: Area;
  apply(trainer: Trainer): Promise<unknown>;
  /** What it merges, and which class it brings back: the classes alone do not tell one that was merged from one that was removed. */
  readonly merges?: readonly Merge[];
  readonly restores?: Key;
}

/** A moment in the life of the trainers. */
export interface Moment {
  /** How many changes had been told by then. */
  readonly changes: number;
  /** How many models there had been by then. */
  readonly models: number;
}

/**
 * What it takes to make a new trainer the same as the present one: the project that was saved last, and everything that was told since.
 * It also keeps what is told before there is any trainer.
 */
export class Journal {
  #project: SavedProject | undefined;
  #saved: Moment = { changes: 0, models: 0 };
  /** Those that came after the project. */
  #since: Change[] = [];
  #models = 0;

  /** Goes on with a project of an earlier visit, and with how many models there had been. */
  restore(project: SavedProject, models: { readonly saved: number; readonly made: number }): void {
    this.#project = project;
    this.#saved = { changes: 0, models: models.saved };
    this.#models = models.made;
  }

  /** Does without the project that was saved last, which cannot be opened; `instead` makes a new trainer the same but for its model. */
  drop(instead: Change): void {
    this.#project = undefined;
    this.#saved = { changes: 0, models: Math.max(0, this.#models - 1) };
    this.#since = [instead];
  }

  /** The project that was saved last, if any was. */
  get project(): SavedProject | undefined {
    return this.#project;
  }

  /** What is not in that project. */
  get since(): readonly Change[] {
    return this.#since;
  }

  /** Merges that are not in that project and were not taken back. */
  get merges(): readonly Merge[] {
    let all: readonly Merge[] = [];
    for (const { merges = [], restores } of this.#since) all = [...all.filter(([from]) => from !== restores), ...merges];
    return all;
  }

  /** Whether the model in that project is the one that was made last. */
  get hasModel(): boolean {
    return this.#saved.models === this.#models;
  }

  /** What a project will hold that is asked for now: a trainer does one thing after the other. */
  get now(): Moment {
    return { changes: this.#saved.changes + this.#since.length, models: this.#models };
  }

  add(change: Change): void {
    this.#since.push(change);
  }

  /** The model that was made last is lost for good: nobody waits for it to be saved. */
  forgetModel(): void {
    this.#models = this.#saved.models;
  }

  addModel(): void {
    this.#models += 1;
  }

  /** Takes a project that was asked for at some moment, unless a later one is here already. */
  save(project: SavedProject, asked: Moment): void {
    const { changes, models } = this.#saved;
    if (asked.changes < changes || asked.models < models) return;
    this.#since = this.#since.slice(asked.changes - changes);
    this.#saved = asked;
    // Pictures are for the next trainer at once: there are their files for a later one.
    this.#project = { ...project, pictures: null, thumbnails: null, sources: null };
  }

  /** How many models there have been, and how many by the time of the project that was saved last. */
  get models(): { readonly saved: number; readonly made: number } {
    return { saved: this.#saved.models, made: this.#models };
  }
}
