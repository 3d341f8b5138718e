/** Which wasm package there is to fetch, and how it is asked for a session. */
import type { EngineChoice } from '../generated/types.js';
import { refusal } from './failure.js';
import type { Core, ModelSession, Session } from './session.js';

/** What a worker is started for: a classifier in the making, or a model that only predicts. */
export type Purpose = 'train' | 'predict';

/**
 * Fetches the package that this engine needs: what computes on a GPU is more than half of it, and of no use where there is none. A model that
 * predicts on the CPU needs a quarter of what is left.
 */
export async function loadCore(engine: EngineChoice, purpose: Purpose): Promise<Core> {
  if (purpose === 'predict' && !(await wantsGpu(engine))) return predictCore();
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

async function predictCore(): Promise<Core> {
  const { default: init, Predictor } = await import('../pkg/predict/headstart.js');
  await init();
  const refused = (): never => {
    throw refusal('internal', 'This worker was started for a model that only predicts.');
  };
  return {
    create: refused,
    open: refused,
    defaultConfig: refused,
    settingRules: refused,
    ofModel: async (...args) => Predictor.ofModel(...args) as unknown as ModelSession,
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
