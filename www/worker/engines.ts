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

/**
 * Has a session try the GPU; what was measured with its backbone on this device lately is not measured again. Never rejects: where it fails the
 * CPU goes on.
 */
export async function chooseEngines(session: ModelSession): Promise<void> {
  try {
    // Where nothing can be kept, everything is measured each time.
    const info = await describeAdapter().catch(() => undefined);
    const kept = await keptOf(session, info).catch(() => null);
    await session.chooseEngines(kept);
    const isMeasured = session.engine().workloads.every((each) => each.gpuMilliseconds !== null);
    // The backbone may have been changed meanwhile: it was measured with that then.
    if (kept === null && isMeasured) await keep(session, info).catch(() => undefined);
  } catch (error) {
    console.warn(error);
  }
}

const describeAdapter = async (): Promise<GPUAdapterInfo | undefined> => (await navigator.gpu?.requestAdapter())?.info;

/** An address for what was measured: in this browser, on this GPU, with such a backbone. */
function placeOf(session: ModelSession, info: GPUAdapterInfo | undefined): string {
  const { architecture, inputSize, multiplications, arithmetic } = session.backbone();
  const gpu = [info?.vendor, info?.architecture, info?.device, info?.description];
  const about = [navigator.userAgent, ...gpu, architecture, inputSize, multiplications, arithmetic];
  return new URL(`/?headstart-engines=${encodeURIComponent(JSON.stringify(about))}`, self.location.origin).href;
}

async function keptOf(session: ModelSession, info: GPUAdapterInfo | undefined): Promise<EngineReport | null> {
  const found = await (await caches.open(ENGINES_CACHE)).match(placeOf(session, info));
  if (found === undefined) return null;
  const { report, at } = (await found.json()) as Kept;
  return Date.now() - at < KEPT_DAYS * DAY_MS ? report : null;
}

async function keep(session: ModelSession, info: GPUAdapterInfo | undefined): Promise<void> {
  const kept: Kept = { report: session.engine(), at: Date.now() };
  await (await caches.open(ENGINES_CACHE)).put(placeOf(session, info), Response.json(kept));
}
