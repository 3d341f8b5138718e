/** So many are on their way at a time: nobody in the worker is ever idle, and little is asked for in vain where somebody stops it. */
const AHEAD = 12;

/**
 * Asks about each of many things, in their order, and gives the answers in that order. The first refusal ends it, and so does a signal, once
 * what is on its way by then has been answered.
 */
export async function inOrder<S, T>(sources: readonly S[], ask: (source: S, index: number) => Promise<T>, signal?: AbortSignal): Promise<T[]> {
  const asked: Promise<T>[] = [];
  try {
    for (const [index, source] of sources.entries()) {
      if (index >= AHEAD) await asked[index - AHEAD];
      signal?.throwIfAborted();
      const answer = ask(source, index);
      // Whoever waits for it, later, gets the error.
      answer.catch(() => undefined);
      asked.push(answer);
    }
    const answers = await Promise.all(asked);
    signal?.throwIfAborted();
    return answers;
  } catch (error) {
    await Promise.allSettled(asked);
    signal?.throwIfAborted();
    throw error;
  }
}
