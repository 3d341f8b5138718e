/** Pictures that are equal byte for byte. */
import { eachOf } from './each.js';
import { groupBy } from './groups.js';
import { hashOf } from './hash.js';
import type { Equal, Given, OnProgress, PresentPicture } from './types.js';

/** Something that may be equal to something else. */
interface Candidate {
  readonly size: number;
  readonly checksum?: number;
  /** The picture on its way; null for one that is there already. */
  readonly file: Given | null;
  readonly read: () => Promise<Blob>;
}

/**
 * Which of these equal another of them, or one of the project. Only those are read that something of the same length could be equal to,
 * and of each only its hash is kept.
 */
export async function findEquals(
  files: readonly Given[],
  present: readonly PresentPicture[],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Map<Given, Equal>> {
  const candidates: Candidate[] = present.map(({ size, read }) => ({ size, file: null, read }));
  for (const file of files) {
    const { size, checksum } = file;
    candidates.push({ size, file, read: () => file.read(), ...(checksum !== undefined && { checksum }) });
  }
  const hashes = new Map<Candidate, string>();
  await eachOf(alike(candidates), signal, onProgress, async (one) => {
    // One that cannot be read is found out when it is imported.
    const hash = await one.read().then(hashOf).catch(() => null);
    if (hash !== null) hashes.set(one, hash);
  });
  const equals = new Map<Given, Equal>();
  for (const [hash, same] of groupBy(hashes.keys(), (one) => hashes.get(one) ?? '')) {
    if (same.length < 2) continue;
    const equal = { hash, present: same.some(({ file }) => file === null) };
    for (const { file } of same) if (file !== null) equals.set(file, equal);
  }
  return equals;
}

/** Those that have another of the same length, and not another checksum. */
function alike(candidates: readonly Candidate[]): Candidate[] {
  const sameLength = [...groupBy(candidates, ({ size }) => size).values()];
  const groups = sameLength.flatMap((group) =>
    group.every(({ checksum }) => checksum !== undefined) ? [...groupBy(group, ({ checksum }) => checksum).values()] : [group],
  );
  return groups.filter((group) => group.length > 1 && group.some(({ file }) => file !== null)).flat();
}
