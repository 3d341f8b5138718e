import type {
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  LayerReport,
  Prediction,
  SettingRules,
  TrainConfig,
} from '../generated/types.js';
import type { Created } from '../protocol.js';
import { Connection, discard } from './connection.js';
import { HeadstartError } from './error.js';
import { Latest } from './latest.js';
import { defaultBackbone, modelReference, resolveFolder } from './location.js';
import { Run } from './run.js';
import { nameOf, toPicture, type PictureSource } from './source.js';

/** How {@link Trainer.create} sets up. */
export interface TrainerOptions {
  /** What computes; `auto`, the default, measures and takes the faster. */
  engine?: EngineChoice;
  /** Address of a folder with `config.json` and `model.safetensors`; by default the backbone that is served with Headstart. */
  backbone?: string;
}

/** What {@link Trainer.addImage} may be told beside the picture. */
export interface AddImageOptions {
  /**
   * Pictures of one group are near-copies of each other, such as the frames of one webcam recording: they are all trained on or all
   * held out, so that the validation accuracy is honest. Only a class that is one single group is split all the same, and the
   * report warns of it (`one_recording`).
   */
  group?: string;
  /** What to call the picture in error messages; a file's own name by default. */
  name?: string;
}

/** A classifier in the making: classes with pictures, training, and predictions of the trained model. */
export class Trainer {
  /** The backbone that turns pictures into features. */
  readonly backbone: BackboneReport;
  /** The settings that a run uses where {@link Trainer.train} is not told otherwise. */
  readonly defaults: TrainConfig;
  /** What each of these settings may be, and beside which others it makes a difference. */
  readonly rules: SettingRules;
  readonly #connection: Connection;
  readonly #predictions = new Latest();

  private constructor(connection: Connection, created: Created) {
    this.#connection = connection;
    this.backbone = created.backbone;
    this.defaults = created.defaults;
    this.rules = created.rules;
  }

  /**
   * Starts a worker with an engine and a backbone.
   *
   * @throws {@link HeadstartError} `engine_unavailable`, `backbone_not_found`, `backbone_…` or `worker_failed`.
   */
  static async create(options: TrainerOptions = {}): Promise<Trainer> {
    const connection = Connection.open();
    try {
      const backbone = options.backbone === undefined ? defaultBackbone() : resolveFolder(options.backbone);
      return new Trainer(connection, await connection.call('create', [options.engine ?? 'auto', backbone]));
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** What computes, and why; another after a GPU was lost. */
  get engine(): EngineReport {
    return this.#connection.state.engine;
  }

  /** The classes in their order, each with the numbers of its pictures in order of arrival. A copy as of the last answered call. */
  get classes(): readonly ClassSummary[] {
    return this.#connection.state.classes;
  }

  /** The labels that {@link Trainer.predict} answers with, or null before there is a model. */
  get modelClasses(): readonly string[] | null {
    return this.#connection.state.modelClasses;
  }

  /** Adds an empty class. */
  addClass(name: string): Promise<void> {
    return this.#connection.call('addClass', [name]);
  }

  /** Gives a class another name; a trained model keeps working and answers with the new one. */
  renameClass(name: string, to: string): Promise<void> {
    return this.#connection.call('renameClass', [name, to]);
  }

  /** Removes a class with its pictures; {@link Trainer.restoreClass} brings both back. */
  removeClass(name: string): Promise<void> {
    return this.#connection.call('removeClass', [name]);
  }

  /** Undoes {@link Trainer.removeClass}. */
  restoreClass(name: string): Promise<void> {
    return this.#connection.call('restoreClass', [name]);
  }

  /**
   * Adds a picture to a class. Calls need not wait for each other, pictures are taken in the order of the calls, and adding works
   * while training runs (the next run uses the picture).
   *
   * @returns the picture's number.
   * @throws {@link HeadstartError} `picture_unreadable`, `picture_too_large`, `picture_empty` or `class_unknown`.
   */
  addImage(className: string, source: PictureSource, options: AddImageOptions = {}): Promise<number> {
    const name = options.name ?? nameOf(source);
    const picture = toPicture(source, name);
    return this.#connection.callWith(picture, 'addImage', (taken) => [className, taken, name, options.group]);
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
  moveImage(id: number, className: string): Promise<void> {
    return this.#connection.call('moveImage', [id, className]);
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
   * Made for live pictures: one prediction is worked on and at most one waits. A newer call takes the place of the waiting one, which
   * then rejects with the code `busy`; a caller with a stream of frames ignores that.
   *
   * @throws {@link HeadstartError} `not_trained`, `busy` or `picture_…`.
   */
  predict(source: PictureSource): Promise<Prediction[]> {
    const name = nameOf(source);
    const picture = toPicture(source, name);
    return this.#predictions.run(
      () => this.#connection.callWith(picture, 'predict', (taken) => [taken, name]),
      () => void picture.then(discard, () => undefined),
    );
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

  /** Ends the worker and frees its memory. Whatever is still being waited for rejects with `worker_failed`. */
  close(): void {
    this.#connection.close();
  }
}
