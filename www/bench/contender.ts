/** Who is measured, and at what. */
import type { EngineKind } from '../headstart.js';
import type { WorkId } from './works.js';

/** Does a piece of work once and gives its milliseconds. */
export type Measure = () => Promise<number>;

/** A work that is ready to be done. */
export interface Opened {
  measure: Measure;
  close(): void;
}

/** A library on an engine. */
export interface Contender {
  name: string;
  ours: boolean;
  engine: EngineKind;
  /** How each work is got ready, where it can be done at all; loading and preparing are no part of the time. */
  works: Partial<Record<WorkId, () => Promise<Opened>>>;
}
