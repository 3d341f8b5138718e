/** A page that opens one library and turns one picture into features: `first.html?library=NAME&folder=PATH`. */
import { LIBRARIES } from './libraries.js';

declare global {
  /** Milliseconds since the navigation began, once the features are there. */
  var first: number | undefined;
}

const asked = new URLSearchParams(location.search);
const picture = await createImageBitmap(new ImageData(224, 224));
const extractor = await (await LIBRARIES[asked.get('library')!]!())(asked.get('folder')!, 1);
await extractor.picture(picture);
globalThis.first = performance.now();
