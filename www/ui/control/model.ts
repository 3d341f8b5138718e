import type { ExportFormat, Trainer } from '../../headstart.js';
import type { Store } from '../../state/store.js';
import { download, safeName } from './download.js';
import { report } from './errors.js';
import type { Session } from './session.js';

/** Saving the trained model as a file, ours or another program's, and opening one. */
export class ModelFiles {
  readonly #store: Store;
  readonly #session: Session;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  save(): Promise<void> {
    return this.#during(async (trainer) => download(await trainer.save(), safeName(`${this.#store.get().project.name}.zip`)));
  }

  export(format: ExportFormat): Promise<void> {
    const { name } = this.#store.get().project;
    return this.#during(async (trainer) => {
      const file = await trainer.export(format, { name });
      download(file, safeName(file.name));
    });
  }

  open(file: File): Promise<void> {
    return this.#during(async (trainer) => {
      this.#store.dispatch({ type: 'area-cleared', area: 'try' });
      await trainer.load(file);
      this.#session.modelOpened();
      const labels = (trainer.modelClasses ?? []).map(({ name }) => name);
      const text = `Opened “${file.name}”: it tells apart ${labels.join(', ')}.`;
      this.#store.dispatch({ type: 'noticed', area: 'try', tone: 'info', text });
    });
  }

  /** One at a time, and not while the engine changes: a model would be opened in one that goes. */
  async #during(work: (trainer: Trainer) => Promise<void>): Promise<void> {
    const { trainer } = this.#session;
    const { engine, modelFileBusy } = this.#store.get();
    if (trainer === null || engine.status !== 'ready' || modelFileBusy) return;
    this.#store.dispatch({ type: 'model-file-busy', busy: true });
    try {
      await work(trainer);
    } catch (error) {
      // One that was replaced meanwhile says nothing of the new one.
      if (trainer === this.#session.trainer) report(this.#store, 'try', error);
    } finally {
      this.#store.dispatch({ type: 'model-file-busy', busy: false });
    }
  }
}
