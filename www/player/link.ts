import { HeadstartError } from '../client/error.js';
import type { Failure } from '../protocol.js';
import type { Call, Calls, Message, Progress } from './protocol.js';

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** The page's end of the line to the worker. */
export class Link {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'headstart' });
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #broken: HeadstartError | null = null;

  constructor(onProgress: (progress: Progress) => void) {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      if (data.kind === 'progress') onProgress(data.progress);
      else if (data.kind === 'fatal') {
        // What it stopped at is not to be asked again; the others know no more than that it is gone.
        this.#take(data.id)?.reject(new HeadstartError({ ...data.failure, code: 'internal' }));
        this.#break(data.failure);
      } else if (data.kind === 'failure') this.#take(data.id)?.reject(new HeadstartError(data.failure));
      else this.#take(data.id)?.resolve(data.value as never);
    });
    this.#worker.addEventListener('error', ({ message }) => {
      const reason = message ? ` (${message})` : '';
      this.#break({ code: 'worker_failed', message: `The page’s worker could not be started${reason}.` });
    });
  }

  /** Why the worker answers nothing any more. */
  get broken(): HeadstartError | null {
    return this.#broken;
  }

  /** Rejects with a {@link HeadstartError}. An image that is handed over is nobody else's afterwards. */
  call<C extends Call>(call: C, args: Calls[C]['args'], transfer: Transferable[] = []): Promise<Calls[C]['value']> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, ...args }, transfer);
    });
  }

  close(): void {
    this.#break({ code: 'busy', message: 'Another worker has taken the place of this one.' });
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #break(failure: Failure): void {
    this.#broken = new HeadstartError(failure);
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}
