import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST } from './server.js';
import type { AppPage, PickedFile } from './app-page.js';

/** Larger backbones and real pictures, where a developer has them; they are no part of the project. */
const REFERENCES = process.env['HEADSTART_REFERENCES'] ?? join(import.meta.dirname, '../../../../shared');
/** A backbone of 224 px. */
export const LARGE = join(REFERENCES, 'backbones/mobilenet-v2-1.0-torchvision');
/** Photographs of ten kinds of clothes, `train` and `test`. */
export const PHOTOGRAPHS = join(REFERENCES, 'tasks/clothing10');

/** The list that the built site serves. */
const index = () => JSON.parse(readFileSync(join(DIST, 'backbones/index.json'), 'utf8')) as { default: string; backbones: { folder: string; label: string }[] };

/** The backbone that the site uses where nobody says: its folder, what it is called, and its two files. */
export function usual() {
  const { default: folder, backbones } = index();
  const read = (name: string): Buffer => readFileSync(join(DIST, 'backbones', folder, name));
  const { label } = backbones.find((each) => each.folder === folder)!;
  return { folder, label, config: read('config.json'), weights: read('model.safetensors') };
}

/** Serves a second backbone: the weights of the usual one, for pictures of half the side. */
export function serveAnother(app: AppPage): void {
  const { config, weights } = usual();
  const card = JSON.parse(config.toString()) as { pretrained_cfg: { input_size: [number, number, number] } };
  const side = card.pretrained_cfg.input_size[1] / 2;
  card.pretrained_cfg.input_size = [3, side, side];
  const { backbones, ...rest } = index();
  const another = { ...backbones[0], folder: 'another', name: 'another', label: 'Another', inputSize: side, top1: 61.2, top1Size: side };
  app.site.files.set('backbones/another/config.json', Buffer.from(JSON.stringify(card)));
  app.site.files.set('backbones/another/model.safetensors', weights);
  app.site.files.set('backbones/index.json', Buffer.from(JSON.stringify({ ...rest, backbones: [...backbones, another] })));
}

/** Files with these contents, as a file picker takes them. */
export function picked(files: { [name: string]: Buffer | string }): PickedFile[] {
  return Object.entries(files).map(([name, content]) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) }));
}

/** Two classes that are easy to tell apart: photographs where there are any, drawings otherwise. */
export async function pictures(app: AppPage, part: 'train' | 'test', count: number): Promise<{ [name: string]: PickedFile[] }> {
  const photographs = (name: string): PickedFile[] =>
    readdirSync(join(PHOTOGRAPHS, part, name))
      .filter((file) => file.endsWith('.jpg'))
      .sort()
      .slice(0, count)
      .map((file) => ({ name: `${part} ${name} ${file}`, mimeType: 'image/jpeg', buffer: readFileSync(join(PHOTOGRAPHS, part, name, file)) }));
  if (existsSync(PHOTOGRAPHS)) return { shoes: photographs('shoes'), pants: photographs('pants') };
  const seed = part === 'train' ? 0 : 500;
  return { circles: await app.draw('circles', count, seed), stripes: await app.draw('stripes', count, seed) };
}
