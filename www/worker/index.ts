/** The worker's entry: joins the wasm package, the browser and the loop. */
import type { CallRequest, Code, Message, Request } from '../protocol.js';
import { loadCore, loadModelCore, preloadForCpu } from './core.js';
import { chooseEngines } from './engines.js';
import { fatal } from './failure.js';
import { Helpers } from './helpers.js';
import { ModelServer } from './model-server.js';
import { browserPictures } from './pictures.js';
import { Server } from './server.js';
import type { Simd } from './session.js';

const post = (message: Message, transfer: Transferable[] = []) => self.postMessage(message, { transfer });
// Of this very script, wherever it came from; what its wasm code is to be is told by its name, and it may have that from here.
const startHelper = (simd: Simd, module: WebAssembly.Module | null) => {
  const helper = new Worker(self.location.href, { type: 'module', name: `${HELPER} ${simd}` });
  try {
    if (module) helper.postMessage({ kind: 'code', module } satisfies Code);
  } catch {
    // A browser that does not send such: the helper compiles its own.
  }
  return helper;
};
const HELPER = 'headstart-helper';

/** Nothing is asked before a session, which says what code that needs. */
function begin({ call, args: [engine] }: CallRequest<'create' | 'ofModel'>, code?: WebAssembly.Module): Pick<Server, 'receive'> {
  if (call === 'ofModel') return new ModelServer(loadModelCore(engine), browserPictures, post, chooseEngines);
  const server = new Server(browserPictures, post, new Helpers(startHelper, navigator.hardwareConcurrency));
  loadCore(engine, self.name === `${HELPER} plain` ? 'plain' : 'relaxed', code)
    .then((core) => server.work(core))
    .catch((error: unknown) => post(fatal(error)));
  return server;
}

// A helper's own code is on its way before anybody tells it what to do.
if (self.name.startsWith(HELPER)) preloadForCpu();

// Listening starts before the wasm code is there: what arrives until then waits.
let server: Pick<Server, 'receive'> | null = null;
let code: WebAssembly.Module | undefined;
self.addEventListener('message', ({ data }: MessageEvent<Request | Code>) => {
  if (data.kind === 'code') {
    code = data.module;
    return;
  }
  server ??= begin(data as CallRequest<'create' | 'ofModel'>, code);
  server.receive(data);
});
