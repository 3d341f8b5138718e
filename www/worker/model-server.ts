import type { CallRequest, Calls, LoadProgress, Message, Opened, Request, Result } from '../protocol.js';
import { Changes, told } from './changes.js';
import { fatal, isTrap, refusal, toFailure } from './failure.js';
import { openModel, readModel } from './fetch.js';
import { madeOf, type PictureReader } from './pictures.js';
import type { ModelSession, OpenSession } from './session.js';

/** The loop of a worker that has a saved model and nothing else: the model is opened, then pictures are looked at, one after the other. */
export class ModelServer {
  readonly #open: Promise<OpenSession>;
  readonly #pictures: Pick<PictureReader, 'read' | 'giveBack'>;
  readonly #post: (message: Message) => void;
  readonly #choose: ((session: ModelSession) => Promise<void>) | undefined;
  readonly #changes = new Changes();
  #session: ModelSession | null = null;
  #turn: Promise<void> = Promise.resolve();

  /** `open` is there once the wasm code is; what arrives until then waits. `choose` has a session try the GPU, where one could. */
  constructor(
    open: Promise<OpenSession>,
    pictures: Pick<PictureReader, 'read' | 'giveBack'>,
    post: (message: Message) => void,
    choose?: (session: ModelSession) => Promise<void>,
  ) {
    this.#open = open;
    this.#pictures = pictures;
    this.#post = post;
    this.#choose = choose;
    // Told when there is somebody to tell.
    open.catch(() => undefined);
  }

  /** Takes a message from the page. */
  receive(request: Request): void {
    // Nothing here takes so long that it could be steered.
    if (request.kind === 'control') return;
    // The file comes while the wasm code does.
    const file = request.call === 'ofModel' ? readModel(request.args[1], this.#progress(request.id)) : undefined;
    file?.catch(() => undefined);
    this.#turn = this.#turn
      .then(() => this.#serve(request, file))
      .catch((error: unknown) => {
        this.#post(fatal(error));
        // Nothing more is answered.
        return new Promise<never>(() => undefined);
      });
  }

  /** Throws where the wasm code cannot be had, or fails. */
  async #serve(request: CallRequest, file: Promise<Uint8Array> | undefined): Promise<void> {
    const open = await this.#open;
    const { id } = request;
    try {
      const value = await this.#answer(request, open, file);
      this.#post({ kind: 'result', id, value, ...(await this.#news()) });
      if (request.call === 'ofModel' && this.#session?.engine().undecided) void this.#chooseEngines(this.#session);
    } catch (error) {
      if (isTrap(error)) throw error;
      this.#post({ kind: 'failure', id, failure: toFailure(error), ...(await this.#news()) });
    }
  }

  async #answer(request: CallRequest, open: OpenSession, file: Promise<Uint8Array> | undefined): Promise<Result<'ofModel' | 'predict'>> {
    if (request.call === 'ofModel' && file) return this.#begin(open, await file, request.args);
    if (request.call === 'predict' && this.#session) return this.#predict(this.#session, ...request.args);
    throw refusal('internal', 'Something went wrong inside Headstart: this worker has a model that only predicts.');
  }

  async #begin(open: OpenSession, file: Uint8Array, [engine, , backbone]: Calls['ofModel']['args']): Promise<Opened> {
    const session = await openModel(backbone, (...served) => open(engine, file, ...served));
    this.#session = session;
    return { report: await session.report() };
  }

  /** The CPU predicts meanwhile. */
  async #chooseEngines(session: ModelSession): Promise<void> {
    await this.#choose?.(session);
    this.#post({ kind: 'news', change: await this.#changes.any(session) });
  }

  #predict(session: ModelSession, ...named: Calls['predict']['args']): Promise<Result<'predict'>> {
    return madeOf(this.#pictures, named, ({ bytes, bgra, width, height }) => session.predict(bytes, bgra, width, height));
  }

  /** A GPU that was lost is news too. */
  async #news() {
    return this.#session ? told(await this.#changes.any(this.#session)) : {};
  }

  #progress(id: number) {
    return (loaded: number, total: number | null) => this.#post({ kind: 'event', id, event: { what: 'model', loaded, total } satisfies LoadProgress });
  }
}
