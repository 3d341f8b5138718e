import { refusal } from '../worker/failure.js';
import type { Progress } from './protocol.js';

export const MODEL_FILE = 'model.zip';

/** The bytes of the model that lies beside this worker. */
export async function fetchModel(onProgress: (progress: Progress) => void): Promise<Uint8Array> {
  try {
    // Asked for anew at each visit: a newer one may lie there.
    const response = await fetch(new URL(MODEL_FILE, self.location.href), { cache: 'no-cache' });
    if (!response.ok) throw missing(response.status);
    return await readAll(response, onProgress);
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refusal('model_file_invalid', `“${MODEL_FILE}” could not be fetched (${reason}).`, MODEL_FILE);
  }
}

async function readAll(response: Response, onProgress: (progress: Progress) => void): Promise<Uint8Array> {
  // Of a file that is packed for the way, the header counts other bytes than those that arrive.
  const counted = response.headers.has('content-encoding') ? 0 : Number(response.headers.get('content-length'));
  const total = counted > 0 ? counted : null;
  const parts: BlobPart[] = [];
  let done = 0;
  onProgress({ doing: 'fetching', done, total });
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    parts.push(part.value);
    done += part.value.length;
    onProgress({ doing: 'fetching', done, total });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function missing(status: number): Error {
  const what = status === 404 ? `There is no “${MODEL_FILE}” beside this page` : `“${MODEL_FILE}” could not be fetched`;
  return refusal('model_file_invalid', `${what} (the server answered ${status}).`, MODEL_FILE);
}
