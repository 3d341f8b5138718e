import type { TrainConfig } from '../generated/types.js';
import type { CallRequest, Calls, Change, Control, Created, Message, Request } from '../protocol.js';
import { handlers, type Context } from './calls.js';
import { Changes } from './changes.js';
import { isTrap, refusal, toFailure } from './failure.js';
import { fetchBackbone, readBlob, readModel } from './fetch.js';
import { Thumbnails, type PictureReader } from './pictures.js';
import { RequestQueue, type Queued } from './queue.js';
import type { Core, Session } from './session.js';
import { knownSettings } from './settings.js';
import { TrainingRun, type RunControls } from './training.js';

/**
 * The worker's loop: one request, a slice of training, a look at the mailbox, and again.
 *
 * A session takes one call at a time, so everything that touches it goes through this loop; while training runs, requests are
 * served between its slices.
 */
export class Server {
  readonly #core: Core;
  readonly #pictures: PictureReader;
  readonly #post: (message: Message) => void;
  readonly #queue = new RequestQueue();
  readonly #thumbnails = new Thumbnails();
  readonly #changes = new Changes();
  readonly #controls = new Map<number, RunControls>();
  #session: Session | null = null;
  #run: TrainingRun | null = null;
  #wake: () => void = () => undefined;

  constructor(core: Core, pictures: PictureReader, post: (message: Message) => void) {
    this.#core = core;
    this.#pictures = pictures;
    this.#post = post;
  }

  /** Takes a message from the page. */
  receive(request: Request): void {
    if (request.kind === 'control') {
      this.#steer(request.id, request.action);
    } else if (request.call === 'thumbnail') {
      this.#sendThumbnail(request.id, request.args[0]);
    } else {
      // From now on, so that a run can be cancelled that still waits to start.
      if (request.call === 'train') this.#controls.set(request.id, { paused: false, cancelled: false });
      for (const action of request.steering ?? []) this.#steer(request.id, action);
      this.#queue.add(request);
      this.#prefetch();
    }
    this.#wake();
  }

  #steer(id: number, action: Control['action']): void {
    const controls = this.#controls.get(id);
    if (controls && action === 'cancel') controls.cancelled = true;
    else if (controls) controls.paused = action === 'pause';
  }

  /** Works until the wasm code fails; that error is thrown. */
  async work(): Promise<never> {
    for (;;) {
      const awake = new Promise<void>((resolve) => (this.#wake = resolve));
      const queued = this.#queue.take();
      if (queued) await this.#serve(queued);
      if (this.#run?.due) await this.#train(this.#run);
      else if (!queued) await awake;
      // Messages arrive between tasks only.
      await nextTask();
    }
  }

  async #serve({ request, decoded }: Queued): Promise<void> {
    this.#prefetch();
    const { id, call } = request;
    try {
      if (call === 'create') await this.#reply(request, this.#begin(await this.#create(...request.args)));
      else if (call === 'ofModel') await this.#reply(request, this.#begin(await this.#ofModel(...request.args)));
      else if (call === 'train') await this.#startRun(id, this.#required(), request.args[0]);
      else if (call !== 'thumbnail') {
        const context: Context = {
          session: this.#required(),
          pictures: this.#pictures,
          thumbnails: this.#thumbnails,
          decoded,
          settings: (config) => knownSettings(config, this.#core.defaultConfig()),
        };
        // The compiler cannot tie a handler taken from the table to its own arguments; the table's type does.
        const handle = handlers[call] as (context: Context, ...args: unknown[]) => unknown;
        await this.#reply(request, await handle(context, ...request.args));
      }
    } catch (error) {
      this.#controls.delete(id);
      await this.#refuse(id, error);
    }
  }

  async #create(...[engine, folder, saved]: Calls['create']['args']): Promise<Session> {
    const { config, weights } = await fetchBackbone(folder);
    if (!saved) return this.#core.create(engine, config, weights);
    const [model, pictures] = await Promise.all([saved.model, saved.pictures].map((blob) => (blob ? readBlob(blob) : undefined)));
    const session = await this.#core.open(engine, config, weights, saved.project, model, pictures);
    for (const [id, thumbnail] of saved.thumbnails ?? []) this.#thumbnails.set(id, thumbnail);
    return session;
  }

  async #ofModel(...[engine, model]: Calls['ofModel']['args']): Promise<Session> {
    return this.#core.ofModel(engine, await readModel(model));
  }

  #begin(session: Session): Created {
    this.#session = session;
    return { backbone: session.backbone(), defaults: this.#core.defaultConfig(), rules: this.#core.settingRules() };
  }

  async #startRun(id: number, session: Session, config: Partial<TrainConfig>): Promise<void> {
    await session.startTraining(knownSettings(config, this.#core.defaultConfig()));
    const controls = this.#controls.get(id) ?? { paused: false, cancelled: false };
    this.#run = new TrainingRun(id, session, controls, (event) => this.#post({ kind: 'event', id, event }));
  }

  async #train(run: TrainingRun): Promise<void> {
    try {
      const report = await run.slice();
      if (!report) return;
      this.#endRun(run);
      this.#post({ kind: 'result', id: run.id, value: report, ...told(await this.#changes.any(this.#required())) });
    } catch (error) {
      this.#endRun(run);
      if (isTrap(error)) throw error;
      await run.abandon().catch((second: unknown) => {
        // The first error is the one to tell; this one only says that there was nothing left to leave.
        if (isTrap(second)) throw second;
      });
      await this.#refuse(run.id, error);
    }
  }

  #endRun(run: TrainingRun): void {
    this.#controls.delete(run.id);
    this.#run = null;
  }

  /** Starts to decode the next picture, so that the browser does it while the session computes. */
  #prefetch(): void {
    const next = this.#queue.nextImage;
    if (!next || next.decoded || next.request.call !== 'addImage') return;
    const [, picture, name] = next.request.args;
    next.decoded = this.#pictures.readWithThumbnail(picture, name);
    // Told when it is this picture's turn.
    next.decoded.catch(() => undefined);
  }

  #sendThumbnail(id: number, image: number): void {
    try {
      this.#post({ kind: 'result', id, value: this.#thumbnails.get(image) });
    } catch (error) {
      this.#post({ kind: 'failure', id, failure: toFailure(error) });
    }
  }

  async #reply(request: CallRequest, value: unknown): Promise<void> {
    const change = await this.#changes.after(this.#required(), request, value);
    this.#post({ kind: 'result', id: request.id, value, ...told(change) });
  }

  async #refuse(id: number, error: unknown): Promise<void> {
    if (isTrap(error)) throw error;
    const change = this.#session ? await this.#changes.any(this.#session) : {};
    this.#post({ kind: 'failure', id, failure: toFailure(error), ...told(change) });
  }

  #required(): Session {
    if (!this.#session) throw refusal('internal', 'Something went wrong inside Headstart: no session was made.');
    return this.#session;
  }
}

/** A change as a part of a reply, where there is one. */
function told(change: Change): { change?: Change } {
  return Object.keys(change).length === 0 ? {} : { change };
}

/** Comes back after the browser has had its turn; unlike a timer of 0 ms it is never held back. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
