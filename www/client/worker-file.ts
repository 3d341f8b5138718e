/** Whether a browser refuses to start a worker from this address: it takes them from the page's own origin only. */
function isForeign(address: string): boolean {
  const { protocol, origin } = new URL(address);
  return /^https?:$/.test(protocol) && origin !== globalThis.location.origin;
}

/**
 * Starts the worker that lies beside this module or, where the caller has put Headstart's files somewhere else, in that folder. One of
 * another origin is imported by a script of one line that is of this one.
 */
export function startWorker(base: string | undefined): Worker {
  if (base === undefined && !isForeign(import.meta.url)) {
    // Written so that bundlers find it.
    return new Worker(new URL('../worker/index.ts', import.meta.url), { type: 'module', name: 'headstart' });
  }
  const address = new URL('worker.js', base ?? import.meta.url).href;
  if (!isForeign(address)) return new Worker(address, { type: 'module', name: 'headstart' });
  const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};\n`], { type: 'text/javascript' }));
  // The address stays: the worker starts helpers from it.
  return new Worker(script, { type: 'module', name: 'headstart' });
}
