/** One entry of a safetensors header. */
export interface TensorEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** A safetensors file in parts. */
export interface Safetensors {
  header: Record<string, TensorEntry>;
  data: Buffer;
}

/** Takes a safetensors file apart. */
export function readSafetensors(file: Buffer): Safetensors {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Safetensors['header'];
  return { header, data: Buffer.from(file.subarray(8 + length)) };
}

/** Puts a safetensors file together. */
export function writeSafetensors({ header, data }: Safetensors): Buffer {
  const text = JSON.stringify(header);
  const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, data]);
}
