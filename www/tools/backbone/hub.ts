import { join } from 'node:path';
import { download, type Surroundings } from './download.js';
import { licenceOf } from './licence.js';
import { persistently } from './persist.js';
import { Problem } from './problem.js';
import { describe, type Hub } from './remote.js';
import { size } from './words.js';

/** A backbone on the disk, as it was published. */
export interface Published {
  /** A folder with `config.json` and `model.safetensors`, or a lone file of weights. */
  path: string;
  /** What its publisher calls it. */
  name: string;
  /** As the publisher states it; null where nothing is stated. */
  license: string | null;
  source: string;
}

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
/** What else a repository may hold, and what that means here. */
const OTHERS: [file: string, meaning: string][] = [
  ['model.safetensors.index.json', 'its weights are in several files, which is more than a browser wants'],
  ['pytorch_model.bin', 'its weights are a pickle (pytorch_model.bin), which can run code where it is opened; ask its publisher for safetensors'],
];

/** Downloads a repository's backbone into the cache, or finds it there, every file of one commit and checked. */
export async function fetchBackbone(asked: Hub, cache: string, around: Surroundings): Promise<Published> {
  const ask = (hub: Hub, file: string) => persistently(around, () => describe(hub, file));
  const config = await ask(asked, CONFIG);
  const commit = config?.commit ?? (await ask(asked, WEIGHTS))?.commit ?? asked.revision;
  const hub = { ...asked, revision: commit };
  const weights = await ask(hub, WEIGHTS);
  if (weights === null) throw await withoutWeights(hub);
  const folder = join(cache, 'hub', hub.repository.replace('/', '--'), commit.replaceAll('/', '--'));
  around.say(`${hub.repository}: ${size(weights.size ?? 0)} at commit ${commit.slice(0, 12)}`);
  const files = [...(config === null ? [] : [{ file: CONFIG, remote: config }]), { file: WEIGHTS, remote: weights }];
  for (const { file, remote } of files) {
    if (remote.hash === null) around.say(`Note: ${new URL(hub.endpoint).host} names no hash of ${file}; its size is all that can be checked.`);
    await download(remote, join(folder, file), hub, around);
  }
  return {
    path: config === null ? join(folder, WEIGHTS) : folder,
    name: hub.repository.split('/')[1] ?? hub.repository,
    license: await licenceOf(hub),
    source: `${hub.endpoint}/${hub.repository}/tree/${commit}`,
  };
}

async function withoutWeights(hub: Hub): Promise<Problem> {
  for (const [file, meaning] of OTHERS) {
    if ((await describe(hub, file)) !== null) return new Problem(`${hub.repository} has no ${WEIGHTS}: ${meaning}.`);
  }
  return new Problem(`${hub.repository} has no ${WEIGHTS}, so it is no model that can be read here.`);
}
