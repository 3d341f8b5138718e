/** What the page is about: whom there is to measure here, and a measurement under way. */
import type { Contender } from './contender.js';
import { Materials } from './materials.js';
import { ours } from './ours.js';
import { findPeers } from './peers.js';
import type { Circumstances } from './result.js';

/** The site's module, as any page has it. */
type Site = typeof import('../headstart.js');
const SITE = new URL('headstart.js', document.baseURI).href;

/** What can be measured on this device. */
export interface Here {
  contenders: readonly Contender[];
  /** Why there is no WebGPU, where there is none. */
  noGpu: string | null;
  gpu: string | null;
  /** Why the libraries beside this page could not be loaded. */
  peersProblem: string | null;
  backbone: string;
}

export async function look(): Promise<Here> {
  const site = (await import(/* @vite-ignore */ SITE)) as Site;
  const materials = new Materials(site);
  const backbone = (await site.listBackbones()).find((each) => each.default);
  if (backbone === undefined) throw new Error('This site has no backbone that is used where nobody says.');
  const { gpu, noGpu } = await findGpu();
  const own = [ours('cpu', materials), ...(gpu === null ? [] : [ours('webgpu', materials)])];
  const { peers, problem } = await findPeers(materials, backbone.name).then(
    (found) => ({ peers: found, problem: null }),
    // Headstart is measured all the same.
    (error: unknown) => ({ peers: [], problem: error instanceof Error ? error.message : String(error) }),
  );
  return { contenders: [...own, ...peers], gpu, noGpu, peersProblem: problem, backbone: `${backbone.label}, ${backbone.inputSize} px` };
}

async function findGpu(): Promise<Pick<Here, 'gpu' | 'noGpu'>> {
  if (!('gpu' in navigator)) return { gpu: null, noGpu: isSecureContext ? 'this browser has none' : 'a browser has it on HTTPS pages only' };
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  if (adapter === null) return { gpu: null, noGpu: 'the browser gives no GPU to this page' };
  const { vendor, architecture, description } = adapter.info;
  return { gpu: [vendor, architecture, description].filter((word) => word !== '').join(' ') || 'a GPU that is not named', noGpu: null };
}

export function circumstances({ backbone, gpu }: Here, rounds: number): Circumstances {
  return { date: new Date().toISOString(), backbone, browser: navigator.userAgent, cores: navigator.hardwareConcurrency, gpu, rounds };
}
