/** Zips, read file by file where they lie. Loaded when the first one comes. */
import { BlobReader, configure, ZipReader, type FileEntry } from '@zip.js/zip.js/lib/zip-core-custom.js';
import { MAX_DIRECTORY_BYTES, MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_PATH_LETTERS, MAX_TOTAL_BYTES } from './limits.js';
import { ImportRefusal } from './refusal.js';
import { headOf } from './zip-head.js';
import type { Given, LeftOut } from './types.js';

// Its workers would come from addresses that the page's policy forbids; the browser's own decompression runs beside the page anyway.
configure({ useWebWorkers: false });

/** What a zip holds. */
export interface ZipContents {
  readonly files: readonly Given[];
  /** Files that cannot be unpacked. */
  readonly leftOut: readonly LeftOut[];
}

/** Compression methods that are read: none at all, and deflate. */
const METHODS = [0, 8];
const METHOD_NAMES: Readonly<Record<number, string>> = { 9: 'Deflate64', 12: 'bzip2', 14: 'LZMA', 93: 'Zstandard', 95: 'XZ', 98: 'PPMd' };

/** Reads no more at a time than a directory may be long, whatever the file says of itself. */
class BoundedReader extends BlobReader {
  override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (length > MAX_DIRECTORY_BYTES) throw tooMany();
    return super.readUint8Array(offset, length);
  }
}

/**
 * The files of a zip, below the given folders, none of them longer than `largest` bytes; nothing is unpacked yet.
 *
 * @throws {@link ImportRefusal} for a file that is no zip, is damaged, or was made to do harm.
 */
export async function openZip(blob: Blob, folders: readonly string[], largest = MAX_ENTRY_BYTES): Promise<ZipContents> {
  const files: Given[] = [];
  const leftOut: LeftOut[] = [];
  const names = new Set<string>();
  let announced = 0;
  let unpacked = 0;
  const reader = new ZipReader(new BoundedReader(blob), { filenameValidation: 'tolerant' });
  try {
    const entries = reader.getEntriesGenerator({ onprogress: (_, total) => void (announced = total) });
    for await (const entry of entries) {
      if (announced > MAX_ENTRIES || names.size >= MAX_ENTRIES) throw tooMany(announced);
      const path = safePath(entry.filename);
      if (names.has(path.join('/'))) throw new ImportRefusal('zip_duplicate_name', `has “${shown(entry.filename)}” in it twice`);
      names.add(path.join('/'));
      if (entry.directory || isNote(path)) continue;
      unpacked += entry.uncompressedSize;
      if (unpacked > MAX_TOTAL_BYTES) throw new ImportRefusal('zip_too_large', `would be more than ${MAX_TOTAL_BYTES / 1e9} GB unpacked`);
      const problem = problemOf(entry, largest);
      if (problem === null) files.push(givenOf(blob, entry, largest, [...folders, ...path.slice(0, -1)], path.at(-1) ?? ''));
      else leftOut.push({ name: [...folders, ...path].join('/'), reason: problem.reason });
    }
  } catch (error) {
    throw refusalOf(error);
  }
  return { files, leftOut };
}

/** The folders and the name of an entry. Old tools for Windows separate them the other way. */
function safePath(filename: string): string[] {
  if (filename.length > MAX_PATH_LETTERS) {
    throw new ImportRefusal('zip_name_too_long', `has a file in it with a name of ${filename.length.toLocaleString('en')} letters`);
  }
  const path = filename.replaceAll('\\', '/');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const isAbsolute = path.startsWith('/') || /^[a-z]:/i.test(path);
  if (isAbsolute || parts.includes('..') || /[\0-\x1f\x7f]/.test(path) || parts.length === 0) throw new ImportRefusal('zip_unsafe_name', `has a file in it whose name leads out of it, “${shown(filename)}”`);
  return parts;
}

/** What systems add on their own. */
function isNote(path: readonly string[]): boolean {
  const name = path.at(-1) ?? '';
  return path[0] === '__MACOSX' || name.startsWith('.') || name === 'Thumbs.db' || name === 'desktop.ini';
}

/** Why an entry cannot be unpacked, as far as its listing tells. */
function problemOf(entry: FileEntry, largest: number): ImportRefusal | null {
  if (entry.encrypted) return new ImportRefusal('zip_encrypted', 'is locked with a password');
  const { compressionMethod: method } = entry;
  if (!METHODS.includes(method)) {
    return new ImportRefusal('zip_method', `is packed in a way that cannot be read here (${METHOD_NAMES[method] ?? `method ${method}`})`);
  }
  return entry.uncompressedSize > largest ? tooLarge(largest) : null;
}

function givenOf(zip: Blob, entry: FileEntry, largest: number, folders: readonly string[], name: string): Given {
  return {
    name,
    folders,
    size: entry.uncompressedSize,
    ...(entry.crc32 !== undefined && { checksum: entry.crc32 }),
    head: async (bytes) => {
      const head = await headOf(zip, entry, bytes);
      if (head !== null) return head;
      const { parts } = await unpack(entry, largest, bytes);
      return new Uint8Array(await new Blob(parts).slice(0, bytes).arrayBuffer());
    },
    read: async () => new File((await unpack(entry, largest)).parts, name),
  };
}

/** The bytes of an entry, the first of them or all. Counted as they come: what the listing says of the size may be a lie. */
async function unpack(entry: FileEntry, largest: number, atLeast = Infinity): Promise<{ parts: Uint8Array<ArrayBuffer>[] }> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const enough = new AbortController();
  let size = 0;
  let problem: ImportRefusal | null = null;
  const sink = new WritableStream<Uint8Array<ArrayBuffer>>({
    write(part) {
      size += part.length;
      if (size > largest) problem = tooLarge(largest);
      else if (size > entry.uncompressedSize) problem = new ImportRefusal('zip_size', 'is not as long as its zip says');
      else parts.push(part);
      if (problem !== null) throw problem;
      if (size >= atLeast) enough.abort();
    },
  });
  try {
    await entry.getData(sink, { checkCrc32: true, useWebWorkers: false, signal: enough.signal });
  } catch (error) {
    // The rest is not wanted.
    if (problem === null && size >= atLeast) return { parts };
    throw problem ?? refusalOf(error);
  }
  return { parts };
}

/** What zip.js says, in our words: it tells causes apart by their messages. */
function refusalOf(error: unknown): ImportRefusal {
  if (error instanceof ImportRefusal) return error;
  const message = error instanceof Error ? error.message : '';
  if (/not recognized|End of central directory not found/.test(message)) {
    return new ImportRefusal('zip_truncated', 'is no zip, or its end is missing: it may have been cut off on its way');
  }
  if (/Split zip/.test(message)) return new ImportRefusal('zip_split', 'is one part of a zip that was split');
  if (/[Ee]ncrypt|password/.test(message)) return new ImportRefusal('zip_encrypted', 'is locked with a password');
  if (/Compression method/.test(message)) return new ImportRefusal('zip_method', 'is packed in a way that cannot be read here');
  if (/CRC-?32/i.test(message)) return new ImportRefusal('zip_checksum', 'is damaged: its bytes are not those that were packed');
  if (/uncompressed size/i.test(message)) return new ImportRefusal('zip_size', 'is not as long as its zip says');
  return new ImportRefusal('zip_invalid', 'is damaged');
}

function tooMany(announced = 0): ImportRefusal {
  const limit = MAX_ENTRIES.toLocaleString('en');
  const many = announced > MAX_ENTRIES ? announced.toLocaleString('en') : `more than ${limit}`;
  return new ImportRefusal('zip_too_many_files', `has ${many} files in it, and at most ${limit} are read from a zip`);
}

function tooLarge(largest: number): ImportRefusal {
  return new ImportRefusal('zip_entry_too_large', `is larger than ${Math.floor(largest / 1e6)} MB unpacked`);
}

/** A name that can be shown: short, and without what would break the line. */
function shown(name: string): string {
  const plain = name.replace(/[\0-\x1f\x7f]/g, '�');
  return plain.length > 60 ? `${plain.slice(0, 60)}…` : plain;
}
