import type { BackboneReport } from '../../headstart.js';
import { isActive } from '../../state/run.js';
import type { Store } from '../../state/store.js';
import type { AppState, Key } from '../../state/types.js';
import type { ProjectPlace } from '../../storage/project.js';
import type { Library } from './library.js';
import type { Session } from './session.js';

/** Looked for once the page had nothing else to do for so long. */
const QUIET_MS = 500;
/** So many are written at a time. */
const BATCH = 16;

/** Tells backbones apart as far as what is kept goes; the trainer looks closer and passes over what is another's. */
export function backboneTag({ architecture, inputSize, features, parameters, source, arithmetic }: BackboneReport): string {
  return JSON.stringify([architecture, inputSize, features, parameters, source, ...(arithmetic === 'float' ? [] : [arithmetic])]);
}

/**
 * Keeps what the backbone has made of the pictures beside them, so that the next visit need not compute it again. It is done while there
 * is nothing else to do, and nobody is told where it cannot be.
 */
export class FeatureKeeper {
  readonly #store: Store;
  readonly #library: Library;
  readonly #session: Session;
  readonly #place: () => ProjectPlace | null;
  /** What is kept, where, and of which backbone; null before that was looked up. */
  #kept: { readonly place: ProjectPlace; readonly tag: string; readonly keys: Set<Key> } | null = null;
  #seen: AppState;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working = false;

  constructor(store: Store, library: Library, session: Session, place: () => ProjectPlace | null) {
    this.#store = store;
    this.#library = library;
    this.#session = session;
    this.#place = place;
    this.#seen = store.get();
  }

  follow(): void {
    this.#store.subscribe(() => {
      const [before, now] = [this.#seen, this.#store.get()];
      this.#seen = now;
      const isNew = before.classes !== now.classes || before.engine !== now.engine || before.project.keeping !== now.project.keeping;
      if (!isNew && isIdle(before) === isIdle(now)) return;
      clearTimeout(this.#timer);
      if (isIdle(now)) this.#timer = setTimeout(() => void this.#keep().catch(() => undefined), QUIET_MS);
    });
  }

  async #keep(): Promise<void> {
    const [place, trainer] = [this.#place(), this.#session.trainer];
    if (this.#working || place === null || trainer === null) return;
    this.#working = true;
    try {
      const tag = backboneTag(trainer.backbone);
      if (this.#kept?.place !== place || this.#kept.tag !== tag) this.#kept = { place, tag, keys: new Set(await place.featured(tag)) };
      const { keys } = this.#kept;
      const removed = [...keys].filter((key) => this.#library.nameOf(key) === undefined);
      if (removed.length > 0) await place.writeFeatures(tag, new Map(), removed);
      for (const key of removed) keys.delete(key);
      const all = this.#store.get().classes.flatMap(({ pictures }) => pictures);
      const missing = all.flatMap(({ key }) => (!keys.has(key) && this.#library.isSent(key) ? [key] : []));
      for (let from = 0; from < missing.length; from += BATCH) {
        const added = new Map<Key, Uint8Array>();
        for (const key of missing.slice(from, from + BATCH)) {
          const bytes = await trainer.features(key).catch(() => null);
          if (bytes !== null) added.set(key, bytes);
        }
        // What was begun with one backbone is not to end with another.
        if (!isIdle(this.#store.get()) || trainer !== this.#session.trainer || tag !== backboneTag(trainer.backbone)) return;
        await place.writeFeatures(tag, added, []);
        for (const key of added.keys()) keys.add(key);
      }
    } finally {
      this.#working = false;
    }
  }
}

/** Nothing comes in, trains or changes, and everything that cannot be computed again is kept. */
function isIdle({ engine, run, backboneChange, intake, project }: AppState): boolean {
  return engine.status === 'ready' && !isActive(run) && backboneChange === null && Object.keys(intake).length === 0 && project.keeping === 'saved';
}
