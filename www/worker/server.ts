import type { BackboneOutcome, Call, CallRequest, Calls, Control, Created, LoadProgress, LongCall, Message, Picture, Pixels, Request, Studied } from '../protocol.js';
import type { TrainConfig, Workload } from '../generated/types.js';
import { BackboneChange } from './backbone-change.js';
import { handlers, type Context } from './calls.js';
import { changeBy, Changes, told } from './changes.js';
import { chooseEngines } from './engines.js';
import { isTrap, refusal, toFailure } from './failure.js';
import { loadBackbone, loadOutline, readBlob, readWeights, type BackboneBytes } from './fetch.js';
import { MOST_HELPERS, PICTURES_EACH, type Helpers } from './helpers.js';
import { Thumbnails, type Decoded, type PictureReader } from './pictures.js';
import { RequestQueue, type Queued, type QueuedImage } from './queue.js';
import type { Core, Session } from './session.js';
import { knownSettings } from './settings.js';
import { Sources } from './sources.js';
import { TrainingRun, type CallControls } from './training.js';

/**
 * The worker's loop: one request, a slice of training, a picture for a new backbone, a look at the mailbox, and again.
 *
 * A session takes one call at a time, so everything that touches it goes through this loop; while training runs or the backbone is
 * being changed, requests are served between the slices.
 */
export class Server {
  /** There once work begins. */
  #core!: Core;
  readonly #pictures: PictureReader;
  readonly #post: (message: Message, transfer?: Transferable[]) => void;
  readonly #helpers: Helpers;
  readonly #queue = new RequestQueue();
  readonly #thumbnails = new Thumbnails();
  readonly #sources: Sources;
  readonly #changes = new Changes();
  readonly #controls = new Map<number, CallControls>();
  #session: Session | null = null;
  #run: TrainingRun | null = null;
  /** What the session is on; null before there is one. */
  #backbone: BackboneBytes | null = null;
  /** The next one, while its files are on their way. */
  #loading: { id: number; abort: AbortController } | null = null;
  #change: BackboneChange | null = null;
  /** What helpers were last told to compute with, and whether to look at pictures. */
  #offer: { config: string | undefined; weights: Blob | undefined; studies: boolean } | null = null;
  /** Whether this worker is embedding a picture itself that a helper could have looked at. */
  #embedding = false;
  #wake: () => void = () => undefined;
  /** Ends when all pictures are read that helpers have failed at. */
  #again: Promise<unknown> = Promise.resolve();
  /** Whether something may be left of what can wait. */
  #later = false;
  /** When the latest request was answered. */
  #lastServed = 0;

  constructor(pictures: PictureReader, post: (message: Message, transfer?: Transferable[]) => void, helpers: Helpers) {
    this.#pictures = pictures;
    this.#sources = new Sources(async (bitmap, id) => {
      // Nothing else can be made of it from now on.
      await this.#thumbnails.make(id);
      return pictures.pack(bitmap);
    });
    this.#post = post;
    this.#helpers = helpers;
  }

  /** Takes a message from the page. */
  receive(request: Request): void {
    if (request.kind === 'control') {
      this.#steer(request.id, request.action);
    } else if (request.call === 'thumbnail') {
      void this.#sendThumbnail(request.id, request.args[0]);
    } else {
      // From now on, so that a run can be cancelled that still waits to start.
      if (LONG_CALLS.has(request.call)) this.#controls.set(request.id, { paused: false, cancelled: false });
      const loaded = this.#load(request);
      for (const action of request.steering ?? []) this.#steer(request.id, action);
      // It takes them as long to come as some pictures do.
      if (isForHelpers(request)) this.#helpers.expect(request.args[3].following ?? 0);
      const enqueue = () => {
        this.#queue.add({ request, ...(loaded && { loaded }) });
        this.#prefetch();
        this.#wake();
      };
      // What there is no session before keeps its place; whoever serves it waits, and hears of a failure.
      if (loaded && request.call !== 'create') loaded.then(enqueue, enqueue);
      else enqueue();
      loaded?.catch(() => undefined);
    }
    this.#wake();
  }

  #steer(id: number, action: Control['action']): void {
    const controls = this.#controls.get(id);
    if (controls && action === 'cancel') {
      controls.cancelled = true;
      if (this.#loading?.id === id) this.#loading.abort.abort();
    } else if (controls) {
      controls.paused = action === 'pause';
    }
  }

  /** Gets the files that a request needs: those of the first while the wasm code is on its way too. */
  #load(request: CallRequest): Promise<unknown> | undefined {
    const tell = (loaded: number, total: number | null) =>
      this.#post({ kind: 'event', id: request.id, event: { what: 'backbone', loaded, total } satisfies LoadProgress });
    if (request.call === 'create') return loadBackbone(request.args[1], undefined, tell);
    if (request.call === 'measureBackbone') return request.args[0] === null ? undefined : loadOutline(request.args[0]);
    if (request.call !== 'setBackbone') return undefined;
    // One that was on its way makes way.
    if (this.#loading) this.#steer(this.#loading.id, 'cancel');
    this.#loading = null;
    // The present one is there.
    if (request.args[0] === null) return undefined;
    const abort = new AbortController();
    this.#loading = { id: request.id, abort };
    return loadBackbone(request.args[0], abort.signal);
  }

  /** Works until the wasm code fails; that error is thrown. */
  async work(core: Core): Promise<never> {
    this.#core = core;
    let resting = false;
    for (;;) {
      const awake = new Promise<void>((resolve) => (this.#wake = resolve));
      const queued = this.#queue.take();
      if (queued) await this.#serve(queued);
      const [run, change] = [this.#run, this.#change];
      if (run?.due) await this.#train(run);
      if (change && change === this.#change) await this.#prepareOne(change);
      if (queued) {
        [this.#later, this.#lastServed, resting] = [true, performance.now(), false];
      } else if (!resting) {
        this.#helpers.rest();
        resting = true;
      }
      if (!queued && !run?.due && !change) await this.#idle(awake);
      // Messages arrive between tasks only.
      else await nextTask();
    }
  }

  /** Waits for something to do and, where nothing came for a while, does a piece of what can wait. */
  async #idle(awake: Promise<void>): Promise<void> {
    if (!this.#later || this.#session === null || this.#run !== null) return awake;
    const quiet = this.#lastServed + QUIET_MS - performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = quiet > 0 && new Promise<'passed'>((resolve) => (timer = setTimeout(resolve, quiet, 'passed')));
    const isQuiet = !passed || (await Promise.race([awake, passed])) === 'passed';
    clearTimeout(timer);
    if (!isQuiet) return;
    // Packing takes a while where a picture is large, and another request need not wait for it.
    if (this.#sources.wait) await Promise.race([this.#sources.packNext(), awake]);
    else if (!(await this.#session.packNext())) this.#later = await this.#embedAhead(this.#session);
    await nextTask();
  }

  /** Computes what a training would want of pictures next; tells whether there may be more of it. */
  async #embedAhead(session: Session): Promise<boolean> {
    const more = await session.embedAhead().catch((error: unknown) => {
      if (isTrap(error)) throw error;
      // Whoever needs it hears of it.
      return false;
    });
    const change = await this.#changes.any(session);
    if (Object.keys(change).length > 0) this.#post({ kind: 'news', change });
    return more;
  }

  async #serve({ request, decoded, loaded, taken }: Queued): Promise<void> {
    const { id, call } = request;
    this.#embedding = !taken && isForHelpers(request);
    this.#prefetch();
    if (isForHelpers(request)) await this.#helpers.sent();
    if (taken && decoded) await this.#useTimeUntil(decoded);
    const began = performance.now();
    try {
      if (call === 'create') {
        const session = await this.#create(await (loaded as Promise<BackboneBytes>), request.args);
        await this.#reply(request, await this.#begin(session));
        if (session.engine().undecided) void this.#chooseEngines(session);
      } else if (call === 'train') await this.#startRun(id, this.#required(), ...request.args);
      else if (call === 'setBackbone') await this.#setBackbone(request, loaded as Promise<BackboneBytes> | undefined);
      else if (call === 'prepare') await this.#beginChange(id, null);
      else if (call === 'ofModel') throw refusal('internal', 'Something went wrong inside Headstart: this worker trains.');
      else if (call !== 'thumbnail') {
        const context: Context = {
          session: this.#required(),
          pictures: this.#pictures,
          thumbnails: this.#thumbnails,
          sources: this.#sources,
          backbone: this.#backbone,
          decoded,
          loaded: loaded as Context['loaded'],
          settings: (config) => knownSettings(config, this.#core.defaultConfig()),
        };
        // The compiler cannot tie a handler taken from the table to its own arguments; the table's type does.
        const handle = handlers[call] as (context: Context, ...args: unknown[]) => unknown;
        await this.#reply(request, await handle(context, ...request.args));
      }
    } catch (error) {
      this.#controls.delete(id);
      await this.#refuse(id, error);
    } finally {
      if (this.#embedding) this.#helpers.note(performance.now() - began);
      this.#embedding = false;
    }
  }

  async #create(backbone: BackboneBytes, [engine, , saved, arithmetic]: Calls['create']['args']): Promise<Session> {
    const weights = await readWeights(backbone);
    this.#backbone = backbone;
    if (!saved) return this.#core.create(engine, backbone.config, weights, backbone.name, arithmetic);
    const [model, pictures] = await Promise.all([saved.model, saved.pictures].map((blob) => (blob ? readBlob(blob) : undefined)));
    const session = await this.#core.open(engine, backbone.config, weights, saved.project, model, pictures, backbone.name, arithmetic);
    for (const [id, thumbnail] of saved.thumbnails ?? []) this.#thumbnails.set(id, thumbnail);
    for (const [id, source] of saved.sources ?? []) this.#sources.set(id, source);
    return session;
  }

  async #begin(session: Session): Promise<Created> {
    this.#session = session;
    await this.#noteCard(session);
    await this.#offerHelp(session);
    const unprepared = (await session.unprepared()).filter(({ pixels }) => !pixels).length;
    return { defaults: this.#core.defaultConfig(), rules: this.#core.settingRules(), unprepared, report: await session.report() };
  }

  /** The session has another backbone. */
  async #settle(session: Session): Promise<void> {
    await this.#offerHelp(session);
    if (session.engine().undecided) void this.#chooseEngines(session);
  }

  /** Requests are served meanwhile, by the CPU. */
  async #chooseEngines(session: Session): Promise<void> {
    await chooseEngines(session);
    // A run goes on with those that it has, on the engines that it has begun with.
    if (!this.#run) await this.#offerHelp(session);
    this.#post({ kind: 'news', change: await this.#changes.any(session) });
  }

  /** What the backbone computes in belongs to it wherever else it is used: by helpers, and when it is gone back to. */
  async #noteCard(session: Session): Promise<void> {
    if (this.#backbone) this.#backbone = { ...this.#backbone, config: await session.card() };
  }

  async #setBackbone(request: CallRequest<'setBackbone'>, loaded: Promise<BackboneBytes> | undefined): Promise<void> {
    if (this.#loading?.id === request.id) this.#loading = null;
    if (this.#controls.get(request.id)?.cancelled) {
      this.#controls.delete(request.id);
      return this.#reply(request, { cancelled: true, unreadable: [] } satisfies BackboneOutcome);
    }
    const backbone = (await loaded) ?? this.#backbone;
    if (!backbone) throw refusal('internal', 'Something went wrong inside Headstart: there is no backbone.');
    await this.#required().setBackbone(backbone.config, await readWeights(backbone), backbone.name, request.args[1]);
    const under = this.#change;
    const before = under && !under.cancelled ? under.before : this.#backbone;
    this.#backbone = backbone;
    await this.#noteCard(this.#required());
    await this.#settle(this.#required());
    if (under) await this.#endChange(under, { cancelled: true, unreadable: [] });
    await this.#beginChange(request.id, before);
  }

  async #beginChange(id: number, before: BackboneBytes | null): Promise<void> {
    const session = this.#required();
    const change = new BackboneChange(id, before, {
      session,
      sources: this.#sources,
      pictures: this.#pictures,
      controls: this.#controls.get(id) ?? { paused: false, cancelled: false },
      emit: async (event) => this.#post({ kind: 'event', id, event, ...told(await this.#changes.any(session)) }),
      wentBack: async (backbone) => {
        this.#backbone = backbone;
        await this.#settle(session);
      },
    });
    await change.begin();
    this.#change = change;
  }

  async #prepareOne(change: BackboneChange): Promise<void> {
    try {
      const outcome = await change.slice();
      if (outcome) await this.#endChange(change, outcome);
    } catch (error) {
      this.#change = null;
      this.#controls.delete(change.id);
      await this.#refuse(change.id, error);
    }
  }

  async #endChange({ id }: BackboneChange, value: BackboneOutcome): Promise<void> {
    this.#change = null;
    this.#controls.delete(id);
    this.#post({ kind: 'result', id, value, ...told(await this.#changes.any(this.#required())) });
  }

  async #startRun(id: number, session: Session, ...[config, care]: Calls['train']['args']): Promise<void> {
    const checkpoint = care.checkpoint && (await readBlob(care.checkpoint));
    // The run would be on a backbone that nobody wants any more.
    if (this.#loading) throw refusal('backbone_changing', 'Another backbone is being loaded.');
    const settings = knownSettings(config, this.#core.defaultConfig());
    // Where one is under way the session refuses, and they go on with that.
    const helps = !this.#run && (await this.#needsHelp(session, settings));
    if (helps) await session.setCrew(this.#helpers.engage());
    try {
      await session.startTraining(settings, checkpoint);
    } catch (error) {
      if (helps) await this.#sendHelpersHome(session);
      throw error;
    }
    const controls = this.#controls.get(id) ?? { paused: false, cancelled: false };
    this.#run = new TrainingRun(id, session, controls, care, (event) => this.#post({ kind: 'event', id, event }));
  }

  /** Whether a training is worth helping with. */
  async #needsHelp(session: Session, settings: Partial<TrainConfig>): Promise<boolean> {
    const prepares = this.#computes(session, 'embedding');
    if ((settings.fineTune ?? 'none') !== 'none') return prepares || this.#computes(session, 'fine-tuning');
    if (!prepares) return false;
    // What is wrong with the settings the session says when it is to train.
    const { prepareSeconds } = await session.estimate(settings).catch((error: unknown) => {
      if (isTrap(error)) throw error;
      return { prepareSeconds: null };
    });
    return (prepareSeconds ?? 0) >= WORTH_HELP_S;
  }

  async #train(run: TrainingRun): Promise<void> {
    try {
      const report = await run.slice();
      if (!report) return;
      await this.#endRun(run);
      this.#post({ kind: 'result', id: run.id, value: report, ...told(await this.#changes.any(this.#required())) });
    } catch (error) {
      if (isTrap(error)) throw error;
      await this.#endRun(run);
      await run.abandon().catch((second: unknown) => {
        // The first error is the one to tell; this one only says that there was nothing left to leave.
        if (isTrap(second)) throw second;
      });
      await this.#refuse(run.id, error);
    }
  }

  async #endRun(run: TrainingRun): Promise<void> {
    this.#controls.delete(run.id);
    this.#run = null;
    await this.#sendHelpersHome(this.#required());
  }

  /** Those of a training that is over. Work may have moved to another engine meanwhile. */
  async #sendHelpersHome(session: Session): Promise<void> {
    this.#helpers.release();
    await this.#offerHelp(session);
  }

  /** Whether the CPU does this kind of work. */
  #computes(session: Session, work: Workload): boolean {
    return session.engine().workloads.find(({ workload }) => workload === work)?.kind === 'cpu';
  }

  /** Has helpers compute what the session computes on the CPU, with its backbone: on a GPU it would come out otherwise. */
  async #offerHelp(session: Session): Promise<void> {
    const { config, weights } = this.#backbone ?? {};
    const studies = this.#computes(session, 'embedding');
    const useful = weights !== undefined && (studies || this.#computes(session, 'fine-tuning'));
    const offer = { config, weights: useful ? weights : undefined, studies };
    // Those that are there stay where nothing has changed.
    const { config: before, weights: of, studies: helped } = this.#offer ?? {};
    if (offer.weights !== of || studies !== helped || (useful && config !== before)) {
      this.#helpers.serve(useful ? { weights, ...(config !== undefined && { config }) } : null, this.#core, studies);
      this.#offer = offer;
    }
    await session.setCrew(this.#helpers.candidates);
  }

  /**
   * Starts with the next pictures: helpers look at those that they will be done with when this worker comes to them, and of the others the
   * browser decodes the first ones while the session computes.
   */
  #prefetch(): void {
    let [own, decoding] = [this.#embedding ? 1 : 0, 0];
    for (const [at, next] of this.#queue.nextImages(AHEAD).entries()) {
      if (next.taken) continue;
      const [picture, name] = pictureOf(next.request);
      const large = isLarge(picture);
      // What is large takes much memory until its turn.
      if (large && at >= LARGE_AHEAD) break;
      const forHelpers = isForHelpers(next.request) ? next.request.args[1] : null;
      const studied = forHelpers && !next.decoded ? this.#studyByHelper(forHelpers, name, own, large) : null;
      if (studied) {
        next.taken = true;
        next.decoded = studied;
      } else {
        if (decoding < (large ? 1 : DECODED)) next.decoded ??= this.#pictures.readToKeep(picture, name);
        decoding += 1;
        if (forHelpers) own += 1;
      }
      // Told when it is this picture's turn.
      next.decoded?.catch(() => undefined);
    }
  }

  /** See {@link Helpers.study}. What is no file is opened once a helper has time for it, and read again where that fails. */
  #studyByHelper(picture: Picture, name: string, own: number, large: boolean): Promise<Decoded> | null {
    let opened: Promise<ImageBitmap> | null = null;
    const subject = picture instanceof Blob ? picture : async () => this.#pictures.pixels(await (opened = this.#pictures.open(picture, name)));
    const studied = this.#helpers.study(subject, name, own, large);
    return studied && studied.then(
      async (found) => ({ ...found, bitmap: await opened }),
      async () => this.#readAgain((await opened) ?? picture, name),
    );
  }

  /**
   * As long as a helper is not done with the picture whose turn it is, and nobody waits for anything else, this worker looks at those that
   * come later and nobody has.
   */
  async #useTimeUntil(decoded: Promise<Decoded>): Promise<void> {
    let over = false;
    const end = () => void (over = true);
    const turn = decoded.then(end, end);
    const isFree = ({ request, taken }: QueuedImage, at: number): boolean =>
      !taken && isForHelpers(request) && (at < LARGE_AHEAD || !isLarge(request.args[1]));
    const isOver = (): boolean => over || this.#queue.predictsNext || this.#run?.due === true;
    // What has arrived is heard of between tasks only.
    for (await nextTask(); !isOver(); await nextTask()) {
      const next = this.#queue.nextImages(AHEAD).find(isFree);
      if (!next) return;
      const [picture, name] = pictureOf(next.request);
      const found = await Promise.race([(next.decoded ??= this.#pictures.readToKeep(picture, name)).catch(() => null), turn]);
      if (found === null) next.taken = true;
      else if (found && !isOver()) await this.#studyAhead(next, found);
    }
  }

  async #studyAhead(next: QueuedImage, found: Decoded): Promise<void> {
    const began = performance.now();
    next.taken = this.#embedding = true;
    try {
      const { bytes, bgra, width, height } = found.pixels;
      next.decoded = Promise.resolve({ ...found, studied: await this.#required().study(bytes, bgra, width, height) });
      this.#helpers.note(performance.now() - began);
    } catch (error) {
      if (isTrap(error)) throw error;
      // Told when it is this picture's turn.
    } finally {
      this.#embedding = false;
    }
    this.#prefetch();
  }

  /** Those that a helper had when it went, one after the other: all at a time they might not fit into memory. */
  #readAgain(picture: Picture | Pixels, name: string): Promise<Decoded> {
    const read = this.#again.then(() => this.#pictures.readToKeep(picture, name));
    this.#again = read.catch(() => undefined);
    return read;
  }

  async #sendThumbnail(id: number, image: number): Promise<void> {
    try {
      this.#post({ kind: 'result', id, value: await this.#thumbnails.get(image) });
    } catch (error) {
      this.#post({ kind: 'failure', id, failure: toFailure(error) });
    }
  }

  async #reply(request: CallRequest, value: unknown): Promise<void> {
    const session = this.#required();
    const change = { ...(await changeBy(session, request, value)), ...(await this.#changes.any(session)) };
    this.#post({ kind: 'result', id: request.id, value, ...told(change) }, transferOf(request.call, value));
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

/** What can wait waits for so long after the latest request: another one is likely to follow at once. */
const QUIET_MS = 300;

/** Before a head trains helpers come where so much preparing is expected of all together, as the estimate says: they take as long to start. */
const WORTH_HELP_S = 0.5;

/** So many are decoded ahead: that takes the browser some steps, and this worker has time for one between two pictures. */
const DECODED = 2;

/** So many pictures ahead of their turn are thought of at most: of those that were looked at, the pixels wait in memory. */
const AHEAD = DECODED + PICTURES_EACH * MOST_HELPERS;
/** The same of pictures that are large while they wait. */
const LARGE_AHEAD = 1 + MOST_HELPERS;
/** Pixels, or bytes of a file, from which on one is large: decoded it takes 16 MB and more. */
const LARGE = { pixels: 4e6, bytes: 1e6 };

/** The picture of such a request, and its name. */
function pictureOf({ call, args }: QueuedImage['request']): [Picture | Pixels, string] {
  const [picture, name] = call === 'study' ? args : args.slice(1);
  return [picture, name] as [Picture | Pixels, string];
}

function isLarge(picture: Picture | Pixels): boolean {
  return picture instanceof Blob ? picture.size > LARGE.bytes : picture.width * picture.height > LARGE.pixels;
}


/** Whether helpers could look at the picture: one that is not known yet and is to be learned from. */
function isForHelpers(request: CallRequest): request is CallRequest<'addImage'> {
  if (request.call !== 'addImage') return false;
  const [, , , { features, part }] = request.args;
  return !features && part !== 'test';
}

/** What of an answer is nobody else's. */
function transferOf(call: Call, value: unknown): Transferable[] {
  if (call === 'study') {
    const { pixels, studied } = value as Studied;
    return [pixels.bytes.buffer as ArrayBuffer, studied.buffer];
  }
  return call === 'help' ? [(value as Float32Array<ArrayBuffer>).buffer] : [];
}

/** Calls that can be steered. */
const LONG_CALLS: ReadonlySet<Call> = new Set<LongCall>(['train', 'setBackbone', 'prepare']);

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
