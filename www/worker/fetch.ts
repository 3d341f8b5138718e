import type { ErrorCode } from '../protocol.js';
import { refusal } from './failure.js';

/** A backbone's two files. */
export interface BackboneFiles {
  config: string;
  weights: Uint8Array;
}

/** Reads a backbone from its folder. */
export async function fetchBackbone(folder: string): Promise<BackboneFiles> {
  const file = (name: string) =>
    fetchBytes(new URL(name, folder).href, 'backbone_not_found', `There is no backbone at ${folder}: ${name}`, folder);
  const [config, weights] = await Promise.all([file('config.json'), file('model.safetensors')]);
  return { config: new TextDecoder().decode(config), weights };
}

/** Reads a saved model from a file or an address. */
export async function readModel(model: Blob | string): Promise<Uint8Array> {
  return typeof model === 'string' ? fetchBytes(model, 'model_file_invalid', `The saved model at ${model}`, model) : readBlob(model);
}

/** A blob's bytes. */
export async function readBlob(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function fetchBytes(url: string, code: ErrorCode, what: string, value: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw refusal(code, `${what} could not be loaded (${error instanceof Error ? error.message : String(error)}).`, value);
  }
  if (!response.ok) throw refusal(code, `${what} could not be loaded (the server answered ${response.status}).`, value);
  return new Uint8Array(await response.arrayBuffer());
}
