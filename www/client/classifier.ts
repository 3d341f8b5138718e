import { LoadedModel, openModel, type ClassifierOptions, type OpenedModel } from './loaded-model.js';
import { startWorker } from './worker-file.js';

/** A trained model in use: nothing but predictions. */
export class Classifier extends LoadedModel {
  private constructor(opened: OpenedModel) {
    super(opened);
  }

  /**
   * Loads a model that {@link Trainer.save} made, from a file or an address. The file is all that it needs: its backbone is in it, unless it was
   * saved with a reference to that.
   *
   * @throws {@link HeadstartError} `model_file_invalid`, `model_backbone_changed`, `engine_unavailable`, `backbone_…` or `worker_failed`.
   */
  static async load(model: Blob | string | URL, options: ClassifierOptions = {}): Promise<Classifier> {
    return new Classifier(await openModel(startWorker, model, options));
  }
}
