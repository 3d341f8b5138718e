/** Which of the given files are pictures that this browser can decode, by their first bytes. */
import { cannotRead, isRare, KIND_BYTES, pictureKind, type PictureKind } from '../picture-kind.js';
import { eachOf } from './each.js';
import { pathOf } from './gather.js';
import { reasonOf } from './refusal.js';
import type { Given, LeftOut, OnProgress } from './types.js';

const PICTURE_NAME = /\.(jpe?g|jfif|png|gif|webp|bmp|avif|hei[cf]|tiff?|jxl|svg)$/i;
/** So many of a kind are tried before it is given up: one of them may be damaged. */
const TRIES = 3;

/** Whether the browser decodes this file. */
export type Decodes = (file: Blob) => Promise<boolean>;

export async function inspect(
  files: readonly Given[],
  decodes: Decodes,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<{ pictures: Given[]; leftOut: LeftOut[] }> {
  const kinds = new Map<Given, PictureKind>();
  const problems = new Map<Given, string>();
  await eachOf(files, signal, onProgress, async (file) => {
    const found = file.size === 0 ? 'is empty' : await lookAt(file).catch(reasonOf);
    if (typeof found === 'string') problems.set(file, found);
    else kinds.set(file, found.kind);
  });
  const unread = await unreadable(kinds, decodes);
  for (const [file, kind] of kinds) if (unread.has(kind)) problems.set(file, cannotRead(kind));
  return {
    pictures: files.filter((file) => !problems.has(file)),
    leftOut: files.flatMap((file) => {
      const reason = problems.get(file);
      return reason === undefined ? [] : [{ name: pathOf(file), reason }];
    }),
  };
}

/** The kind of a picture, or why it is none. */
async function lookAt(file: Given): Promise<{ kind: PictureKind } | string> {
  const kind = pictureKind(await file.head(KIND_BYTES));
  if (kind !== null) return { kind };
  return PICTURE_NAME.test(file.name) ? 'is damaged, or no picture for all its name' : 'is no picture';
}

/** Kinds that are there but that this browser cannot decode. */
async function unreadable(kinds: ReadonlyMap<Given, PictureKind>, decodes: Decodes): Promise<Set<PictureKind>> {
  const unread = new Set<PictureKind>();
  for (const kind of new Set(kinds.values())) {
    if (!isRare(kind)) continue;
    const some = [...kinds].filter(([, each]) => each === kind).slice(0, TRIES);
    const tried = await Promise.all(some.map(([file]) => file.read().then(decodes).catch(() => false)));
    if (!tried.includes(true)) unread.add(kind);
  }
  return unread;
}
