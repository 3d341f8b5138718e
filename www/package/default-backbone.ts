import { listedDefault } from '../client/backbones.js';
import { HeadstartError } from '../client/error.js';
import type { BackboneSource } from '../protocol.js';
import card from '../public/backbones/mobilenet-v2-0.75-128/config.json';

/**
 * The backbone that is used where nobody says: where the caller serves Headstart's files, the one that the list there names; otherwise the
 * one of the package, under an address that bundlers find.
 */
export async function defaultBackbone(assets: string | undefined): Promise<BackboneSource> {
  if (assets !== undefined) return listedDefault(assets);
  const address = new URL('./backbones/mobilenet-v2-0.75-128/model.safetensors', import.meta.url);
  try {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return { config: JSON.stringify(card), weights: await response.blob() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Headstart's backbone could not be fetched from ${address.href} (${reason}). Serve the package's files and say where: assetsBase.`;
    throw new HeadstartError({ code: 'backbone_not_found', message, value: address.href });
  }
}
