import type { ExportFormat, PictureAnswer, Trainer, TrainReport } from '../../headstart.js';
import { countPictures, nameNow } from '../../state/classes.js';
import { measuredPart, mistakesOf, type Mistake, type Mistakes } from '../../state/mistakes.js';
import type { Store } from '../../state/store.js';
import type { Area, Key } from '../../state/types.js';
import { figure, tableFile } from './csv.js';
import { download, safeName } from './download.js';
import { codeOf, report } from './errors.js';
import type { Library } from './library.js';
import type { Session } from './session.js';

/** What a picture is to the model, as the table has it. */
const PARTS: Readonly<Record<PictureAnswer['role'], string>> = { trained: 'training', 'held-out': 'validation', test: 'test', new: 'new', unknown: 'unknown' };

/** Is told how many pictures were looked at, and how many there are. */
type OnProgress = (done: number, total: number) => void;

/** Mistakes with what there is to see of them. */
export type ShownMistakes = Omit<Mistakes, 'surest'> & {
  /** A `thumbnail` is an address of the picture; null where nobody has it. */
  readonly surest: readonly (Mistake & { readonly thumbnail: string | null })[];
};

/** Saving the trained model as a file, ours or another program's, opening one, and what it makes of the pictures. */
export class ModelFiles {
  readonly #store: Store;
  readonly #library: Library;
  readonly #session: Session;

  constructor(store: Store, library: Library, session: Session) {
    this.#store = store;
    this.#library = library;
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
  saveTable(onProgress: OnProgress, signal: AbortSignal): Promise<void> {
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

  /**
   * The pictures that a result is about and that the model takes for something else; null where it cannot be asked. After `signal` they
   * are not all that there are.
   */
  async mistakes(of: TrainReport, onProgress: OnProgress, signal: AbortSignal): Promise<ShownMistakes | null> {
    let found: ShownMistakes | null = null;
    await this.#during(async (trainer) => {
      const mistakes = measuredPart(of) === 'test' ? await this.#testMistakes(trainer) : await this.#heldOutMistakes(trainer, of, onProgress, signal);
      // One without its picture is a mistake still.
      const thumbnailOf = async (key: Key): Promise<string | null> => (await this.#library.thumbnail(key, trainer)?.catch(() => null)) ?? null;
      const surest = mistakes.surest.map(async (each) => ({ ...each, thumbnail: await thumbnailOf(each.key) }));
      found = { ...mistakes, surest: await Promise.all(surest) };
    }, 'train');
    return found;
  }

  async #testMistakes(trainer: Trainer): Promise<Mistakes> {
    try {
      const { answers, classes } = await trainer.evaluate('test');
      const wrong = answers.filter(({ label, predicted }) => label !== predicted);
      const named = (index: number): string => classes[index] ?? '';
      const mistakes = wrong.map(({ id, label, predicted, probability }) => this.#mistake(id, named(label), named(predicted), probability));
      return mistakesOf('test', answers.length, mistakes);
    } catch (error) {
      // They were deleted since.
      if (codeOf(error) === 'no_test_pictures') return mistakesOf('test', 0, []);
      throw error;
    }
  }

  async #heldOutMistakes(trainer: Trainer, { images }: TrainReport, onProgress: OnProgress, signal: AbortSignal): Promise<Mistakes> {
    const { classes } = this.#store.get();
    const total = countPictures(classes);
    const mistakes: Mistake[] = [];
    let [done, asked] = [0, 0];
    for await (const { id, classId, role, predictions } of trainer.answers()) {
      onProgress((done += 1), total);
      const [best] = predictions;
      if (role === 'held-out' && best !== undefined) {
        asked += 1;
        if (best.classId !== classId) mistakes.push(this.#mistake(id, nameNow(classes, classId, ''), best.className, best.probability));
      }
      if (signal.aborted || asked === images.validation) break;
    }
    return mistakesOf('held-out', asked, mistakes);
  }

  #mistake(key: Key, actual: string, said: string, probability: number): Mistake {
    return { key, name: this.#library.nameOf(key) ?? '', actual, said, probability };
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
  async #during(work: (trainer: Trainer) => Promise<void>, area: Area = 'try'): Promise<void> {
    const { trainer } = this.#session;
    const { engine, modelFileBusy } = this.#store.get();
    if (trainer === null || engine.status !== 'ready' || modelFileBusy) return;
    this.#store.dispatch({ type: 'model-file-busy', busy: true });
    try {
      await work(trainer);
    } catch (error) {
      // One that was replaced meanwhile says nothing of the new one.
      if (trainer === this.#session.trainer) report(this.#store, area, error);
    } finally {
      this.#store.dispatch({ type: 'model-file-busy', busy: false });
    }
  }
}
