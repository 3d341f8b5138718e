import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackboneIndex } from '../../client/backbones.js';
import { Problem } from './problem.js';
import type { Program } from './program.js';
import { publishedTop1 } from './published.js';

/** `backbones/index.json` of a site, as the page reads it, and an entry of it. */
export type Catalogue = BackboneIndex;
export type CatalogueEntry = BackboneIndex['backbones'][number];

const FILE = 'index.json';

/** Reads the catalogue of a folder of backbones; null where there is none. */
export async function readCatalogue(folder: string): Promise<Catalogue | null> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const catalogue = JSON.parse(text) as Partial<Catalogue>;
    if (catalogue.version === 1 && Array.isArray(catalogue.backbones)) return catalogue as Catalogue;
  } catch {
    // See below.
  }
  throw new Problem(`${join(folder, FILE)} is no list of backbones: ./build.sh backbone --index writes it anew.`);
}

/** The same bytes for the same backbones, in whichever order they came. */
export function catalogueText(catalogue: Catalogue): string {
  const backbones = catalogue.backbones.toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
  return `${JSON.stringify({ version: 1, default: catalogue.default, backbones }, null, 2)}\n`;
}

/** Writes the catalogue in one step: a site that is served meanwhile never sees half of it. */
export async function writeCatalogue(folder: string, catalogue: Catalogue): Promise<void> {
  const part = join(folder, `.${FILE}.part`);
  await writeFile(part, catalogueText(catalogue));
  await rename(part, join(folder, FILE));
}

/** What `config.json` says for the catalogue. */
export interface Card {
  name?: string;
  license?: string;
  source?: string;
}

/** Looks at a folder with a backbone; `folder` is the name that it has or will have. */
export async function entryOf(path: string, folder: string, program: Program): Promise<CatalogueEntry> {
  const card = JSON.parse(await readFile(join(path, 'config.json'), 'utf8')) as Card;
  const { architecture, label, inputSize, features, parameters } = await program.inspect(path);
  const { size: bytes } = await stat(join(path, 'model.safetensors'));
  const name = card.name ?? folder;
  const [license, source] = [card.license || 'unknown', card.source || 'unknown'];
  return { folder, name, architecture, label, bytes, inputSize, features, parameters, ...publishedTop1(name), license, source };
}

/** The catalogue of all that lies in a folder. */
export async function catalogueOf(folder: string, fallback: string | undefined, program: Program): Promise<Catalogue> {
  const backbones: CatalogueEntry[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    // What begins with a dot is not whole yet.
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    backbones.push(await entryOf(join(folder, entry.name), entry.name, program));
  }
  const chosen = fallback ?? (backbones.length === 1 ? backbones[0]?.folder : undefined);
  if (chosen === undefined || !backbones.some((one) => one.folder === chosen)) {
    const which = backbones.map((one) => one.folder).join(', ') || 'none';
    throw new Problem(`Which is the one that is used where none is chosen? --default NAME says it; in ${folder}: ${which}.`);
  }
  return { version: 1, default: chosen, backbones };
}
