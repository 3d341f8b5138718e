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

/** The calls that are answered at once from the session. Those missing here (`create`, `train`, `thumbnail`) are the server's own. */
export type SessionCall = Exclude<Call, 'create' | 'train' | 'thumbnail'>;

type Handlers = {
  [C in SessionCall]: (context: Context, ...args: Calls[C]['args']) => Result<C> | Promise<Result<C>>;
};

/** One handler a call. */
export const handlers: Handlers = {
  addClass: ({ session }, name) => session.addClass(name),
  renameClass: ({ session }, name, to) => session.renameClass(name, to),
  removeClass: ({ session }, name) => session.removeClass(name),
  restoreClass: ({ session }, name) => session.restoreClass(name),
  async addImage({ session, pictures, thumbnails, decoded }, className, picture, name, group) {
    const { pixels, thumbnail } = await (decoded ?? pictures.readWithThumbnail(picture, name));
    const id = await session.addImage(className, pixels.rgba, pixels.width, pixels.height, group);
    thumbnails.set(id, thumbnail);
    return id;
  },
  moveImage: ({ session }, id, className) => session.moveImage(id, className),
  removeImage: ({ session }, id) => session.removeImage(id),
  restoreImage: ({ session }, id) => session.restoreImage(id),
  layers: ({ session, settings }, config) => session.layers(settings(config)),
  estimate: ({ session, settings }, config) => session.estimate(settings(config)),
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
    return new Blob([await session.save()], { type: 'application/zip' });
  },
  async load({ session }, model) {
    await session.load(await readModel(model));
  },
};

/** The calls whose success changes what the page keeps a copy of. */
export const stateChanging: ReadonlySet<Call> = new Set<Call>([
  'create',
  'addClass',
  'renameClass',
  'removeClass',
  'restoreClass',
  'addImage',
  'moveImage',
  'removeImage',
  'restoreImage',
  'train',
  'load',
]);
