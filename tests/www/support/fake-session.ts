import type {
  Arithmetic,
  BackboneReport,
  ClassSummary,
  EngineReport,
  Estimate,
  LayerReport,
  ModelClass,
  Part,
  PictureAnswer,
  Prediction,
  Readiness,
  TrainConfig,
  TrainEvent,
  TrainReport,
  Unprepared,
} from '../../../www/generated/types.js';
import type { ClassRef, NamedFile } from '../../../www/protocol.js';
import { refusal } from '../../../www/worker/failure.js';
import type { Core, Crew, OpenSession, Session, Written } from '../../../www/worker/session.js';
import { everythingOn } from './state.js';

/** How a fake session misbehaves. */
export interface Faults {
  /** Thrown by the step of this number, counted from 1. */
  step?: { at: number; error: Error };
  /** So many steps prepare pictures before anything is learned. */
  prepare?: number;
  /** So many steps measure what a stopped run keeps. */
  measure?: number;
  /** Thrown by every prediction. */
  predict?: Error;
  /** The first prediction finds that the GPU has gone. */
  losesGpu?: boolean;
  /** A GPU is still to be tried, and will be the faster. */
  triesGpu?: boolean;
  create?: Error;
  /** What others have looked at was for another backbone. */
  otherBackbone?: boolean;
  /** Thrown where pictures are embedded ahead. */
  ahead?: Error;
  /** What a training is expected to spend on preparing. */
  prepareSeconds?: number;
  /** Why there is no wasm code for a model. */
  core?: Error;
}

const STEPS_AN_EPOCH = 4;

interface FakeClass {
  id: number;
  name: string;
  removed: boolean;
}

interface FakeImage {
  id: number;
  classId: number;
  part: Part;
  removed: boolean;
  /** For which sizes of pictures it is prepared: those of the present and the previous backbone. */
  sizes: number[];
  unreadable?: boolean;
}

/** A session without a network: keeps classes, counts steps, and like the real one refuses a second call while one is pending. */
export class FakeSession implements Session {
  readonly calls: string[] = [];
  steps = 0;
  /** Pictures that were embedded ahead. */
  ahead = 0;
  /** Pictures whose pixels were packed. */
  packed = 0;
  crew: Crew | null = null;
  #classes: FakeClass[] = [];
  #images: FakeImage[] = [];
  #model: ModelClass[] | null = null;
  #engine: EngineReport;
  #run: { epochs: number; step: number } | null = null;
  /** What is left to measure of a run that was stopped, with its epochs. */
  #measuring: { left: number; epochs: number } | null = null;
  #report: TrainReport | null = null;
  #busy = false;

  constructor(private readonly faults: Faults = {}) {
    this.#engine = { ...everythingOn('cpu', 'a test'), undecided: faults.triesGpu ?? false };
  }

  engine = () => this.#engine;
  chooseEngines = async (): Promise<void> => {
    this.#engine = everythingOn('webgpu', 'faster');
  };
  #backbone: BackboneReport = { architecture: 'fake', label: 'Fake', multiplications: 1, inputSize: 96, features: 4, parameters: 0, stages: 1, arithmetic: 'float', license: '', source: '', batchNorm: '', fineTunable: 1, fineTuneReason: '' };
  backbone = () => this.#backbone;
  modelClasses = async () => structuredClone(this.#model);
  report = async () => this.#report;

  async classes(): Promise<ClassSummary[]> {
    const images = (id: number, part: Part) =>
      this.#images.filter((each) => each.classId === id && each.part === part && !each.removed).map((each) => each.id);
    return this.#live().map(({ id, name }) => ({ id, name, images: images(id, 'learn'), test: images(id, 'test') }));
  }

  async addClass(name: string, id = next(this.#classes)): Promise<number> {
    this.calls.push(`addClass ${name}`);
    if (this.#live().some((each) => each.name === name)) {
      throw refusal('class_name_taken', `There is already a class named “${name}”.`, name);
    }
    if (this.#classes.some((each) => each.id === id)) throw refusal('id_taken', `The number ${id} is taken.`, String(id));
    this.#classes.push({ id, name, removed: false });
    return id;
  }

  async renameClass(ref: ClassRef, to: string): Promise<void> {
    this.calls.push(`renameClass ${ref} ${to}`);
    const renamed = this.#class(ref);
    renamed.name = to;
    for (const label of this.#model ?? []) if (label.id === renamed.id) label.name = to;
  }

  mergeClasses = async (): Promise<void> => undefined;

  async removeClass(ref: ClassRef): Promise<void> {
    this.#class(ref).removed = true;
  }

  async restoreClass(ref: ClassRef): Promise<void> {
    this.#class(ref, true).removed = false;
  }

  featuresOf = async (id: number) => Uint8Array.of(id);
  /** One picture a call. */
  embedAhead(): Promise<boolean> {
    return this.#slowly(() => {
      this.calls.push('embedAhead');
      if (this.faults.ahead) throw this.faults.ahead;
      this.ahead += 1;
      return this.ahead < this.#images.length;
    });
  }
  embedUsual = async (id: number): Promise<void> => void this.calls.push(`embedUsual ${id}`);
  setCrew = async (crew: Crew): Promise<void> => void (this.crew = crew);
  help = async (task: string, values: Float32Array): Promise<Float32Array<ArrayBuffer>> => {
    this.calls.push(`help ${task} ${values.join(' ')}`);
    return values.map((value) => 2 * value) as Float32Array<ArrayBuffer>;
  };
  offerFeatures = async (kept: Uint8Array): Promise<boolean> => this.calls.push(`offerFeatures ${kept.join(' ')}`) > 0;

  /** A number is what there is to be known of a picture. */
  async study(_pixels: Uint8Array, _bgra: boolean, width: number): Promise<Uint8Array<ArrayBuffer>> {
    this.calls.push(`study ${width}`);
    return Uint8Array.of(width);
  }

  async addStudied(ref: ClassRef, studied: Uint8Array, group?: string, id = next(this.#images), part: Part = 'learn'): Promise<number | null> {
    this.calls.push(`addStudied ${ref} ${studied.join(' ')} ${group ?? '-'}`);
    if (this.faults.otherBackbone) return null;
    this.#keep(id, ref, part);
    return id;
  }

  /** One picture a call. */
  async packNext(): Promise<boolean> {
    if (this.packed >= this.#images.length) return false;
    this.packed += 1;
    return true;
  }

  addImage(ref: ClassRef, _pixels: Uint8Array, _bgra: boolean, width: number, _height: number, group?: string, id = next(this.#images), part: Part = 'learn'): Promise<number> {
    this.calls.push(`addImage ${ref} ${width} ${group ?? '-'}`);
    return this.#slowly(() => {
      this.#keep(id, ref, part);
      return id;
    });
  }

  #keep(id: number, ref: ClassRef, part: Part): void {
    const known = this.#images.find((each) => each.id === id);
    if (known?.sizes.includes(this.#kind)) throw refusal('id_taken', `The number ${id} is taken.`, String(id));
    if (known) {
      known.sizes.unshift(this.#kind);
      return;
    }
    this.#images.push({ id, classId: this.#class(ref).id, part, removed: false, sizes: [this.#kind] });
    this.#images.sort((one, other) => one.id - other.id);
  }

  async classOf(id: number): Promise<number | null> {
    const image = this.#images.find((each) => each.id === id && !each.removed);
    return this.#live().find((each) => each.id === image?.classId)?.id ?? null;
  }

  async partOf(id: number): Promise<Part | null> {
    return (await this.classOf(id)) === null ? null : this.#image(id).part;
  }

  async setPart(id: number, part: Part): Promise<void> {
    this.#image(id).part = part;
  }

  async moveImage(id: number, ref: ClassRef): Promise<void> {
    this.#image(id).classId = this.#class(ref).id;
  }

  async removeImage(id: number): Promise<void> {
    this.#image(id).removed = true;
  }

  async restoreImage(id: number): Promise<void> {
    this.#image(id).removed = false;
  }

  async forgetImages(ids: Float64Array): Promise<void> {
    for (const id of ids) if (!this.#image(id).removed) throw refusal('image_unknown', `There is no picture number ${id}.`, String(id));
    this.#images = this.#images.filter(({ id }) => !ids.includes(id));
  }

  async card(): Promise<string> {
    const { inputSize, arithmetic } = this.#backbone;
    return JSON.stringify({ inputSize, ...(arithmetic === 'float' ? {} : { arithmetic }) });
  }

  /** What pictures are prepared for: their size, and half a pixel for what the backbone computes in. */
  get #kind(): number {
    return this.#backbone.inputSize + (this.#backbone.arithmetic === 'float' ? 0 : 0.5);
  }

  /** Its `config.json` says how large its pictures are and what is wrong with it. */
  setBackbone(config: string | undefined, weights: Uint8Array, _name: string | undefined, arithmetic?: Arithmetic): Promise<void> {
    this.calls.push(`setBackbone ${config ?? '-'} ${weights.length}`);
    if (this.faults.triesGpu) this.#engine = { ...everythingOn('cpu', 'a test'), undecided: true };
    return this.#slowly(() => {
      if (this.#run) throw refusal('training_running', 'Training is already running.');
      this.backboneIs(config, arithmetic);
      for (const image of this.#images) {
        image.unreadable = false;
        image.sizes = image.sizes.slice(0, 2);
      }
    });
  }

  /** What a session is made with. */
  backboneIs(config: string | undefined, wanted?: Arithmetic): void {
    const { inputSize = 96, refused, arithmetic = 'float' } = JSON.parse(config ?? '{}') as { inputSize?: number; refused?: string; arithmetic?: Arithmetic };
    if (refused) throw refusal('backbone_unsupported', `Backbones of the architecture “${refused}” are not supported.`, refused);
    this.#backbone = { ...this.#backbone, inputSize, arithmetic: wanted ?? arithmetic };
  }

  async unprepared(): Promise<Unprepared[]> {
    const awaited = this.#images.filter((each) => each.sizes.length > 0 && !each.unreadable && !this.#isPrepared(each));
    return awaited.map(({ id }) => ({ id, pixels: false }));
  }

  givePixels(id: number, _pixels: Uint8Array, _bgra: boolean, width: number): Promise<void> {
    this.calls.push(`givePixels ${id} ${width}`);
    return this.#slowly(() => {
      const image = this.#image(id);
      image.sizes = [this.#kind, ...image.sizes].slice(0, 2);
    });
  }

  async prepareImage(id: number): Promise<void> {
    this.calls.push(`prepareImage ${id}`);
  }

  async leaveOut(id: number): Promise<void> {
    this.#image(id).unreadable = true;
  }

  measureBackbone(config: string | undefined, weights: Uint8Array | undefined): Promise<number> {
    this.calls.push(`measureBackbone ${config ?? '-'} ${weights?.length ?? '-'}`);
    return this.#slowly(() => 12.5);
  }

  #isPrepared(image: FakeImage): boolean {
    return image.sizes.includes(this.#kind);
  }

  async readiness(config: Partial<TrainConfig>): Promise<Readiness> {
    this.calls.push(`readiness ${JSON.stringify(config)}`);
    const few = { code: 'too_few_classes', value: String(this.#live().length), message: 'Training needs two classes.' };
    const none = { code: 'not_trained', value: null, message: 'There is no trained model yet.' };
    return { train: this.#live().length < 2 ? few : null, further: this.#model ? null : none };
  }

  async layers(config: Partial<TrainConfig>): Promise<LayerReport[]> {
    this.calls.push(`layers ${JSON.stringify(config)}`);
    return this.#slowly(() => []);
  }

  async estimate(config: Partial<TrainConfig>): Promise<Estimate> {
    this.calls.push(`estimate ${JSON.stringify(config)}`);
    return this.#slowly(() => {
      if (config.fineTune === 'last:5') throw refusal('not_fine_tunable', 'Only the last stage can be trained.', 'last:5');
      return { ...estimate, prepareSeconds: this.faults.prepareSeconds ?? null, pictures: this.#images.filter(({ removed }) => !removed).length };
    });
  }

  async startTraining(config: Partial<TrainConfig>, checkpoint?: Uint8Array): Promise<void> {
    this.calls.push('startTraining');
    if ('undefined' in config || Object.values(config).some((value) => value === undefined)) throw new Error('undefined reached the core');
    if (this.#run) throw refusal('training_running', 'Training is already running.');
    if (this.#live().length < 2) throw refusal('too_few_classes', 'Training needs two classes.', String(this.#live().length));
    const awaited = (await this.unprepared()).length;
    if (awaited > 0) throw refusal('backbone_changing', `${awaited} pictures are still to be prepared.`, String(awaited));
    const epochs = config.epochs ?? 3;
    const [after = 0, of = epochs] = checkpoint ?? [];
    if (of !== epochs) throw refusal('checkpoint_differs', 'Its settings are other ones.');
    this.#run = { epochs, step: after * STEPS_AN_EPOCH };
  }

  /** Says which epoch it is of, and of how many. */
  async checkpoint(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.calls.push('checkpoint');
    const run = this.#run;
    return run && run.step % STEPS_AN_EPOCH === 0 && run.step < run.epochs * STEPS_AN_EPOCH ? Uint8Array.of(run.step / STEPS_AN_EPOCH, run.epochs) : null;
  }

  step(): Promise<TrainEvent> {
    return this.#slowly(() => {
      const [run, measuring] = [this.#run, this.#measuring];
      if (!run) throw refusal('not_training', 'No training is running.');
      this.steps += 1;
      if (measuring) {
        const kind = measuring.left-- > 0 ? 'step' : 'done';
        if (kind === 'done') this.#finish('cancelled', measuring.epochs);
        return { ...event(kind, measuring.epochs, run.step, run.epochs), phase: 'measure' };
      }
      run.step += 1;
      if (this.faults.step?.at === this.steps) throw this.faults.step.error;
      if (run.step <= (this.faults.prepare ?? 0)) return { ...event('step', 0, run.step, run.epochs), phase: 'prepare' };
      const epoch = Math.ceil(run.step / STEPS_AN_EPOCH);
      const ended = run.step > run.epochs * STEPS_AN_EPOCH;
      if (ended) this.#finish('finished', run.epochs);
      const kind = ended ? 'done' : run.step % STEPS_AN_EPOCH === 0 ? 'epoch' : 'step';
      return event(kind, Math.min(epoch, run.epochs), run.step, run.epochs);
    });
  }

  stopTraining(): Promise<void> {
    this.calls.push('stopTraining');
    return this.#slowly(() => {
      const run = this.#run;
      if (!run) throw refusal('not_training', 'No training is running.');
      if (run.step <= (this.faults.prepare ?? 0)) {
        this.#run = null;
        throw refusal('not_trained', 'There is no trained model yet.');
      }
      this.#measuring = { left: this.faults.measure ?? 0, epochs: Math.floor(run.step / STEPS_AN_EPOCH) };
    });
  }

  cancelTraining(): Promise<void> {
    this.calls.push('cancelTraining');
    return this.#slowly(() => {
      const run = this.#run;
      this.#run = null;
      if (!run) throw refusal('not_training', 'No training is running.');
      if (run.step <= (this.faults.prepare ?? 0)) throw refusal('not_trained', 'There is no trained model yet.');
      this.#finish('cancelled', Math.floor(run.step / STEPS_AN_EPOCH));
    });
  }

  predict(_pixels: Uint8Array, _bgra: boolean, width: number): Promise<Prediction[]> {
    this.calls.push(`predict ${width}`);
    return this.#slowly(() => {
      if (this.faults.predict) throw this.faults.predict;
      if (this.faults.losesGpu) this.#engine = { ...this.#engine, reason: 'the GPU stopped answering' };
      return [{ classId: null, className: `seen ${width}`, probability: 1 }];
    });
  }

  embed = async () => new Float32Array(4);
  evaluate = () => Promise.reject(refusal('not_trained', 'There is no trained model yet.'));
  evaluateOnTest = this.evaluate;
  measureAnswers = this.evaluate;
  answer = async (id: number): Promise<PictureAnswer> => ({ id, classId: 0, role: 'new', predictions: [] });
  save = async () => new Uint8Array([80, 75]);

  async export(format: string, weights: string, bare: boolean, name: string, page: readonly NamedFile[]) {
    this.calls.push(`export ${format} ${weights} ${name}${page.map(([file]) => ` ${file}`).join('')}`);
    return { extension: bare ? format : 'zip', bytes: new TextEncoder().encode(`${format} ${weights}`) };
  }

  async load(): Promise<void> {
    this.calls.push('load');
    this.#model = [{ id: null, name: 'from a file' }];
  }

  async write(pictures: boolean): Promise<Written> {
    const project = JSON.stringify({ classes: this.#classes, images: this.#images, model: this.#model });
    return { project, model: this.#model && (await this.save()), pictures: pictures ? new Uint8Array([1, 2, 3]) : null };
  }

  /** What {@link FakeSession.write} gave; the other two are only noted. */
  open(project: string, model: Uint8Array | undefined, pictures: Uint8Array | undefined): void {
    this.calls.push(`open ${model?.length ?? '-'} ${pictures?.length ?? '-'}`);
    const written = JSON.parse(project) as { classes: FakeClass[]; images: FakeImage[]; model: ModelClass[] | null };
    [this.#classes, this.#images, this.#model] = [written.classes, written.images, written.model];
    if (!pictures) for (const image of this.#images) image.sizes = [];
  }

  #live(): FakeClass[] {
    return this.#classes.filter(({ removed }) => !removed);
  }

  #class(ref: ClassRef, removed = false): FakeClass {
    const found = this.#classes.findLast((each) => each.removed === removed && (each.id === ref || each.name === ref));
    if (!found) throw refusal('class_unknown', `There is no class named “${ref}”.`, String(ref));
    return found;
  }

  #image(id: number): FakeImage {
    const found = this.#images.find((each) => each.id === id);
    if (!found) throw refusal('image_unknown', `There is no picture number ${id}.`, String(id));
    return found;
  }

  #finish(stopped: TrainReport['stopped'], epochs: number): void {
    this.#run = null;
    this.#measuring = null;
    this.#model = this.#live().map(({ id, name }) => ({ id, name }));
    this.#report = { stopped, epochsRun: epochs, classes: this.#live().map(({ name }) => name) } as TrainReport;
  }

  /** Longer than a slice, so that the worker looks for messages after every call. */
  async #slowly<T>(work: () => T): Promise<T> {
    if (this.#busy) throw new Error('recursive use of an object detected');
    this.#busy = true;
    await new Promise((resolve) => setTimeout(resolve, 2));
    this.#busy = false;
    return work();
  }
}

/** A number larger than any of these. */
function next(taken: readonly { id: number }[]): number {
  return Math.max(0, ...taken.map(({ id }) => id)) + 1;
}

const estimate: Estimate = {
  boundary: 1,
  trainableStages: [],
  trainableParameters: 8,
  cacheShape: [4, 1, 1],
  views: 2,
  pictures: 0,
  cacheBytes: 0,
  memoryLimit: 1000,
  storage: 'full',
  prepareSeconds: null,
  epochSeconds: null,
  totalSeconds: null,
  note: '',
};

/** A core that hands out one given session. */
export function fakeCore(session: FakeSession, faults: Faults = {}): Core {
  return {
    async create(_engine, config, _weights, _name, arithmetic) {
      if (faults.create) throw faults.create;
      session.backboneIs(config, arithmetic);
      return session;
    },
    async open(_engine, config, _weights, project, model, pictures) {
      session.backboneIs(config);
      session.open(project, model, pictures);
      return session;
    },
    simd: 'plain',
    code: null,
    defaultConfig: () => ({ epochs: 3, fineTune: 'none', seed: 0 }) as TrainConfig,
    settingRules: () => ({ settings: [] }),
  };
}

/** The same for a saved model. */
export function fakeModel(session: FakeSession): OpenSession {
  return async () => {
    await session.load();
    return session;
  };
}

/** An event with nothing but its place in the run. */
export function event(kind: TrainEvent['kind'], epoch: number, step: number, epochs = 3): TrainEvent {
  return {
    kind, phase: 'head', epoch, epochs, step, steps: epochs * STEPS_AN_EPOCH, loss: 1 / step, accuracy: 1,
    validationLoss: null, validationAccuracy: null, learningRates: [], bestEpoch: null, improved: false, imagesPerSecond: 1, eta: 0,
    memory: 0, hint: null,
  };
}
