import type { TrainConfig } from '../generated/types.js';
import type { Call, Calls, Result } from '../protocol.js';
import { refusal } from './failure.js';
import type { Session } from './session.js';
import { openModel, readBlob, readModel, type BackboneBytes, type loadOutline } from './fetch.js';
import { madeOf, type Decoded, type PictureReader, type Thumbnails } from './pictures.js';
import type { Sources } from './sources.js';

/** What a call may use. */
export interface Context {
  session: Session;
  pictures: PictureReader;
  thumbnails: Thumbnails;
  sources: Sources;
  /** The backbone that the session is on; null before there is one. */
  backbone: BackboneBytes | null;
  /** The files that the call waited for. */
  loaded: ReturnType<typeof loadOutline> | undefined;
  /** The picture of an `addImage` or `study`, where it was decoded ahead. */
  decoded: Promise<Decoded> | undefined;
  /** Refuses settings that there are none of. */
  settings(config: Partial<TrainConfig>): Partial<TrainConfig>;
}

/** The calls that are answered at once from the session; the others are the server's own. */
export type SessionCall = Exclude<Call, 'create' | 'ofModel' | 'train' | 'setBackbone' | 'prepare' | 'thumbnail'>;

type Handlers = {
  [C in SessionCall]: (context: Context, ...args: Calls[C]['args']) => Result<C> | Promise<Result<C>>;
};

/** One handler a call. */
export const handlers: Handlers = {
  addClass: ({ session }, name, id) => session.addClass(name, id),
  renameClass: ({ session }, ref, to) => session.renameClass(ref, to),
  removeClass: ({ session }, ref) => session.removeClass(ref),
  restoreClass: ({ session }, ref) => session.restoreClass(ref),
  mergeClasses: ({ session }, from, into) => session.mergeClasses(from, into),
  async addImage({ session, pictures, thumbnails, sources, decoded }, ref, picture, name, { group, id, part, features }) {
    const { pixels, thumbnail, bitmap, studied } = await (decoded ?? pictures.readToKeep(picture, name));
    let added: number;
    try {
      // Where these are another picture's, or another backbone's, it is embedded as ever.
      if (features) await session.offerFeatures(features);
      const known = studied ? await session.addStudied(ref, studied, group, id, part) : null;
      added = known ?? (await session.addImage(ref, pixels.bytes, pixels.bgra, pixels.width, pixels.height, group, id, part));
    } catch (error) {
      bitmap?.close();
      throw error;
    } finally {
      pictures.giveBack(pixels);
    }
    if (thumbnail) thumbnails.set(added, thumbnail);
    else if (bitmap) thumbnails.set(added, () => pictures.thumbnail(bitmap));
    if (picture instanceof Blob) sources.set(added, picture);
    else if (bitmap) await sources.pack(added, bitmap);
    return added;
  },
  async study({ session, pictures, decoded }, picture, name) {
    const { pixels, thumbnail } = await (decoded ?? pictures.readToKeep(picture, name));
    const studied = await session.study(pixels.bytes, pixels.bgra, pixels.width, pixels.height);
    return { pixels, thumbnail: await thumbnail, studied };
  },
  async features({ session }, id) {
    await session.embedUsual(id);
    return session.featuresOf(id);
  },
  moveImage: ({ session }, id, ref) => session.moveImage(id, ref),
  help: ({ session }, task, values) => session.help(task, values),
  setPart: ({ session }, id, part) => session.setPart(id, part),
  removeImage: ({ session }, id) => session.removeImage(id),
  restoreImage: ({ session }, id) => session.restoreImage(id),
  async forgetImages({ session, thumbnails, sources }, ids) {
    // As they are: what is no number of a picture is refused, not made one.
    await session.forgetImages(Float64Array.from(ids));
    for (const id of ids) {
      thumbnails.delete(id);
      sources.delete(id);
    }
  },
  layers: ({ session, settings }, config) => session.layers(settings(config)),
  estimate: ({ session, settings }, config) => session.estimate(settings(config)),
  readiness: ({ session, settings }, config) => session.readiness(settings(config)),
  async measureBackbone({ session, loaded }, _backbone, arithmetic) {
    const { config, weights } = (await loaded) ?? {};
    return session.measureBackbone(config, weights && (await readBlob(weights)), arithmetic);
  },
  predict: ({ session, pictures }, ...named) => madeOf(pictures, named, ({ bytes, bgra, width, height }) => session.predict(bytes, bgra, width, height)),
  embed: ({ session, pictures }, ...named) => madeOf(pictures, named, ({ bytes, bgra, width, height }) => session.embed(bytes, bgra, width, height)),
  evaluate: ({ session }) => session.evaluate(),
  evaluateOnTest: ({ session }) => session.evaluateOnTest(),
  measureAnswers: ({ session }, answered) => session.measureAnswers(answered),
  answer: ({ session }, id) => session.answer(id),
  async save({ session }, backbone) {
    return zip(await session.save(backbone));
  },
  async export({ session }, format, { weights, bare, name, page }) {
    const { extension, bytes } = await session.export(format, weights, bare, name, page);
    return { file: extension === 'zip' ? zip(bytes) : new Blob([bytes]), extension };
  },
  async load({ session }, model, backbone) {
    const file = await readModel(model);
    await openModel(backbone, (...served) => session.load(file, ...served));
    return session.report();
  },
  async write({ session, thumbnails, sources, backbone }, withPictures) {
    if (!backbone) throw refusal('internal', 'Something went wrong inside Headstart: there is no project.');
    const { project, model, pictures } = await session.write(withPictures);
    return {
      project,
      model: model && zip(model),
      pictures: pictures && new Blob([pictures]),
      thumbnails: withPictures ? await thumbnails.all() : null,
      sources: withPictures ? await sources.all() : null,
      backbone: backbone.source,
    };
  },
  fetched: () => performance.getEntriesByType('resource').map(({ name }) => name),
};

function zip(bytes: Uint8Array<ArrayBuffer>): Blob {
  return new Blob([bytes], { type: 'application/zip' });
}
