/**
 * The service worker of the site: after the first visit it opens, trains and predicts without a network.
 *
 * The page comes from the network as long as that answers, so that a new version is seen at the next visit; what it names has its content in
 * its name and comes from the cache. A new version is kept beside the one before until no page of that is open. Whatever else is asked for,
 * from here or elsewhere, goes its way as if there were no service worker.
 */
import type { Used } from './names.js';
import type { LastingEvent, RequestEvent, ServiceWorkerScope } from './scope.js';
import { ServedBackbones } from './served-backbones.js';
import { Versions, type Built } from './versions.js';

/** Written by the build: a service worker is taken for a newer one where its code is another. */
const BUILT = JSON.parse('what the build made') as Built;

/** A network that takes longer to begin its answer is as good as none, where the answer is here; and so it is for a while then. */
const PATIENCE_MS = 4_000;
const DISTRUST_MS = 20_000;
let silentAt = -Infinity;

const worker = self as unknown as ServiceWorkerScope;
const { scope } = worker.registration;
const versions = new Versions(scope, BUILT);
const backbones = new ServedBackbones(versions.backbones);
const LIST = `${scope}backbones/index.json`;

worker.addEventListener('install', (event) => event.waitUntil(install()));

worker.addEventListener('activate', (event) => event.waitUntil(Promise.all([versions.forgetOthers(), worker.clients.claim()])));

worker.addEventListener('fetch', (event) => {
  const { method, mode, url, headers } = event.request;
  if (method !== 'GET' || headers.has('range') || !url.startsWith(scope)) return;
  const path = url.slice(scope.length);
  if (mode === 'navigate') {
    if (/^(index\.html)?([?#].*)?$/.test(path)) event.respondWith(answerPage(event));
  } else if (/^(assets\/|headstart-)[^/?#]*$/.test(path)) event.respondWith(answerFile(path, event));
  else if (/^backbones\/[^?#]*$/.test(path)) event.respondWith(answerBackbone(url, event));
});

worker.addEventListener('message', (event) => {
  const { used } = event.data as Used;
  const own = used.filter((address) => address.startsWith(scope));
  const served = own.filter((address) => address.startsWith(`${scope}backbones/`));
  const work = Promise.all([versions.fetchMissing(own.map((address) => address.slice(scope.length))), backbones.fetchMissing(served)]);
  // The next visit asks again.
  event.waitUntil(work.catch(() => undefined));
});

async function install(): Promise<void> {
  await versions.keepAll();
  await backbones.keep(LIST, await fetch(LIST, { cache: 'no-cache' }));
  await worker.skipWaiting();
}

async function answerPage(event: RequestEvent): Promise<Response> {
  const kept = await versions.page();
  const page = await fromNetwork(fetch(event.request, { cache: 'no-cache' }), kept);
  // As in a first visit, once everything was forgotten.
  if (!kept) later(event, versions.keepAll());
  else if (versions.isOutOfDate(page, kept)) later(event, (await versions.startOver())());
  later(event, versions.forgetOthers());
  return page;
}

async function answerFile(path: string, event: RequestEvent): Promise<Response> {
  const kept = await versions.find(path);
  if (kept) return kept;
  const response = await fetch(event.request);
  later(event, versions.keep(path, response.clone()));
  return response;
}

async function answerBackbone(address: string, event: RequestEvent): Promise<Response> {
  const kept = await backbones.find(address);
  const response = await fromNetwork(fetch(event.request), kept);
  if (response !== kept) later(event, backbones.keep(address, response.clone()));
  return response;
}

/** What the network answers in time, unless that is of no use and something is kept. */
async function fromNetwork(asked: Promise<Response>, kept: Response | undefined): Promise<Response> {
  if (!kept) return asked;
  const isSilent = performance.now() - silentAt < DISTRUST_MS;
  const late = new Promise<null>((resolve) => setTimeout(resolve, isSilent ? 0 : PATIENCE_MS, null));
  const response = await Promise.race([asked.catch(() => undefined), late]);
  if (response === null && !isSilent) silentAt = performance.now();
  return response && response.status < 500 ? response : kept;
}

/** Work that nobody waits for: where it fails, the next visit does it. */
function later(event: LastingEvent, work: Promise<unknown>): void {
  event.waitUntil(work.catch(() => undefined));
}
