import type {
  Arithmetic,
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  ExportFormat,
  LayerReport,
  ModelClass,
  Part,
  PictureAnswer,
  Prediction,
  Readiness,
  SavedBackbone,
  SettingRules,
  TestEvaluation,
  TrainConfig,
  TrainReport,
  ValidationEvaluation,
  WeightStorage,
} from '../generated/types.js';
import type { Calls, ClassRef, Created, LoadProgress, SavedProject } from '../protocol.js';
import { BackboneChange } from './backbone-change.js';
import { abortable, type Abortable } from './abort.js';
import type { AssetsOptions, BackboneRef } from './backbones.js';
import { Connection } from './connection.js';
import { defaultBackbone } from './default-backbone.js';
import { HeadstartError } from './error.js';
import { inOrder } from './in-order.js';
import type { ClassifierOptions } from './loaded-model.js';
import { assetsFolder, backboneSource, modelBackbone, modelReference } from './location.js';
import { playerFiles } from './player.js';
import { Predictions } from './predictions.js';
import { Run, type TrainOptions } from './run.js';
import { isLarge, nameOf, toPicture, type PictureSource } from './source.js';
import { startWorker } from './worker-file.js';

/** What a backbone computes in where that is not floats, as its `config.json` says otherwise. */
export interface ArithmeticOptions {
  /**
   * `int8`: on the CPU, frozen stages multiply whole numbers of eight bits, which is faster (how much, {@link Trainer.measureBackbone} tells)
   * and hardly less exact. What trains computes in floats, and a GPU too; with `int8` frozen stages stay on the CPU.
   */
  arithmetic?: Arithmetic | undefined;
}

/** How {@link Trainer.create} sets up. Without `arithmetic` a project goes on in what it was saved with. */
export interface TrainerOptions extends AssetsOptions, Abortable, ArithmeticOptions {
  /** Is told how much of the backbone has come, where it is fetched from an address. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** What computes; `auto`, the default, begins on the CPU, measures, and has each kind of work done where it is faster. */
  engine?: EngineChoice;
  /** Is told once the GPU has been tried, and where it is lost. */
  onEngine?: ((engine: EngineReport) => void) | undefined;
  /**
   * The backbone: the address of its folder, one that `listBackbones` gave, or its files. By default that of the project, and without
   * one the backbone that is served with Headstart.
   */
  backbone?: BackboneRef;
  /**
   * What {@link Trainer.saveProject} gave, to go on with. With another `backbone` than it was saved with, that is changed:
   * {@link Trainer.change} says how far it is.
   */
  project?: SavedProject;
}

/** What {@link Trainer.addClass} may be told beside the name. */
export interface AddClassOptions {
  /** The class's number, where you keep your own; otherwise it is given one. */
  id?: number;
}

/** What {@link Trainer.addImage} may be told beside the picture. */
export interface AddImageOptions {
  /**
   * Pictures of one group are near-copies of each other, such as the frames of one webcam recording: they are all trained on or all
   * held out, so that the validation accuracy is honest. A class that is one single group has none held out, and the report warns of
   * it (`one_recording`).
   */
  group?: string;
  /** What to call the picture in error messages; a file's own name by default. */
  name?: string;
  /**
   * The picture's number, where you keep your own; otherwise it is given one. With the number of a picture that a project was opened
   * without (`pictures: false`), that picture is there again.
   */
  id?: number;
  /**
   * `test` puts it into the test set: nothing is learned from it and nothing chosen by it, neither the kept epoch nor whether
   * fine-tuned weights are. So what {@link Trainer.evaluate} says of the test set is honest. `learn` is the default.
   */
  part?: Part;
  /** What {@link Trainer.features} gave of this picture at another time: it is not embedded again then. */
  features?: Uint8Array;
}

/** What {@link Trainer.addImages} may be told. */
export interface AddImagesOptions extends Pick<AddImageOptions, 'group' | 'part'>, Abortable {
  /** Called after each picture, with how many are done with. */
  onProgress?: (done: number, total: number) => void;
}

/** What {@link Trainer.addImages} has added. */
export interface AddedImages {
  /** The pictures' numbers in the order of the sources; null for one that could not be added. */
  ids: (number | null)[];
  /** Why not, by the place among the sources. */
  failures: { index: number; error: HeadstartError }[];
}

/** Pictures of known classes, by the names of the classes. */
export type TestPictures = Readonly<Record<string, readonly PictureSource[]>>;

/** What {@link Trainer.evaluate} may be told beside pictures. */
export interface EvaluateOptions extends Abortable {
  /** Called after each picture, with how many are done with. */
  onProgress?: (done: number, total: number) => void;
}

/** A model measured on pictures that are not the project's. */
export interface PicturesEvaluation extends Evaluation {
  /** What the model said of each picture, most probable class first, by class as they were given; null of one that could not be read. */
  answers: Record<string, (Prediction[] | null)[]>;
  /** Why not, by class and by the place among its pictures. These are left out of the figures. */
  failures: { className: string; index: number; error: HeadstartError }[];
}

/** What {@link Trainer.save} may be told. */
export interface SaveOptions {
  /**
   * Whether the model comes with the whole backbone, as it does by default, or with a reference to it: the file then holds the head and
   * what fine-tuning changed, and can be opened where a backbone of the same name and content is served.
   */
  backbone?: SavedBackbone;
}

/** What {@link Trainer.export} may be told. */
export interface ExportOptions {
  /** How weights are stored: `f32`, the default, changes nothing; `f16` takes half the room and `int8` a quarter, for a little accuracy. */
  weights?: WeightStorage;
  /**
   * The model's own files alone, without the README and the golden pictures that show whether it says the same there. Of ONNX that is the
   * one file, `.onnx`, which `InferenceSession.create` takes.
   */
  bare?: boolean;
  /** What the model is called; `model` where nothing is said. */
  name?: string;
}

/** What {@link Trainer.saveProject} may be told. */
export interface SaveProjectOptions {
  /**
   * Whether what is on the pictures is saved too, and what they were added as, for another backbone; without it they have to be added
   * again under their numbers.
   */
  pictures?: boolean;
}

/**
 * A classifier in the making: classes with pictures, training, and predictions of the trained model.
 *
 * Classes and pictures have numbers that stay theirs, of two separate series; a class's name is a label that may change. A class is
 * named by either. One that is deleted and made again is another class, with another number.
 */
export class Trainer {
  /** The settings that a run uses where {@link Trainer.train} is not told otherwise. */
  readonly defaults: TrainConfig;
  /** What each of these settings may be, and beside which others it makes a difference. */
  readonly rules: SettingRules;
  readonly #connection: Connection;
  readonly #predictions: Predictions;
  readonly #assets: string | undefined;
  #change: BackboneChange | null = null;

  private constructor(connection: Connection, created: Created, assets: string | undefined) {
    this.#connection = connection;
    this.#assets = assets;
    this.#predictions = new Predictions(connection);
    this.defaults = created.defaults;
    this.rules = created.rules;
    if (created.unprepared > 0) this.#follow(new BackboneChange(connection));
  }

  /**
   * Starts a worker with an engine and a backbone, and with a project where there is one to go on with.
   *
   * @throws {@link HeadstartError} `engine_unavailable`, `backbone_not_found`, `backbone_…`, `project_file_invalid` or `worker_failed`.
   */
  static async create(options: TrainerOptions = {}): Promise<Trainer> {
    const { engine = 'auto', project } = options;
    const chosen = options.backbone ?? project?.backbone;
    const source = chosen === undefined ? undefined : backboneSource(chosen);
    const assets = assetsFolder(options.assetsBase);
    const args = async (): Promise<Calls['create']['args']> => [engine, source ?? (await defaultBackbone(assets)), project, options.arithmetic];
    const { signal, onProgress, onEngine } = options;
    const { connection, result } = await Connection.begin('create', args, { start: startWorker, assets, signal, onProgress, onEngine });
    return new Trainer(connection, result, assets);
  }

  /** What computes, and why; another after a GPU was lost. */
  get engine(): EngineReport {
    return this.#connection.engine;
  }

  /** The backbone that turns pictures into features; a model keeps the one that it was trained on. */
  get backbone(): BackboneReport {
    return this.#connection.backbone;
  }

  /** The change of the backbone that is under way, if one is. */
  get change(): BackboneChange | null {
    return this.#change;
  }

  /**
   * The classes in their order, each with the numbers of its pictures to learn from and of those of the test set, rising. A copy as of
   * the last answered call.
   */
  get classes(): readonly ClassSummary[] {
    return this.#connection.mirror.classes;
  }

  /** The labels that {@link Trainer.predict} answers with, or null before there is a model. */
  get modelClasses(): readonly ModelClass[] | null {
    return this.#connection.mirror.modelClasses;
  }

  /**
   * Adds an empty class.
   *
   * @returns the class's number.
   * @throws {@link HeadstartError} `class_name_empty`, `class_name_taken` or `id_taken`.
   */
  addClass(name: string, options: AddClassOptions = {}): Promise<number> {
    return this.#connection.call('addClass', [name, options.id]);
  }

  /** Gives a class another name; a trained model keeps working and answers with the new one. */
  renameClass(ref: ClassRef, to: string): Promise<void> {
    return this.#connection.call('renameClass', [ref, to]);
  }

  /**
   * Removes a class with its pictures; {@link Trainer.restoreClass} brings both back. A model that was trained on it here answers without it from
   * then on, also as a file and an export, which then come without a report: the other classes share its probability, as long as there are two.
   */
  removeClass(ref: ClassRef): Promise<void> {
    return this.#connection.call('removeClass', [ref]);
  }

  /** Undoes {@link Trainer.removeClass}; of several removed classes of one name it brings back the one that was made last. */
  restoreClass(ref: ClassRef): Promise<void> {
    return this.#connection.call('restoreClass', [ref]);
  }

  /**
   * Puts the pictures of one class, those of the test set too, into another, and removes the first. A model that tells the two apart goes on
   * doing so until it is trained again; with `warmStart` it goes on from what it knows.
   *
   * @throws {@link HeadstartError} `class_unknown`.
   */
  mergeClasses(from: ClassRef, into: ClassRef): Promise<void> {
    return this.#connection.call('mergeClasses', [from, into]);
  }

  /**
   * Adds a picture to a class. Calls need not wait for each other, pictures are taken in the order of the calls, and adding works
   * while training runs (the next run uses the picture).
   *
   * @returns the picture's number.
   * @throws {@link HeadstartError} `picture_unreadable`, `picture_kind_unsupported`, `picture_too_large`, `picture_empty`, `class_unknown`
   * or `id_taken`.
   */
  addImage(ref: ClassRef, source: PictureSource, options: AddImageOptions = {}): Promise<number> {
    return this.#add(ref, source, options);
  }

  #add(ref: ClassRef, source: PictureSource, options: AddImageOptions, signal?: AbortSignal, following?: number): Promise<number> {
    const { group, id, part, features, name = nameOf(source) } = options;
    return this.#connection.callWith(toPicture(source, name, signal), 'addImage', (taken) => [ref, taken, name, { group, id, part, features, following }]);
  }

  /**
   * Adds many pictures to a class. One that cannot be read is left out and told; anything else that is wrong ends it, and so does `signal`. By
   * then some are added: `onProgress` has told how many were done with. On the CPU engine up to three more workers read and embed pictures ahead
   * of their turn, one for each core that is left, as long as there are many; each takes some 40 MB, and the pictures that it has.
   *
   * @throws {@link HeadstartError} `class_unknown` or `worker_failed`.
   */
  async addImages(ref: ClassRef, sources: readonly PictureSource[], options: AddImagesOptions = {}): Promise<AddedImages> {
    const { group, part, signal } = options;
    const about = { ...(group !== undefined && { group }), ...(part !== undefined && { part }) };
    const add = (source: PictureSource, index: number): Promise<number> => this.#add(ref, source, about, signal, sources.length - 1 - index);
    const { answers, failures } = await eachReadable(sources, add, options, sources.some(isLarge) ? undefined : ADDED_AHEAD);
    return { ids: answers, failures };
  }

  /**
   * What the backbone makes of a picture, to be kept beside it and given to {@link Trainer.addImage} another time, when it need not be
   * computed again; null where nothing is there. What a training wants of it beside that, such as its mirror image, is computed now where that
   * has not been done yet. It holds for this picture and this backbone; with others it is passed over.
   *
   * @throws {@link HeadstartError} `image_unknown`.
   */
  features(id: number): Promise<Uint8Array | null> {
    return this.#connection.call('features', [id]);
  }

  /** A small square JPEG of a picture, to show. */
  thumbnail(id: number): Promise<Blob> {
    return this.#connection.call('thumbnail', [id]);
  }

  /** Removes a picture; {@link Trainer.restoreImage} brings it back. */
  removeImage(id: number): Promise<void> {
    return this.#connection.call('removeImage', [id]);
  }

  /** Undoes {@link Trainer.removeImage}. */
  restoreImage(id: number): Promise<void> {
    return this.#connection.call('restoreImage', [id]);
  }

  /** Puts a picture into another class. */
  moveImage(id: number, ref: ClassRef): Promise<void> {
    return this.#connection.call('moveImage', [id, ref]);
  }

  /**
   * Puts a picture into the test set, or takes it out of there. One that the present model has learned from is no test of that model:
   * see {@link Trainer.evaluate}.
   */
  setPart(id: number, part: Part): Promise<void> {
    return this.#connection.call('setPart', [id, part]);
  }

  /**
   * Frees the memory of removed pictures, once nobody wants them back: {@link Trainer.restoreImage} does not know them any more.
   *
   * @throws {@link HeadstartError} `image_unknown` or `image_not_removed`.
   */
  forgetImages(ids: readonly number[]): Promise<void> {
    return this.#connection.call('forgetImages', [ids]);
  }

  /**
   * Every tensor of backbone and head as a run with these settings would have it: its stage, shape and size, whether it trains, and why
   * or why not.
   *
   * @throws {@link HeadstartError} `config_invalid` or `not_fine_tunable`.
   */
  layers(config: Partial<TrainConfig> = {}): Promise<LayerReport[]> {
    return this.#connection.call('layers', [config]);
  }

  /**
   * What a run with these settings would train, the memory that it would take, and how long; without training anything. Works before
   * there are pictures too, without times then.
   *
   * @throws {@link HeadstartError} `config_invalid`, or `not_fine_tunable` where the backbone cannot be fine-tuned that far
   * (`backbone.fineTunable` says how far).
   */
  estimate(config: Partial<TrainConfig> = {}): Promise<Estimate> {
    return this.#connection.call('estimate', [config]);
  }

  /**
   * Whether a run with these settings could start now, anew and going on from the present model (`warmStart`), and why not.
   *
   * @throws {@link HeadstartError} `config_invalid` for a setting that there is none of.
   */
  readiness(config: Partial<TrainConfig> = {}): Promise<Readiness> {
    return this.#connection.call('readiness', [config]);
  }

  /**
   * Starts training on the pictures that are there now. Comes back at once; a refused setting or too few pictures reject
   * {@link Run.report} and end the iteration with the same error.
   *
   * With `fineTune` the last stages of the backbone are trained too, after the head; with `warmStart` the run goes on from the present
   * model instead of starting anew. With `options` a run that is cut short can go on in another tab; where that cannot be, it is
   * rejected with `checkpoint_invalid` or `checkpoint_differs`.
   */
  train(config: Partial<TrainConfig> = {}, options: TrainOptions = {}): Run {
    return new Run(this.#connection, config, options);
  }

  /**
   * Puts another backbone in the place of the present one and prepares the pictures for it, between other calls. Classes, pictures and
   * the model stay. What was computed with the backbone before is kept as long as there is room, so that going back costs nothing.
   *
   * Comes back at once; {@link BackboneChange.finished} rejects with `backbone_…` or `config_invalid`, or with `training_running` during a training. A
   * change that is under way already ends as cancelled, and this one takes its place.
   */
  setBackbone(backbone: BackboneRef, options: ArithmeticOptions = {}): BackboneChange {
    return this.#follow(new BackboneChange(this.#connection, () => [backboneSource(backbone), options.arithmetic]));
  }

  /**
   * Has the present backbone compute in something else: a change as with {@link Trainer.setBackbone}, for what it makes of a picture is
   * another then. A model keeps what it was trained with.
   */
  setArithmetic(arithmetic: Arithmetic): BackboneChange {
    return this.#follow(new BackboneChange(this.#connection, () => [null, arithmetic]));
  }

  /**
   * Milliseconds that a picture takes on a backbone here, on the engine that there is; measured, with made-up weights, from its
   * `config.json` alone where it has one. `null` is the present one.
   *
   * @throws {@link HeadstartError} `backbone_…`.
   */
  async measureBackbone(backbone: BackboneRef | null, options: ArithmeticOptions = {}): Promise<number> {
    return this.#connection.call('measureBackbone', [backbone && backboneSource(backbone), options.arithmetic]);
  }

  /**
   * What the trained model sees in a picture, most probable class first.
   *
   * Every call is answered, in the order of the calls, and files are decoded one after the other: `Promise.all(files.map(…))` is
   * fine. For live pictures there is {@link Trainer.predictLatest}.
   *
   * @throws {@link HeadstartError} `not_trained` or `picture_…`.
   */
  predict(source: PictureSource): Promise<Prediction[]> {
    return this.#predictions.each(source);
  }

  /**
   * The same for live pictures: one prediction is worked on and at most one waits. A newer call takes the place of the waiting one,
   * which then rejects with the code `busy`; a caller with a stream of frames ignores that.
   *
   * @throws {@link HeadstartError} `not_trained`, `busy` or `picture_…`.
   */
  predictLatest(source: PictureSource): Promise<Prediction[]> {
    return this.#predictions.latest(source);
  }

  /**
   * The backbone's pooled features of a picture, `backbone.features` numbers: for search by likeness or a classifier of one's own.
   * The picture is not added.
   *
   * @throws {@link HeadstartError} `picture_…`.
   */
  embed(source: PictureSource): Promise<Float32Array> {
    const name = nameOf(source);
    return this.#connection.callWith(toPicture(source, name), 'embed', (taken) => [taken, name]);
  }

  /**
   * Tests the latest run's model on the pictures that were held out, as it was trained: with classes that were removed since. Tells what it
   * makes of each picture.
   *
   * @throws {@link HeadstartError} `not_trained`, or `nothing_held_out`.
   */
  evaluate(part?: 'validation', options?: Abortable): Promise<ValidationEvaluation>;
  /**
   * Tests the model on the test set, and tells what it makes of each picture.
   *
   * Test pictures that the model has learned from, or was chosen by, are left out of the figures, and so are copies of such and frames of
   * the same recording (`group`): they are listed as `leaks`, and the warning `test_pictures_known` says how many they are. Other
   * warnings are `test_class_unknown`, `test_pictures_missing` and, for a model from a file, `test_may_have_trained`.
   *
   * @throws {@link HeadstartError} `not_trained`, or `no_test_pictures` where nothing is left to test with.
   */
  evaluate(part: 'test', options?: Abortable): Promise<TestEvaluation>;
  /**
   * Tests the model on pictures that are not the project's, and tells what it makes of each: `evaluate({ cat: files, dog: otherFiles })`. They
   * are neither kept nor compared with those that it learned from: whether it has seen them is for you to know. They are asked about one after
   * the other, files decoded in turn; a model that takes the place of this one meanwhile answers for the rest.
   *
   * @throws {@link HeadstartError} `not_trained`, `class_unknown` for a class that the model does not tell apart, or `no_test_pictures` where
   * none can be read.
   */
  evaluate(pictures: TestPictures, options?: EvaluateOptions): Promise<PicturesEvaluation>;
  evaluate(on: 'validation' | 'test' | TestPictures = 'validation', options: EvaluateOptions = {}): Promise<Evaluation> {
    if (typeof on === 'object') return this.#evaluateOn(on, options);
    return abortable<Evaluation>(this.#connection.call(on === 'test' ? 'evaluateOnTest' : 'evaluate', []), options.signal);
  }

  async #evaluateOn(pictures: TestPictures, options: EvaluateOptions): Promise<PicturesEvaluation> {
    const known = this.modelClasses?.map(({ name }) => name);
    const unknown = Object.keys(pictures).find((name) => known && !known.includes(name));
    if (unknown !== undefined) throw new HeadstartError({ code: 'class_unknown', message: `The model knows no class “${unknown}”.`, value: unknown });
    const all = Object.entries(pictures).flatMap(([className, sources]) => sources.map((source, index) => ({ className, source, index })));
    const asking = eachReadable(all, ({ source }) => this.#predictions.each(source, options.signal), options);
    const { answers: said, failures: unread } = await abortable(asking, options.signal);
    const answered = all.flatMap(({ className }, at) => (said[at] ? [[className, said[at]] as const] : []));
    const figures = await this.#connection.call('measureAnswers', [answered]);
    const answers: PicturesEvaluation['answers'] = Object.fromEntries(Object.keys(pictures).map((name) => [name, []]));
    all.forEach(({ className }, at) => answers[className]?.push(said[at] ?? null));
    const failures = unread.flatMap(({ index, error }) => (all[index] ? [{ className: all[index].className, index: all[index].index, error }] : []));
    return { ...figures, answers, failures };
  }

  /**
   * What the model makes of each of the classes' pictures, one after the other, those of the test set too, and what each is to it: trained on,
   * held out, of the test set, new, or, where the model came from a file, unknown. A picture that is removed meanwhile is left out.
   *
   * @throws {@link HeadstartError} `not_trained`.
   */
  async *answers(options: Abortable = {}): AsyncGenerator<PictureAnswer, void> {
    const ids = this.classes.flatMap(({ images, test }) => [...images, ...test]);
    for (const id of ids) {
      const answer = this.#connection.call('answer', [id]).catch((error: unknown) => {
        if (error instanceof HeadstartError && error.code === 'image_unknown') return null;
        throw error;
      });
      const found = await abortable(answer, options.signal);
      if (found !== null) yield found;
    }
  }

  /**
   * The trained model as a zip file, for {@link Classifier.load}.
   *
   * @throws {@link HeadstartError} `not_trained`; `model_backbone_unnamed` where a reference is asked for and the backbone was no folder's.
   */
  save(options: SaveOptions = {}): Promise<Blob> {
    return this.#connection.call('save', [options.backbone ?? 'whole']);
  }

  /**
   * The trained model for another program, with how it prepares pictures: a zip whose README says how to use it, with five drawn pictures
   * and a script that show whether it says the same there (none of your pictures is in it).
   *
   * - `onnx`: for ONNX Runtime; pictures of any size in, probabilities and label out.
   * - `tfjs`: a graph for TensorFlow.js; the same.
   * - `teachable-machine`: for Teachable Machine's library and ml5, which prepare pictures in a way of their own.
   * - `timm`: for timm and transformers; linear heads only.
   * - `page`: a site of its own that predicts, with the camera and with files, also without a network.
   *
   * @throws {@link HeadstartError} `format_unknown`, `config_invalid`, `not_trained`, `export_unsupported` where the format has no way to write
   * this model, or `export_page_missing`.
   */
  async export(format: ExportFormat, options: ExportOptions = {}): Promise<File> {
    const { weights = 'f32', bare = false, name = 'model' } = options;
    const page = format === 'page' ? await playerFiles(this.#assets) : [];
    const { file, extension } = await this.#connection.call('export', [format, { weights, bare, name, page }]);
    return new File([file], extension === 'zip' ? `${name}-${format}.zip` : `${name}.${extension}`, { type: file.type });
  }

  /**
   * Takes a saved model, from a file or an address, as the model that {@link Trainer.predict} uses. Classes and pictures stay.
   *
   * @returns the report of the training that it comes from, where the file has one.
   * @throws {@link HeadstartError} `model_file_invalid`, `model_backbone_changed` or `backbone_…`; the model that there was stays then.
   */
  async load(model: Blob | string | URL, options: Pick<ClassifierOptions, 'backbone'> = {}): Promise<TrainReport | null> {
    return this.#connection.call('load', [modelReference(model), modelBackbone(options.backbone, this.#assets)]);
  }

  /**
   * Everything that there is, in a form that can be kept: classes, pictures, what was trained and the model. {@link Trainer.create}
   * goes on with it, on the same engine or another.
   */
  saveProject(options: SaveProjectOptions = {}): Promise<SavedProject> {
    return this.#connection.call('write', [options.pictures ?? false]);
  }

  /**
   * The addresses of what its worker has fetched so far: its wasm code, and a backbone that is not from files. For a page that works without a
   * network: what was fetched before its service worker was there is for that one to keep.
   */
  fetched(): Promise<string[]> {
    return this.#connection.call('fetched', []);
  }

  #follow(change: BackboneChange): BackboneChange {
    const before = this.#change;
    this.#change = change;
    const over = (): void => {
      // The one before goes on where this one was refused.
      if (this.#change === change) this.#change = before === null || before.ended ? null : before;
    };
    change.finished.then(over, over);
    return change;
  }

  /** Ends the worker and frees its memory. Whatever is still being waited for rejects with `worker_failed`. */
  close(): void {
    this.#connection.close();
  }
}

/** So many pictures are on their way into a class at a time: the worker and each of its helpers has some, and one more to begin with. */
const ADDED_AHEAD = 12;

/** Asks about each of many pictures, in their order; one that cannot be read is null and told, by its place, and anything else that is wrong ends it. */
async function eachReadable<S, T>(
  sources: readonly S[],
  ask: (source: S, index: number) => Promise<T>,
  { signal, onProgress }: EvaluateOptions,
  ahead?: number,
): Promise<{ answers: (T | null)[]; failures: { index: number; error: HeadstartError }[] }> {
  const failures: { index: number; error: HeadstartError }[] = [];
  let done = 0;
  const one = async (source: S, index: number): Promise<T | null> => {
    let answer: T | null = null;
    try {
      answer = await ask(source, index);
    } catch (error) {
      if (signal?.aborted || !(error instanceof HeadstartError) || !error.code.startsWith('picture_')) throw error;
      failures.push({ index, error });
    }
    done += 1;
    onProgress?.(done, sources.length);
    return answer;
  };
  const answers = await inOrder(sources, one, signal, ahead);
  return { answers, failures: failures.sort((a, b) => a.index - b.index) };
}
