/**
 * Projects that Teachable Machine has saved, `.tm`: a zip without folders, with `manifest.json`, which says of what the samples are, and
 * a JPEG for each sample, called after its class and its number: `my class-!-12.jpg`.
 */
import { MAX_LIST_BYTES } from './limits.js';
import { ImportRefusal } from './refusal.js';
import type { Given } from './types.js';

const MANIFEST = 'manifest.json';
const SEPARATOR = '-!-';

/**
 * The samples with their classes, or null where these files are no such project. `depth` is how many folders the project itself lies in.
 *
 * @throws {@link ImportRefusal} for a project of sounds or poses.
 */
export async function readTeachable(files: readonly Given[], depth: number): Promise<Given[] | null> {
  const manifest = files.find(({ name, folders }) => name === MANIFEST && folders.length === depth);
  const samples = files.filter((each) => pathWithin(each, depth).includes(SEPARATOR));
  if (manifest === undefined || samples.length === 0) return null;
  const type = await typeOf(manifest);
  if (type !== null && type !== 'image') {
    const kind = `is a Teachable Machine project of another kind (“${type}”)`;
    throw new ImportRefusal('project_kind', `${kind}: only those of pictures can be read`);
  }
  return samples.map((each) => {
    const path = pathWithin(each, depth);
    // A class's name may hold anything, also what separates it.
    const cut = path.lastIndexOf(SEPARATOR);
    return { ...each, label: path.slice(0, cut), name: path.slice(cut + SEPARATOR.length), folders: each.folders.slice(0, depth) };
  });
}

/** A slash in a class's name has become a folder. */
function pathWithin({ folders, name }: Given, depth: number): string {
  return [...folders.slice(depth), name].join('/');
}

/** `image`, `audio` or `pose`; null where the manifest does not say it. */
async function typeOf(manifest: Given): Promise<string | null> {
  if (manifest.size > MAX_LIST_BYTES) return null;
  try {
    const said: unknown = JSON.parse(await (await manifest.read()).text());
    const type = typeof said === 'object' && said !== null && 'type' in said ? said.type : null;
    return typeof type === 'string' ? type.slice(0, 40) : null;
  } catch {
    return null;
  }
}
