import type { BackboneSource, ErrorCode, ModelBackbone } from '../protocol.js';
import { refusal, toFailure } from './failure.js';

/** A backbone's files, and where they came from. */
export interface BackboneBytes {
  source: BackboneSource;
  /** Of its folder, where it has one. */
  name: string | undefined;
  /** The text of `config.json`, where there is one. */
  config: string | undefined;
  /** Not in this worker's memory until it is wanted. */
  weights: Blob;
}

/** Is told how many bytes have come, and of how many; null where the server does not say. */
export type OnBytes = (loaded: number, total: number | null) => void;

/** Gets hold of a backbone. */
export async function loadBackbone(source: BackboneSource, signal?: AbortSignal, onBytes?: OnBytes): Promise<BackboneBytes> {
  if (typeof source !== 'string') return { source, name: undefined, config: await configOf(source), weights: source.weights };
  const [config, weights] = await Promise.all([backboneFile(source, 'config.json', signal), backboneFile(source, 'model.safetensors', signal, onBytes)]);
  return { source, name: folderName(source), config: await config.text(), weights };
}

/** Gets hold of what says how a backbone computes: its card, or its weights where it has none. */
export async function loadOutline(source: BackboneSource, signal?: AbortSignal): Promise<Pick<BackboneBytes, 'config'> & { weights?: Blob }> {
  if (typeof source === 'string') return { config: await (await backboneFile(source, 'config.json', signal)).text() };
  const config = await configOf(source);
  return config === undefined ? { config, weights: source.weights } : { config };
}

/** Reads a saved model from a file or an address. */
export async function readModel(model: Blob | string, onBytes?: OnBytes): Promise<Uint8Array> {
  return readBlob(typeof model === 'string' ? await fetchBlob(model, 'model_file_invalid', `The saved model at ${model}`, model, undefined, onBytes) : model);
}

/** Opens a saved model with `open`: where it only refers to its backbone, a second time with that. */
export async function openModel<T>(
  { beside, instead }: ModelBackbone,
  open: (config?: string, weights?: Uint8Array) => Promise<T>,
): Promise<T> {
  let name: string;
  try {
    return await open();
  } catch (error) {
    const { code, value } = toFailure(error);
    if (code !== 'model_needs_backbone' || !value) throw error;
    name = value;
  }
  const backbone = await loadBackbone(instead ?? new URL(`${encodeURIComponent(name)}/`, beside).href);
  return open(backbone.config, await readWeights(backbone));
}

function folderName(address: string): string | undefined {
  return new URL(address).pathname.split('/').findLast((part) => part !== '');
}

/** A blob's bytes. */
export async function readBlob(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** The bytes of a backbone's weights. */
export async function readWeights({ source, weights }: BackboneBytes): Promise<Uint8Array> {
  try {
    return await readBlob(weights);
  } catch {
    const name = weights instanceof File ? weights.name : 'model.safetensors';
    throw refusal('backbone_not_found', `“${name}” cannot be read any more.`, typeof source === 'string' ? source : name);
  }
}

async function configOf({ config }: Exclude<BackboneSource, string>): Promise<string | undefined> {
  try {
    return config instanceof Blob ? await config.text() : config;
  } catch {
    throw refusal('backbone_not_found', '“config.json” cannot be read any more.', 'config.json');
  }
}

function backboneFile(folder: string, name: string, signal?: AbortSignal, onBytes?: OnBytes): Promise<Blob> {
  return fetchBlob(new URL(name, folder).href, 'backbone_not_found', `There is no backbone at ${folder}: ${name}`, folder, signal, onBytes);
}

/** All of a server's answer, part by part. */
export async function readAll(response: Response, onBytes: OnBytes): Promise<Blob> {
  // Of a file that is packed for the way, the header counts other bytes than those that arrive.
  const counted = response.headers.has('content-encoding') ? 0 : Number(response.headers.get('content-length'));
  const total = counted > 0 ? counted : null;
  const parts: BlobPart[] = [];
  let loaded = 0;
  onBytes(loaded, total);
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    // Another origin need not say that it was packed.
    onBytes(loaded, total !== null && loaded > total ? null : total);
  }
  return new Blob(parts);
}

async function fetchBlob(url: string, code: ErrorCode, what: string, value: string, signal?: AbortSignal, onBytes?: OnBytes): Promise<Blob> {
  const failed = (error: unknown) =>
    refusal(code, `${what} could not be loaded (${error instanceof Error ? error.message : String(error)}).`, value);
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (error) {
    throw failed(error);
  }
  if (!response.ok) throw refusal(code, `${what} could not be loaded (the server answered ${response.status}).`, value);
  return (onBytes ? readAll(response, onBytes) : response.blob()).catch((error: unknown) => {
    throw failed(error);
  });
}
