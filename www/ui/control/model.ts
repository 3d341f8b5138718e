import type { Trainer } from '../../headstart.js';
import type { Store } from '../../state/store.js';
import { report } from './errors.js';
import type { Session } from './session.js';

const FILE_NAME = 'headstart-model.zip';

/** Saving the trained model as a file, and opening one. */
export class ModelFiles {
  readonly #store: Store;
  readonly #session: Session;

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  async save(): Promise<void> {
    const { trainer } = this.#session;
    if (trainer === null) return;
    try {
      download(await trainer.save(), FILE_NAME);
    } catch (error) {
      this.#report(trainer, error);
    }
  }

  async open(file: File): Promise<void> {
    const { trainer } = this.#session;
    if (trainer === null) return;
    this.#store.dispatch({ type: 'area-cleared', area: 'try' });
    try {
      await trainer.load(file);
      this.#session.modelOpened();
      const labels = (trainer.modelClasses ?? []).map(({ name }) => name);
      const text = `Opened “${file.name}”: it tells apart ${labels.join(', ')}.`;
      this.#store.dispatch({ type: 'noticed', area: 'try', tone: 'info', text });
    } catch (error) {
      this.#report(trainer, error);
    }
  }

  #report(asked: Trainer, error: unknown): void {
    // One that was replaced meanwhile says nothing of the new one.
    if (asked === this.#session.trainer) report(this.#store, 'try', error);
  }
}

function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the file by the time this runs.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
