/** Which wasm package there is to fetch, and how it is asked for a session. */
import type { EngineChoice } from '../generated/types.js';
import { whereRelaxed } from './relaxed-simd.js';
import type { Core, ModelSession, OpenSession, Session, Simd } from './session.js';

/**
 * Fetches the package that this engine needs to train: what computes on a GPU is more than half of it, and of no use where there is none.
 * `code` is that for the CPU, where another worker has compiled it.
 */
export async function loadCore(engine: EngineChoice, simd: Simd = 'relaxed', code?: WebAssembly.Module): Promise<Core> {
  const gpu = await wantsGpu(engine);
  const found = gpu ? await import('../pkg/headstart.js') : await import('../pkg/cpu/headstart.js');
  const relaxed = !gpu && simd === 'relaxed' ? whereRelaxed(RELAXED) : undefined;
  await found.default(code && !gpu ? { module_or_path: code } : relaxed);
  // With the types that wasm-bindgen leaves out.
  const typed = (session: Promise<unknown>): Promise<Session> => session as Promise<Session>;
  return {
    create: (...args) => typed(found.Session.create(...args)),
    open: (...args) => typed(found.Session.open(...args)),
    simd: relaxed === undefined ? 'plain' : 'relaxed',
    code: gpu ? null : (found.code() as WebAssembly.Module),
    defaultConfig: found.defaultConfig,
    settingRules: found.settingRules,
  };
}

/** Fetches the script of the package for the CPU, ahead of {@link loadCore}, which hears of what is wrong with it. */
export function preloadForCpu(): void {
  import('../pkg/cpu/headstart.js').catch(() => undefined);
}

/** Fetches the package that this engine needs for a model that only predicts: on the CPU a small part of what training needs. */
export async function loadModelCore(engine: EngineChoice): Promise<OpenSession> {
  if (!(await wantsGpu(engine))) return (await import('./predictor.js')).loadPredictor();
  const { default: init, Session } = await import('../pkg/headstart.js');
  await init();
  return (...args) => Session.ofModel(...args) as Promise<unknown> as Promise<ModelSession>;
}

const RELAXED = new URL('../pkg/cpu/relaxed/headstart_bg.wasm', import.meta.url);

/** Whoever asks for the GPU is told by the package why there is none. */
async function wantsGpu(engine: EngineChoice): Promise<boolean> {
  if (engine !== 'auto') return engine === 'webgpu';
  try {
    return (await navigator.gpu?.requestAdapter()) != null;
  } catch {
    return false;
  }
}
