import type { EngineReport, Prediction } from '../generated/types.js';
import type { PictureSource } from './source.js';
import { Trainer, type TrainerOptions } from './trainer.js';

/** A trained model in use: nothing but predictions. */
export class Classifier {
  readonly #trainer: Trainer;

  private constructor(trainer: Trainer) {
    this.#trainer = trainer;
  }

  /**
   * Loads a model that {@link Trainer.save} made, from a file or an address.
   *
   * @throws {@link HeadstartError} `model_file_invalid`, or what {@link Trainer.create} throws.
   */
  static async load(model: Blob | string | URL, options: TrainerOptions = {}): Promise<Classifier> {
    const trainer = await Trainer.create(options);
    try {
      await trainer.load(model);
    } catch (error) {
      trainer.close();
      throw error;
    }
    return new Classifier(trainer);
  }

  /** What computes. */
  get engine(): EngineReport {
    return this.#trainer.engine;
  }

  /** The labels that {@link Classifier.predict} answers with. */
  get classes(): readonly string[] {
    return this.#trainer.modelClasses ?? [];
  }

  /** What the model sees in a picture, most probable class first; see {@link Trainer.predict} for live pictures. */
  predict(source: PictureSource): Promise<Prediction[]> {
    return this.#trainer.predict(source);
  }

  /** Ends the worker and frees its memory. */
  close(): void {
    this.#trainer.close();
  }
}
