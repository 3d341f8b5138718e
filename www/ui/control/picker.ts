import { listBackbones, type Arithmetic, type BackboneEntry, type BackboneFiles, type BackboneRef, type EngineReport } from '../../headstart.js';
import { filesOfTransfer, findBackbone, type BackboneFilesFound, type FoundFile, type TransferLike } from '../../media/index.js';
import type { BackboneCost } from '../../state/backbone-types.js';
import { notPrepared, refused, whyNotCompute, whyNotNow, whyNotTake } from '../../state/backbone-words.js';
import { nameInUse, nameOf } from '../../state/backbones.js';
import type { Store } from '../../state/store.js';
import type { TrainerRecord } from '../../storage/database.js';
import { diskId, fromDisk, idOf, served, type Brought } from './backbone-choices.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Session } from './session.js';

/** What is kept of the backbone that a project was on. */
export type KeptBackbone = Pick<TrainerRecord, 'backbone' | 'backboneName'>;

/** Choosing a backbone: of those that are served, or one from the disk. */
export class BackbonePicker {
  readonly #store: Store;
  readonly #session: Session;
  readonly #list: () => Promise<BackboneEntry[]>;
  /** How the trainer is told of each, by id. */
  readonly #refs = new Map<string, BackboneRef>();
  readonly #brought = new Map<string, Brought>();

  constructor(store: Store, session: Session, list: () => Promise<BackboneEntry[]> = listBackbones) {
    this.#store = store;
    this.#session = session;
    this.#list = list;
  }

  /** Keeps the state in step with what the trainers have. */
  follow(): void {
    this.#store.subscribe(() => this.#look());
    this.#session.backbones.onOutcome(({ unreadable }) => {
      if (unreadable.length > 0) this.#say('info', this.#notPrepared(unreadable.map(({ id }) => id)));
    });
  }

  /** Asks for the list, where it is not known. */
  async list(): Promise<void> {
    const { list } = this.#store.get().backbones;
    if (list === 'asking' || list === 'known') return;
    this.#store.dispatch({ type: 'backbones-asked' });
    try {
      const entries = await this.#list();
      for (const entry of entries) this.#refs.set(idOf(entry), { folder: entry.folder });
      const usual = entries.find((entry) => entry.default);
      this.#store.dispatch({ type: 'backbones-listed', choices: entries.map(served), usual: usual ? idOf(usual) : null });
    } catch (error) {
      this.#store.dispatch({ type: 'backbones-not-listed', problem: messageOf(error) });
    }
  }

  /** The backbone of the project that goes on or, with a new one, of the last visit, for the first trainer. */
  async recall(earlier: KeptBackbone | null = null, chosen: string | null = null): Promise<void> {
    if (chosen === null && earlier !== null && typeof earlier.backbone !== 'string') return this.#recallFiles(earlier.backbone, earlier.backboneName);
    const backbone = chosen ?? (earlier === null ? this.#store.get().settings.backbone : idOf({ folder: earlier.backbone as string }));
    if (backbone === null || this.#session.trainer !== null || this.#session.backbones.chosen !== undefined) return;
    await this.list();
    const ref = this.#refs.get(backbone);
    const { problem } = this.#store.get().backbones;
    if (ref !== undefined) return this.#session.backbones.startWith(ref);
    if (problem === null) this.#remember(null);
    this.#say('info', `${problem ?? `The backbone chosen before, “${backbone}”, is not on offer any more.`} The usual one is in use.`);
  }

  #recallFiles({ weights, config }: BackboneFiles, name: string): void {
    const card = config === undefined ? undefined : new File([config], 'config.json');
    const id = this.#bring({ name, weights: new File([weights], 'model.safetensors'), config: card });
    this.#session.backbones.startWith(this.#refs.get(id));
  }

  /** Does without the one that was chosen, which cannot be started with; tells whether there was any. */
  async giveUp(): Promise<boolean> {
    const { chosen } = this.#session.backbones;
    if (chosen === undefined) return false;
    await this.list();
    const { usual } = this.#store.get().backbones;
    const id = this.#idOf(chosen);
    if (id !== null && id === usual) return false;
    const name = (id === null ? null : nameOf(this.#store.get(), id)) ?? 'The backbone chosen before';
    this.#session.backbones.startWith(usual === null ? undefined : this.#refs.get(usual));
    this.#say('info', `${name} could not be loaded: the usual backbone is in use.`);
    return true;
  }

  /** Takes one that is on offer. */
  async take(id: string): Promise<void> {
    const state = this.#store.get();
    const ref = this.#refs.get(id);
    if (ref !== undefined && whyNotTake(state, id) === null) await this.#change(id, nameOf(state, id) ?? id, ref);
  }

  /** Takes the one among the files of a drop; to be called while its event is being handled. */
  takeTransfer(transfer: TransferLike): void {
    filesOfTransfer(transfer).then(
      (found) => this.takeFiles(found),
      (error: unknown) => report(this.#store, 'backbone', error),
    );
  }

  /** Takes the one among these files. */
  async takeFiles(found: readonly FoundFile[]): Promise<void> {
    this.#store.dispatch({ type: 'area-cleared', area: 'backbone' });
    const state = this.#store.get();
    const files = findBackbone(found);
    const problem = 'problem' in files ? `${files.problem} ${nameInUse(state)} stays in use.` : whyNotNow(state);
    if (problem !== null) this.#say('error', problem);
    if (problem !== null || 'problem' in files) return;
    const id = this.#known(files) ?? this.#bring(files);
    const ref = this.#refs.get(id);
    const reason = whyNotTake(state, id);
    if (reason !== null) this.#say('info', `${nameOf(state, id) ?? files.name}: ${reason}`);
    else if (ref !== undefined) await this.#change(id, nameOf(state, id) ?? files.name, ref);
  }

  /** The same files were brought before. */
  #known({ weights, config, name }: BackboneFilesFound): string | null {
    const stampOf = (file: File | undefined): string => `${file?.size} ${file?.lastModified}`;
    for (const each of this.#brought.values()) {
      const same = each.name === name && stampOf(each.weights) === stampOf(weights) && stampOf(each.config) === stampOf(config);
      if (same) return each.id;
    }
    return null;
  }

  #bring({ weights, config, name }: BackboneFilesFound): string {
    const id = diskId(this.#brought.size + 1);
    this.#brought.set(id, { id, name, weights, config });
    this.#refs.set(id, { weights, ...(config && { config }) });
    return id;
  }

  /** Goes back to the one before. */
  cancel(): Promise<void> {
    return this.#session.backbones.cancel();
  }

  /** Has the backbone in use compute in something else. */
  async compute(arithmetic: Arithmetic): Promise<void> {
    if (whyNotCompute(this.#store.get()) !== null) return;
    this.#store.dispatch({ type: 'area-cleared', area: 'backbone' });
    try {
      await this.#session.backbones.compute(arithmetic);
    } catch (error) {
      report(this.#store, 'backbone', error);
    }
  }

  /** Measures what a picture takes on a backbone. */
  async measure(id: string): Promise<void> {
    const { trainer } = this.#session;
    const ref = this.#refs.get(id);
    const { costs } = this.#store.get().backbones;
    if (trainer === null || ref === undefined || costs[id]?.status === 'measuring' || whyNotNow(this.#store.get()) !== null) return;
    this.#store.dispatch({ type: 'backbone-measured', id, cost: { status: 'measuring' } });
    let cost: BackboneCost;
    let engine: EngineReport;
    let arithmetic: Arithmetic;
    // Another engine takes another time, and so does another arithmetic.
    do {
      ({ engine, backbone: { arithmetic } } = trainer);
      cost = await trainer.measureBackbone(ref, { arithmetic }).then(
        (milliseconds) => ({ status: 'known', milliseconds }) as const,
        (error: unknown) => {
          if (trainer === this.#session.trainer && codeOf(error) === 'worker_failed') report(this.#store, 'backbone', error);
          return { status: 'failed', problem: messageOf(error) } as const;
        },
      );
    } while (trainer === this.#session.trainer && (trainer.engine !== engine || trainer.backbone.arithmetic !== arithmetic));
    if (trainer === this.#session.trainer) this.#store.dispatch({ type: 'backbone-measured', id, cost });
  }

  async #change(id: string, name: string, ref: BackboneRef): Promise<void> {
    this.#store.dispatch({ type: 'area-cleared', area: 'backbone' });
    const wanted = { id, name };
    this.#store.dispatch({ type: 'backbone-wanted', wanted });
    try {
      // Where another engine has come while it was loaded, that one is asked.
      let outcome = null;
      do outcome = await this.#session.backbones.change(ref);
      while (outcome === null && this.#isWanted(wanted) && this.#store.get().engine.status === 'ready');
    } catch (error) {
      this.#say('error', refused(name, messageOf(error), nameInUse(this.#store.get())));
    } finally {
      // Not that of a change that has taken the place of this one.
      if (this.#isWanted(wanted)) this.#store.dispatch({ type: 'backbone-wanted', wanted: null });
    }
  }

  #isWanted(wanted: object): boolean {
    return this.#store.get().backbones.wanted === wanted;
  }

  #look(): void {
    const { chosen, settled } = this.#session.backbones;
    const { inUse, settled: before, choices } = this.#store.get().backbones;
    const [now, then] = [this.#idOf(chosen), this.#idOf(settled)];
    const brought = now === null ? undefined : this.#brought.get(now);
    if (now === inUse && then === before) return;
    const { trainer } = this.#session;
    // What it is shows once the trainer has looked at it.
    if (trainer !== null && brought !== undefined && !choices.some(({ id }) => id === now)) {
      // Which makes this look again.
      return this.#store.dispatch({ type: 'backbone-brought', choice: fromDisk(brought, trainer.backbone) });
    }
    this.#store.dispatch({ type: 'backbone-placed', inUse: now, settled: then });
    if (then !== before && !this.#brought.has(then ?? '')) this.#remember(then);
  }

  #idOf(ref: BackboneRef | undefined): string | null {
    for (const [id, each] of this.#refs) if (each === ref) return id;
    return null;
  }

  #remember(id: string | null): void {
    // Whatever the usual one is on the next visit.
    const backbone = id === this.#store.get().backbones.usual ? null : id;
    this.#store.dispatch({ type: 'settings-changed', change: { backbone } });
  }

  #notPrepared(keys: readonly number[]): string {
    const state = this.#store.get();
    const names = new Map(state.classes.flatMap(({ pictures }) => pictures.map(({ key, name }) => [key, name])));
    return notPrepared(keys.map((key) => names.get(key) ?? `picture ${key}`), nameInUse(state));
  }

  #say(tone: 'info' | 'error', text: string): void {
    this.#store.dispatch({ type: 'noticed', area: 'backbone', tone, text });
  }
}
