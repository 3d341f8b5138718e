import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { catalogueOf, readCatalogue, writeCatalogue, type Catalogue } from './catalogue.js';
import type { Surroundings } from './download.js';
import { fetchBackbone, type Published } from './hub.js';
import { checkPlace, install, remove } from './install.js';
import { localBackbone } from './local.js';
import { HELP, parseTask, type Task } from './options.js';
import { Problem } from './problem.js';
import type { Program } from './program.js';
import { parseReference } from './reference.js';
import { size } from './words.js';

/** Everything outside of the command. */
export interface World {
  env: { readonly [name: string]: string | undefined };
  /** Where relative paths start. */
  cwd: string;
  /** The project's folder. */
  root: string;
  around: Surroundings;
  program: Program;
  signal: AbortSignal | undefined;
  /** Whether the site has been built. */
  isBuilt: boolean;
}

/** Does what a command line asks for and gives what to print. */
export async function run(args: string[], world: World): Promise<string> {
  const { task, into } = parseTask(args);
  const folder = into === undefined ? join(world.root, 'www/public/backbones') : resolve(world.cwd, into);
  const done = await perform(task, folder, world);
  const changed = task.kind !== 'list' && task.kind !== 'help';
  const again = changed && into === undefined && world.isBuilt;
  return again ? `${done}\ndist/ was built before that: ./build.sh build makes it anew.` : done;
}

async function perform(task: Task, into: string, world: World): Promise<string> {
  switch (task.kind) {
    case 'help':
      return HELP;
    case 'list': {
      const catalogue = await readCatalogue(into);
      return catalogue ? table(catalogue) : `${into} has no index.json, so the site offers nothing there.`;
    }
    case 'remove':
      await remove({ into, name: task.name });
      return `${task.name} is gone.`;
    case 'index': {
      // One that cannot be read is what this is for.
      const present = await readCatalogue(into).catch(() => null);
      const catalogue = await catalogueOf(into, task.fallback ?? present?.default, world.program);
      await writeCatalogue(into, catalogue);
      return table(catalogue);
    }
    case 'add':
      return add(task, into, world);
  }
}

async function add(task: Task & { kind: 'add' }, into: string, world: World): Promise<string> {
  const { around, program, cwd, signal } = world;
  const endpoint = endpointOf(world);
  const reference = await parseReference(task.what, cwd, endpoint);
  let published: Published;
  if (reference.kind === 'hub') {
    const { repository, revision } = reference;
    // Before the download rather than after it.
    const name = task.name ?? folderName(repository.split('/')[1] ?? '');
    await checkPlace({ into, name }, `${endpoint}/${repository}`);
    const token = world.env['HF_TOKEN']?.trim() || undefined;
    published = await fetchBackbone({ endpoint, token, repository, revision, signal }, cacheOf(world), around);
  } else {
    published = await localBackbone(reference.path);
  }
  if (published.license === null) {
    around.say(`Note: ${published.name} states no licence. Find out before you publish a site with it, and write it into its config.json.`);
  }
  around.say(`Checking it and converting to ${task.format}`);
  const { entry, notes } = await install(published, task.format, { into, name: task.name ?? folderName(published.name) }, program);
  for (const note of notes) around.say(`Note: ${note}`);
  const { label, inputSize, features, bytes, license } = entry;
  const where = relative(cwd, join(into, entry.folder)) || '.';
  return `${where}: ${label}, ${inputSize} px, ${features} features, ${size(bytes)} as ${task.format}, licence ${license}`;
}

/** The hub's address, without a slash at the end. */
function endpointOf({ env }: World): string {
  const endpoint = (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
  if (/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)) return endpoint;
  throw new Problem(`HF_ENDPOINT is no address such as https://huggingface.co: “${endpoint}”.`);
}

/** A name without what the address of a folder cannot have. */
function folderName(name: string): string {
  return name.replace(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
}

/** Where downloads are kept; the same as build.sh's. */
function cacheOf({ env }: World): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache'), 'headstart');
}

/** The catalogue for a person. */
function table(catalogue: Catalogue): string {
  const rows = catalogue.backbones.map((one) => {
    const top1 = one.top1 === null ? 'top-1 unknown' : `top-1 ${one.top1.toFixed(1)} % at ${one.top1Size} px`;
    const facts = [one.label, `${one.inputSize} px`, `${one.features} features`, size(one.bytes), top1, one.license];
    return [one.folder + (one.folder === catalogue.default ? ' (default)' : ''), facts.join(', ')] as const;
  });
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, facts]) => `${name.padEnd(width)}  ${facts}`).join('\n');
}

/** What to print of an error, and the status to end with. */
export function ending(error: unknown, signal: AbortSignal): { line: string; status: number } {
  if (signal.aborted) return { line: 'Stopped. What was downloaded is kept for the next time.', status: 130 };
  // What the file system says, such as “permission denied”, is as clear as it gets.
  if (error instanceof Problem || (error instanceof Error && 'syscall' in error)) return { line: error.message, status: 1 };
  return { line: `Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, status: 1 };
}
