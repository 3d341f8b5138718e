import type { TrainConfig } from '../generated/types.js';
import type { Call, Calls, Result } from '../protocol.js';
import type { Session } from './session.js';
import { readModel } from './fetch.js';
import type { Decoded, PictureReader, Thumbnails } from './pictures.js';

/** What a call may use. */
export interface Context {
  session: Session;
  pictures: PictureReader;
  thumbnails: Thumbnails;
  /** The picture of an `addImage`, where it was decoded ahead. */
  decoded: Promise<Decoded> | undefined;
  /** Refuses settings that there are none of. */
  settings(config: Partial<TrainConfig>): Partial<TrainConfig>;
}

/** The calls that are answered at once from the session; the others are the server's own. */
export type SessionCall = Exclude<Call, 'create' | 'ofModel' | 'train' | 'thumbnail'>;

type Handlers = {
  [C in SessionCall]: (context: Context, ...args: Calls[C]['args']) => Result<C> | Promise<Result<C>>;
};

/** One handler a call. */
export const handlers: Handlers = {
  addClass: ({ session }, name, id) => session.addClass(name, id),
  renameClass: ({ session }, ref, to) => session.renameClass(ref, to),
  removeClass: ({ session }, ref) => session.removeClass(ref),
  restoreClass: ({ session }, ref) => session.restoreClass(ref),
  async addImage({ session, pictures, thumbnails, decoded }, ref, picture, name, { group, id }) {
    const { pixels, thumbnail } = await (decoded ?? pictures.readWithThumbnail(picture, name));
    const added = await session.addImage(ref, pixels.rgba, pixels.width, pixels.height, group, id);
    thumbnails.set(added, thumbnail);
    return added;
  },
  moveImage: ({ session }, id, ref) => session.moveImage(id, ref),
  removeImage: ({ session }, id) => session.removeImage(id),
  restoreImage: ({ session }, id) => session.restoreImage(id),
  async forgetImages({ session, thumbnails }, ids) {
    // As they are: what is no number of a picture is refused, not made one.
    await session.forgetImages(Float64Array.from(ids));
    for (const id of ids) thumbnails.delete(id);
  },
  layers: ({ session, settings }, config) => session.layers(settings(config)),
  estimate: ({ session, settings }, config) => session.estimate(settings(config)),
  readiness: ({ session, settings }, config) => session.readiness(settings(config)),
  async predict({ session, pictures }, picture, name) {
    const { rgba, width, height } = await pictures.read(picture, name);
    return session.predict(rgba, width, height);
  },
  async embed({ session, pictures }, picture, name) {
    const { rgba, width, height } = await pictures.read(picture, name);
    return session.embed(rgba, width, height);
  },
  evaluate: ({ session }) => session.evaluate(),
  async save({ session }) {
    return zip(await session.save());
  },
  async load({ session }, model) {
    await session.load(await readModel(model));
  },
  async write({ session, thumbnails }, withPictures) {
    const { project, model, pictures } = await session.write(withPictures);
    return {
      project,
      model: model && zip(model),
      pictures: pictures && new Blob([pictures]),
      thumbnails: withPictures ? thumbnails.all : null,
    };
  },
};

function zip(bytes: Uint8Array<ArrayBuffer>): Blob {
  return new Blob([bytes], { type: 'application/zip' });
}
