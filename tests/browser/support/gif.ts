import { ascii } from './bytes.js';

/** An animated GIF of one flat frame after another, each colour as [red, green, blue]; at most 4 colours. */
export function gif(size: number, colors: [number, number, number][]): Buffer {
  const palette = Array.from({ length: 4 }, (_, i) => colors[i] ?? [0, 0, 0]).flat();
  const side = [size & 0xff, size >> 8];
  return Buffer.concat([
    // A global table of 4 colours, and the extension that makes it loop.
    Buffer.from([...ascii('GIF89a'), ...side, ...side, 0x91, 0, 0, ...palette]),
    Buffer.from([0x21, 0xff, 11, ...ascii('NETSCAPE2.0'), 3, 1, 0, 0, 0]),
    ...colors.map((_, index) =>
      Buffer.concat([
        Buffer.from([0x21, 0xf9, 4, 0, 10, 0, 0, 0]),
        Buffer.from([0x2c, 0, 0, 0, 0, ...side, ...side, 0, 2]),
        blocks(flat(size * size, index)),
        Buffer.from([0]),
      ]),
    ),
    Buffer.from([0x3b]),
  ]);
}

/** LZW without compression: the table is cleared before it can grow, so that every code has 3 bits. */
function flat(pixels: number, index: number): number[] {
  const [clear, end] = [4, 5];
  const codes: number[] = [];
  for (let at = 0; at < pixels; at += 2) codes.push(clear, ...new Array<number>(Math.min(2, pixels - at)).fill(index));
  codes.push(end);
  const bytes = new Array<number>(Math.ceil((codes.length * 3) / 8)).fill(0);
  codes.forEach((code, i) => {
    for (let bit = 0; bit < 3; bit++) {
      const at = i * 3 + bit;
      if (code & (1 << bit)) bytes[at >> 3]! |= 1 << (at & 7);
    }
  });
  return bytes;
}

function blocks(bytes: number[]): Buffer {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; at += 255) {
    const part = bytes.slice(at, at + 255);
    parts.push(part.length, ...part);
  }
  return Buffer.from(parts);
}
