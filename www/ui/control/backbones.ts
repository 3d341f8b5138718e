import type { Arithmetic, BackboneChange, BackboneOutcome, BackboneRef, Trainer } from '../../headstart.js';
import type { Store } from '../../state/store.js';
import { codeOf, report } from './errors.js';
import type { Session } from './session.js';

/** Which backbone the trainers have, and putting another in its place; the state shows how far that is. */
export class Backbones {
  readonly #store: Store;
  readonly #session: Pick<Session, 'trainer' | 'refresh'>;
  /** The one that the next trainer is started with too; undefined for the usual one. */
  #chosen: BackboneRef | undefined;
  /** The one to which a change that is cancelled goes back. */
  #settled: BackboneRef | undefined;
  /** Changes that have not ended; the last one is on show, and where it is refused the one that it was to take the place of goes on. */
  readonly #under: BackboneChange[] = [];
  #tell: (outcome: BackboneOutcome) => void = () => undefined;

  constructor(store: Store, session: Pick<Session, 'trainer' | 'refresh'>) {
    this.#store = store;
    this.#session = session;
  }

  get chosen(): BackboneRef | undefined {
    return this.#chosen;
  }

  get settled(): BackboneRef | undefined {
    return this.#settled;
  }

  /** Who is told how each change has ended that is on show. */
  onOutcome(tell: (outcome: BackboneOutcome) => void): void {
    this.#tell = tell;
  }

  /** The one that the next trainer is started with, where none has started. */
  startWith(ref: BackboneRef | undefined): void {
    this.#chosen = ref;
    this.#settled = ref;
  }

  /** A trainer was started with the chosen one; what the one before was in the middle of is shown to the end. */
  async attach(trainer: Trainer): Promise<void> {
    if (trainer.change !== null) return void (await this.follow(trainer, trainer.change));
    this.#settled = this.#chosen;
    this.#store.dispatch({ type: 'backbone-change-ended' });
  }

  /**
   * Changes it. Gives null where there is no engine, and where the trainer was replaced or died meanwhile: the next one goes on with
   * the change.
   *
   * @throws what the trainer refuses it with.
   */
  async change(ref: BackboneRef): Promise<BackboneOutcome | null> {
    const { trainer } = this.#session;
    if (trainer === null || this.#store.get().engine.status !== 'ready') return null;
    // Eight bits are the user's wish, whatever is computed in them; floats are what the card of another may have a word in.
    const { arithmetic } = trainer.backbone;
    return this.follow(trainer, trainer.setBackbone(ref, arithmetic === 'float' ? {} : { arithmetic }), ref);
  }

  /** Has the present one compute in something else; otherwise as {@link Backbones.change}. */
  async compute(arithmetic: Arithmetic): Promise<BackboneOutcome | null> {
    const { trainer } = this.#session;
    if (trainer === null || this.#store.get().engine.status !== 'ready') return null;
    return this.follow(trainer, trainer.setArithmetic(arithmetic));
  }

  /** Goes back to the one before, while pictures are still being prepared for the present one. */
  async cancel(): Promise<void> {
    // Whoever began it is told how it ended.
    await this.#session.trainer?.change?.cancel().catch(() => undefined);
  }

  /** Shows a change to the end; one that another took the place of is no longer shown. */
  async follow(trainer: Trainer, change: BackboneChange, ref = this.#chosen): Promise<BackboneOutcome | null> {
    const isPresent = (): boolean => trainer === this.#session.trainer && this.#under.at(-1) === change;
    this.#under.push(change);
    this.#store.dispatch({ type: 'backbone-changing', progress: null });
    try {
      for await (const progress of change) {
        if (!isPresent()) continue;
        this.#chosen = ref;
        this.#session.refresh();
        this.#store.dispatch({ type: 'backbone-changing', progress });
      }
      const outcome = await change.finished;
      if (isPresent()) {
        if (outcome.cancelled) this.#chosen = this.#settled;
        else this.#settled = ref;
        this.#tell(outcome);
      }
      return outcome;
    } catch (error) {
      if (trainer !== this.#session.trainer) return null;
      if (codeOf(error) !== 'worker_failed') throw error;
      report(this.#store, 'train', error);
      return null;
    } finally {
      const wasPresent = isPresent();
      this.#under.splice(this.#under.indexOf(change), 1);
      if (wasPresent) this.#conclude();
    }
  }

  #conclude(): void {
    const [before] = this.#under.slice(-1);
    this.#session.refresh();
    this.#store.dispatch(before ? { type: 'backbone-changing', progress: before.progress } : { type: 'backbone-change-ended' });
  }
}
