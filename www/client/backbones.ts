import type { BackboneFiles } from '../protocol.js';
import { fetched } from './fetched.js';
import { assetsFolder, beside } from './location.js';

/**
 * A backbone: the address of a folder with `config.json` and `model.safetensors`, one that {@link listBackbones} gave, or its files
 * (without `config` where the weights alone are enough to recognise it).
 */
export type BackboneRef = string | URL | BackboneFiles | { folder: string };

/** A backbone that is served with Headstart. */
export interface BackboneEntry {
  /** Its absolute address. */
  folder: string;
  /** What its publisher calls it, such as `mobilenetv2_100.ra_in1k`. */
  name: string;
  /** The architecture's name in its card, such as `mobilenetv2_050`. */
  architecture: string;
  /** The architecture's name for people, such as `MobileNetV2`. */
  label: string;
  /** Size of the download. */
  bytes: number;
  /** Side of the pictures that it sees, in pixels. */
  inputSize: number;
  /** Length of the pooled feature vector. */
  features: number;
  parameters: number;
  /** Published accuracy on ImageNet in percent, and the side of the pictures that it was measured on; null where none is told. */
  top1: number | null;
  top1Size: number | null;
  license: string;
  /** Where the weights come from. */
  source: string;
  /** Whether it is the one that is used where nobody says. */
  default: boolean;
}

/** `backbones/index.json`, which `./build.sh backbone` writes. */
export interface BackboneIndex {
  version: 1;
  /** The folder of the one that is used where nobody says. */
  default: string;
  /** Their folders are names beside the file. */
  backbones: Omit<BackboneEntry, 'default'>[];
}

/** Where {@link listBackbones} looks. */
export interface AssetsOptions {
  /**
   * The address of the folder with Headstart's files (`worker.js`, its wasm code, `backbones/`), where they are served from another place than
   * this module: after a bundler that does not know them, for example. They are those of the package, of the same version.
   */
  assetsBase?: string | URL;
}

/**
 * The backbones that are served with Headstart, to choose one from.
 *
 * @throws {@link HeadstartError} `backbone_not_found` where the list cannot be read.
 */
export async function listBackbones(options: AssetsOptions = {}): Promise<BackboneEntry[]> {
  const assets = assetsFolder(options.assetsBase);
  const index = await readIndex(assets);
  const all = index.backbones.map((entry) => ({
    ...entry,
    folder: folderAddress(entry.folder, assets),
    default: entry.folder === index.default,
  }));
  // The one that is used anyway comes first.
  return all.sort((one, other) => Number(other.default) - Number(one.default));
}

/** The address of the one that is used where nobody says, which the list alone knows: a site may have another than it was built with. */
export async function listedDefault(assets?: string): Promise<string> {
  return folderAddress((await readIndex(assets)).default, assets);
}

/** The folders lie beside the list. */
function folderAddress(folder: string, assets: string | undefined): string {
  return new URL(folder.endsWith('/') ? folder : `${folder}/`, beside('backbones/', assets)).href;
}

async function readIndex(assets: string | undefined): Promise<BackboneIndex> {
  const address = beside('backbones/index.json', assets);
  return fetched(
    address,
    async (response) => (await response.json()) as BackboneIndex,
    (reason) => ({ code: 'backbone_not_found', message: `The list of backbones at ${address} could not be read (${reason}).`, value: address }),
  );
}
