/** The worker's entry: joins the wasm package, the browser and the loop. */
import type { EngineChoice } from '../generated/types.js';
import type { Message, Request } from '../protocol.js';
import { loadCore, type Purpose } from './core.js';
import { Helpers } from './helpers.js';
import { browserPictures } from './pictures.js';
import { Server } from './server.js';

const post = (message: Message, transfer: Transferable[] = []) => self.postMessage(message, { transfer });
// Of this very script, wherever it came from.
const startHelper = () => new Worker(self.location.href, { type: 'module', name: 'headstart-helper' });
const server = new Server(browserPictures, post, new Helpers(startHelper, navigator.hardwareConcurrency));

// Listening starts before the wasm code is there: what arrives until then waits in the queue. What asks for a session, which comes
// first, says which code that is to be.
const wanted = new Promise<readonly [EngineChoice, Purpose]>((resolve) => {
  self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
    if (data.kind === 'call' && data.call === 'create') resolve([data.args[0], 'train']);
    if (data.kind === 'call' && data.call === 'ofModel') resolve([data.args[0], 'predict']);
    server.receive(data);
  });
});

wanted
  .then(([engine, purpose]) => loadCore(engine, purpose))
  .then((core) => server.work(core))
  .catch((error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error);
    const message = `Headstart's worker stopped unexpectedly (${detail}). Start again to go on.`;
    post({ kind: 'fatal', failure: { code: 'worker_failed', message } });
  });
