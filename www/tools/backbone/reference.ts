import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Problem } from './problem.js';

/** What the person asked for. */
export type Reference =
  | { kind: 'hub'; /** `OWNER/NAME` */ repository: string; /** A branch, a tag or a commit. */ revision: string }
  | { kind: 'local'; /** A folder or a file, absolute. */ path: string };

const HUB = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@(\S+))?$/;

/**
 * Reads `OWNER/NAME`, `OWNER/NAME@REVISION`, an address of the hub, or a path. What lies on the disk goes first.
 * `endpoint` is the hub's address without a slash at the end.
 */
export async function parseReference(text: string, cwd: string, endpoint: string): Promise<Reference> {
  const path = resolve(cwd, text);
  if (await stat(path).catch(() => null)) return { kind: 'local', path };
  // Model pages say `hf-hub:OWNER/NAME`, and what a browser shows is an address.
  const name = [`${endpoint}/`, 'https://huggingface.co/', 'https://hf.co/', 'hf-hub:', 'hf_hub:']
    .reduce((rest, prefix) => (rest.startsWith(prefix) ? rest.slice(prefix.length) : rest), text)
    .replace(/\/tree\//, '@')
    .replace(/\/$/, '');
  const [, repository, revision] = HUB.exec(name) ?? [];
  if (repository === undefined) {
    throw new Problem(`“${text}” is neither a folder or file here nor OWNER/NAME on the hub, such as timm/mobilenetv2_100.ra_in1k.`);
  }
  return { kind: 'hub', repository, revision: revision ?? 'main' };
}
