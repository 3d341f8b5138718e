/** Ours: as a page has it, in a worker, and its wasm package alone on the page's own thread. */
import type { Session } from '../../../../www/pkg/headstart.js';
import type { Arithmetic, EngineKind, Trainer } from '../../../../www/headstart.js';
import type { Open } from './extractor.js';

/** What the server has of the build that is measured. */
const SITE = new URL('/headstart.js', location.href).href;
const PACKAGE = new URL('/package/', location.href).href;

/** The built site's module, as a page that uses Headstart has it. */
export async function openSite(): Promise<typeof Trainer> {
  return ((await import(/* @vite-ignore */ SITE)) as typeof import('../../../../www/headstart.js')).Trainer;
}

/** What ours computes on in this page, which its address says. */
export const ENGINE = new URLSearchParams(location.search).get('engine') as EngineKind;

/** Ours, computing in floats or in eight bits. */
export const openHeadstart = (arithmetic: Arithmetic): Open => async (folder) => {
  const trainer = await (await openSite()).create({ engine: ENGINE, backbone: folder, arithmetic });
  let session: Promise<Session> | undefined;
  return {
    picture: (picture) => trainer.embed(picture),
    async pictures(pictures) {
      const each = await Promise.all(pictures.map((picture) => trainer.embed(picture)));
      const all = new Float32Array(each.length * each[0]!.length);
      each.forEach((features, i) => all.set(features, i * features.length));
      return all;
    },
    prepare: (picture) => picture,
    async prepared(prepared) {
      const { data, width, height } = prepared as ImageData;
      session ??= openSession(folder, arithmetic);
      return (await session).embed(new Uint8Array(data.buffer), false, width, height) as Promise<Float32Array>;
    },
    close() {
      trainer.close();
      void session?.then((opened) => opened.free());
    },
  };
};

async function openSession(folder: string, arithmetic: Arithmetic): Promise<Session> {
  // What the site's worker has on this engine, in this browser.
  const onCpu = ENGINE === 'cpu';
  const script = `${PACKAGE}${onCpu ? 'cpu/' : ''}headstart.js`;
  const { default: init, Session } = (await import(/* @vite-ignore */ script)) as typeof import('../../../../www/pkg/headstart.js');
  await init(onCpu ? { module_or_path: `${PACKAGE}cpu/relaxed/headstart_bg.wasm` } : undefined);
  const card = await (await fetch(`${folder}config.json`)).text();
  const weights = new Uint8Array(await (await fetch(`${folder}model.safetensors`)).arrayBuffer());
  return Session.create(ENGINE, card, weights, undefined, arithmetic);
}
