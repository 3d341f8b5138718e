import type { BackboneReport, EngineReport } from '../generated/types.js';
import type {
  Call,
  CallEvents,
  CallRequest,
  Calls,
  Control,
  LoadProgress,
  LongCall,
  Message,
  Picture,
  Request,
  Result,
} from '../protocol.js';
import { abortable } from './abort.js';
import { HeadstartError } from './error.js';
import { BLANK, mirror, type Mirror } from './mirror.js';
import type { StartWorker } from './start-worker.js';

/** The part of a `Worker` that a connection uses. */
export type WorkerPort = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

type OnEvent = (event: CallEvents[LongCall]) => void;

interface Pending {
  resolve(value: unknown): void;
  reject(error: HeadstartError): void;
  onEvent: OnEvent | undefined;
  /** What it was steered with before its request has left; null from then on. */
  held: Control['action'][] | null;
}

/** How a worker is started. */
interface Beginning {
  start: StartWorker;
  assets: string | undefined;
  signal: AbortSignal | undefined;
  onProgress: ((progress: LoadProgress) => void) | undefined;
  onEngine: ((engine: EngineReport) => void) | undefined;
}

/** A call on its way: its number, for {@link Connection.control}, and its result. */
export interface Started<C extends Call> {
  id: number;
  result: Promise<Result<C>>;
}

/**
 * One worker and the promises of everything that it was asked.
 *
 * Requests leave in the order of the calls even where one has to wait for its picture, so that callers need not await each step.
 * Only what steers a call waits for nothing but the request of that call. When the worker fails, everything unanswered and everything asked later rejects with `worker_failed`.
 */
export class Connection {
  #mirror = BLANK;
  #failure: HeadstartError | null = null;
  #outbox: Promise<void> = Promise.resolve();
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  readonly #worker: WorkerPort;
  readonly #onEngine: ((engine: EngineReport) => void) | undefined;

  /** `onEngine` is told whenever the report on the engine is another; what it throws concerns nobody else. */
  constructor(worker: WorkerPort, onEngine?: (engine: EngineReport) => void) {
    this.#worker = worker;
    this.#onEngine = onEngine;
    worker.addEventListener('message', (event) => this.#receive((event as MessageEvent<Message>).data));
    worker.addEventListener('error', (event) => {
      const detail = (event as ErrorEvent).message?.replace(/^Uncaught /, '');
      this.#fail(
        detail
          ? `Headstart's worker stopped unexpectedly (${detail}). Start again to go on.`
          : "Headstart's worker could not be started: its files are missing, or the browser is not allowed to load them.",
      );
    });
    worker.addEventListener('messageerror', () => this.#fail("A message from Headstart's worker could not be read."));
  }

  /** Starts a worker, out of the folder of Headstart's files where they are not beside this module. */
  static open(start: StartWorker, assets?: string, onEngine?: (engine: EngineReport) => void): Connection {
    // A worker that may not be started makes the constructor throw, or fires `error` later: both end as `worker_failed`.
    try {
      return new Connection(start(assets), onEngine);
    } catch (error) {
      throw new HeadstartError({ code: 'worker_failed', message: `Headstart's worker could not be started: ${text(error)}.` });
    }
  }

  /** Starts a worker and asks it the first thing, which may be found out while it starts; where that is refused, the worker ends. */
  static async begin<C extends 'create' | 'ofModel'>(
    call: C,
    args: () => Promise<Calls[C]['args']>,
    { start, assets, signal, onProgress, onEngine }: Beginning,
  ): Promise<{ connection: Connection; result: Result<C> }> {
    signal?.throwIfAborted();
    const connection = Connection.open(start, assets, onEngine);
    try {
      const asked = args().then((ready) => connection.#send(call, undefined, () => ready, onProgress as OnEvent | undefined).result);
      return { connection, result: await abortable(asked, signal) };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The worker's classes and model as of the last answer. */
  get mirror(): Mirror {
    return this.#mirror;
  }

  /** The worker's engine as of the last answer. */
  get engine(): EngineReport {
    return answered(this.#mirror.engine);
  }

  /** The worker's backbone as of the last answer or event. */
  get backbone(): BackboneReport {
    return answered(this.#mirror.backbone);
  }

  /** Asks the worker. */
  call<C extends Call>(call: C, args: Calls[C]['args']): Promise<Result<C>> {
    return this.#send(call, undefined, () => args).result;
  }

  /** Asks the worker about a picture that may still be in the making; the request keeps its place in the order. */
  callWith<C extends Call>(
    picture: Promise<Picture>,
    call: C,
    args: (picture: Picture) => Calls[C]['args'],
  ): Promise<Result<C>> {
    return this.#send(call, picture, (taken) => args(taken as Picture)).result;
  }

  /** Starts a call that sends events before its result. */
  start<C extends LongCall>(call: C, args: () => Calls[C]['args'], onEvent: (event: CallEvents[C]) => void): Started<C> {
    // The events of a call are those of its kind.
    return this.#send(call, undefined, args, onEvent as OnEvent);
  }

  /** Steers a call of {@link Connection.start}: at once, or together with its request where that still waits. */
  control(id: number, action: Control['action']): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    if (pending.held) pending.held.push(action);
    else this.#post({ kind: 'control', id, action });
  }

  /** Ends the worker. */
  close(): void {
    this.#fail('The trainer was closed.');
  }

  #send<C extends Call>(
    call: C,
    picture: Promise<Picture> | undefined,
    args: (picture: Picture | undefined) => Calls[C]['args'],
    onEvent?: OnEvent,
  ): Started<C> {
    const id = this.#nextId++;
    const result = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject, onEvent, held: [] }));
    this.#outbox = this.#outbox.then(async () => {
      let taken: Picture | undefined;
      try {
        taken = await picture;
        if (this.#failure) throw this.#failure;
        // The compiler cannot tie a generic call to its own arguments; the signature of this method does.
        this.#post({ kind: 'call', id, call, args: args(taken), ...this.#release(id) } as CallRequest, taken);
      } catch (error) {
        discard(taken);
        this.#pending.get(id)?.reject(asHeadstartError(error));
        this.#pending.delete(id);
      }
    });
    return { id, result: result as Promise<Result<C>> };
  }

  /** What was held back for a request that leaves now: it goes along, so that it cannot come too late. */
  #release(id: number): Pick<CallRequest, 'steering'> {
    const pending = this.#pending.get(id);
    const steering = pending?.held ?? [];
    if (pending) pending.held = null;
    return steering.length > 0 ? { steering } : {};
  }

  #post(request: Request, picture?: Picture): void {
    this.#worker.postMessage(request, isBitmap(picture) ? [picture] : []);
  }

  #receive(message: Message): void {
    if (message.kind === 'fatal') {
      this.#fail(message.failure.message);
      return;
    }
    const { engine } = this.#mirror;
    if (message.change) this.#mirror = mirror(this.#mirror, message.change);
    // The first is told with the answer that there is a session.
    if (engine !== null && this.engine !== engine) queueMicrotask(() => this.#onEngine?.(this.engine));
    if (message.kind === 'news') return;
    const pending = this.#pending.get(message.id);
    if (message.kind === 'event') {
      pending?.onEvent?.(message.event);
      return;
    }
    this.#pending.delete(message.id);
    if (message.kind === 'result') pending?.resolve(message.value);
    else pending?.reject(new HeadstartError(message.failure));
  }

  #fail(message: string): void {
    if (this.#failure) return;
    this.#failure = new HeadstartError({ code: 'worker_failed', message });
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}

/** Frees a bitmap that nobody will look at. */
export function discard(picture: Picture | undefined): void {
  if (isBitmap(picture)) picture.close();
}

function answered<T>(value: T | null): T {
  if (value !== null) return value;
  throw new HeadstartError({ code: 'internal', message: 'The session has not answered yet.' });
}

function isBitmap(picture: Picture | undefined): picture is ImageBitmap {
  return typeof ImageBitmap !== 'undefined' && picture instanceof ImageBitmap;
}

function asHeadstartError(error: unknown): HeadstartError {
  if (error instanceof HeadstartError) return error;
  // What `postMessage` refuses: pixels of another site, or a setting that is no plain value.
  return new HeadstartError({ code: 'internal', message: `This cannot be handed to Headstart's worker: ${text(error)}.` });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}
