import { HeadstartError } from './error.js';

/** Where a relative address starts: at the page, or at the script where there is no page. */
function base(): string {
  return globalThis.document?.baseURI ?? globalThis.location.href;
}

/** The folder of the backbone that is served beside this module. */
export function defaultBackbone(): string {
  // The folder is copied as it is and is no module: the bundler must leave this address alone.
  return new URL(/* @vite-ignore */ `${import.meta.env.BASE_URL}backbones/mobilenet-v2-0.5-96/`, import.meta.url).href;
}

/** A folder's absolute address, so that it means the same in the worker. */
export function resolveFolder(folder: string): string {
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
