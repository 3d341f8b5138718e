import type { ExportFormat, PictureAnswer, Trainer } from '../../headstart.js';
import type { Store } from '../../state/store.js';
import { figure, tableFile } from './csv.js';
import { download, safeName } from './download.js';
import { report } from './errors.js';
import type { Session } from './session.js';

/** What a picture is to the model, as the table has it. */
const PARTS: Readonly<Record<PictureAnswer['role'], string>> = { trained: 'training', 'held-out': 'validation', test: 'test', new: 'new', unknown: 'unknown' };

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

  /** What the model makes of every picture, as a table: a row a picture, a column a class. */
  saveTable(onProgress: (done: number, total: number) => void, signal: AbortSignal): Promise<void> {
    return this.#during(async (trainer) => {
      const { classes, project } = this.#store.get();
      const pictures = new Map(classes.flatMap((of) => of.pictures.map(({ key, name }) => [key as number, { name, of: of.name }] as const)));
      const known = trainer.modelClasses ?? [];
      const rows = [['file', 'class', 'part', 'predicted class', 'probability', ...known.map(({ name: each }) => each)]];
      for await (const { id, role, predictions } of trainer.answers()) {
        if (signal.aborted) return;
        const { name, of } = pictures.get(id) ?? { name: String(id), of: '' };
        const [best] = predictions;
        // Two may have one name: that of a deleted class, and of one that was made since.
        const shares = known.map((one) => predictions.find(({ classId, className }) => classId === one.id && className === one.name)?.probability);
        rows.push([name, of, PARTS[role], best?.className ?? '', best ? figure(best.probability) : '', ...shares.map((share) => (best ? figure(share) : ''))]);
        onProgress(rows.length - 1, pictures.size);
      }
      download(tableFile(rows), safeName(`${project.name}-predictions.csv`));
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
