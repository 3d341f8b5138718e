import type {
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  LayerReport,
  ModelClass,
  Prediction,
  Readiness,
  SettingRules,
  TrainConfig,
} from '../generated/types.js';
import type { ClassRef, Created, SavedProject } from '../protocol.js';
import { Connection } from './connection.js';
import { HeadstartError } from './error.js';
import { defaultBackbone, modelReference, resolveFolder } from './location.js';
import { Predictions } from './predictions.js';
import { Run } from './run.js';
import { nameOf, toPicture, type PictureSource } from './source.js';

/** How {@link Trainer.create} sets up. */
export interface TrainerOptions {
  /** What computes; `auto`, the default, measures and takes the faster. */
  engine?: EngineChoice;
  /** Address of a folder with `config.json` and `model.safetensors`; by default the backbone that is served with Headstart. */
  backbone?: string;
  /** What {@link Trainer.saveProject} gave, to go on with; it needs the backbone that it was saved with. */
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
}

/** What {@link Trainer.saveProject} may be told. */
export interface SaveProjectOptions {
  /** Whether what is on the pictures is saved too; without it they have to be added again under their numbers. */
  pictures?: boolean;
}

/**
 * A classifier in the making: classes with pictures, training, and predictions of the trained model.
 *
 * Classes and pictures have numbers that stay theirs, of two separate series; a class's name is a label that may change. A class is
 * named by either. One that is deleted and made again is another class, with another number.
 */
export class Trainer {
  /** The backbone that turns pictures into features. */
  readonly backbone: BackboneReport;
  /** The settings that a run uses where {@link Trainer.train} is not told otherwise. */
  readonly defaults: TrainConfig;
  /** What each of these settings may be, and beside which others it makes a difference. */
  readonly rules: SettingRules;
  readonly #connection: Connection;
  readonly #predictions: Predictions;

  private constructor(connection: Connection, created: Created) {
    this.#connection = connection;
    this.#predictions = new Predictions(connection);
    this.backbone = created.backbone;
    this.defaults = created.defaults;
    this.rules = created.rules;
  }

  /**
   * Starts a worker with an engine and a backbone, and with a project where there is one to go on with.
   *
   * @throws {@link HeadstartError} `engine_unavailable`, `backbone_not_found`, `backbone_…`, `project_file_invalid` or `worker_failed`.
   */
  static async create(options: TrainerOptions = {}): Promise<Trainer> {
    const backbone = options.backbone === undefined ? defaultBackbone() : resolveFolder(options.backbone);
    const { connection, result } = await Connection.begin('create', [options.engine ?? 'auto', backbone, options.project]);
    return new Trainer(connection, result);
  }

  /** What computes, and why; another after a GPU was lost. */
  get engine(): EngineReport {
    return this.#connection.engine;
  }

  /** The classes in their order, each with the numbers of its pictures by rising number. A copy as of the last answered call. */
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

  /** Removes a class with its pictures; {@link Trainer.restoreClass} brings both back. */
  removeClass(ref: ClassRef): Promise<void> {
    return this.#connection.call('removeClass', [ref]);
  }

  /** Undoes {@link Trainer.removeClass}; of several removed classes of one name it brings back the one that was made last. */
  restoreClass(ref: ClassRef): Promise<void> {
    return this.#connection.call('restoreClass', [ref]);
  }

  /**
   * Adds a picture to a class. Calls need not wait for each other, pictures are taken in the order of the calls, and adding works
   * while training runs (the next run uses the picture).
   *
   * @returns the picture's number.
   * @throws {@link HeadstartError} `picture_unreadable`, `picture_too_large`, `picture_empty`, `class_unknown` or `id_taken`.
   */
  addImage(ref: ClassRef, source: PictureSource, options: AddImageOptions = {}): Promise<number> {
    const { group, id, name = nameOf(source) } = options;
    return this.#connection.callWith(toPicture(source, name), 'addImage', (taken) => [ref, taken, name, { group, id }]);
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
   * model instead of starting anew.
   */
  train(config: Partial<TrainConfig> = {}): Run {
    return new Run(this.#connection, config);
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

  /** Tests the latest run's model on the pictures that were held out. */
  evaluate(): Promise<Evaluation> {
    return this.#connection.call('evaluate', []);
  }

  /** The trained model as a zip file, for {@link Classifier.load}. */
  save(): Promise<Blob> {
    return this.#connection.call('save', []);
  }

  /** The trained model in a format by name; `headstart` is what {@link Trainer.save} gives. */
  async export(format: 'headstart' | (string & {})): Promise<Blob> {
    if (format === 'headstart') return this.save();
    throw new HeadstartError({
      code: 'format_unknown',
      message: `There is no format named “${format}”: a model is exported as “headstart”.`,
      value: format,
    });
  }

  /** Takes a saved model, from a file or an address, as the model that {@link Trainer.predict} uses. Classes and pictures stay. */
  async load(model: Blob | string | URL): Promise<void> {
    return this.#connection.call('load', [modelReference(model)]);
  }

  /**
   * Everything that there is, in a form that can be kept: classes, pictures, what was trained and the model. {@link Trainer.create}
   * goes on with it, on the same engine or another.
   */
  saveProject(options: SaveProjectOptions = {}): Promise<SavedProject> {
    return this.#connection.call('write', [options.pictures ?? false]);
  }

  /** Ends the worker and frees its memory. Whatever is still being waited for rejects with `worker_failed`. */
  close(): void {
    this.#connection.close();
  }
}
