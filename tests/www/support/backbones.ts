import type { BackboneEntry, BackboneReport } from '../../../www/headstart.js';
import { backbone } from './state.js';

function entry(folder: string, label: string, over: Partial<BackboneEntry> = {}): BackboneEntry {
  return {
    folder: `https://example.org/app/backbones/${folder}/`,
    name: folder,
    architecture: 'mobilenet',
    label,
    bytes: 1_400_000,
    inputSize: 128,
    features: 1280,
    parameters: 1_500_000,
    top1: null,
    top1Size: null,
    license: 'apache-2.0',
    source: 'made for this test',
    default: false,
    ...over,
  };
}

/** What a site serves: the usual one and another. */
export const entries: readonly BackboneEntry[] = [
  entry('small', 'MobileNetV2 0.5', { default: true }),
  entry('large', 'ResNet-50', { bytes: 102_000_000, inputSize: 224, features: 2048, top1: 80.9, top1Size: 288 }),
];

/** What the trainer says of one that it has loaded. */
export const large: BackboneReport = { ...backbone, label: 'ResNet-50', inputSize: 224, features: 2048 };

/** A backbone's files on the disk. */
export function backboneFiles(folder = 'mine', weights = 'model.safetensors') {
  const folders = folder === '' ? [] : [folder];
  return [
    { file: new File(['weights'], weights), folders },
    { file: new File(['{}'], 'config.json'), folders },
  ];
}
