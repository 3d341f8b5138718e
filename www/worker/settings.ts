import type { TrainConfig } from '../generated/types.js';
import { refusal } from './failure.js';

/** Settings as the wasm package may be given them, or a refusal that names a misspelt one. */
export function knownSettings(config: Partial<TrainConfig>, known: TrainConfig): Partial<TrainConfig> {
  // A setting that is there but undefined means the same as one that is not there.
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  // The wasm package picks the settings that it knows out of the object and would not see a misspelt one.
  const unknown = Object.keys(given).find((key) => !(key in known));
  if (unknown !== undefined) throw refusal('config_invalid', `There is no setting named ${unknown}.`, unknown);
  return given;
}
