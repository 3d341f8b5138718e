/** The worker's entry: the only one that decodes, computes and touches the wasm package. */
import init, { Predictor } from '../pkg/predict/headstart.js';
import { decode, giveBack, makeThumbnail, readPixels } from '../worker/decode.js';
import { isTrap, refusal, toFailure } from '../worker/failure.js';
import { readBlob } from '../worker/fetch.js';
import { fetchModel } from './fetch-model.js';
import { sharesOf } from './shares.js';
import type { Answer, Call, Calls, Message, Model, Request } from './protocol.js';

const post = (message: Message) => self.postMessage(message);

/** Begun at once: it loads beside the model. */
const started = init().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  throw refusal('worker_failed', `“headstart_bg.wasm”, which belongs beside this page, could not be loaded (${reason}).`);
});
// Told to whoever asks for a model.
started.catch(() => undefined);

let open: { predictor: Predictor; model: Model } | null = null;

const answers: { [C in Call]: (args: Calls[C]['args']) => Promise<Calls[C]['value']> } = {
  async open({ file }) {
    const bytes = await (file === null ? fetchModel((progress) => post({ kind: 'progress', progress })) : readBlob(file));
    post({ kind: 'progress', progress: { doing: 'preparing', done: 0, total: null } });
    await started;
    const predictor = Predictor.load(bytes);
    open?.predictor.free();
    open = { predictor, model: predictor.about() };
    return open.model;
  },

  async predict({ picture, name, thumbnail }): Promise<Answer> {
    const bitmap = await decode(picture, name);
    try {
      if (open === null) throw refusal('not_trained', 'There is no model to ask.');
      const pixels = await readPixels(bitmap);
      const shares = sharesOf(open.model.classes, open.predictor.predict(pixels.bytes, pixels.bgra, pixels.width, pixels.height));
      giveBack(pixels);
      return { shares, thumbnail: thumbnail ? await makeThumbnail(bitmap) : null };
    } finally {
      bitmap.close();
    }
  },
};

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  const answer = data.call === 'open' ? answers.open(data) : answers.predict(data);
  answer.then(
    (value) => post({ kind: 'result', id: data.id, value }),
    (error: unknown) => {
      if (!isTrap(error)) return post({ kind: 'failure', id: data.id, failure: toFailure(error) });
      const message = `The page’s worker stopped unexpectedly (${error}).`;
      return post({ kind: 'fatal', id: data.id, failure: { code: 'worker_failed', message } });
    },
  );
});
