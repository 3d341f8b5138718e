import type { BackboneSource, ErrorCode, ModelBackbone } from '../protocol.js';
import type { BackboneRef } from './backbones.js';
import { HeadstartError } from './error.js';

/** Where a relative address starts: at the page, or at the script where there is no page. */
function base(): string {
  return globalThis.document?.baseURI ?? globalThis.location.href;
}

/** What is served under a relative address beside this module, or in the folder of Headstart's files where that is another. */
export function beside(path: string, assets?: string): string {
  // These files are copied as they are and are no modules: the bundler must leave their addresses alone.
  return new URL(/* @vite-ignore */ assets === undefined ? `${import.meta.env.BASE_URL}${path}` : path, assets ?? import.meta.url).href;
}

/** The absolute address of the folder of Headstart's files, where the caller says one. */
export function assetsFolder(base: string | URL | undefined): string | undefined {
  return base === undefined ? undefined : folderAddress(base, 'worker_failed', "Headstart's files");
}

/** Where the backbone is looked for that a saved model refers to. */
export function modelBackbone(ref: BackboneRef | undefined, assets?: string): ModelBackbone {
  return { beside: beside('backbones/', assets), instead: ref && backboneSource(ref) };
}

/** A backbone as it is sent to the worker: its folder's absolute address, or its files. */
export function backboneSource(ref: BackboneRef): BackboneSource {
  if (typeof ref === 'string' || ref instanceof URL) return backboneFolder(ref);
  if ('folder' in ref) return backboneFolder(ref.folder);
  // Nothing else of the object, which may hold what cannot be sent.
  return ref.config === undefined ? { weights: ref.weights } : { config: ref.config, weights: ref.weights };
}

function backboneFolder(folder: string | URL): string {
  return folderAddress(folder, 'backbone_not_found', 'a backbone');
}

/** A folder's absolute address, so that it means the same in the worker. */
function folderAddress(folder: string | URL, code: ErrorCode, what: string): string {
  const text = String(folder);
  try {
    return new URL(text.endsWith('/') ? text : `${text}/`, base()).href;
  } catch {
    throw new HeadstartError({ code, message: `“${text}” is no address of ${what}.`, value: text });
  }
}

/** A saved model as it is sent to the worker: the file, or an absolute address. */
export function modelReference(model: Blob | string | URL): Blob | string {
  if (typeof model !== 'string' && !(model instanceof URL)) return model;
  try {
    return new URL(model, base()).href;
  } catch {
    throw new HeadstartError({
      code: 'model_file_invalid',
      message: `“${String(model)}” is no address of a saved model.`,
      value: String(model),
    });
  }
}
