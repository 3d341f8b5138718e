import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { entryOf, readCatalogue, writeCatalogue, type Card, type Catalogue, type CatalogueEntry } from './catalogue.js';
import type { Published } from './hub.js';
import { Problem } from './problem.js';
import type { Format, Program } from './program.js';

/** Where a backbone goes. */
export interface Place {
  /** The folder of backbones of a site. */
  into: string;
  /** Of its folder there. */
  name: string;
}

/** What of a source stays the same from one revision to the next. */
const origin = (source: string | undefined) => source?.replace(/\/tree\/[^/]*$/, '');

/** Refuses a place that another backbone has. */
export async function checkPlace({ into, name }: Place, source: string): Promise<void> {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
    throw new Problem(`“${name}” cannot be a folder of the site: take letters, digits, dots, dashes and underscores (--name).`);
  }
  const there = (await readCatalogue(into))?.backbones.find((one) => one.folder === name);
  if (there && origin(there.source) !== origin(source)) {
    throw new Problem(`${join(into, name)} is there already, from ${there.source}: choose another name with --name.`);
  }
}

/** What came of it. */
export interface Installed {
  entry: CatalogueEntry;
  /** What a person has to know of the conversion. */
  notes: string[];
}

/** Checks and converts a backbone and puts it into its place, whole or not at all. */
export async function install(published: Published, format: Format, place: Place, program: Program): Promise<Installed> {
  const { into, name } = place;
  await checkPlace(place, published.source);
  await mkdir(into, { recursive: true });
  const target = join(into, name);
  const [part, old] = [join(into, `.${name}.part`), join(into, `.${name}.old`)];
  try {
    await rm(part, { recursive: true, force: true });
    const notes = await program.convert(published.path, format, part);
    await complete(join(part, 'config.json'), published);
    const entry = await entryOf(part, name, program);
    await rm(old, { recursive: true, force: true });
    await rename(target, old).catch(() => {});
    await rename(part, target);
    await list(into, entry);
    return { entry, notes };
  } finally {
    await rm(part, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** Adds to a card what the site tells of its backbones. */
async function complete(path: string, { name, license, source }: Published): Promise<void> {
  const card = JSON.parse(await readFile(path, 'utf8')) as Card;
  const added: Card = { ...card, name, license: license ?? (card.license || 'unknown'), source };
  await writeFile(path, `${JSON.stringify(added, null, 2)}\n`);
}

async function list(into: string, entry: CatalogueEntry): Promise<void> {
  const catalogue: Catalogue = (await readCatalogue(into)) ?? { version: 1, default: entry.folder, backbones: [] };
  const others = catalogue.backbones.filter((one) => one.folder !== entry.folder);
  await writeCatalogue(into, { ...catalogue, backbones: [...others, entry] });
}

/** Takes a backbone from a site. */
export async function remove({ into, name }: Place): Promise<void> {
  const catalogue = await readCatalogue(into);
  const there = catalogue?.backbones.some((one) => one.folder === name);
  if (!catalogue || !there) throw new Problem(`There is no backbone “${name}” in ${into}: ./build.sh backbone --list shows what there is.`);
  if (catalogue.default === name) throw new Problem(`“${name}” is the one that is used where none is chosen, so it stays.`);
  // Listed no longer before it is gone, so that nobody is offered what is missing.
  await writeCatalogue(into, { ...catalogue, backbones: catalogue.backbones.filter((one) => one.folder !== name) });
  await rm(join(into, name), { recursive: true, force: true });
}
