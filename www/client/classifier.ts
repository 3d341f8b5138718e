import type { EngineChoice, EngineReport, Prediction } from '../generated/types.js';
import type { AssetsOptions, BackboneRef } from './backbones.js';
import { Connection } from './connection.js';
import { assetsFolder, modelBackbone, modelReference } from './location.js';
import { Predictions } from './predictions.js';
import type { PictureSource } from './source.js';

/** How {@link Classifier.load} sets up. */
export interface ClassifierOptions extends AssetsOptions {
  /** What computes; `auto`, the default, measures and takes the faster. */
  engine?: EngineChoice;
  /** The backbone of a model that was saved with a reference to it, where it is not served beside this module under its name. */
  backbone?: BackboneRef;
}

/** A trained model in use: nothing but predictions. */
export class Classifier {
  readonly #connection: Connection;
  readonly #predictions: Predictions;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.#predictions = new Predictions(connection);
  }

  /**
   * Loads a model that {@link Trainer.save} made, from a file or an address. The file is all that it needs: its backbone is in it, unless it was
   * saved with a reference to that.
   *
   * @throws {@link HeadstartError} `model_file_invalid`, `model_backbone_changed`, `engine_unavailable`, `backbone_…` or `worker_failed`.
   */
  static async load(model: Blob | string | URL, options: ClassifierOptions = {}): Promise<Classifier> {
    const assets = assetsFolder(options.assetsBase);
    const [file, backbone] = [modelReference(model), modelBackbone(options.backbone, assets)];
    const { connection } = await Connection.begin('ofModel', async () => [options.engine ?? 'auto', file, backbone], assets);
    return new Classifier(connection);
  }

  /** What computes. */
  get engine(): EngineReport {
    return this.#connection.engine;
  }

  /** The labels that {@link Classifier.predict} answers with. */
  get classes(): readonly string[] {
    return this.#connection.mirror.modelClasses?.map(({ name }) => name) ?? [];
  }

  /** What the model sees in a picture, most probable class first. Every call is answered, in the order of the calls. */
  predict(source: PictureSource): Promise<Prediction[]> {
    return this.#predictions.each(source);
  }

  /** The same for live pictures: see {@link Trainer.predictLatest}. */
  predictLatest(source: PictureSource): Promise<Prediction[]> {
    return this.#predictions.latest(source);
  }

  /** Ends the worker and frees its memory. */
  close(): void {
    this.#connection.close();
  }
}
