import type { BackboneFiles, CallRequest, Calls, Message, Pixels, Reply, Studied } from '../protocol.js';
import type { Core, Crew, Simd } from './session.js';

/** Starts one whose code uses this SIMD; what of that is compiled already it may have. */
export type StartHelper = (simd: Simd, code: WebAssembly.Module | null) => HelperPort;

/** The part of a `Worker` that a helper is. */
export type HelperPort = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

/** More do not pay: the pictures come one after the other. */
export const MOST_HELPERS = 3;
/** So many pictures each has at a time: the browser decodes two in steps, while the first is computed with. */
export const PICTURES_EACH = 3;
/** Of the times that pictures took, the latest counts for so much; the first few, with code that is not compiled to the end yet, for nothing. */
const LATEST = 0.25;
const NOT_COUNTED = 2;
/** So many of its own pictures' times a helper may be waited for: less than computing that picture would take. */
const WAIT = 0.5;
/** What a helper that has no picture, being too slow, is thought to take is so much less the next time: it may have been chance. */
const FORGOTTEN = 0.95;
/** Pictures that have come since there was nothing to do, and those that are known to follow: from so many on helpers pay. */
const MANY = 12;
/** Helpers that have had nothing to do for so long are let go. */
const IDLE_MS = 5000;
/** One that looks at a picture for so long is taken to have stopped. */
const STUDY_MS = 15_000;
/** The same of one that has a part of a training's step: on a slow machine with a large backbone that is many seconds. */
const HELP_MS = 60_000;
/** So much longer for an answer that is there already. */
const ANSWER_MS = 1000;
/** Each helper holds a backbone of its own, in memory that it never gives back: with large ones a tab would be too full. */
const LARGEST_BACKBONE = 20e6;

/**
 * A picture that one is to look at: a file, which it reads itself, or pixels, which are read once it is known that one has time for them.
 * They become its own; a browser would send a decoded picture as a copy.
 */
export type Subject = Blob | (() => Promise<Pixels>);

/** What one is asked. */
type Asked = 'create' | 'study' | 'help';

/** How long a picture takes, from what the latest ones took. */
class PictureTime {
  #took: number | null = null;
  #count = 0;

  note(milliseconds: number): void {
    this.#count += 1;
    if (this.#count > NOT_COUNTED) this.#took = this.#took === null ? milliseconds : this.#took + LATEST * (milliseconds - this.#took);
  }

  forget(): void {
    if (this.#took !== null) this.#took *= FORGOTTEN;
  }

  /** Milliseconds; null while nobody knows. */
  get milliseconds(): number | null {
    return this.#took;
  }
}

/** One of them: a worker of its own, with a session of its own that forgets every picture at once. */
class Helper {
  /** Whether it has its backbone, and is there. */
  ready = false;
  readonly #port: HelperPort;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #end: () => void;
  readonly #time = new PictureTime();
  #pictures = 0;
  /** Parts of a training that it has. */
  #parts = 0;
  /** Whether it has a picture of which it should have one at a time. */
  #hasLarge = false;
  /** When it gave its latest answer about a picture. */
  #answered = -Infinity;
  #nextId = 1;
  #closed = false;

  /** `ready` is called once it has its backbone, `failed` where it cannot go on. */
  constructor(port: HelperPort, backbone: BackboneFiles, ready: () => void, failed: () => void) {
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
    this.#ask('create', ['cpu', backbone, undefined, undefined]).then(() => {
      this.ready = !this.#closed;
      if (this.ready) ready();
    }, this.#end);
  }

  /**
   * Milliseconds until it would be done with another picture, where one takes the worker that it helps `usual`; null: nobody knows, and the
   * time of one is the unit. Infinite where it has enough to do.
   */
  readyIn(usual: number | null, large: boolean): number {
    const most = large || this.#hasLarge ? 1 : PICTURES_EACH;
    if (!this.ready || this.#parts > 0 || this.#pictures >= most) return Infinity;
    return (this.#pictures + 1) * (usual === null ? 1 : (this.#time.milliseconds ?? usual));
  }

  /** Another picture has been added. */
  pass(): void {
    if (this.#pictures === 0) this.#time.forget();
  }

  /** `sent` is called once it has the picture, or will not get it. */
  async study(subject: Subject, name: string, large: boolean, sent: () => void): Promise<Studied> {
    this.#pictures += 1;
    this.#hasLarge = large;
    try {
      const pixels = subject instanceof Blob ? null : await subject();
      const studied = pixels ? this.#study([pixels, name], [pixels.bytes.buffer as ArrayBuffer]) : this.#study([subject as Blob, name]);
      sent();
      return await studied;
    } finally {
      sent();
      this.#pictures -= 1;
      this.#hasLarge &&= this.#pictures > 0;
    }
  }

  async #study(args: Calls['study']['args'], transfer: Transferable[] = []): Promise<Studied> {
    const asked = performance.now();
    try {
      return await this.#work(this.#pictures * STUDY_MS, 'study', args, transfer);
    } finally {
      const now = performance.now();
      this.#time.note(now - Math.max(asked, this.#answered));
      this.#answered = now;
    }
  }

  /** Null where it cannot. */
  async help(task: string, values: Float32Array): Promise<Float32Array | null> {
    this.#parts += 1;
    const answer = await this.#work(HELP_MS, 'help', [task, values], [values.buffer as ArrayBuffer]).catch(() => null);
    this.#parts -= 1;
    return answer;
  }

  async #work<C extends Asked>(most: number, call: C, args: Calls[C]['args'], transfer: Transferable[] = []): Promise<Calls[C]['result']> {
    // Whoever asks may have been busy for as long: what has arrived meanwhile is looked at first.
    let late = setTimeout(() => (late = setTimeout(this.#end, ANSWER_MS)), most);
    try {
      return await this.#ask(call, args, transfer);
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.#closed = true;
    this.ready = false;
    this.#port.terminate();
    for (const { reject } of this.#pending.values()) reject(gone());
    this.#pending.clear();
  }

  #ask<C extends Asked>(call: C, args: Calls[C]['args'], transfer: Transferable[] = []): Promise<Calls[C]['result']> {
    if (this.#closed) return Promise.reject(gone());
    const id = this.#nextId++;
    // Where there is no memory for what is sent, nobody answers.
    this.#port.postMessage({ kind: 'call', id, call, args } as CallRequest, transfer);
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    return answer as Promise<Calls[C]['result']>;
  }

  #answer(message: Reply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'result') pending?.resolve(message.value);
    else pending?.reject(new Error(message.failure.message));
  }
}

function gone(): Error {
  return new Error('the helper has gone');
}

/** Those of the helpers that compute for one training, with the backbone that there was when it began. */
class HelperCrew implements Crew {
  readonly most: () => number;
  readonly #all: Helper[] = [];
  /** Memory for what they are asked next: new memory takes longer than filling it. */
  readonly #spare = new Map<number, ArrayBuffer>();

  constructor(most: () => number) {
    this.most = most;
  }

  join(helper: Helper): void {
    this.#all.push(helper);
  }

  members(): number {
    return this.#all.length;
  }

  ask(member: number, task: string, values: Float32Array): Promise<Float32Array | null> {
    return this.#all[member]?.help(task, values) ?? Promise.resolve(null);
  }

  room(member: number, count: number): Float32Array {
    const spare = this.#spare.get(member);
    this.#spare.delete(member);
    return spare && spare.byteLength >= count * Float32Array.BYTES_PER_ELEMENT ? new Float32Array(spare, 0, count) : new Float32Array(count);
  }

  spare(member: number, values: Float32Array): void {
    this.#spare.set(member, values.buffer as ArrayBuffer);
  }
}

/**
 * Other workers of the same code, a core each, that decode and embed pictures ahead of their turn while many come in, and have their parts of
 * a training on the CPU. What they give is the same to the bit, and where one of them fails this worker does its work.
 */
export class Helpers {
  readonly #start: StartHelper;
  readonly #most: number;
  /** That of the worker that they help. */
  #time = new PictureTime();
  #backbone: BackboneFiles | null = null;
  #code: Pick<Core, 'simd' | 'code'> = { simd: 'relaxed', code: null };
  /** Whether they are to look at pictures. */
  #studies = true;
  /** The training that they are engaged for. */
  #crew: HelperCrew | null = null;
  #all: Helper[] = [];
  #failed = false;
  /** Pictures that are still to be read for those that were asked to look at them. */
  readonly #unsent = new Set<Promise<void>>();
  #come = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `cores` are those of the machine, of which this worker has one. */
  constructor(start: StartHelper, cores: number) {
    this.#start = start;
    this.#most = Math.min(cores - 1, MOST_HELPERS);
  }

  /**
   * What the session computes with from now on, and how; null where what they make would be of no use to it. They look at pictures if `studies`.
   */
  serve(backbone: BackboneFiles | null, code: Pick<Core, 'simd' | 'code'>, studies = true): void {
    this.#close();
    this.#crew = null;
    this.#time = new PictureTime();
    this.#code = code;
    this.#studies = studies;
    this.#backbone = backbone !== null && backbone.weights.size <= LARGEST_BACKBONE ? backbone : null;
  }

  /** Those that could help with a training; they are not there before it begins. */
  get candidates(): Crew {
    return this.#newCrew();
  }

  /** Starts as many as there may be, who stay until the training is over. */
  engage(): Crew {
    const crew = this.#newCrew();
    this.#crew = crew;
    clearTimeout(this.#timer);
    for (const helper of this.#all) if (helper.ready) crew.join(helper);
    this.#hire();
    return crew;
  }

  /** The training is over. */
  release(): void {
    this.#crew = null;
    this.rest();
  }

  /** A picture has come that they could look at, and so many more are known to follow. */
  expect(following: number): void {
    if (!this.#studies) return;
    this.#come += 1;
    // One that has no other beside it is no reason to keep them.
    if (this.#come + following < 2) return;
    clearTimeout(this.#timer);
    if (this.#all.length === 0 && this.#come + following >= MANY) this.#hire();
  }

  /** Nothing waits. */
  rest(): void {
    this.#come = 0;
    clearTimeout(this.#timer);
    if (this.#all.length > 0 && this.#crew === null) this.#timer = setTimeout(() => this.#close(), IDLE_MS);
  }

  /** The worker that they help has taken so long for a picture. */
  note(milliseconds: number): void {
    this.#time.note(milliseconds);
    for (const helper of this.#all) helper.pass();
  }

  /**
   * Has one of them look at a picture to which this worker comes after `own` others; null where none would be done with it by then. Of `large`
   * ones each has one at a time, since they wait decoded.
   */
  study(subject: Subject, name: string, own: number, large = false): Promise<Studied> | null {
    if (!this.#studies) return null;
    const usual = this.#time.milliseconds;
    const readyIn = (helper: Helper): number => helper.readyIn(usual, large);
    const first = this.#all.reduce<Helper | null>((best, helper) => (best !== null && readyIn(best) <= readyIn(helper) ? best : helper), null);
    if (first === null || readyIn(first) > (own + WAIT) * (usual ?? 1)) return null;
    let sent = (): void => undefined;
    const sending = new Promise<void>((resolve) => (sent = resolve));
    this.#unsent.add(sending);
    void sending.then(() => this.#unsent.delete(sending));
    return first.study(subject, name, large, sent);
  }

  /** Ends when those that were asked to look at pictures have them, which takes some turns: whoever computes now would keep them waiting. */
  async sent(): Promise<void> {
    await Promise.all(this.#unsent);
  }

  #newCrew(): HelperCrew {
    return new HelperCrew(() => (this.#backbone === null || this.#failed ? 0 : this.#most));
  }

  #hire(): void {
    const backbone = this.#backbone;
    if (backbone === null || this.#failed) return;
    try {
      while (this.#all.length < this.#most) {
        const helper: Helper = new Helper(this.#start(this.#code.simd, this.#code.code), backbone, () => this.#crew?.join(helper), () => this.#fail());
        this.#all.push(helper);
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
