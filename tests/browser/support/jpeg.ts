import { ascii } from './bytes.js';

/** What {@link jpeg} draws: blocks of 8 × 8 pixels, each of one colour. */
export interface JpegPicture {
  /** Size in blocks. */
  columns: number;
  rows: number;
  /** `rgb` is stored as YCbCr, as cameras do; `cmyk` as four inks, inverted and marked by Adobe's segment, as print programs do. */
  space: 'rgb' | 'cmyk';
  /** Three or four values from 0 to 255. */
  color: (column: number, row: number) => number[];
  /** EXIF orientation, 1 to 8. */
  orientation?: number;
}

/** A JPEG file of flat blocks: baseline, and with nothing but the constant term of each block, so that no encoder is needed. */
export function jpeg({ columns, rows, space, color, orientation }: JpegPicture): Buffer {
  const components = space === 'rgb' ? 3 : 4;
  const each = (bytes: (component: number) => number[]) => Array.from({ length: components }, (_, i) => bytes(i)).flat();
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...(orientation === undefined ? [] : [exif(orientation)]),
    ...(space === 'cmyk' ? [segment(0xee, [...ascii('Adobe'), 0, 100, 0, 0, 0, 0, 0])] : []),
    // A quantisation of 1 throughout.
    segment(0xdb, [0, ...new Array<number>(64).fill(1)]),
    segment(0xc0, [8, ...uint16(rows * 8), ...uint16(columns * 8), components, ...each((i) => [i + 1, 0x11, 0])]),
    // Constant terms: the 12 categories have codes of 4 bits that equal their numbers. The rest: only “end of block”, as one 0 bit.
    segment(0xc4, [0x00, 0, 0, 0, 12, ...new Array<number>(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    segment(0xc4, [0x10, 1, ...new Array<number>(15).fill(0), 0]),
    segment(0xda, [components, ...each((i) => [i + 1, 0x00]), 0, 63, 0]),
    Buffer.from(scan(columns, rows, components, (column, row) => stored(space, color(column, row)))),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function scan(columns: number, rows: number, components: number, samples: (column: number, row: number) => number[]): number[] {
  let bits = '';
  const last = new Array<number>(components).fill(0);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (const [i, sample] of samples(column, row).entries()) {
        const constant = Math.round(8 * (sample - 128));
        const difference = constant - (last[i] ?? 0);
        last[i] = constant;
        const category = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
        // Negative differences are written as their one's complement.
        const value = difference < 0 ? difference + 2 ** category - 1 : difference;
        bits += category.toString(2).padStart(4, '0') + (category ? value.toString(2).padStart(category, '0') : '') + '0';
      }
    }
  }
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    // An FF inside the data is followed by a 0, or it would be a marker.
    bytes.push(...(byte === 0xff ? [byte, 0] : [byte]));
  }
  return bytes;
}

function stored(space: JpegPicture['space'], [a = 0, b = 0, c = 0, d = 0]: number[]): number[] {
  if (space === 'cmyk') return [a, b, c, d].map((ink) => 255 - ink);
  return [
    0.299 * a + 0.587 * b + 0.114 * c,
    128 - 0.168736 * a - 0.331264 * b + 0.5 * c,
    128 + 0.5 * a - 0.418688 * b - 0.081312 * c,
  ];
}

function exif(orientation: number): Buffer {
  // A big-endian TIFF with one directory of one entry: tag 0x0112, type SHORT, one value.
  const tiff = [...ascii('MM'), 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  return segment(0xe1, [...ascii('Exif'), 0, 0, ...tiff]);
}

function segment(marker: number, body: number[]): Buffer {
  return Buffer.from([0xff, marker, ...uint16(body.length + 2), ...body]);
}

const uint16 = (value: number) => [value >> 8, value & 0xff];
