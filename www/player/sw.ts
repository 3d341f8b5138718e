/**
 * The service worker: the site works without a network after the first visit.
 *
 * It keeps all files of one export and answers with these, never with some of one and some of another. A newer export is fetched whole while
 * the page is used, and is what the next visit sees.
 */
import type { ServiceWorkerScope } from '../offline/scope.js';

/** What the exporter puts a version of the export in the place of: a service worker is taken for a newer one where its code is another. */
const VERSION = 'as built';
/** All of the site, and all that is ever kept. */
const FILES = ['./', 'index.html', 'player.js', 'player.css', 'worker.js', 'headstart_bg.wasm', 'icon.svg', 'manifest.webmanifest'];
/** Without it the page says so, and takes another. */
const MODEL = 'model.zip';

const worker = self as unknown as ServiceWorkerScope;
const addressOf = (file: string) => new URL(file, worker.registration.scope).href;
const addresses = [...FILES, MODEL].map(addressOf);
// Other sites of this kind can lie in other folders of the same host.
const site = `headstart ${worker.registration.scope} `;
const kept = () => caches.open(site + VERSION);

worker.addEventListener('install', (event) => event.waitUntil(keepAll().then(() => worker.skipWaiting())));

worker.addEventListener('activate', (event) => event.waitUntil(Promise.all([forgetOthers(), worker.clients.claim()])));

worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const address = url.replace(/[?#].*$/, '');
  if (method === 'GET' && addresses.includes(address)) event.respondWith(answer(address, event.request));
});

/** All or nothing: where a file does not come, the export before goes on, and the next visit tries again. */
async function keepAll(): Promise<void> {
  const cache = await kept();
  const keep = async (file: string): Promise<void> => {
    const response = await fetch(addressOf(file), { cache: 'no-cache' });
    if (response.ok && !response.redirected) return cache.put(addressOf(file), response);
    if (file !== MODEL) throw new Error(`${file} did not come`);
  };
  await Promise.all([...FILES, MODEL].map(keep));
}

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(site) && name !== site + VERSION).map((name) => caches.delete(name)));
}

async function answer(address: string, request: Request): Promise<Response> {
  return (await (await kept()).match(address)) ?? fetch(request, { cache: 'no-cache' });
}
