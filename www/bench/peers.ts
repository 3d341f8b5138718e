/**
 * The libraries that Headstart is measured against. They are tens of megabytes and no part of the site: `HEADSTART_PEERS=1 ./build.sh build`
 * puts them beside this page, and `bench/peers.json` says whether they are there.
 */
import type { EngineKind } from '../headstart.js';
import type { Contender, Opened } from './contender.js';
import type { Examples, Materials } from './materials.js';
import { nameOf, timed } from './ours.js';
import { BATCH, HEAD, TAIL } from './works.js';

/** A network in a library, from pictures to features. */
export interface Extractor {
  picture(picture: ImageBitmap): Promise<Float32Array>;
  pictures(pictures: readonly ImageBitmap[]): Promise<Float32Array>;
  close(): void;
}

/** A library on an engine, with what it can do of all this. */
export interface Peer {
  library: string;
  engine: EngineKind;
  /** Of the network in a folder, for one picture and for so many at a time. */
  open?(folder: string, batch: number): Promise<Extractor>;
  /** Gives what trains a head so often and tells the accuracy on the held-out rows. */
  head?(examples: Examples): Promise<(plan: { epochs: number; batchSize: number }) => Promise<number>>;
  /** Gives what trains a network's last stages so many steps and tells the milliseconds of one. */
  steps?(tail: { folder: string; stages: number; classes: number; batch: number }): Promise<(count: number) => Promise<{ ms: number }>>;
}

/** What the module of all of them exports. */
export interface PeerModule {
  peers: readonly Peer[];
}

/** What `bench/peers.json` says. */
interface Listed {
  /** The module's path from there; null where it was not put there. */
  module: string | null;
  /** The network's folder, and whose backbone that is. */
  network: string;
  backbone: string;
}

/** The libraries that are there, for a backbone; those that were made for another have no network to compare. */
export async function findPeers(materials: Materials, backbone: string): Promise<Contender[]> {
  const list = new URL('bench/peers.json', document.baseURI);
  const listed = (await (await fetch(list)).json()) as Listed;
  if (listed.module === null || listed.backbone !== backbone) return [];
  const { peers } = (await import(/* @vite-ignore */ new URL(listed.module, list).href)) as PeerModule;
  const folder = new URL(listed.network, list).href;
  const contenders = peers.map((peer) => contender(peer, folder, materials));
  const there = 'gpu' in navigator && (await navigator.gpu.requestAdapter()) !== null;
  return contenders.filter(({ engine }) => there || engine !== 'webgpu');
}

/** A guess gets a tenth right: whoever learns nothing is not compared. */
const LEAST_ACCURACY = 0.5;

function contender({ library, engine, open, head, steps }: Peer, folder: string, materials: Materials): Contender {
  const features = (run: (extractor: Extractor) => Promise<unknown>) => async (): Promise<Opened> => {
    const extractor = await open!(folder, BATCH);
    await materials.check(await extractor.picture(materials.pictures[0]!));
    return { measure: () => timed(() => run(extractor)), close: () => extractor.close() };
  };
  const nothing = (): void => undefined;
  return {
    name: nameOf(library, engine),
    ours: false,
    engine,
    works: {
      ...(open && { picture: features((extractor) => extractor.picture(materials.pictures[0]!)), pictures: features((extractor) => extractor.pictures(materials.pictures)) }),
      ...(head && {
        head: async () => {
          const train = await head(await materials.examples());
          const run = async (): Promise<void> => {
            const accuracy = await train(HEAD);
            if (!(accuracy > LEAST_ACCURACY)) throw new Error(`${library} gets ${Math.round(100 * accuracy)} % of the held-out pictures right.`);
          };
          return { measure: () => timed(run), close: nothing };
        },
      }),
      ...(steps && {
        step: async () => {
          const train = await steps({ folder, ...TAIL });
          return { measure: async () => (await train(1)).ms, close: nothing };
        },
      }),
    },
  };
}
