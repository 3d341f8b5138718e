import { open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { bytesOf } from './hash.js';
import { errorCode, Passing, Problem } from './problem.js';
import { refusal, type Hub, type RemoteFile } from './remote.js';
import { request } from './request.js';

/** Told of every part that comes. */
export type Watcher = (file: string, done: number, total: number | null) => void;

/** Receives the contents of a file, over as many connections as it takes: each call goes on where the one before was cut. */
export class Receiver {
  /** Of the host that has the contents. In a run after this there is none: then the hash tells at the end. */
  #etag: string | null = null;
  #furthest = 0;

  constructor(
    readonly remote: RemoteFile,
    /** Where the contents go. */
    readonly part: string,
    readonly hub: Hub,
    readonly watcher: Watcher,
    /** How long nothing may come before a connection is given up, in milliseconds. */
    readonly patience: number,
  ) {}

  async receive(): Promise<void> {
    const before = await bytesOf(this.part);
    if (before > 0 && before === this.remote.size) return;
    this.#furthest = Math.max(this.#furthest, before);
    const silence = new AbortController();
    const watch = setTimeout(() => silence.abort(new Passing(`Nothing came for ${this.patience / 1000} s`)), this.patience);
    const signal = AbortSignal.any(this.hub.signal ? [silence.signal, this.hub.signal] : [silence.signal]);
    try {
      const response = await this.#ask(before, signal);
      await this.#write(response, await this.#goesOn(response, before), before, () => watch.refresh());
    } catch (error) {
      if (this.hub.signal?.aborted) throw this.hub.signal.reason;
      if (silence.signal.aborted) throw await this.#cut(silence.signal.reason.message);
      if (error instanceof Passing || error instanceof Problem || isOfDisk(error)) throw error;
      throw await this.#cut(`The connection was cut (${errorCode(error) ?? String(error)})`);
    } finally {
      clearTimeout(watch);
    }
    if (this.remote.size !== null && (await bytesOf(this.part)) < this.remote.size) throw await this.#cut('The connection was cut');
  }

  async #ask(before: number, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { 'Accept-Encoding': 'identity' };
    if (before > 0) headers['Range'] = `bytes=${before}-`;
    if (before > 0 && this.#etag !== null) headers['If-Range'] = this.#etag;
    const { response } = await request(this.remote.url, { headers, token: this.hub.token, signal });
    const { host } = new URL(response.url);
    if (response.status === 416) {
      await rm(this.part, { force: true });
      throw new Passing(`${host} answers 416`);
    }
    // The address of the contents is good for some time only; the hub gives a new one.
    if (response.status === 403 && host !== new URL(this.hub.endpoint).host) throw new Passing(`${host} answers 403`);
    if (!response.ok) throw refusal(response, this.hub);
    return response;
  }

  /** Whether an answer is the rest of the file. A server may know no ranges or have something newer: then all of it comes. */
  async #goesOn(response: Response, before: number): Promise<boolean> {
    if (response.status !== 206) return false;
    if (response.headers.get('Content-Range')?.startsWith(`bytes ${before}-`)) return true;
    await rm(this.part, { force: true });
    throw new Passing('The server goes on at another place than asked');
  }

  async #write(response: Response, goesOn: boolean, before: number, came: () => void): Promise<void> {
    const etag = response.headers.get('ETag');
    // A weak one is no ground to put two halves together.
    this.#etag = etag?.startsWith('"') ? etag : null;
    const name = basename(this.remote.url);
    const { size } = this.remote;
    let done = goesOn ? before : 0;
    const file = await open(this.part, goesOn ? 'a' : 'w');
    try {
      this.watcher(name, done, size);
      for await (const chunk of response.body ?? []) {
        came();
        await file.writeFile(chunk);
        done += chunk.length;
        this.watcher(name, done, size);
        // More than was named will not fit its hash either.
        if (size !== null && done > size) break;
      }
    } finally {
      await file.close();
    }
  }

  /** A cut that counts as a step forward where the file is longer than it was ever before. */
  async #cut(message: string): Promise<Passing> {
    const now = await bytesOf(this.part);
    const advanced = now > this.#furthest;
    this.#furthest = Math.max(this.#furthest, now);
    return new Passing(message, advanced);
  }
}

/** What a file system says, other than a network. */
function isOfDisk(error: unknown): boolean {
  return (error as { syscall?: string }).syscall !== undefined && /^(open|write|close)$/.test((error as { syscall: string }).syscall);
}
