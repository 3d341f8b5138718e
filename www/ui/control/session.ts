import {
  Trainer,
  type Arithmetic,
  type BackboneReport,
  type EngineChoice,
  type EngineReport,
  type SavedProject,
  type TrainerOptions,
} from '../../headstart.js';
import type { Store } from '../../state/store.js';
import type { AppState, Area, Key } from '../../state/types.js';
import type { Merge } from '../../storage/database.js';
import { Backbones } from './backbones.js';
import { codeOf, messageOf, report } from './errors.js';
import type { Intake } from './intake.js';
import { Journal, type Change, type Moment } from './journal.js';
import { reconcile } from './reconcile.js';

/** How a trainer is started; tests have their own. */
export type CreateTrainer = (options: TrainerOptions) => Promise<Trainer>;

/** When a project was asked for, and what the page showed then. */
interface Asked {
  readonly moment: Moment;
  readonly classes: AppState['classes'];
}

/** What an earlier visit saved of a trainer. */
export interface Earlier {
  readonly project: SavedProject;
  /** How many models there had been by then, and in all. */
  readonly models: { readonly saved: number; readonly made: number };
  /** Merges that came later. */
  readonly merges: readonly Merge[];
}

/** That the model of the page is not to be had. */
export const MODEL_LOST = 'Your pictures are all here, but the latest model could not be kept: train again.';

/** Codes of what is wrong with a saved project itself. */
const UNREADABLE = /^(project_file|model)_/;

/** So long an engine may take to hand over what it has: one that takes longer hangs. */
const HAND_OVER_MS = 20_000;

/** The trainer that is in use, and putting another in its place without losing anything. */
export class Session {
  readonly #store: Store;
  readonly #intake: Intake;
  readonly #create: CreateTrainer;
  readonly #journal = new Journal();
  /** The backbone that every trainer has, and changing it. */
  readonly backbones: Backbones;
  #trainer: Trainer | null = null;
  /** Whether the present one's worker has died. */
  #broken = false;
  #shownEngine: EngineReport | null = null;
  #shownBackbone: BackboneReport | null = null;
  /** The classes as they were when the project was asked for that the journal has. */
  #saved: AppState['classes'] | null = null;
  /** What its backbone computed in. */
  #savedArithmetic: Arithmetic | null = null;
  #tellSaved: () => void = () => undefined;
  #tellModelLost: () => void = () => undefined;
  /** What the latest project said of its backbone, and which one that was: as long as it is the same, so are its files. */
  #savedBackbone: { readonly report: BackboneReport; readonly source: SavedProject['backbone'] } | null = null;
  #starting: { readonly choice: EngineChoice; readonly done: Promise<boolean> } | null = null;
  #failure: string | null = null;

  constructor(store: Store, intake: Intake, create: CreateTrainer = (options) => Trainer.create(options), earlier: Earlier | null = null) {
    this.#store = store;
    this.#intake = intake;
    this.#create = create;
    this.backbones = new Backbones(store, this);
    store.subscribe(() => (this.#broken ||= this.#trainer !== null && store.get().engine.status === 'failed'));
    const { classes } = store.get();
    if (earlier === null) for (const { key, name } of classes) this.addClass(key, name);
    else {
      this.#journal.restore(earlier.project, earlier.models);
      const { merges } = earlier;
      this.#tellAll({ area: 'pictures', apply: (trainer) => reconcile(trainer, classes, merges), merges });
    }
    // Not by the intake itself: the next trainer is to forget them too.
    intake.onUnwanted((keys) => this.tell('pictures', (trainer) => trainer.forgetImages(keys)));
  }

  /** Null until the first engine has started, and where its worker has died: what is done meanwhile is passed on to the next one. */
  get trainer(): Trainer | null {
    return this.#broken ? null : this.#trainer;
  }

  /**
   * Starts the engine, or a different one: the old one keeps working until the new one is there. Where a start is under way already,
   * another one for the same engine joins it and one for another engine comes after it.
   */
  start(choice: EngineChoice): Promise<boolean> {
    const before = this.#starting;
    if (before === null) return this.#begin(choice, this.#replace(choice));
    this.#showStarting();
    return before.choice === choice ? before.done : this.#begin(choice, before.done.then(() => this.#replace(choice)));
  }

  /** The code of what the latest start failed with. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Joins the start that is under way, if one is. */
  join(): Promise<boolean> | null {
    if (this.#starting === null) return null;
    this.#showStarting();
    return this.#starting.done;
  }

  #begin(choice: EngineChoice, done: Promise<boolean>): Promise<boolean> {
    const starting = { choice, done };
    this.#starting = starting;
    void done.then(() => {
      if (this.#starting === starting) this.#starting = null;
    });
    return done;
  }

  #showStarting(): void {
    this.#store.dispatch({ type: 'engine-starting', switching: this.#trainer !== null });
  }

  async #replace(choice: EngineChoice): Promise<boolean> {
    const old = this.#trainer;
    this.#showStarting();
    this.#intake.hold();
    try {
      const handed = await this.#handOver();
      const project = handed ?? this.#journal.project;
      const backbone = this.backbones.chosen;
      const start = (saved: SavedProject | undefined): Promise<Trainer> =>
        this.#create({ engine: choice, onEngine: () => this.refresh(), ...(saved && { project: saved }), ...(backbone !== undefined && { backbone }) });
      const trainer = await start(project).catch((error: unknown) => {
        if (handed !== null || project === undefined || !UNREADABLE.test(codeOf(error) ?? '')) throw error;
        // The pictures are there without it.
        const { classes } = this.#store.get();
        this.#journal.drop({ area: 'pictures', apply: (trainer) => reconcile(trainer, classes) });
        return start(undefined);
      });
      this.#attach(trainer, handed !== null);
      old?.close();
      return true;
    } catch (error) {
      this.#failure = codeOf(error);
      this.#intake.release();
      if (old === null || this.#broken) this.#store.dispatch({ type: 'engine-failed', problem: messageOf(error) });
      else {
        this.#ready(old);
        report(this.#store, 'train', error);
      }
      return false;
    }
  }

  /** All that the present trainer has, its pictures too, or null where it does not answer any more. */
  async #handOver(): Promise<SavedProject | null> {
    const { trainer } = this;
    if (trainer === null) return null;
    const asked = this.#now;
    try {
      const project = await within(HAND_OVER_MS, trainer.saveProject({ pictures: true }));
      this.#save(trainer, project, asked);
      return project;
    } catch (error) {
      // It cannot go on where the new one does not start.
      this.#broken ||= codeOf(error) === 'worker_failed';
      // The project that was saved before it, and the files of the pictures, will do.
      return null;
    }
  }

  #attach(trainer: Trainer, hasPictures: boolean): void {
    this.#trainer = trainer;
    this.#savedArithmetic = trainer.backbone.arithmetic;
    for (const change of this.#journal.since) this.#tell(trainer, change);
    this.#intake.attach(trainer, hasPictures);
    this.#ready(trainer);
    this.#broken = false;
    this.backbones.attach(trainer).catch((error: unknown) => report(this.#store, 'backbone', error));
    const labels = labelsOf(trainer);
    if (this.#journal.hasModel) this.#store.dispatch({ type: 'model-changed', labels });
    else {
      // Its worker, or the page, went before it could be saved.
      this.#tellModelLost();
      this.#journal.forgetModel();
      this.#store.dispatch({ type: 'model-replaced', labels });
      this.#store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text: MODEL_LOST });
    }
  }

  #ready(trainer: Trainer): void {
    const { engine, defaults, rules, backbone } = trainer;
    this.#shownEngine = engine;
    this.#shownBackbone = backbone;
    this.#store.dispatch({ type: 'engine-ready', report: engine, defaults, rules, backbone });
  }

  get #now(): Asked {
    return { moment: this.#journal.now, classes: this.#store.get().classes };
  }

  #save({ backbone: report }: Trainer, project: SavedProject, { moment, classes }: Asked): void {
    this.#savedArithmetic = report.arithmetic;
    if (this.#savedBackbone?.report !== report) this.#savedBackbone = { report, source: project.backbone };
    // The worker gives its files anew each time; whoever keeps them is to see that they are those.
    this.#journal.save({ ...project, backbone: this.#savedBackbone.source }, moment);
    this.#saved = classes;
    this.#tellSaved();
  }

  /** The project that was saved last, without what is on its pictures. */
  get saved(): SavedProject | undefined {
    return this.#journal.project;
  }

  /** Who is told of each project that is saved. */
  onSaved(tell: () => void): void {
    this.#tellSaved = tell;
  }

  /** Who is told where the latest model is not to be had any more. */
  onModelLost(tell: () => void): void {
    this.#tellModelLost = tell;
  }

  /** How many models there have been, and how many are in the project that was saved last. */
  get models(): Earlier['models'] {
    return this.#journal.models;
  }

  /** Merges that are not in the project that was saved last. */
  get merges(): readonly Merge[] {
    return this.#journal.merges;
  }

  /** Whether nothing has happened since the latest project was asked for. */
  get #isSaved(): boolean {
    const computesSo = this.#savedArithmetic === this.#trainer?.backbone.arithmetic;
    return computesSo && this.#saved === this.#store.get().classes && this.#journal.since.length === 0 && this.#journal.hasModel;
  }

  /** Saves what the trainer has, without the pictures, for the case that its worker dies; tells whether it is saved. */
  async keep(): Promise<boolean> {
    const { trainer } = this;
    if (trainer === null || this.#starting !== null) return false;
    if (this.#isSaved) return true;
    const asked = this.#now;
    try {
      const project = await within(HAND_OVER_MS, trainer.saveProject({ pictures: false }));
      // What a new trainer is made of stays as it is until that is there.
      if (trainer !== this.trainer || this.#starting !== null) return false;
      this.#save(trainer, project, asked);
      return true;
    } catch (error) {
      // Nobody has asked for this: only that the worker is gone concerns anybody.
      if (trainer === this.trainer && codeOf(error) === 'worker_failed') report(this.#store, 'page', error);
      return false;
    }
  }

  /** Shows what the trainer says about itself now: a lost GPU is replaced by the CPU, a rename changes the model's labels. */
  refresh(): void {
    const trainer = this.#trainer;
    if (trainer === null) return;
    if (trainer.engine !== this.#shownEngine) {
      this.#shownEngine = trainer.engine;
      this.#store.dispatch({ type: 'engine-changed', report: trainer.engine });
    }
    if (trainer.backbone !== this.#shownBackbone) {
      this.#shownBackbone = trainer.backbone;
      this.#store.dispatch({ type: 'backbone-changed', backbone: trainer.backbone });
    }
    const labels = labelsOf(trainer);
    if (JSON.stringify(this.#store.get().model) !== JSON.stringify(labels)) this.#store.dispatch({ type: 'model-changed', labels });
  }

  /** A run has ended. Also where the labels are the same, the model is another; a run that failed may have left none. */
  modelTrained(): void {
    const labels = labelsOf(this.#trainer);
    if (labels !== null) this.#journal.addModel();
    this.#store.dispatch({ type: 'model-trained', labels });
  }

  /** A model from a file has taken the place of the one that was trained. */
  modelOpened(): void {
    this.#journal.addModel();
    this.#store.dispatch({ type: 'model-replaced', labels: labelsOf(this.#trainer) });
  }

  /** Tells the trainer of a change, and every one that comes after it. */
  tell(area: Area, apply: Change['apply']): void {
    this.#tellAll({ area, apply });
  }

  #tellAll(change: Change): void {
    this.#journal.add(change);
    if (this.trainer !== null) this.#tell(this.trainer, change);
  }

  #tell(trainer: Trainer, { area, apply }: Change): void {
    apply(trainer).then(
      () => this.refresh(),
      (error: unknown) => {
        // One that was replaced meanwhile no longer matters: the new one is told the same. A picture that the trainer has not been
        // given yet is sent to where it belongs then.
        if (trainer === this.trainer && codeOf(error) !== 'image_unknown') report(this.#store, area, error);
      },
    );
  }

  addClass(key: Key, name: string): void {
    this.tell('pictures', (trainer) => trainer.addClass(name, { id: key }));
  }

  renameClass(key: Key, to: string): void {
    this.tell('pictures', (trainer) => trainer.renameClass(key, to));
  }

  removeClass(key: Key): void {
    this.tell('pictures', (trainer) => trainer.removeClass(key));
  }

  mergeClasses(from: Key, into: Key): void {
    this.#tellAll({ area: 'pictures', apply: (trainer) => trainer.mergeClasses(from, into), merges: [[from, into]] });
  }

  /** Brings a class back with its pictures; another may have its name by now. */
  restoreClass(key: Key, name: string): void {
    this.renameClass(key, name);
    this.#tellAll({ area: 'pictures', apply: (trainer) => trainer.restoreClass(key), restores: key });
    this.#intake.resend(key);
  }
}

function labelsOf(trainer: Trainer | null) {
  return trainer?.modelClasses?.slice() ?? null;
}

/** What comes in time; rejects with anything else. */
function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, milliseconds, new Error('It took too long.'));
    void work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
