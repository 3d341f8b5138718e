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

/** The file without one tensor and without its bytes. */
export function withoutTensor({ header, data }: Safetensors, name: string): Safetensors {
  const [from, to] = header[name]!.data_offsets;
  const rest = Object.entries(header).filter(([each]) => each !== name);
  // What lay behind it moves up: a file may have no gaps.
  const moved = (offset: number) => (offset >= to ? offset - (to - from) : offset);
  const entries = rest.map(([each, entry]) => {
    const data_offsets = entry.data_offsets?.map(moved) as TensorEntry['data_offsets'];
    return [each, data_offsets ? { ...entry, data_offsets } : entry];
  });
  return { header: Object.fromEntries(entries), data: Buffer.concat([data.subarray(0, from), data.subarray(to)]) };
}

/** The file with one more tensor, of zeros. */
export function withTensor({ header, data }: Safetensors, name: string): Safetensors {
  const entry: TensorEntry = { dtype: 'F32', shape: [2], data_offsets: [data.length, data.length + 8] };
  return { header: { ...header, [name]: entry }, data: Buffer.concat([data, Buffer.alloc(8)]) };
}
