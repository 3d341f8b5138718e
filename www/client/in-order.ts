/** So many are on their way at a time: the worker is never idle, and little is asked for in vain where somebody stops it. */
const AHEAD = 4;

/** Asks about each of many things, in their order, and gives the answers in that order; the first refusal ends it. */
export async function inOrder<S, T>(sources: readonly S[], ask: (source: S, index: number) => Promise<T>, signal?: AbortSignal): Promise<T[]> {
  const asked: Promise<T>[] = [];
  for (const [index, source] of sources.entries()) {
    if (index >= AHEAD) await asked[index - AHEAD];
    signal?.throwIfAborted();
    const answer = ask(source, index);
    // Whoever waits for it, later, gets the error.
    answer.catch(() => undefined);
    asked.push(answer);
  }
  return Promise.all(asked);
}
