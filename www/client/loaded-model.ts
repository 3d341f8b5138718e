import type { EngineChoice, EngineReport, Prediction, TrainReport } from '../generated/types.js';
import type { LoadProgress, Opened } from '../protocol.js';
import { abortable, type Abortable } from './abort.js';
import type { AssetsOptions, BackboneRef } from './backbones.js';
import { Connection } from './connection.js';
import { eachShown, type FrameSource } from './frames.js';
import { inOrder } from './in-order.js';
import { assetsFolder, modelBackbone, modelReference } from './location.js';
import { Predictions } from './predictions.js';
import type { PictureSource } from './source.js';
import type { StartWorker } from './start-worker.js';

/** How {@link Classifier.load} sets up. */
export interface ClassifierOptions extends AssetsOptions, Abortable {
  /** Is told how much of the model has come, where it is fetched from an address. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** What computes; `auto`, the default, begins on the CPU, measures, and goes on with the faster. `headstart/predict` computes on the CPU. */
  engine?: EngineChoice;
  /** Is told once the GPU has been tried, and where it is lost. */
  onEngine?: ((engine: EngineReport) => void) | undefined;
  /** The backbone of a model that was saved with a reference to it, where it is not served beside this module under its name. */
  backbone?: BackboneRef;
}

/** What {@link Classifier.classify} may be told. */
export interface ClassifyOptions extends Abortable {
  /** Only the so many most probable classes; all of them by default. */
  top?: number;
}

/** A saved model that a worker has opened. @internal */
export interface OpenedModel {
  connection: Connection;
  result: Opened;
}

/** Opens a saved model in a worker of its own. @internal */
export async function openModel(start: StartWorker, model: Blob | string | URL, options: ClassifierOptions): Promise<OpenedModel> {
  const assets = assetsFolder(options.assetsBase);
  const [file, backbone] = [modelReference(model), modelBackbone(options.backbone, assets)];
  const { engine = 'auto', signal, onProgress, onEngine } = options;
  return Connection.begin('ofModel', async () => [engine, file, backbone], { start, assets, signal, onProgress, onEngine });
}

/** What a classifier can do, whichever worker has its model. */
export abstract class LoadedModel {
  /** How its training went, where the file tells. */
  readonly report: TrainReport | null;
  readonly #connection: Connection;
  readonly #predictions: Predictions;

  /** @internal */
  protected constructor({ connection, result }: OpenedModel) {
    this.report = result.report;
    this.#connection = connection;
    this.#predictions = new Predictions(connection);
  }

  /** What computes. */
  get engine(): EngineReport {
    return this.#connection.engine;
  }

  /** The labels that {@link Classifier.classify} answers with. */
  get classes(): readonly string[] {
    return this.#connection.mirror.modelClasses?.map(({ name }) => name) ?? [];
  }

  /**
   * What the model sees in a picture, most probable class first. Every call is answered, in the order of the calls.
   *
   * @throws {@link HeadstartError} `picture_…` or `worker_failed`.
   */
  classify(picture: PictureSource, options?: ClassifyOptions): Promise<Prediction[]>;
  /** The same for each of many pictures, in their order; files are decoded one after the other. The first that cannot be read ends it. */
  classify(pictures: readonly PictureSource[], options?: ClassifyOptions): Promise<Prediction[][]>;
  classify(given: PictureSource | readonly PictureSource[], { top, signal }: ClassifyOptions = {}): Promise<Prediction[] | Prediction[][]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const ask = async (picture: PictureSource): Promise<Prediction[]> => (await this.#predictions.each(picture, signal)).slice(0, top);
    return abortable<Prediction[] | Prediction[][]>(Array.isArray(given) ? inOrder(given, ask, signal) : ask(given as PictureSource), signal);
  }

  /**
   * What the model sees in a video or a canvas as it plays, for `for await`. It keeps up: what is shown while a frame is being looked at, or
   * while the loop is busy, is left out. It ends with the video or its camera, and where the loop is left; a canvas has no end. It waits
   * while the video is paused or the page is hidden.
   *
   * @throws what {@link Classifier.classify} does.
   */
  stream(source: FrameSource, options: ClassifyOptions = {}): AsyncGenerator<Prediction[], void, undefined> {
    return eachShown(source, () => this.classify(source, options), options.signal);
  }

  /** Ends the worker and frees its memory. */
  close(): void {
    this.#connection.close();
  }
}
