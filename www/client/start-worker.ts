/** Starts a module's worker, out of the folder of Headstart's files where they are not beside the module. */
export type StartWorker = (assets: string | undefined) => Worker;

/** Whether a browser refuses to start a worker from this address: it takes them from the page's own origin only. */
function isForeign(address: string): boolean {
  const { protocol, origin } = new URL(address);
  return /^https?:$/.test(protocol) && origin !== globalThis.location.origin;
}

/**
 * Starts the worker that lies beside this module, with `own`, or `file` where that is of another origin or in the folder of Headstart's
 * files. One of another origin is imported by a script of one line that is of this one.
 */
export function startFrom(assets: string | undefined, file: string, own: () => Worker): Worker {
  if (assets === undefined && !isForeign(import.meta.url)) return own();
  const address = new URL(file, assets ?? import.meta.url).href;
  if (!isForeign(address)) return new Worker(address, { type: 'module', name: 'headstart' });
  const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};\n`], { type: 'text/javascript' }));
  // The address stays: the worker starts helpers from it.
  return new Worker(script, { type: 'module', name: 'headstart' });
}
