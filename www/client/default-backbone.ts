import type { BackboneSource } from '../protocol.js';
import { listedDefault } from './backbones.js';

/** The backbone that is used where nobody says. The package has `package/default-backbone.ts` in the place of this. */
export function defaultBackbone(assets: string | undefined): Promise<BackboneSource> {
  return listedDefault(assets);
}
