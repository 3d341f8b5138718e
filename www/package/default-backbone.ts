import { listedDefault } from '../client/backbones.js';
import { fetched } from '../client/fetched.js';
import type { BackboneSource } from '../protocol.js';
import card from '../public/backbones/mobilenet-v2-0.75-128/config.json';

/**
 * The backbone that is used where nobody says: where the caller serves Headstart's files, the one that the list there names; otherwise the
 * one of the package, under an address that bundlers find.
 */
export async function defaultBackbone(assets: string | undefined): Promise<BackboneSource> {
  if (assets !== undefined) return listedDefault(assets);
  const address = new URL('./backbones/mobilenet-v2-0.75-128/model.safetensors', import.meta.url);
  const read = async (response: Response): Promise<BackboneSource> => ({ config: JSON.stringify(card), weights: await response.blob() });
  return fetched(address, read, (reason) => ({
    code: 'backbone_not_found',
    message: `Headstart's backbone could not be fetched from ${address.href} (${reason}). Serve the package's files and say where: assetsBase.`,
    value: address.href,
  }));
}
