import { refusal } from '../worker/failure.js';
import { readAll, readBlob } from '../worker/fetch.js';
import type { Progress } from './protocol.js';

export const MODEL_FILE = 'model.zip';

/** The bytes of the model that lies beside this worker. */
export async function fetchModel(onProgress: (progress: Progress) => void): Promise<Uint8Array> {
  try {
    // Asked for anew at each visit: a newer one may lie there.
    const response = await fetch(new URL(MODEL_FILE, self.location.href), { cache: 'no-cache' });
    if (!response.ok) throw missing(response.status);
    return await readBlob(await readAll(response, (done, total) => onProgress({ doing: 'fetching', done, total })));
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refusal('model_file_invalid', `“${MODEL_FILE}” could not be fetched (${reason}).`, MODEL_FILE);
  }
}

function missing(status: number): Error {
  const what = status === 404 ? `There is no “${MODEL_FILE}” beside this page` : `“${MODEL_FILE}” could not be fetched`;
  return refusal('model_file_invalid', `${what} (the server answered ${status}).`, MODEL_FILE);
}
