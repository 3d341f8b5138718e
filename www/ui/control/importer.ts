import type { Choice } from '../../import/choose.js';
import type { Part } from '../../headstart.js';
import type { ImportPlan, PlannedClass, PresentPicture } from '../../import/types.js';
import type { FoundFile } from '../../media/index.js';
import { findClass, untouchedClasses } from '../../state/classes.js';
import type { Store } from '../../state/store.js';
import type { Key } from '../../state/types.js';
import { report } from './errors.js';
import { failedText, nothingText, summarise } from './import-words.js';
import { ImportRun, type ImportJob } from './import-run.js';
import type { Intake } from './intake.js';
import type { Library } from './library.js';
import type { Imports, Pictures } from './pictures.js';
import type { Session } from './session.js';

/** Progress is shown so often at most. */
const EVERY_MS = 100;
/** So many pictures of the project are looked up at a time. */
const LOOK_UP = 100;

/** What was looked through, with what somebody has chosen of it. */
interface Planned {
  readonly title: string;
  readonly plan: ImportPlan;
  readonly choice: Choice;
}

/** Importing many pictures: first what would come in, then the choice, then one by one, with a way to end it and one to take it back. */
export class Importer implements Imports {
  readonly #store: Store;
  readonly #library: Library;
  readonly #intake: Intake;
  readonly #session: Session;
  readonly #pictures: Pictures;
  #looking = new AbortController();
  #planned: Planned | null = null;
  #run: ImportRun | null = null;
  /** The run is ended by somebody who wants what has come in. */
  #cancelled = false;

  constructor(store: Store, library: Library, intake: Intake, session: Session, pictures: Pictures) {
    this.#store = store;
    this.#library = library;
    this.#intake = intake;
    this.#session = session;
    this.#pictures = pictures;
    pictures.onImport(this);
  }

  /** Looks through what was given and shows what would come in. */
  async look(found: readonly FoundFile[]): Promise<void> {
    if (this.#store.get().import !== null) return this.#note('info', 'Another import is under way: wait for it, or cancel it first.');
    const looking = new AbortController();
    this.#looking = looking;
    const title = titleOf(found);
    this.#store.dispatch({ type: 'area-cleared', area: 'pictures' });
    this.#store.dispatch({ type: 'import-looking', title, done: 0, total: 0 });
    try {
      const plan = await this.#plan(found, title, looking.signal);
      if (looking.signal.aborted) return;
      if (plan.classes.length + plan.tests.length > 0) return this.#show({ title, plan, choice: { without: new Set(), withEquals: false } });
      this.#store.dispatch({ type: 'import-ended' });
      this.#note('error', nothingText(plan.leftOut));
    } catch (error) {
      if (looking.signal.aborted) return;
      this.#store.dispatch({ type: 'import-ended' });
      report(this.#store, 'pictures', error);
    }
  }

  async #plan(found: readonly FoundFile[], title: string, signal: AbortSignal): Promise<ImportPlan> {
    const { planImport } = await import('../../import/plan.js');
    const { classes, target } = this.#store.get();
    let shown = performance.now();
    return planImport(found, {
      signal,
      decodes,
      present: await this.#presentPictures(),
      looseClass: (findClass(classes, Number(target)) ?? classes.at(-1))?.name ?? 'Class 1',
      onProgress: (done, total) => {
        const now = performance.now();
        if (now - shown < EVERY_MS || signal.aborted) return;
        shown = now;
        this.#store.dispatch({ type: 'import-looking', title, done, total });
      },
    });
  }

  /** Takes a class in, or leaves it out. */
  want(name: string, wanted: boolean): void {
    if (this.#planned === null) return;
    const without = new Set(this.#planned.choice.without);
    if (wanted) without.delete(name);
    else without.add(name);
    this.#show({ ...this.#planned, choice: { ...this.#planned.choice, without } });
  }

  /** Takes in also what is there more than once, or leaves it out. */
  wantEquals(withEquals: boolean): void {
    if (this.#planned !== null) this.#show({ ...this.#planned, choice: { ...this.#planned.choice, withEquals } });
  }

  /** Imports what was chosen. */
  async start(): Promise<void> {
    if (this.#planned === null) return;
    const { title, plan, choice } = this.#planned;
    const { choose } = await import('../../import/choose.js');
    if (this.#planned === null) return;
    this.#planned = null;
    this.#cancelled = false;
    const wanted = choose(plan, choice).classes.filter(({ name, items }) => items.length > 0 && !choice.without.has(name));
    const tested = plan.tests.flatMap(({ classes }) => classes).filter(({ name }) => !choice.without.has(name));
    const all = [...wanted, ...tested];
    const keys = this.#begin(title, [...new Set(all.map(({ name }) => name))], all.reduce((sum, { items }) => sum + items.length, 0));
    const jobsOf = (classes: readonly PlannedClass[], part: Part): ImportJob[] =>
      classes.flatMap(({ name, items }) => items.map((item) => ({ classKey: keys.get(name) ?? 0, item, part })));
    const jobs = [...jobsOf(wanted, 'learn'), ...jobsOf(tested, 'test')];
    const run = new ImportRun(this.#store, this.#intake, jobs);
    this.#run = run;
    const failed = await run.done;
    this.#run = null;
    this.#store.dispatch({ type: 'import-ended' });
    if (failed.length > 0) this.#note('error', failedText(failed, jobs.length));
    if (this.#cancelled) this.#note('info', `The import was cancelled: ${run.added} of ${jobs.length} pictures have come in.`);
  }

  /** Ends whatever there is of an import; pictures that have come in stay. */
  cancel(): void {
    this.#looking.abort();
    this.#planned = null;
    this.#cancelled = this.#run !== null;
    if (this.#cancelled) void this.stop();
    else this.#store.dispatch({ type: 'import-ended' });
  }

  async stop(): Promise<void> {
    const run = this.#run;
    if (run === null) return;
    this.#store.dispatch({ type: 'import-stopping' });
    run.stop();
    await run.done;
  }

  /** Makes the classes that are missing; those that the page came with and nobody has used make room. */
  #begin(title: string, names: readonly string[], total: number): Map<string, Key> {
    const before = this.#store.get();
    const free = untouchedClasses(before).filter((key) => !names.includes(findClass(before.classes, key)?.name ?? ''));
    const dropped = before.classes.flatMap((removed, index) => (free.includes(removed.key) ? [{ removed, index }] : []));
    for (const { removed } of dropped) this.#session.removeClass(removed.key);
    this.#store.dispatch({ type: 'classes-dropped', keys: free });
    const keys = new Map(names.map((name) => [name, this.#pictures.classNamed(name)]));
    const created = [...keys.values()].filter((key) => findClass(before.classes, key) === undefined);
    this.#store.dispatch({ type: 'import-began', title, created, dropped, total });
    return keys;
  }

  #show(planned: Planned): void {
    this.#planned = planned;
    // Its code is there: the plan was made with it.
    void import('../../import/choose.js').then(({ choose }) => {
      if (this.#planned !== planned) return;
      const { title, plan, choice } = planned;
      const summary = summarise(title, plan, choice, choose(plan, choice), this.#store.get().classes);
      this.#store.dispatch({ type: 'import-planned', summary });
    });
  }

  #note(tone: 'error' | 'info', text: string): void {
    this.#store.dispatch({ type: 'noticed', area: 'pictures', tone, text });
  }

  async #presentPictures(): Promise<PresentPicture[]> {
    const keys = this.#store.get().classes.flatMap(({ pictures }) => pictures.map(({ key }) => key));
    const present: PresentPicture[] = [];
    for (let first = 0; first < keys.length; first += LOOK_UP) {
      const some = keys.slice(first, first + LOOK_UP);
      const sources = await Promise.all(some.map((key) => this.#library.source(key)));
      sources.forEach((source, index) => {
        const key = some[index];
        if (source === undefined || key === undefined) return;
        // Not held meanwhile: there may be thousands.
        const read = async (): Promise<Blob> => (await this.#library.source(key))?.blob ?? new Blob();
        present.push({ size: source.blob.size, read });
      });
    }
    return present;
  }
}

async function decodes(file: Blob): Promise<boolean> {
  const bitmap = await createImageBitmap(file);
  bitmap.close();
  return true;
}

/** What was given, as people call it. */
function titleOf(found: readonly FoundFile[]): string {
  const tops = [...new Set(found.map(({ file, folders }) => folders[0] ?? file.name))];
  return tops.length === 1 ? `“${tops[0]}”` : `${tops.length} files and folders`;
}
