import { HeadstartError } from './error.js';
import { LoadedModel, openModel, type ClassifierOptions, type OpenedModel } from './loaded-model.js';
import { startPredictWorker } from './predict-worker-file.js';

/** A trained model in use, on the CPU: what the `Classifier` of `headstart` does, with a fraction of its code to download. */
export class Classifier extends LoadedModel {
  private constructor(opened: OpenedModel) {
    super(opened);
  }

  /**
   * Loads a saved model from a file or an address. The file is all that it needs: its backbone is in it, unless it was saved with a reference
   * to that. The engine `webgpu` is refused; `auto` and `cpu` are the same.
   *
   * @throws {@link HeadstartError} `model_file_invalid`, `model_backbone_changed`, `engine_unavailable`, `backbone_…` or `worker_failed`.
   */
  static async load(model: Blob | string | URL, { engine = 'auto', ...options }: ClassifierOptions = {}): Promise<Classifier> {
    if (engine === 'webgpu') {
      throw new HeadstartError({
        code: 'engine_unavailable',
        message: 'headstart/predict computes on the CPU: import Classifier from headstart for WebGPU.',
        value: engine,
      });
    }
    // It is this module that asks for the CPU. What is no engine is refused as ever.
    return new Classifier(await openModel(startPredictWorker, model, { ...options, engine: engine === 'auto' ? 'cpu' : engine }));
  }
}
