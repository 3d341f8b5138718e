/** Which wasm package there is to fetch, and how it is asked for a session. */
import type { EngineChoice } from '../generated/types.js';
import type { Core, Session } from './session.js';

/** Fetches the package that this engine needs: what computes on a GPU is more than half of it, and of no use where there is none. */
export async function loadCore(engine: EngineChoice): Promise<Core> {
  const found = (await wantsGpu(engine)) ? await import('../pkg/headstart.js') : await import('../pkg/cpu/headstart.js');
  await found.default();
  // With the types that wasm-bindgen leaves out.
  const typed = (session: Promise<unknown>): Promise<Session> => session as Promise<Session>;
  return {
    create: (...args) => typed(found.Session.create(...args)),
    ofModel: (...args) => typed(found.Session.ofModel(...args)),
    open: (...args) => typed(found.Session.open(...args)),
    defaultConfig: found.defaultConfig,
    settingRules: found.settingRules,
  };
}

/** Whoever asks for the GPU is told by the package why there is none. */
async function wantsGpu(engine: EngineChoice): Promise<boolean> {
  if (engine !== 'auto') return engine === 'webgpu';
  try {
    return (await navigator.gpu?.requestAdapter()) != null;
  } catch {
    return false;
  }
}
