import type { FoundFile } from './files.js';

/** The files of a backbone, as they were chosen or dropped. */
export interface BackboneFilesFound {
  readonly weights: File;
  readonly config: File | undefined;
  /** What to call it: its folder's name, or that of the weights where it came in none or in one of the usual names. */
  readonly name: string;
}

const WEIGHTS = /\.safetensors$/i;
const CARD = /\.json$/i;
/** What PyTorch, Keras and ONNX write. */
const OTHER_WEIGHTS = /\.(bin|pth|pt|ckpt|h5|keras|onnx|tflite|pb|npz)$/i;

/** The one backbone among these files, or a sentence on why there is none. What lies beside it, such as a README, is passed over. */
export function findBackbone(found: readonly FoundFile[]): BackboneFilesFound | { readonly problem: string } {
  const weights = found.filter(({ file }) => WEIGHTS.test(file.name));
  const [first] = weights;
  if (first === undefined) return { problem: whatIsMissing(found) };
  if (weights.length > 1) {
    const names = weights.slice(0, 3).map(({ file, folders }) => [...folders, file.name].join('/'));
    return { problem: `One backbone at a time: there are ${weights.length} files of weights, such as ${names.join(' and ')}.` };
  }
  const config = cardOf(first, found);
  return { weights: first.file, config: config?.file, name: first.folders.at(-1) ?? first.file.name };
}

/** The `config.json` beside the weights; where they came without a folder, any single one. */
function cardOf(weights: FoundFile, found: readonly FoundFile[]): FoundFile | undefined {
  const cards = found.filter(({ file }) => CARD.test(file.name));
  const folder = weights.folders.join('/');
  const beside = cards.filter(({ folders }) => folders.join('/') === folder);
  return beside.find(({ file }) => file.name.toLowerCase() === 'config.json') ?? (beside.length === 1 ? beside[0] : undefined);
}

function whatIsMissing(found: readonly FoundFile[]): string {
  const names = found.map(({ file }) => file.name);
  const zip = names.find((name) => /\.zip$/i.test(name));
  if (zip !== undefined) return `“${zip}” is no backbone: a saved model is opened with “Open model” in step 3.`;
  const other = names.find((name) => OTHER_WEIGHTS.test(name));
  if (other !== undefined) return `“${other}” cannot be read: a backbone's weights are a file that ends in .safetensors, such as model.safetensors.`;
  if (names.some((name) => CARD.test(name))) return 'The weights are missing: choose or drop model.safetensors together with its config.json.';
  return 'That is no backbone: choose or drop model.safetensors, with its config.json where there is one.';
}
