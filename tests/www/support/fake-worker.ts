import { afterEach, beforeEach, vi } from 'vitest';
import type { Message, Request } from '../../../www/protocol.js';
import type { Decoded, PictureReader } from '../../../www/worker/pictures.js';
import { Helpers, type HelperPort } from '../../../www/worker/helpers.js';
import { chooseEngines } from '../../../www/worker/engines.js';
import { ModelServer } from '../../../www/worker/model-server.js';
import { Server } from '../../../www/worker/server.js';
import { fatal, refusal } from '../../../www/worker/failure.js';
import { FakeSession, fakeCore, fakeModel, type Faults } from './fake-session.js';

/** The real servers on a fake session, behind what looks like a `Worker`: messages arrive as tasks of their own, as data. */
export class FakeWorker extends EventTarget {
  static last: FakeWorker;
  static faults: Faults = {};
  /** Makes its helpers, on a machine of three cores; without it there is one core, and none. */
  static startHelper: (() => HelperPort) | null = null;
  /** Files of so many bytes cannot be read any more. */
  static readonly gone = new Set<number>();

  readonly session = new FakeSession(FakeWorker.faults);
  /** Of its script. */
  readonly address: URL;
  /** What it was sent. */
  readonly received: Request[] = [];
  /** What it has sent to the page. */
  readonly sent: Message[] = [];
  /** So many pictures were decoded. */
  decoded = 0;
  terminated = false;
  /** Memory that was given back. */
  readonly #given = new Set<Uint8Array>();
  #server: Pick<Server, 'receive'> | null = null;

  /** Pictures whose width is their number of bytes; an empty one cannot be read. */
  readonly #pictures: PictureReader = {
    read: async (picture, name) => {
      this.decoded += 1;
      const width = picture instanceof Blob ? picture.size : picture.width;
      if (FakeWorker.gone.has(width)) throw refusal('picture_unreadable', `“${name}” cannot be read.`, name);
      return { bytes: new Uint8Array(4 * width), bgra: false, width, height: 1 };
    },
    open: async (picture) => Object.assign({ close: () => undefined }, picture) as ImageBitmap,
    pixels: (bitmap) => this.#pictures.read(bitmap, 'a bitmap'),
    readToKeep: async (picture, name): Promise<Decoded> => {
      if ('bgra' in picture) return { pixels: picture, thumbnail: null, bitmap: null };
      const pixels = await this.#pictures.read(picture, name);
      if (pixels.width === 0) throw Object.assign(new Error(`“${name}” is empty.`), { code: 'picture_unreadable', value: name });
      if (picture instanceof Blob) return { pixels, thumbnail: new Blob(['thumbnail']), bitmap: null };
      return { pixels, thumbnail: null, bitmap: await this.#pictures.open(picture, name) };
    },
    giveBack: ({ bytes }) => {
      if (this.#given.has(bytes)) throw new Error('these pixels were given back before');
      this.#given.add(bytes);
    },
    thumbnail: async ({ width }) => new Blob([`thumbnail of ${width} pixels`]),
    pack: async ({ width }) => new Blob([new Uint8Array(width)]),
  };

  constructor(address: string | URL) {
    super();
    this.address = new URL(address);
    FakeWorker.last = this;
  }

  postMessage(request: Request): void {
    setImmediate(() => {
      if (this.terminated) return;
      this.received.push(request);
      this.#server ??= this.#begin(request);
      this.#server.receive(request);
    });
  }

  terminate(): void {
    this.terminated = true;
  }

  /** What the browser does when the worker's script throws outside of any call. */
  crash(message: string): void {
    this.dispatchEvent(Object.assign(new Event('error'), { message }));
  }

  #begin(request: Request): Pick<Server, 'receive'> {
    const post = (message: Message): void => this.#answer(message);
    if (request.kind === 'call' && request.call === 'ofModel') {
      const { core: missing } = FakeWorker.faults;
      return new ModelServer(missing ? Promise.reject(missing) : Promise.resolve(fakeModel(this.session)), this.#pictures, post, chooseEngines);
    }
    const start = FakeWorker.startHelper;
    const server = new Server(this.#pictures, post, new Helpers(start ?? (() => this), start ? 3 : 1));
    server.work(fakeCore(this.session, FakeWorker.faults)).catch((error: unknown) => post(fatal(error)));
    return server;
  }

  #answer(message: Message): void {
    const data = structuredClone(message);
    this.sent.push(data);
    setImmediate(() => !this.terminated && this.dispatchEvent(new MessageEvent('message', { data })));
  }
}

/** A picture for a {@link FakeWorker}. */
export function picture(width: number): Blob {
  return new Blob([new Uint8Array(width)]);
}

/** Requests to the network by {@link useFakeWorker}, in their order. */
export const fetched: string[] = [];

/** Gives every test of a file a browser's worker and a backbone to fetch. */
export function useFakeWorker(): void {
  beforeEach(() => {
    FakeWorker.faults = {};
    fetched.length = 0;
    FakeWorker.gone.clear();
    vi.stubGlobal('Worker', FakeWorker);
    vi.stubGlobal('location', new URL('https://example.test/site/'));
    vi.stubGlobal('fetch', async (url: string) => {
      fetched.push(url);
      return new Response(url.endsWith('/backbones/index.json') ? JSON.stringify({ version: 1, default: 'usual', backbones: [] }) : '{}');
    });
  });
  afterEach(() => vi.unstubAllGlobals());
}
