/** The page without a network: its service worker keeps what a visit needs. */
import { cachePrefix, ENGINES_CACHE, pageLock, type Used } from '../../offline/names.js';
import type { Session } from './session.js';

/** Has the files of this page's own version kept for as long as it is open: it loads parts of itself when they are first shown. */
export function holdVersion(): void {
  const held = navigator.locks?.request(pageLock(import.meta.url), { mode: 'shared' }, () => new Promise<void>(() => undefined));
  held?.catch(() => undefined);
}

/**
 * Has the site kept. Not before all is here that this visit needs, so that nothing waits for it; where the browser does not let the page, it
 * needs a network.
 */
export function keepSite(session: Session): void {
  const workers = isSecureContext ? navigator.serviceWorker : undefined;
  if (workers === undefined) return;
  const tell = async (): Promise<void> => {
    const message: Used = { used: (await session.trainer?.fetched()) ?? [] };
    workers.controller?.postMessage(message);
  };
  // It was not there, or another was, when this page and its worker fetched what they needed.
  workers.addEventListener('controllerchange', () => void tell().catch(() => undefined));
  // Where one is there the browser looks by itself whether there is a newer one, at every visit.
  if (workers.controller === null) workers.register('./sw.js').catch(() => undefined);
}

/**
 * Forgets the site and the backbones; unless they cannot be had again now, when there would be no page any more. The service worker stays, for
 * the page that comes next would have it again; and a browser may take minutes to let it go.
 */
export async function forgetSite(): Promise<void> {
  // Other sites of the host measure again.
  await globalThis.caches?.delete(ENGINES_CACHE);
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration === undefined || !(await isServed())) return;
  const names = (await caches.keys()).filter((name) => name.startsWith(cachePrefix(registration.scope)));
  await Promise.all(names.map((name) => caches.delete(name)));
}

/** The service worker leaves this to the network. */
async function isServed(): Promise<boolean> {
  const answer = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  return answer !== null && answer.status < 500;
}
