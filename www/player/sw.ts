/**
 * The service worker: the site works without a network after the first visit.
 *
 * What the server has is preferred, so that a newer export is seen at the next visit; what was kept stands in where there is no answer.
 */
export {};

/** All of the site, and all that is ever kept. */
const FILES = ['./', 'index.html', 'player.js', 'player.css', 'worker.js', 'headstart_bg.wasm', 'model.zip', 'icon.svg', 'manifest.webmanifest'];
/** A network that is there but does not answer is none. */
const PATIENCE_MS = 5000;

// The library of the page's types has none of a service worker's.
interface LastingEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends LastingEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface ServiceWorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: LastingEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: RequestEvent) => void): void;
}

const worker = self as unknown as ServiceWorkerScope;
const addresses = FILES.map((file) => new URL(file, worker.registration.scope).href);
// Other sites of this kind can lie in other folders of the same host.
const kept = () => caches.open(`headstart ${worker.registration.scope}`);

worker.addEventListener('install', (event) => event.waitUntil(Promise.all([keepAll(), worker.skipWaiting()])));

worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const address = url.replace(/[?#].*$/, '');
  if (method !== 'GET' || !addresses.includes(address)) return;
  const fresh = fetch(event.request, { cache: 'no-cache' });
  event.waitUntil(fresh.then((response) => keep(address, response.clone())).catch(() => undefined));
  event.respondWith(preferFresh(address, fresh));
});

async function keepAll(): Promise<void> {
  await Promise.all(addresses.map(async (address) => keep(address, await fetch(address, { cache: 'no-cache' }))));
}

/** A file that is missing is not kept: it may be there next time. */
async function keep(address: string, response: Response): Promise<void> {
  if (response.ok && !response.redirected) await (await kept()).put(address, response);
}

async function preferFresh(address: string, fresh: Promise<Response>): Promise<Response> {
  const old = await (await kept()).match(address);
  if (!old) return fresh;
  const late = new Promise<Response>((resolve) => setTimeout(resolve, PATIENCE_MS, old));
  return Promise.race([fresh, late]).catch(() => old);
}
