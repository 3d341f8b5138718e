import { crc32, deflateRawSync } from 'node:zlib';

/** One entry of a zip that is written here byte by byte, so that it can be wrong in any way. */
export interface Written {
  name: string;
  bytes: Uint8Array | string;
  /** 8 is deflate, which is the rule; 0 is none. Others are announced only. */
  method?: number;
  /** What the zip says instead of the truth. */
  crc?: number;
  size?: number;
  encrypted?: boolean;
}

export interface Archive {
  /** How many entries the end of the directory announces. */
  announced?: number;
  comment?: string;
}

/** A zip of these entries, in this order, as a file. */
export function zipOf(name: string, entries: readonly Written[], archive: Archive = {}): File {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const raw = Buffer.from(entry.bytes as string);
    const method = entry.method ?? 8;
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const path = Buffer.from(entry.name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x800 | (entry.encrypted ? 1 : 0), 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(entry.crc ?? crc32(raw), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(entry.size ?? raw.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, path, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, rest, path]));
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(archive.announced ?? entries.length, 8);
  end.writeUInt16LE(archive.announced ?? entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  const comment = Buffer.from(archive.comment ?? '');
  end.writeUInt16LE(comment.length, 20);
  return new File([Buffer.concat([...parts, listed, end, comment])], name);
}

/** Bytes that begin like a PNG and are otherwise this text. */
export const png = (text: string): Uint8Array => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(text)]);

/** The zip with an end that announces so many entries: one of zip64, its locator, and the usual one that refers to them. */
export function announcing(zip: ArrayBuffer, entries: number): File {
  const end = Buffer.alloc(76 + 22);
  const directory = Buffer.from(zip);
  const at = directory.indexOf('PK\x01\x02', 0, 'latin1');
  end.write('PK\x06\x06', 0, 'latin1');
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  end.writeBigUInt64LE(BigInt(directory.length - 22 - at), 40);
  end.writeBigUInt64LE(BigInt(at), 48);
  end.write('PK\x06\x07', 56, 'latin1');
  end.writeBigUInt64LE(BigInt(directory.length - 22), 64);
  end.writeUInt32LE(1, 72);
  end.write('PK\x05\x06', 76, 'latin1');
  end.fill(0xff, 84, 96);
  return new File([directory.subarray(0, -22), end], 'x.zip');
}
