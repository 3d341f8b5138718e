/** Which engine does what: measured once a session is there, and kept for this device. */
import type { EngineReport } from '../generated/types.js';
import { ENGINES_CACHE } from '../offline/names.js';
import type { ModelSession } from './session.js';

/** Days after which it is measured again: browsers, drivers and Headstart change. */
const KEPT_DAYS = 14;
const DAY_MS = 86_400_000;

interface Kept {
  report: EngineReport;
  /** Milliseconds since 1970. */
  at: number;
}

/** Has a session try the GPU; what was measured with its backbone on this device lately is not measured again. */
export async function chooseEngines(session: ModelSession): Promise<void> {
  // Where nothing can be kept, everything is measured each time.
  const place = await placeOf(session).catch(() => null);
  const kept = place === null ? null : await keptAt(place).catch(() => null);
  await session.chooseEngines(kept);
  const report = session.engine();
  const isMeasured = report.workloads.every((each) => each.gpuMilliseconds !== null);
  // The backbone may have been changed meanwhile: it was measured with that then.
  if (place !== null && kept === null && isMeasured) await keep(await placeOf(session), report).catch(() => undefined);
}

/** An address for what was measured: in this browser, on this GPU, with such a backbone. */
async function placeOf(session: ModelSession): Promise<string> {
  const { vendor, architecture, device, description } = (await navigator.gpu?.requestAdapter())?.info ?? {};
  const { architecture: network, inputSize, multiplications } = session.backbone();
  const about = [navigator.userAgent, vendor, architecture, device, description, network, inputSize, multiplications];
  return new URL(`/?headstart-engines=${encodeURIComponent(JSON.stringify(about))}`, self.location.origin).href;
}

async function keptAt(place: string): Promise<EngineReport | null> {
  const found = await (await caches.open(ENGINES_CACHE)).match(place);
  if (found === undefined) return null;
  const { report, at } = (await found.json()) as Kept;
  return Date.now() - at < KEPT_DAYS * DAY_MS ? report : null;
}

async function keep(place: string, report: EngineReport): Promise<void> {
  await (await caches.open(ENGINES_CACHE)).put(place, Response.json({ report, at: Date.now() } satisfies Kept));
}
