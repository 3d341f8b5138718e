/** Pictures as a zip with a folder a class, the way they came. Loaded when the first one is made. */
import { BlobReader, BlobWriter, configure, TextReader, ZipWriter } from '@zip.js/zip.js/lib/zip-core-custom.js';
import { KIND_BYTES, pictureKind, type PictureKind } from '../picture-kind.js';
import type { OnProgress } from './types.js';

configure({ useWebWorkers: false });

/** A class to be packed. */
export interface PackedClass {
  readonly name: string;
  readonly pictures: readonly PackedPicture[];
}

export interface PackedPicture {
  readonly name: string;
  /** Whether it is for testing. */
  readonly test: boolean;
  /** Its file; undefined where there is none any more. */
  read(): Promise<{ readonly blob: Blob; readonly group: string | undefined } | undefined>;
}

const EXTENSIONS: Partial<Record<PictureKind, string>> = {
  JPEG: 'jpg',
  PNG: 'png',
  WebP: 'webp',
  GIF: 'gif',
  BMP: 'bmp',
  AVIF: 'avif',
  HEIC: 'heic',
  TIFF: 'tif',
};
/** What Windows does not take in a name, and what separates folders. */
const FORBIDDEN = /[\0-\x1f\x7f/\\:*?"<>|]/g;
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * The zip, written picture by picture. Where there are pictures for testing, those lie in `test`, and the others beside it in `train`. Where pictures belong together, such as those of one recording, or a class's name is none for a
 * folder, a list beside the folders says so, and an import of the zip finds it again.
 */
export async function packPictures(classes: readonly PackedClass[], onProgress: OnProgress): Promise<Blob> {
  const writer = new ZipWriter(new BlobWriter('application/zip'));
  const total = classes.reduce((sum, { pictures }) => sum + pictures.length, 0);
  const folders = new Names();
  const hasTests = classes.some(({ pictures }) => pictures.some(({ test }) => test));
  const rows: string[][] = [['file', 'label', 'group']];
  let done = 0;
  for (const { name, pictures } of classes) {
    const folder = folders.take(name);
    const names = new Names();
    for (const picture of pictures) {
      const source = await picture.read();
      onProgress(++done, total);
      if (source === undefined) continue;
      const { blob, group = '' } = source;
      const part = hasTests ? (picture.test ? 'test/' : 'train/') : '';
      const path = `${part}${folder}/${names.take(await withExtension(picture.name, blob))}`;
      // Pictures are packed already.
      await writer.add(path, new BlobReader(blob), { level: 0 });
      rows.push([path, name, group]);
    }
  }
  const needsList = rows.slice(1).some(([path, label, group]) => group !== '' || path?.split('/').at(-2) !== label);
  if (needsList) await writer.add('labels.csv', new TextReader(table(rows)));
  return writer.close();
}

/** Names within one folder, each another. */
class Names {
  readonly #taken = new Set<string>();

  take(wanted: string): string {
    const plain = fileNameOf(wanted);
    const [, stem = plain, extension = ''] = /^(.+?)(\.[^.]*)?$/.exec(plain) ?? [];
    let name = plain;
    for (let number = 2; this.#taken.has(name.toLowerCase()); number += 1) name = `${stem} (${number})${extension}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

/** The nearest name that a file or a folder can have on every system. */
export function fileNameOf(wanted: string): string {
  const allowed = wanted.normalize('NFC').replace(FORBIDDEN, '_').trim().replace(/[. ]+$/, '').replace(/^\.+/, '_');
  return allowed.replace(RESERVED, '_$&') || '_';
}

/** Pictures of a camera have none, and other programs go by it. */
async function withExtension(name: string, blob: Blob): Promise<string> {
  if (/\.[a-z0-9]{2,5}$/i.test(name)) return name;
  const kind = pictureKind(new Uint8Array(await blob.slice(0, KIND_BYTES).arrayBuffer()));
  const extension = kind === null ? undefined : EXTENSIONS[kind];
  return extension === undefined ? name : `${name}.${extension}`;
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',') + '\r\n').join('');
}
