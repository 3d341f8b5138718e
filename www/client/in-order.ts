/** So many are on their way at a time: the worker is never idle, and little is asked for in vain where somebody stops it. */
const AHEAD = 4;

/**
 * Asks about each of many things, in their order, and gives the answers in that order. The first refusal ends it, and so does a signal, once
 * what is on its way by then has been answered.
 */
export async function inOrder<S, T>(
  sources: readonly S[],
  ask: (source: S, index: number) => Promise<T>,
  signal?: AbortSignal,
  ahead = AHEAD,
): Promise<T[]> {
  const asked: Promise<T>[] = [];
  try {
    for (const [index, source] of sources.entries()) {
      if (index >= ahead) await asked[index - ahead];
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
