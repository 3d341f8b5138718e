/** The worker's entry: joins the wasm package, the browser and the loop. */
import init, { defaultConfig, settingRules, Session as WasmSession } from '../pkg/headstart.js';
import type { Message, Request } from '../protocol.js';
import { browserPictures } from './pictures.js';
import { Server } from './server.js';
import type { Core, Session } from './session.js';

/** With the types that wasm-bindgen leaves out. */
const typed = (session: Promise<WasmSession>) => session as Promise<unknown> as Promise<Session>;
const core: Core = {
  create: (...args) => typed(WasmSession.create(...args)),
  ofModel: (...args) => typed(WasmSession.ofModel(...args)),
  open: (...args) => typed(WasmSession.open(...args)),
  defaultConfig,
  settingRules,
};
const post = (message: Message) => self.postMessage(message);
const server = new Server(core, browserPictures, post);

// Listening starts before the wasm code is there: what arrives until then waits in the queue.
self.addEventListener('message', (event: MessageEvent<Request>) => server.receive(event.data));

init()
  .then(() => server.work())
  .catch((error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error);
    const message = `Headstart's worker stopped unexpectedly (${detail}). Start again to go on.`;
    post({ kind: 'fatal', failure: { code: 'worker_failed', message } });
  });
