import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What a file's contents should come to: the hub names large files by their SHA-256, small ones as git does. */
export interface Hash {
  kind: 'sha256' | 'git';
  hex: string;
}

/** The hash in an ETag; null where it is none, as with other servers. */
export function hashOfEtag(etag: string | null): Hash | null {
  const hex = etag?.replace(/^W\//, '').replaceAll('"', '').toLowerCase() ?? '';
  if (/^[0-9a-f]{64}$/.test(hex)) return { kind: 'sha256', hex };
  return /^[0-9a-f]{40}$/.test(hex) ? { kind: 'git', hex } : null;
}

/** The hash of a file on the disk. */
export async function hashOfFile(path: string, kind: Hash['kind']): Promise<string> {
  const hash = createHash(kind === 'git' ? 'sha1' : 'sha256');
  // A git object is what it is and how long it is, then its bytes.
  if (kind === 'git') hash.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The size of a file on the disk, 0 where there is none. */
export async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
