/** The worker's entry: joins the wasm package, the browser and the loop. */
import type { CallRequest, Message, Request } from '../protocol.js';
import { loadCore, loadModelCore } from './core.js';
import { fatal } from './failure.js';
import { Helpers } from './helpers.js';
import { ModelServer } from './model-server.js';
import { browserPictures } from './pictures.js';
import { Server } from './server.js';
import type { Simd } from './session.js';

const post = (message: Message, transfer: Transferable[] = []) => self.postMessage(message, { transfer });
// Of this very script, wherever it came from; what its code is to be is told by its name.
const startHelper = (simd: Simd) => new Worker(self.location.href, { type: 'module', name: `${HELPER} ${simd}` });
const HELPER = 'headstart-helper';

/** Nothing is asked before a session, which says what code that needs. */
function begin({ call, args: [engine] }: CallRequest<'create' | 'ofModel'>): Pick<Server, 'receive'> {
  if (call === 'ofModel') return new ModelServer(loadModelCore(engine), browserPictures.read, post);
  const server = new Server(browserPictures, post, new Helpers(startHelper, navigator.hardwareConcurrency));
  loadCore(engine, self.name === `${HELPER} plain` ? 'plain' : 'relaxed')
    .then((core) => server.work(core))
    .catch((error: unknown) => post(fatal(error)));
  return server;
}

// Listening starts before the wasm code is there: what arrives until then waits.
let server: Pick<Server, 'receive'> | null = null;
self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  server ??= begin(data as CallRequest<'create' | 'ofModel'>);
  server.receive(data);
});
