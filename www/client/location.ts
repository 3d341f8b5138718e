import type { BackboneSource, ModelBackbone } from '../protocol.js';
import type { BackboneRef } from './backbones.js';
import { HeadstartError } from './error.js';

/** Where a relative address starts: at the page, or at the script where there is no page. */
function base(): string {
  return globalThis.document?.baseURI ?? globalThis.location.href;
}

/** What is served beside this module under a relative address. */
export function beside(path: string): string {
  // These files are copied as they are and are no modules: the bundler must leave their addresses alone.
  return new URL(/* @vite-ignore */ `${import.meta.env.BASE_URL}${path}`, import.meta.url).href;
}

/** Where the backbone is looked for that a saved model refers to. */
export function modelBackbone(ref: BackboneRef | undefined): ModelBackbone {
  return { beside: beside('backbones/'), instead: ref && backboneSource(ref) };
}

/** A backbone as it is sent to the worker: its folder's absolute address, or its files. */
export function backboneSource(ref: BackboneRef): BackboneSource {
  if (typeof ref === 'string' || ref instanceof URL) return resolveFolder(String(ref));
  if ('folder' in ref) return resolveFolder(ref.folder);
  // Nothing else of the object, which may hold what cannot be sent.
  return ref.config === undefined ? { weights: ref.weights } : { config: ref.config, weights: ref.weights };
}

/** A folder's absolute address, so that it means the same in the worker. */
function resolveFolder(folder: string): string {
  try {
    return new URL(folder.endsWith('/') ? folder : `${folder}/`, base()).href;
  } catch {
    throw new HeadstartError({ code: 'backbone_not_found', message: `“${folder}” is no address of a backbone.`, value: folder });
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
