import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneFiles } from './side-by-side.js';

const ROOT = join(import.meta.dirname, '../../..');
const REFERENCES = join(process.env['HEADSTART_REFERENCES'] ?? join(ROOT, '../shared'), 'backbones');

/** Folders by name. Those of 96 and 224 px are no part of the project. */
export const BACKBONES = {
  'MobileNetV2 0.5, 96 px': join(REFERENCES, 'mobilenet-v2-0.5-96'),
  'MobileNetV2 0.75, 128 px': join(ROOT, 'www/public/backbones/mobilenet-v2-0.75-128'),
  'MobileNetV2 1.0, 224 px': join(REFERENCES, 'mobilenet-v2-1.0-torchvision'),
};

export const files = (path: string): BackboneFiles => ({ config: readFileSync(join(path, 'config.json')), weights: readFileSync(join(path, 'model.safetensors')) });

/** Some of the libraries by name, such as `LIBRARIES=headstart,ort`. */
const WANTED = process.env['LIBRARIES']?.split(',');
export const wanted = (names: string[]): string[] => names.filter((name) => WANTED?.includes(name) ?? true);

/** Pictures that are taken together. */
export const BATCH = 16;
/** Side of the pictures as an app would have them. */
export const SIDE = 224;
/** By which features may differ, of the largest. */
export const TOLERANCE = 1e-3;
