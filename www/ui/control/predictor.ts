import type { Store } from '../../state/store.js';
import { codeOf, report } from './errors.js';
import type { Session } from './session.js';

/** Shows the trained model pictures and frames of the camera. */
export class Predictor {
  readonly #store: Store;
  readonly #session: Session;
  #file: Blob | null = null;
  /** The address of the picture that is on show. */
  #url: string | null = null;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
    store.subscribe(() => this.#letGo());
  }

  /** A picture from a file, a paste or a drop. */
  async tryPicture(file: File): Promise<void> {
    this.#store.dispatch({ type: 'area-cleared', area: 'try' });
    this.#store.dispatch({ type: 'picture-tried', picture: { url: URL.createObjectURL(file), name: file.name || 'pasted picture' } });
    this.#file = file;
    if (this.#store.get().model === null) {
      const text = 'Train first: the picture is looked at as soon as there is a model.';
      this.#store.dispatch({ type: 'noticed', area: 'try', tone: 'info', text });
    }
    await this.again();
  }

  /** Asks about the same picture once more: the model is another one now. */
  async again(): Promise<void> {
    const file = this.#file;
    const { model, trial } = this.#store.get();
    const { trainer } = this.#session;
    if (file === null || trial.picture === null || model === null || trainer === null) return;
    try {
      const predictions = await trainer.predict(file);
      if (file === this.#file && trainer === this.#session.trainer) this.#store.dispatch({ type: 'predicted', predictions });
    } catch (error) {
      // One that was replaced meanwhile answers nobody any more; the new one is asked as soon as its model is on show.
      if (file !== this.#file || trainer !== this.#session.trainer) return;
      // That the worker is gone says nothing of the picture.
      if (codeOf(error) !== 'worker_failed') this.#store.dispatch({ type: 'picture-tried', picture: null });
      report(this.#store, 'try', error);
    }
    this.#session.refresh();
  }

  /** One frame of the camera; it is closed afterwards. */
  async tryFrame(bitmap: ImageBitmap): Promise<void> {
    const { trainer } = this.#session;
    try {
      if (trainer === null || this.#store.get().model === null) return;
      const predictions = await trainer.predictLatest(bitmap);
      if (this.#store.get().camera === 'try') this.#store.dispatch({ type: 'predicted', predictions });
    } catch (error) {
      // A trainer that was replaced meanwhile answers nobody any more; the next frame goes to the new one.
      if (codeOf(error) !== 'busy' && trainer === this.#session.trainer) throw error;
    } finally {
      bitmap.close();
    }
  }

  /** Frees the file of a picture that is not on show any more, whatever took its place. */
  #letGo(): void {
    const url = this.#store.get().trial.picture?.url ?? null;
    if (url === this.#url) return;
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#url = url;
    this.#file = null;
  }
}
