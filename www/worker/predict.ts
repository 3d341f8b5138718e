/** The entry of the worker that only predicts: nothing that is reached from here trains, or knows a GPU. */
import type { Message, Request } from '../protocol.js';
import { ModelServer } from './model-server.js';
import { giveBack } from './decode.js';
import { readPicture } from './pictures.js';
import { loadPredictor } from './predictor.js';

const server = new ModelServer(loadPredictor(), { read: readPicture, giveBack }, (message: Message) => self.postMessage(message));
self.addEventListener('message', ({ data }: MessageEvent<Request>) => server.receive(data));
