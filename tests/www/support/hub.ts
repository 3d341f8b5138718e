import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that came, by the server that it came to. */
export interface Seen {
  at: 'hub' | 'store';
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
  ifRange: string | undefined;
}

/** A repository of the stand-in. */
export interface Repository {
  files: Map<string, Buffer>;
  commit: string;
  /** What the API answers of it; null: there is no API, as on a mirror. */
  cardData: unknown;
  /** `private` is not there for those who may not see it. */
  access: 'public' | 'gated' | 'private';
}

/** What goes wrong with one request for contents. */
export type Fault =
  | { kind: 'cut'; after: number }
  | { kind: 'silent'; after: number }
  | { kind: 'status'; status: number }
  | { kind: 'elsewhere' }
  | { kind: 'endless'; more: number };

export const TOKEN = 'hf_standIn';
export const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
export const gitHash = (data: Buffer) => createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');

/**
 * Answers as the Hugging Face hub does: small files by a redirect within itself and an ETag that is git's hash, large ones by a redirect to a
 * store of another origin, with their SHA-256 in `X-Linked-Etag`. What is to go wrong is put into {@link StandInHub.faults}.
 */
export class StandInHub {
  readonly repositories = new Map<string, Repository>();
  readonly seen: Seen[] = [];
  /** For the next requests for large contents, in order; null is none. */
  readonly faults: (Fault | null)[] = [];
  /** Whether the store knows ranges. */
  knowsRanges = true;
  /** Named in place of a file's own hash. */
  readonly wrongHashes = new Map<string, string>();
  /** Bytes of contents that left the store. */
  sent = 0;
  /** How much of the contents the other side has taken in. A cut waits for it: what is on the way then is lost, more or less of it. */
  arrived: () => number = () => Infinity;

  private constructor(
    readonly hub: Server,
    readonly store: Server,
  ) {}

  static async open(): Promise<StandInHub> {
    const [hub, store] = [createServer(), createServer()];
    const standIn = new StandInHub(hub, store);
    hub.on('request', (request, response) => standIn.#answer('hub', request, response));
    store.on('request', (request, response) => standIn.#answer('store', request, response));
    await Promise.all([hub, store].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
    return standIn;
  }

  get url(): string {
    return origin(this.hub);
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.store]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  add(name: string, files: { [file: string]: Buffer | string }, options: Partial<Repository> = {}): Repository {
    const contents = new Map(Object.entries(files).map(([file, data]) => [file, Buffer.from(data)]));
    const commit = createHash('sha1').update(name).digest('hex');
    const repository: Repository = { files: contents, commit, cardData: { license: 'apache-2.0' }, access: 'public', ...options };
    this.repositories.set(name, repository);
    return repository;
  }

  #answer(at: Seen['at'], request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = request;
    const { pathname } = new URL(url, 'http://stand-in');
    const { authorization, range } = headers;
    this.seen.push({ at, method, path: pathname, authorization, range, ifRange: headers['if-range']?.toString() });
    if (at === 'store') return this.#giveContents(request, response);
    const [, name = '', revision = '', file = ''] =
      /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(?:resolve|revision)\/([^/]+)(?:\/(.+))?$/.exec(pathname) ??
      /^\/api\/resolve-cache\/models\/([^/]+\/[^/]+)\/([^/]+)\/(.+)$/.exec(pathname) ??
      [];
    const repository = this.repositories.get(name);
    const refusal = refusalOf(repository, decodeURIComponent(revision), file, authorization, pathname.startsWith('/api/models/'));
    if (refusal || !repository) return refuse(response, ...(refusal ?? [401, 'RepoNotFound', 'Invalid username or password.']));
    if (pathname.startsWith('/api/models/')) return sendJson(response, { id: name, sha: repository.commit, cardData: repository.cardData });
    const data = repository.files.get(file) ?? Buffer.alloc(0);
    if (pathname.startsWith('/api/resolve-cache/')) return this.#giveSmall(request, response, file, data);
    response.setHeader('X-Repo-Commit', repository.commit);
    if (!/\.(safetensors|bin)$/.test(file)) {
      response.writeHead(307, { Location: `/api/resolve-cache/models/${name}/${repository.commit}/${file}?download=true` }).end('Temporary Redirect');
      return;
    }
    const location = `${origin(this.store)}/${name}/${repository.commit}/${file}?Signature=x`;
    response.setHeader('X-Linked-Etag', `"${this.wrongHashes.get(file) ?? sha256(data)}"`);
    response.setHeader('X-Linked-Size', data.length);
    // The redirect's own ETag and length, which say nothing of the file.
    response.writeHead(302, { Location: location, ETag: `"${'0'.repeat(40)}"` }).end(`Found. Redirecting to ${location}`);
  }

  #giveSmall({ method }: IncomingMessage, response: ServerResponse, file: string, data: Buffer): void {
    const etag = `"${this.wrongHashes.get(file) ?? gitHash(data)}"`;
    response.writeHead(200, { ETag: etag, 'Content-Length': data.length, 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(method === 'HEAD' ? undefined : data);
  }

  #giveContents(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.faults.shift() ?? null;
    const [, name = '', file = ''] = /^\/([^/]+\/[^/]+)\/[^/]+\/(.+)$/.exec(new URL(request.url ?? '/', 'http://x').pathname) ?? [];
    const data = this.repositories.get(name)?.files.get(file);
    if (!data) return void response.writeHead(404).end();
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
    // As of a store of objects: strong, and no hash of the whole.
    const etag = `"${sha256(data).slice(0, 32)}-3"`;
    const asked = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? NaN);
    const isFresh = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const goesOn = this.knowsRanges && isFresh && !Number.isNaN(asked);
    if (goesOn && asked >= data.length) return void response.writeHead(416, { 'Content-Range': `bytes */${data.length}` }).end();
    const from = goesOn ? asked + (fault?.kind === 'elsewhere' ? 1 : 0) : 0;
    const body = fault?.kind === 'endless' ? Buffer.concat([data.subarray(from), Buffer.alloc(fault.more)]) : data.subarray(from);
    const range = goesOn ? { 'Content-Range': `bytes ${from}-${data.length - 1}/${data.length}` } : {};
    response.writeHead(goesOn ? 206 : 200, { ETag: etag, 'Content-Length': body.length, 'Accept-Ranges': 'bytes', ...range });
    const given = fault?.kind === 'cut' || fault?.kind === 'silent' ? body.subarray(0, fault.after) : body;
    this.sent += given.length;
    response.write(given, () => {
      if (fault?.kind === 'cut') this.#cut(request, from + fault.after);
      else if (fault?.kind !== 'silent') response.end();
    });
  }

  /** Ends a connection; torn down, it could take along what is written. */
  #cut(request: IncomingMessage, at: number): void {
    if (this.arrived() >= at) request.socket.end();
    else setTimeout(() => this.#cut(request, at), 5);
  }
}

type Refusal = [status: number, code: string, message: string];

/** What the hub says where it gives nothing. */
function refusalOf(
  repository: Repository | undefined,
  revision: string,
  file: string,
  authorization: string | undefined,
  isApi: boolean,
): Refusal | null {
  const isMember = authorization === `Bearer ${TOKEN}`;
  if (authorization !== undefined && !/^Bearer hf_/.test(authorization)) return [401, '', 'Invalid credentials in Authorization header'];
  if (!repository || (repository.access === 'private' && !isMember)) {
    return [authorization === undefined ? 401 : 404, 'RepoNotFound', 'Repository not found'];
  }
  if (isApi) return repository.cardData === null ? [404, '', 'Not Found'] : null;
  if (repository.access === 'gated' && !isMember) {
    return [authorization === undefined ? 401 : 403, 'GatedRepo', 'Access to this model is restricted.'];
  }
  if (revision !== 'main' && revision !== repository.commit) return [404, 'RevisionNotFound', `Invalid rev id: ${revision}`];
  return repository.files.has(file) ? null : [404, 'EntryNotFound', 'Entry not found'];
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { ...(code === '' ? {} : { 'X-Error-Code': code }), 'X-Error-Message': message }).end(message);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function origin(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
