import type { Unprepared } from '../generated/types.js';
import type { BackboneOutcome, BackboneProgress, Pixels } from '../protocol.js';
import { isTrap, refusal, toFailure } from './failure.js';
import { readWeights, type BackboneBytes } from './fetch.js';
import type { PictureReader } from './pictures.js';
import type { Session } from './session.js';
import type { Sources } from './sources.js';
import type { CallControls } from './training.js';

/** Progress is told at most this often; a page cannot show more. */
const EVENT_MS = 50;

/** What a change works with. */
export interface ChangeTools {
  session: Session;
  sources: Sources;
  pictures: PictureReader;
  controls: CallControls;
  /** Tells how far it is. */
  emit(progress: BackboneProgress): void | Promise<void>;
  /** Is told that the backbone before is back. */
  wentBack(backbone: BackboneBytes): Promise<void>;
}

/** Pictures that are prepared, one by one, for the backbone that the session was just given. */
export class BackboneChange {
  readonly id: number;
  /** What it goes back to; null where nobody knows. */
  readonly before: BackboneBytes | null;
  readonly #tools: ChangeTools;
  readonly #unreadable: BackboneOutcome['unreadable'] = [];
  #left: Unprepared[] = [];
  #total = 0;
  #cancelled = false;
  /** The next picture, which the browser decodes while the session computes. */
  #ahead: { id: number; pixels: Promise<Pixels> } | null = null;
  #lastEvent = -Infinity;

  constructor(id: number, before: BackboneBytes | null, tools: ChangeTools) {
    this.id = id;
    this.before = before;
    this.#tools = tools;
  }

  /** Whether it has gone back. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Finds out what there is to do. */
  async begin(): Promise<void> {
    this.#left = await this.#tools.session.unprepared();
    this.#total = this.#left.length;
    await this.#tell();
  }

  /** Prepares a picture. Gives the outcome once there is none left, null before. */
  async slice(): Promise<BackboneOutcome | null> {
    if (this.#tools.controls.cancelled && !this.#cancelled) await this.#goBack();
    const next = this.#left.shift();
    if (next) {
      await this.#prepare(next);
      if (this.#left.length === 0 || performance.now() - this.#lastEvent >= EVENT_MS) await this.#tell();
    }
    return this.#left.length > 0 ? null : { cancelled: this.#cancelled, unreadable: this.#unreadable };
  }

  async #goBack(): Promise<void> {
    const { session, controls, wentBack } = this.#tools;
    try {
      if (!this.before) throw refusal('backbone_not_found', 'There is no backbone to go back to.');
      await session.setBackbone(this.before.config, await readWeights(this.before), this.before.name);
    } catch (error) {
      if (isTrap(error)) throw error;
      // It cannot be gone back to, or training has begun on the new one: then the change is what it was.
      controls.cancelled = false;
      return;
    }
    this.#cancelled = true;
    this.#ahead = null;
    this.#unreadable.length = 0;
    await wentBack(this.before);
    // Pictures that came meanwhile have been seen by the other one only.
    await this.begin();
  }

  async #prepare({ id, pixels }: Unprepared): Promise<void> {
    const { session, pictures } = this.#tools;
    try {
      if (pixels) return await session.prepareImage(id);
      const decoded = await this.#decoded(id);
      this.#decodeNext();
      const given = session.givePixels(id, decoded.bytes, decoded.bgra, decoded.width, decoded.height);
      // The session has copied them.
      pictures.giveBack(decoded);
      await given;
    } catch (error) {
      if (isTrap(error)) throw error;
      // It may have been forgotten meanwhile, or added again.
      if (!(await session.unprepared()).some((each) => each.id === id)) return;
      this.#unreadable.push({ id, failure: toFailure(error) });
      await session.leaveOut(id);
    }
  }

  #decoded(id: number): Promise<Pixels> {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead?.id === id ? ahead.pixels : this.#decode(id);
  }

  async #decode(id: number): Promise<Pixels> {
    const source = await this.#tools.sources.get(id);
    const name = source instanceof File ? source.name : `picture ${id}`;
    if (!source) throw refusal('picture_unreadable', `“${name}” came without a file that could be read again.`, name);
    return this.#tools.pictures.read(source, name);
  }

  #decodeNext(): void {
    const next = this.#left[0];
    if (!next || next.pixels) return;
    this.#ahead = { id: next.id, pixels: this.#decode(next.id) };
    // Told when it is this picture's turn.
    this.#ahead.pixels.catch(() => undefined);
  }

  async #tell(): Promise<void> {
    this.#lastEvent = performance.now();
    await this.#tools.emit({ done: this.#total - this.#left.length, total: this.#total });
  }
}
