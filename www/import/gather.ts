/** Everything that was given, with zips opened. */
import type { FoundFile } from '../media/index.js';
import { ImportRefusal, reasonOf, throwIfCancelled } from './refusal.js';
import { readTeachable } from './teachable.js';
import type { Given, LeftOut } from './types.js';

const ARCHIVE = /\.(zip|tm)$/i;

export function isArchive({ name }: { readonly name: string }): boolean {
  return ARCHIVE.test(name);
}

export async function gather(found: readonly FoundFile[], signal: AbortSignal): Promise<{ files: Given[]; leftOut: LeftOut[] }> {
  const files: Given[] = [];
  const leftOut: LeftOut[] = [];
  for (const each of found) {
    throwIfCancelled(signal);
    if (!isArchive(each.file)) {
      files.push(givenOf(each));
      continue;
    }
    try {
      const contents = await contentsOf(each);
      // One by one: a hundred thousand are too many arguments.
      for (const file of contents.files) files.push(file);
      for (const entry of contents.leftOut) leftOut.push(entry);
    } catch (error) {
      leftOut.push({ name: each.file.name, reason: reasonOf(error) });
    }
  }
  return { files, leftOut };
}

/** What a zip holds. It counts as a folder of its name: one without folders in it is the class of that name. */
async function contentsOf({ file, folders }: FoundFile) {
  const { openZip } = await import('./zip.js');
  const inside = [...folders, file.name.replace(ARCHIVE, '')];
  const { files, leftOut } = await openZip(file, inside);
  const samples = await readTeachable(files, inside.length);
  if (samples !== null) return { files: samples, leftOut };
  if (files.some(({ name }) => name === 'model.safetensors')) {
    throw new ImportRefusal('zip_is_model', 'is a saved model and has no pictures in it: open it with “Open model” in step 3');
  }
  const packed = files.filter(isArchive).map((each) => ({ name: pathOf(each), reason: 'is a zip within a zip: unpack it first' }));
  return { files: files.filter((each) => !isArchive(each)), leftOut: [...leftOut, ...packed] };
}

/** With its folders. */
export function pathOf({ folders, name }: { readonly folders: readonly string[]; readonly name: string }): string {
  return [...folders, name].join('/');
}

function givenOf({ file, folders }: FoundFile): Given {
  return {
    name: file.name,
    folders,
    size: file.size,
    head: async (bytes) => new Uint8Array(await file.slice(0, bytes).arrayBuffer()),
    read: async () => file,
  };
}
