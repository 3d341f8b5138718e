import { Trainer, type EngineChoice, type EngineReport } from '../../headstart.js';
import { findClass } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key } from '../../state/types.js';
import { messageOf, report } from './errors.js';
import type { Intake } from './intake.js';

/** The trainer that is in use, and putting another in its place without losing anything. */
export class Session {
  readonly #store: Store;
  readonly #intake: Intake;
  #trainer: Trainer | null = null;
  #shownEngine: EngineReport | null = null;
  /** Classes that the present trainer holds as removed, with the name it knows each by. */
  #removed = new Map<Key, string>();

  constructor(store: Store, intake: Intake) {
    this.#store = store;
    this.#intake = intake;
  }

  /** Null until the first engine has started: what is done until then is passed on at that time. */
  get trainer(): Trainer | null {
    return this.#trainer;
  }

  /** Starts the engine, or a different one: the old one keeps working until the new one is there. */
  async start(choice: EngineChoice): Promise<boolean> {
    const old = this.#trainer;
    const broken = this.#store.get().engine.status === 'failed';
    this.#store.dispatch({ type: 'engine-starting', switching: old !== null });
    try {
      const trainer = await Trainer.create({ engine: choice });
      await this.#carryModel(old, trainer);
      this.#attach(trainer);
      old?.close();
      return true;
    } catch (error) {
      if (old === null || broken) this.#store.dispatch({ type: 'engine-failed', problem: messageOf(error) });
      else {
        this.#ready(old);
        report(this.#store, 'train', error);
      }
      return false;
    }
  }

  /** The trained model goes along: it does not depend on the engine. Only a worker that has died takes it with it. */
  async #carryModel(from: Trainer | null, to: Trainer): Promise<void> {
    if (from === null || from.modelClasses === null) return;
    try {
      await to.load(await from.save());
    } catch (error) {
      const text = `Your pictures are all here, but the trained model could not be kept: train again. (${messageOf(error)})`;
      this.#store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text });
    }
  }

  #attach(trainer: Trainer): void {
    this.#trainer = trainer;
    this.#removed = new Map();
    for (const each of this.#store.get().classes) this.ask('page', trainer.addClass(each.name));
    this.#ready(trainer);
    this.#store.dispatch({ type: 'model-changed', labels: trainer.modelClasses });
    this.#intake.attach(trainer);
  }

  #ready(trainer: Trainer): void {
    this.#shownEngine = trainer.engine;
    this.#store.dispatch({ type: 'engine-ready', report: trainer.engine, defaults: trainer.defaults, rules: trainer.rules, backbone: trainer.backbone });
  }

  /** Shows what the trainer says about itself now: a lost GPU is replaced by the CPU, a rename changes the model's labels. */
  refresh(): void {
    const trainer = this.#trainer;
    if (trainer === null) return;
    if (trainer.engine.kind !== this.#shownEngine?.kind) {
      this.#shownEngine = trainer.engine;
      this.#store.dispatch({ type: 'engine-changed', report: trainer.engine });
    }
    const shown = this.#store.get().model;
    if (JSON.stringify(shown) !== JSON.stringify(trainer.modelClasses)) {
      this.#store.dispatch({ type: 'model-changed', labels: trainer.modelClasses });
    }
  }

  /** Shows what goes wrong with a request whose result nobody waits for. */
  ask(area: 'page' | 'pictures', request: Promise<unknown> | undefined): void {
    const asked = this.#trainer;
    request?.then(
      () => this.refresh(),
      // One that was replaced meanwhile no longer matters: the new one was given everything.
      (error: unknown) => asked === this.#trainer && report(this.#store, area, error),
    );
  }

  addClass(name: string): void {
    this.ask('pictures', this.#trainer?.addClass(name));
  }

  renameClass(from: string, to: string): void {
    this.ask('pictures', this.#trainer?.renameClass(from, to));
  }

  removeClass(key: Key, name: string): void {
    if (this.#trainer === null) return;
    // The trainer brings a class back by its name, so no two removed ones may share it.
    const known = [...this.#removed.values()].includes(name) ? `${name} (deleted ${key})` : name;
    if (known !== name) this.renameClass(name, known);
    this.#removed.set(key, known);
    this.ask('pictures', this.#trainer.removeClass(known));
  }

  /** Brings a class back under the name that the state gives it. */
  restoreClass(key: Key): void {
    const name = findClass(this.#store.get().classes, key)?.name;
    const trainer = this.#trainer;
    if (trainer === null || name === undefined) return;
    const known = this.#removed.get(key);
    this.#removed.delete(key);
    if (known === undefined) this.addClass(name);
    else this.#restoreAs(trainer, known, name);
    this.#intake.resend(key);
  }

  #restoreAs(trainer: Trainer, known: string, name: string): void {
    const holder = this.#store.get().classes.find((each) => each.name === known && known !== name);
    // Another class has the name now: it steps aside for a moment.
    if (holder) this.renameClass(known, `${known} (aside ${holder.key})`);
    this.ask('pictures', trainer.restoreClass(known));
    if (known !== name) this.renameClass(known, name);
    if (holder) this.renameClass(`${known} (aside ${holder.key})`, known);
  }
}
