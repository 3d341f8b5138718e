/** What may be taken back while it waits. */
export interface Abortable {
  /** Takes it back: what is waited for rejects with the signal's reason, an `AbortError` where none is given. */
  signal?: AbortSignal | undefined;
}

/** What `work` comes to, or at once the reason why nobody waits for it any more; it goes on unheard then. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
