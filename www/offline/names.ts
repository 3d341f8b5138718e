/** What page and service worker call things that both know of. */

/** The caches of the site whose service worker has this scope; other sites can lie in other folders of the same host. */
export function cachePrefix(scope: string): string {
  return `headstart ${scope} `;
}

/** The cache of what engines were measured at, for all sites of the host. */
export const ENGINES_CACHE = 'headstart engines';

/** The lock that every open page holds whose own script is at this address: as long as it is held, its version's files are kept. */
export function pageLock(script: string): string {
  return `headstart page ${script}`;
}

/** The script of an open page, where a lock is one of these. */
export function scriptOf(lock: string): string | null {
  const prefix = pageLock('');
  return lock.startsWith(prefix) ? lock.slice(prefix.length) : null;
}

/** What the page tells the service worker: the addresses of all that its visit has fetched. */
export interface Used {
  readonly used: readonly string[];
}
