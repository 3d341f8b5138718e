import type { FoundFile } from '../media/index.js';
import { Link } from './link.js';
import { messageOf } from './message-of.js';
import type { Model } from './protocol.js';
import { FRESH, type Item, type Notice, type Outcome, type State } from './state.js';

/** While one is computed with, the next is decoded. */
const AT_ONCE = 2;

/** The page's state and all that can be done. */
export class Player {
  #state = FRESH;
  readonly #listeners = new Set<() => void>();
  #link = this.#newLink();
  /** The model's file that was chosen; null for the one beside the page. */
  #file: File | null = null;
  /** The present model: answers of an earlier one are nobody's. */
  #model: Model | null = null;
  #lastId = 0;
  readonly #asked = new Set<number>();
  /** The next picture that is seen is to be shown. */
  #showNext = false;

  get state(): State {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setName(name: string): void {
    document.title = name;
    this.#set({ name });
  }

  /** Opens a model's file, or the model beside the page. Where that fails the one before stays. */
  async open(file: File | null): Promise<void> {
    if (this.#state.model.status === 'failed') this.#restart();
    const link = this.#link;
    const before = this.#model;
    this.#set({ model: { status: 'loading', progress: null }, notice: null });
    try {
      const model = await link.call('open', { file });
      if (link !== this.#link) return;
      this.#file = file;
      this.#take(model);
      if (file !== null) this.setName(file.name.replace(/\.zip$/i, ''));
    } catch (error) {
      if (link !== this.#link) return;
      if (before === null || link.broken) return this.#fail(error);
      this.#set({ model: { status: 'ready', model: before }, notice: problem(`${messageOf(error)} The model before is still in use.`) });
      this.#pump();
    }
  }

  /** Opens the model that was in use last; the list stays. */
  retry(): Promise<void> {
    return this.open(this.#file);
  }

  /** Takes files as they were chosen, dropped or pasted: a zip is a model, everything else should be a picture. */
  readonly take = (found: readonly FoundFile[]): void => {
    const model = found.find(({ file }) => /\.zip$/i.test(file.name));
    if (model) return void this.open(model.file);
    const items = found.map(({ file, folders }): Item => {
      const name = [...folders, file.name || 'pasted picture'].join('/');
      return { id: (this.#lastId += 1), name, file, outcome: { status: 'waiting' } };
    });
    this.#showNext = true;
    this.#set({ items: [...this.#state.items, ...items], live: false, liveShares: null, notice: null });
    this.#pump();
  };

  show({ id, name, file }: Item): void {
    if (this.#state.shown) URL.revokeObjectURL(this.#state.shown.url);
    this.#set({ shown: { id, name, url: URL.createObjectURL(file) }, live: false, liveShares: null });
  }

  clear(): void {
    const { items, shown } = this.#state;
    for (const { outcome } of items) if (outcome.status === 'seen') URL.revokeObjectURL(outcome.thumbnail);
    if (shown) URL.revokeObjectURL(shown.url);
    this.#set({ items: [], shown: null, notice: null });
  }

  setLive(live: boolean, notice: Notice | null = null): void {
    this.#set({ live, liveShares: null, notice });
  }

  /** One frame of the camera, which is closed afterwards. */
  async frame(bitmap: ImageBitmap): Promise<void> {
    const model = this.#model;
    try {
      if (model === null) return;
      const { shares } = await this.#link.call('predict', { picture: bitmap, name: 'the camera’s picture', thumbnail: false }, [bitmap]);
      if (this.#state.live && model === this.#model) this.#set({ liveShares: shares });
    } finally {
      bitmap.close();
    }
  }

  /** Says what went wrong, beside what goes on working. */
  readonly report = (error: unknown): void => {
    if (this.#link.broken) this.#fail(error);
    else this.#set({ notice: problem(messageOf(error)) });
  };

  dismiss(): void {
    this.#set({ notice: null });
  }

  #take(model: Model): void {
    this.#model = model;
    this.#asked.clear();
    this.#showNext = this.#state.shown === null;
    // What an earlier model said is gone, and so are its answers that are still on their way.
    const items = this.#state.items.map((item): Item => {
      if (item.outcome.status === 'seen') URL.revokeObjectURL(item.outcome.thumbnail);
      return item.outcome.status === 'seen' ? { ...item, outcome: { status: 'waiting' } } : item;
    });
    this.#set({ model: { status: 'ready', model }, items, liveShares: null });
    this.#pump();
  }

  /** Asks about the next pictures of the list. */
  #pump(): void {
    if (this.#state.model.status !== 'ready') return;
    for (const item of this.#state.items) {
      if (this.#asked.size >= AT_ONCE) return;
      if (item.outcome.status === 'waiting' && !this.#asked.has(item.id)) void this.#look(item);
    }
  }

  async #look(item: Item): Promise<void> {
    const { id, name, file } = item;
    const model = this.#model;
    this.#asked.add(id);
    try {
      const { shares, thumbnail } = await this.#link.call('predict', { picture: file, name, thumbnail: true });
      if (model === null || model !== this.#model) return;
      if (this.#isListed(id)) {
        this.#settle(id, { status: 'seen', classes: model.classes, shares, thumbnail: thumbnail ? URL.createObjectURL(thumbnail) : '' });
        if (this.#showNext && !this.#state.live) this.show(item);
        this.#showNext = false;
      }
    } catch (error) {
      if (model !== this.#model) return;
      const { broken } = this.#link;
      if (error === broken) return this.#fail(error);
      this.#settle(id, { status: 'refused', problem: messageOf(error) });
      if (broken) return this.#fail(broken);
      if (this.#isListed(id)) this.#set({ notice: problem(messageOf(error)) });
    }
    this.#asked.delete(id);
    this.#pump();
  }

  /** The list may have been cleared meanwhile. */
  #isListed(id: number): boolean {
    return this.#state.items.some((each) => each.id === id);
  }

  #settle(id: number, outcome: Outcome): void {
    this.#set({ items: this.#state.items.map((each) => (each.id === id ? { ...each, outcome } : each)) });
  }

  #fail(error: unknown): void {
    this.#set({ model: { status: 'failed', problem: messageOf(error) }, live: false, liveShares: null });
  }

  /** A worker that has failed may answer nothing any more. */
  #restart(): void {
    this.#link.close();
    this.#link = this.#newLink();
    this.#model = null;
    this.#asked.clear();
  }

  #newLink(): Link {
    return new Link((progress) => {
      if (this.#state.model.status === 'loading') this.#set({ model: { status: 'loading', progress } });
    });
  }

  #set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function problem(text: string): Notice {
  return { tone: 'error', text };
}
