import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Published } from './hub.js';
import { licenceOfReadme } from './licence.js';
import { Problem } from './problem.js';

/** A backbone that lies on this disk: a folder, or a file of weights with or without a `config.json` beside it. */
export async function localBackbone(path: string): Promise<Published> {
  const isFolder = (await stat(path)).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const isWhole = isFolder || basename(path) === 'model.safetensors';
  if (isFolder && !(await stat(join(path, 'model.safetensors')).catch(() => null))) {
    throw new Problem(`${path} holds no model.safetensors.`);
  }
  const config = isWhole ? await text(join(folder, 'config.json')) : null;
  const readme = isWhole ? await text(join(folder, 'README.md')) : null;
  const stem = basename(path, extname(path));
  const name = isWhole && folder !== '/' ? basename(folder) : stem;
  const card = parse(config);
  return {
    path: config === null ? join(folder, isFolder ? 'model.safetensors' : basename(path)) : folder,
    name,
    license: card.license || licenceOfReadme(readme),
    // Where it lies on this disk is nobody else's business.
    source: card.source || `a local file, ${name}`,
  };
}

async function text(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** What a card says of licence and source; whether it is a card at all is for the program to say. */
function parse(config: string | null): { license: string; source: string } {
  let card: { license?: unknown; source?: unknown } = {};
  try {
    card = JSON.parse(config ?? '{}') as typeof card;
  } catch {
    // See above.
  }
  const word = (value: unknown) => (typeof value === 'string' ? value.trim() : '');
  return { license: word(card?.license), source: word(card?.source) };
}
