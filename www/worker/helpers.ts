import type { BackboneFiles, CallRequest, Message, Reply, Studied } from '../protocol.js';

/** The part of a `Worker` that a helper is. */
export type HelperPort = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

/** More do not pay: the pictures come one after the other. */
export const MOST_HELPERS = 3;
/** Pictures that others wait behind before it is worth starting helpers, which takes as long as a few dozen. */
const MANY = 16;
/** Helpers that have had nothing to do for so long are let go. */
const IDLE_MS = 5000;
/** One that looks at a picture for so long is taken to have stopped. */
const STUDY_MS = 15_000;
/** Each helper holds a backbone of its own, in memory that it never gives back: with large ones a tab would be too full. */
const LARGEST_BACKBONE = 20e6;

/** One of them: a worker of its own, with a session of its own that forgets every picture at once. */
class Helper {
  /** Whether it can be given a picture. */
  free = false;
  readonly #port: HelperPort;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #end: () => void;
  #nextId = 1;
  #closed = false;

  /** `failed` is called where it cannot go on. */
  constructor(port: HelperPort, backbone: BackboneFiles, failed: () => void) {
    this.#port = port;
    this.#end = () => {
      if (this.#closed) return;
      this.close();
      failed();
    };
    port.addEventListener('error', (event) => {
      // Left alone it would be an error of the worker that has this helper, too.
      event.preventDefault();
      this.#end();
    });
    port.addEventListener('messageerror', this.#end);
    port.addEventListener('message', (event) => {
      const message = (event as MessageEvent<Message>).data;
      if (message.kind === 'fatal') this.#end();
      else if (message.kind === 'result' || message.kind === 'failure') this.#answer(message);
    });
    const begun = [this.#ask('create', ['cpu', backbone, undefined]), this.#ask('addClass', [CLASS, undefined])];
    Promise.all(begun).then(() => (this.free = true), this.#end);
  }

  async study(picture: Blob, name: string): Promise<Studied> {
    this.free = false;
    const late = setTimeout(this.#end, STUDY_MS);
    try {
      return await this.#ask('study', [CLASS, picture, name]);
    } finally {
      clearTimeout(late);
      this.free = !this.#closed;
    }
  }

  close(): void {
    this.#closed = true;
    this.free = false;
    this.#port.terminate();
    for (const { reject } of this.#pending.values()) reject(new Error('the helper has gone'));
    this.#pending.clear();
  }

  #ask<C extends 'create' | 'addClass' | 'study'>(call: C, args: CallRequest<C>['args']): Promise<C extends 'study' ? Studied : unknown> {
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#port.postMessage({ kind: 'call', id, call, args });
    return answer as Promise<C extends 'study' ? Studied : unknown>;
  }

  #answer(message: Reply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'result') pending?.resolve(message.value);
    else pending?.reject(new Error(message.failure.message));
  }
}

/** What pictures are put into for as long as they are looked at. */
const CLASS = 'studied';

/**
 * Other workers of the same code, a core each, that decode and embed pictures ahead of their turn while many come in. What they give is the
 * same to the bit, and where one of them fails the picture is read as if there were none.
 */
export class Helpers {
  readonly #start: () => HelperPort;
  readonly #most: number;
  #backbone: BackboneFiles | null = null;
  #all: Helper[] = [];
  #failed = false;
  #come = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `cores` are those of the machine, of which this worker has one. */
  constructor(start: () => HelperPort, cores: number) {
    this.#start = start;
    this.#most = Math.min(cores - 1, MOST_HELPERS);
  }

  /** What the session computes with from now on; null where what they make would be of no use to it. */
  serve(backbone: BackboneFiles | null): void {
    this.#close();
    this.#backbone = backbone !== null && backbone.weights.size <= LARGEST_BACKBONE ? backbone : null;
  }

  /** A picture's turn has come while others wait behind it that they could look at. */
  expect(): void {
    clearTimeout(this.#timer);
    this.#come += 1;
    if (this.#all.length === 0 && this.#come >= MANY) this.#hire();
  }

  /** Nothing waits. */
  rest(): void {
    this.#come = 0;
    clearTimeout(this.#timer);
    if (this.#all.length > 0) this.#timer = setTimeout(() => this.#close(), IDLE_MS);
  }

  /** Has one of them look at a picture; null where none is free. */
  study(picture: Blob, name: string): Promise<Studied> | null {
    return this.#all.find(({ free }) => free)?.study(picture, name) ?? null;
  }

  #hire(): void {
    const backbone = this.#backbone;
    if (backbone === null || this.#failed) return;
    try {
      while (this.#all.length < this.#most) {
        const failed = (): void => this.#fail();
        this.#all.push(new Helper(this.#start(), backbone, failed));
      }
    } catch {
      // A browser without workers in workers.
      this.#fail();
    }
  }

  #fail(): void {
    this.#failed = true;
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#timer);
    const all = this.#all;
    this.#all = [];
    for (const helper of all) helper.close();
  }
}
