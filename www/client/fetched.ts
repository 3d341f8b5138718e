import type { Failure } from '../protocol.js';
import { HeadstartError } from './error.js';

/**
 * What `read` makes of a server's answer.
 *
 * @throws {@link HeadstartError} what `failure` makes of the reason, where there is no answer, it is no success, or it cannot be read.
 */
export async function fetched<T>(
  address: string | URL,
  read: (response: Response) => Promise<T>,
  failure: (reason: string) => Failure,
  signal?: AbortSignal,
): Promise<T> {
  try {
    const response = await fetch(address, signal && { signal });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return await read(response);
  } catch (error) {
    throw new HeadstartError(failure(error instanceof Error ? error.message : String(error)));
  }
}
