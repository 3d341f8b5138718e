import { abortable, type Abortable } from '../../../www/client/abort.js';
import {
  HeadstartError,
  type Arithmetic,
  type BackboneRef,
  type BackboneReport,
  type Checkpoint,
  type ClassSummary,
  type EngineReport,
  type ModelClass,
  type Part,
  type Prediction,
  type SavedProject,
  type TestEvaluation,
  type TrainConfig,
  type TrainOptions,
  type Trainer,
  type TrainerOptions,
  type TrainReport,
} from '../../../www/headstart.js';
import type { ErrorCode } from '../../../www/protocol.js';
import { FakeChange } from './fake-change.js';
import { backbone, defaults, engine, estimate, report, rules } from './state.js';

interface Data {
  classes: { id: number; name: string; removed: boolean }[];
  images: { id: number; classId: number; part: Part; name: string; removed: boolean; pixels: boolean }[];
  model: { id: number | null; name: string }[] | null;
}

/** A trainer without a worker: it keeps classes, pictures and labels by the rules of the core, and answers in the order of the calls. */
export class FakeTrainer {
  engine: EngineReport = engine;
  backbone: BackboneReport = backbone;
  /** The change of the backbone that is under way. */
  change: FakeChange | null = null;
  /** What a picture takes on a backbone. */
  milliseconds = 25;
  readonly defaults = defaults;
  readonly rules = rules;
  /** What it was asked, in order. */
  readonly calls: string[] = [];
  readonly #data: Data = { classes: [], images: [], model: null };
  readonly #pending = new Set<(error: Error) => void>();
  #turn: Promise<void> = Promise.resolve();
  #dead = false;
  #chosen = 'usual';

  /** `unreadable` are the names of files that cannot be read any more. */
  constructor(
    readonly options: TrainerOptions,
    readonly unreadable: ReadonlySet<string>,
  ) {
    const { project } = options;
    const chosen = options.backbone ?? project?.backbone;
    if (typeof chosen === 'string' && chosen !== this.#chosen) {
      this.#chosen = chosen;
      this.backbone = { ...backbone, architecture: chosen };
    }
    if (project === undefined) return;
    Object.assign(this.#data, JSON.parse(project.project));
    if (project.model === null) this.#data.model = null;
    if (project.pictures === null) for (const image of this.#data.images) image.pixels = false;
  }

  get classes(): ClassSummary[] {
    const of = (id: number, part: Part): number[] => this.#shown(id).filter((each) => each.part === part).map((each) => each.id);
    return this.#live().map(({ id, name }) => ({ id, name, images: of(id, 'learn'), test: of(id, 'test') }));
  }

  get modelClasses(): ModelClass[] | null {
    return this.#data.model?.map(({ id, name }) => ({ id, name })) ?? null;
  }

  /** The pictures that take up memory. */
  get pixels(): number[] {
    return this.#data.images.flatMap(({ id, pixels }) => (pixels ? [id] : []));
  }

  get closed(): boolean {
    return this.#dead;
  }

  /** Its worker dies. */
  crash(): void {
    this.#dead = true;
    for (const reject of this.#pending) reject(refusal('worker_failed', 'The worker has died.'));
    this.#pending.clear();
    this.change?.fail(refusal('worker_failed', 'The worker has died.'));
  }

  close = (): void => this.crash();

  /** It answers nothing until the function that it gives is called. */
  hang(): () => void {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    this.#turn = this.#turn.then(() => held);
    return goOn;
  }

  addClass = (name: string, { id }: { id: number }): Promise<number> =>
    this.#ask(`addClass ${id} ${name}`, () => {
      this.#free(name);
      if (this.#data.classes.some((each) => each.id === id)) throw refusal('id_taken', `${id} is taken.`);
      this.#data.classes.push({ id, name, removed: false });
      return id;
    });

  renameClass = (id: number, to: string): Promise<void> =>
    this.#ask(`renameClass ${id} ${to}`, () => {
      this.#free(to, id);
      this.#class(id).name = to;
      for (const label of this.#data.model ?? []) if (label.id === id) label.name = to;
    });

  removeClass = (id: number): Promise<void> => this.#ask(`removeClass ${id}`, () => void (this.#class(id).removed = true));

  /** Removed pictures go along. */
  mergeClasses = (from: number, into: number): Promise<void> =>
    this.#ask(`mergeClasses ${from} ${into}`, () => {
      for (const each of this.#data.images) if (each.classId === from) each.classId = this.#class(into).id;
      this.#class(from).removed = true;
    });

  restoreClass = (id: number): Promise<void> =>
    this.#ask(`restoreClass ${id}`, () => {
      this.#free(this.#class(id).name, id);
      this.#class(id).removed = false;
    });

  /** Pictures that were embedded, those that came without their features. */
  readonly embedded: number[] = [];

  /** Those of one picture on one backbone. */
  features = (id: number): Promise<Uint8Array | null> => this.#ask(`features ${id}`, () => Uint8Array.of(id, this.backbone.inputSize));

  addImage = (classId: number, _blob: Blob, { id, name, part = 'learn', features }: { id: number; name: string; part?: Part; features?: Uint8Array }): Promise<number> =>
    this.#ask(`addImage ${classId} ${id}`, () => {
      if (this.unreadable.has(name)) throw refusal('picture_unreadable', `${name} cannot be read.`);
      const known = this.#data.images.find((each) => each.id === id);
      if (known?.pixels) throw refusal('id_taken', `${id} is taken.`);
      if (features?.[0] !== id || features[1] !== this.backbone.inputSize) this.embedded.push(id);
      if (known) Object.assign(known, { pixels: true, removed: false });
      else if (this.#class(classId).removed) throw refusal('class_unknown', `There is no class ${classId}.`);
      else this.#data.images.push({ id, classId, part, name, removed: false, pixels: true });
      return id;
    });

  moveImage = (id: number, to: number): Promise<void> => this.#ask(`moveImage ${id} ${to}`, () => void (this.#image(id).classId = to));

  setPart = (id: number, part: Part): Promise<void> => this.#ask(`setPart ${id} ${part}`, () => void (this.#image(id).part = part));

  removeImage = (id: number): Promise<void> => this.#ask(`removeImage ${id}`, () => void (this.#image(id).removed = true));

  restoreImage = (id: number): Promise<void> =>
    this.#ask(`restoreImage ${id}`, () => {
      if (!this.#image(id).pixels) throw refusal('image_unknown', `There is no picture ${id}.`);
      this.#image(id).removed = false;
    });

  forgetImages = (ids: readonly number[]): Promise<void> =>
    this.#ask(`forgetImages ${ids.length}`, () => {
      for (const id of ids) {
        const image = this.#image(id);
        if (!image.removed && !this.#class(image.classId).removed) throw refusal('image_unknown', `Picture ${id} is not removed.`);
        image.pixels = false;
      }
    });

  thumbnail = (id: number): Promise<Blob> => this.#ask(`thumbnail ${id}`, () => new Blob([String(this.#image(id).id)]));

  readiness = () => this.#ask('readiness', () => ({ train: null, further: null }));
  estimate = () => this.#ask('estimate', () => estimate);
  predict = (): Promise<Prediction[]> => this.#ask('predict', () => this.#predictions());
  predictLatest = (): Promise<Prediction[]> => this.#ask('predictLatest', () => this.#predictions());

  /** What it makes of its pictures when it is measured. */
  answers: TestEvaluation['answers'] = [];
  evaluate = (part = 'validation', { signal }: Abortable = {}): Promise<Pick<TestEvaluation, 'answers' | 'classes'>> =>
    abortable(this.#ask(`evaluate ${part}`, () => ({ answers: this.answers, classes: (this.#data.model ?? []).map(({ name }) => name) })), signal);

  save = (): Promise<Blob> => this.#ask('save', () => new Blob(['model']));

  load = (): Promise<null> =>
    this.#ask('load', () => {
      this.#data.model = [{ id: null, name: 'x' }, { id: null, name: 'y' }];
      return null;
    });

  saveProject = ({ pictures }: { pictures?: boolean }): Promise<SavedProject> =>
    this.#ask(`saveProject ${pictures}`, () => ({
      project: JSON.stringify(this.#data),
      model: this.#data.model && new Blob(['model']),
      pictures: pictures === true ? new Blob(['pictures']) : null,
      thumbnails: null,
      sources: null,
      backbone: this.#chosen,
    }));

  /** Goes on when its {@link FakeChange} or {@link FakeTrainer.go} is told to; an address is the architecture's name then. */
  setBackbone = (ref: BackboneRef): FakeChange => {
    this.calls.push(`setBackbone ${String(ref)}`);
    return this.#follow(ref);
  };

  /** The same for the one that there is. */
  setArithmetic = (arithmetic: Arithmetic): FakeChange => {
    this.calls.push(`setArithmetic ${arithmetic}`);
    return this.#follow(this.#chosen);
  };

  /** So many pictures are prepared for the backbone that was asked for last. */
  go = (done: number, total: number): void => {
    const { change } = this;
    change?.load({ ...backbone, architecture: String(change.ref) }, total, done);
    if (done === total) change?.end();
  };

  /** That one is refused. */
  refuse = (error: HeadstartError): void => this.change?.fail(error);

  /** Pictures are still to be prepared for the backbone that it was started with. */
  prepare(): void {
    this.#follow(undefined);
  }

  #follow(ref: BackboneRef | undefined): FakeChange {
    const under = this.change;
    const before = under?.before ?? { backbone: this.backbone, chosen: this.#chosen };
    const change = new FakeChange(ref, before, (report) => {
      this.backbone = report ?? before.backbone;
      this.#chosen = report === null ? before.chosen : String(ref);
      // The one that was under way ends once this one is loaded.
      if (report !== null) under?.makeWay();
    });
    this.change = change;
    const over = (): void => {
      if (this.change === change) this.change = under === null || under.ended ? null : under;
    };
    change.finished.then(over, over);
    return change;
  }

  measureBackbone = (): Promise<number> => this.#ask('measureBackbone', () => this.milliseconds);

  /** What each run went on from; null where it was begun anew. */
  readonly begun: (Blob | null)[] = [];
  /** What runs tell at once that they can go on from. */
  checkpoints: Checkpoint[] = [];

  /** A run without other events. */
  train(_config: Partial<TrainConfig>, { checkpoint, onCheckpoint }: TrainOptions) {
    this.begun.push(checkpoint ?? null);
    for (const each of this.checkpoints) onCheckpoint?.(each);
    const ended = this.#ask('train', (): TrainReport => {
      this.#data.model = this.#live().map(({ id, name }) => ({ id, name }));
      const [classes, classIds] = [this.#live().map(({ name }) => name), this.#live().map(({ id }) => id)];
      return { ...report, classes, classIds };
    });
    ended.catch(() => undefined);
    return {
      report: ended,
      async *[Symbol.asyncIterator]() {
        await ended;
      },
    };
  }

  async #ask<T>(call: string, work: () => T): Promise<T> {
    if (this.#dead) throw refusal('worker_failed', 'The worker has died.');
    this.calls.push(call);
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      this.#turn = this.#turn.then(() => {
        if (!this.#pending.delete(reject)) return;
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  #live() {
    return this.#data.classes.filter(({ removed }) => !removed);
  }

  #shown(classId: number) {
    return this.#data.images.filter((each) => each.classId === classId && !each.removed);
  }

  #class(id: number) {
    const found = this.#data.classes.find((each) => each.id === id);
    if (!found) throw refusal('class_unknown', `There is no class ${id}.`);
    return found;
  }

  #image(id: number) {
    const found = this.#data.images.find((each) => each.id === id);
    if (!found) throw refusal('image_unknown', `There is no picture ${id}.`);
    return found;
  }

  #free(name: string, except?: number): void {
    if (this.#live().some((each) => each.name === name && each.id !== except)) throw refusal('class_name_taken', `${name} is taken.`);
  }

  #predictions(): Prediction[] {
    return (this.#data.model ?? []).map(({ id, name }, index) => ({ classId: id, className: name, probability: index === 0 ? 1 : 0 }));
  }
}

/** Where a page under test has its trainers from. */
export class FakeTrainers {
  readonly made: FakeTrainer[] = [];
  readonly unreadable = new Set<string>();
  /** Of the next one's project so many pictures are still to be prepared for its backbone. */
  unprepared = 0;
  /** What the next start fails with. */
  failure: Error | null = null;
  /** Starting takes until this is over. */
  gate: Promise<void> = Promise.resolve();

  create = async (options: TrainerOptions): Promise<Trainer> => {
    await this.gate;
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    const trainer = new FakeTrainer(options, this.unreadable);
    if (this.unprepared > 0) trainer.prepare();
    this.unprepared = 0;
    this.made.push(trainer);
    return trainer as unknown as Trainer;
  };

  get last(): FakeTrainer {
    const last = this.made.at(-1);
    if (!last) throw new Error('No trainer was started.');
    return last;
  }
}

export function refusal(code: ErrorCode, message: string): HeadstartError {
  return new HeadstartError({ code, message });
}
