import type { ExportFormat, PictureAnswer, TestEvaluation, Trainer, TrainReport } from '../../headstart.js';
import { isTakenUp, measuredPart, mistakesOf, type Mistake, type Mistakes } from '../../state/mistakes.js';
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
   * The pictures that a result is about and that the model takes for something else: `busy` where it has to be asked another time, null where it
   * cannot be asked, or after `signal`.
   */
  async mistakes(of: TrainReport, signal: AbortSignal): Promise<ShownMistakes | 'busy' | null> {
    if (isTakenUp(this.#store.get())) return 'busy';
    let found: ShownMistakes | null = null;
    await this.#during(async (trainer) => {
      try {
        const mistakes = await this.#mistakes(trainer, measuredPart(of) ?? 'held-out', signal);
        signal.throwIfAborted();
        const givenUp = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
        // One without its picture is a mistake still.
        const thumbnailOf = async (key: Key): Promise<string | null> => (await this.#library.thumbnail(key, trainer)?.catch(() => null)) ?? null;
        const surest = mistakes.surest.map(async (each) => ({ ...each, thumbnail: await thumbnailOf(each.key) }));
        const shown = await Promise.race([Promise.all(surest), givenUp]);
        if (shown) found = { ...mistakes, surest: shown };
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }, 'train');
    return found;
  }

  async #mistakes(trainer: Trainer, part: Mistakes['part'], signal: AbortSignal): Promise<Mistakes> {
    try {
      const asked: Pick<TestEvaluation, 'answers' | 'classes'> = await (part === 'test' ? trainer.evaluate('test', { signal }) : trainer.evaluate('validation', { signal }));
      // The trainer still has those that were deleted, alone or with their class, for whoever takes that back, and measures them too.
      const here = new Set(this.#store.get().classes.flatMap(({ pictures }) => pictures.map(({ key }) => key)));
      const answers = asked.answers.filter(({ id }) => here.has(id));
      const named = (index: number): string => asked.classes[index] ?? '';
      const wrong = answers.filter(({ label, predicted }) => label !== predicted);
      const mistakes = wrong.map(({ id, label, predicted, probability }): Mistake => {
        return { key: id, name: this.#library.nameOf(id) ?? '', actual: named(label), said: named(predicted), probability };
      });
      return mistakesOf(part, answers.length, mistakes);
    } catch (error) {
      // They were deleted since, for good.
      if (codeOf(error) === 'no_test_pictures' || codeOf(error) === 'nothing_held_out') return mistakesOf(part, 0, []);
      throw error;
    }
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
