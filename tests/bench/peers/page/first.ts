/** A page that opens one library and turns one picture into features: `first.html?engine=ENGINE&library=NAME&folder=PATH`. */
import { LIBRARIES } from './libraries.js';

declare global {
  /** Once the features are there: milliseconds since the navigation began, and those for the picture alone. */
  var first: { ms: number; picture: number } | undefined;
}

const asked = new URLSearchParams(location.search);
const picture = await createImageBitmap(new ImageData(224, 224));
const extractor = await (await LIBRARIES[asked.get('library')!]!())(asked.get('folder')!, 1);
const opened = performance.now();
await extractor.picture(picture);
const ms = performance.now();
globalThis.first = { ms, picture: ms - opened };
