/** The site's own files in the browser's cache, one cache a version. */
import { cachePrefix, scriptOf } from './names.js';

/** What the build made; see `tools/site-files.ts`. */
export interface Built {
  /** Of all of it. */
  readonly version: string;
  /** Files that every visit may need, such as scripts and styles. */
  readonly always: readonly string[];
  /** Large ones of which a browser needs one or none: the wasm packages. */
  readonly some: readonly string[];
  /** Those that the page itself names. */
  readonly named: readonly string[];
}

/** Headers by which a browser decides what a page and its worker may do. A file that is kept has those that it came with. */
const POLICIES = ['content-security-policy', 'cross-origin-embedder-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy'];

/** Every file but the page has its content in its name, so that a name is enough to know that it is the right one, of whichever version. */
export class Versions {
  readonly #scope: string;
  readonly #built: Built;
  readonly #own: string;
  /** Where the backbones are, which belong to no version. */
  readonly backbones: string;
  readonly #listed: ReadonlySet<string>;

  constructor(scope: string, built: Built) {
    this.#scope = scope;
    this.#built = built;
    this.#own = `${cachePrefix(scope)}version ${built.version}`;
    this.backbones = `${cachePrefix(scope)}backbones`;
    this.#listed = new Set([...built.always, ...built.some]);
  }

  /** The page of this version. */
  page(): Promise<Response | undefined> {
    return matched(this.#own, this.#scope);
  }

  /** A file of this version or of another that is kept. */
  async find(path: string): Promise<Response | undefined> {
    const address = this.#scope + path;
    for (const name of [this.#own, ...(await this.#others())]) {
      const found = await matched(name, address);
      if (found) return found;
    }
    return undefined;
  }

  /** Keeps a file that came, if it is one of this version's. */
  async keep(path: string, response: Response): Promise<void> {
    if (this.#listed.has(path) && isWhole(response)) await (await caches.open(this.#own)).put(this.#scope + path, response);
  }

  /** Fetches those of some addresses' files that are this version's and are not here yet. */
  async fetchMissing(paths: readonly string[]): Promise<void> {
    const missing = async (path: string) => {
      if (this.#listed.has(path) && !(await matched(this.#own, this.#scope + path))) await this.#fetch(path, 'force-cache');
    };
    await Promise.all(paths.map(missing));
  }

  /**
   * Keeps the whole version, with those of the large files of which an earlier version has its own. Where a file does not come it throws: what
   * was there before goes on, and the next visit tries again.
   */
  async keepAll(): Promise<void> {
    const wanted = await this.#wanted();
    const before = await this.find('');
    const page = await this.#fetchPage();
    await this.#fill(wanted, before === undefined || !differ(page, before));
  }

  /** Whether the host has changed its mind about what pages may do: what is kept would be refused in a page that has come by now. */
  isOutOfDate(page: Response, kept: Response): boolean {
    return page.ok && differ(page, kept);
  }

  /** Forgets everything and gives what fetches this version again, all of it. */
  async startOver(): Promise<() => Promise<void>> {
    const wanted = await this.#wanted();
    await Promise.all([this.#own, ...(await this.#others())].map((name) => caches.delete(name)));
    return async () => {
      await this.#fetchPage();
      await this.#fill(wanted, false);
    };
  }

  /** Forgets the other versions, but for those of which a page is open. */
  async forgetOthers(): Promise<void> {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    const scripts = held.flatMap(({ name }) => scriptOf(name ?? '') ?? []);
    for (const name of await this.#others()) {
      const open = await Promise.all(scripts.map((script) => matched(name, script)));
      if (open.every((found) => found === undefined)) await caches.delete(name);
    }
  }

  /** The files of this version that this browser needs, by what it has of any. */
  async #wanted(): Promise<string[]> {
    const had = new Set((await this.#paths()).map(stem));
    return [...this.#built.always, ...this.#built.some.filter((path) => had.has(stem(path)))];
  }

  /** Where what is here is of use, a file of the right name is the right one, and so is what the browser has of it elsewhere. */
  async #fill(paths: readonly string[], reuse: boolean): Promise<void> {
    const fill = async (path: string): Promise<void> => {
      const found = reuse ? await this.find(path) : undefined;
      await (found ? this.keep(path, found) : this.#fetch(path, reuse ? 'force-cache' : 'reload'));
    };
    await Promise.all(paths.map(fill));
  }

  /** Of the very same version: the host may be changing its files just now. */
  async #fetchPage(): Promise<Response> {
    const response = await fetched(this.#scope, 'no-cache');
    const text = await response.clone().text();
    const missing = this.#built.named.find((path) => !text.includes(path));
    if (missing !== undefined) throw new Error(`the page that came does not name ${missing}`);
    await (await caches.open(this.#own)).put(this.#scope, response.clone());
    return response;
  }

  async #fetch(path: string, cache: RequestCache): Promise<void> {
    await this.keep(path, await fetched(this.#scope + path, cache));
  }

  async #others(): Promise<string[]> {
    const prefix = `${cachePrefix(this.#scope)}version `;
    return (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== this.#own);
  }

  /** What is here of all versions. */
  async #paths(): Promise<string[]> {
    const names = [this.#own, ...(await this.#others())];
    const requests = await Promise.all(names.map(async (name) => (await caches.has(name)) ? (await caches.open(name)).keys() : []));
    return requests.flat().map(({ url }) => url.slice(this.#scope.length));
  }
}

/** Without a look at `Vary`: a host of files has one answer for all. */
export async function matched(cache: string, address: string): Promise<Response | undefined> {
  return caches.match(address, { cacheName: cache, ignoreVary: true });
}

/** Whether an answer is all of a file, from where it was asked for. */
export function isWhole(response: Response): boolean {
  return response.status === 200 && response.type === 'basic' && !response.redirected;
}

async function fetched(address: string, cache: RequestCache): Promise<Response> {
  const response = await fetch(address, { cache });
  if (isWhole(response)) return response;
  // Browsers remember that something was missing, too.
  if (cache === 'force-cache') return fetched(address, 'reload');
  throw new Error(`${address} did not come`);
}

/** Whether two answers allow a page other things. */
function differ(one: Response, other: Response): boolean {
  return POLICIES.some((name) => one.headers.get(name) !== other.headers.get(name));
}

/** A name without its content's part. */
function stem(path: string): string {
  return path.replace(/-[\w-]{8}(?=\.\w+$)/, '');
}
