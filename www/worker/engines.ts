/** Which engine does what: measured once a session is there, and kept for this device. */
import type { EngineReport } from '../generated/types.js';
import type { ModelSession } from './session.js';

const CACHE = 'headstart engines';

/** Has a session try the GPU; what was measured with its backbone on this device before is not measured again. */
export async function chooseEngines(session: ModelSession): Promise<void> {
  // Where nothing can be kept, everything is measured each time.
  const at = await placeOf(session).catch(() => null);
  const kept = at && (await keptAt(at).catch(() => null));
  await session.chooseEngines(kept);
  const report = session.engine();
  const isMeasured = report.workloads.every((each) => each.gpuMilliseconds !== null);
  if (at !== null && kept === null && isMeasured) await keep(at, report).catch(() => undefined);
}

/** An address for what was measured: by this version of Headstart, in this browser, on this GPU, with such a backbone. */
async function placeOf(session: ModelSession): Promise<URL> {
  const { vendor, architecture, device, description } = (await navigator.gpu?.requestAdapter())?.info ?? {};
  const { architecture: network, inputSize, multiplications } = session.backbone();
  const about = [navigator.userAgent, vendor, architecture, device, description, network, inputSize, multiplications];
  return new URL(`${self.location.pathname}?engines=${encodeURIComponent(JSON.stringify(about))}`, self.location.origin);
}

async function keptAt(at: URL): Promise<EngineReport | null> {
  const found = await (await caches.open(CACHE)).match(at);
  return found === undefined ? null : found.json();
}

async function keep(at: URL, report: EngineReport): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const { url } of await cache.keys()) {
    // Of another version, which may have been faster or slower.
    if (new URL(url).pathname !== at.pathname) await cache.delete(url);
  }
  await cache.put(at, Response.json(report));
}
