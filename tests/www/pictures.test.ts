import { describe, expect, it } from 'vitest';
import { regionToRead } from '../../www/worker/decode.js';
import { pictureSize } from '../../www/worker/picture-size.js';
import { ascii } from '../browser/support/bytes.js';

const size = (...bytes: number[]) => pictureSize(new Uint8Array(bytes));

describe('pictureSize', () => {
  it('reads PNG, GIF and BMP', () => {
    expect(size(0x89, ...ascii('PNG\r\n\x1a\n'), 0, 0, 0, 13, ...ascii('IHDR'), 0, 0, 0x75, 0x30, 0, 0, 0, 2)).toEqual({ width: 30000, height: 2 });
    expect(size(...ascii('GIF89a'), 0x2c, 1, 3, 0)).toEqual({ width: 300, height: 3 });
    // A BMP with a negative height is stored from the top.
    expect(size(...ascii('BM'), ...new Array<number>(16).fill(0), 5, 0, 0, 0, 0xf9, 0xff, 0xff, 0xff)).toEqual({ width: 5, height: 7 });
  });

  it('finds the frame of a JPEG behind other segments and padding', () => {
    const exif = [0xff, 0xe1, 0, 6, 1, 2, 3, 4];
    const table = [0xff, 0xc4, 0, 3, 9];
    const frame = [0xff, 0xff, 0xc2, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 3];
    expect(size(0xff, 0xd8, ...exif, ...table, ...frame)).toEqual({ width: 0x0304, height: 0x0102 });
  });

  it('reads the three kinds of WebP', () => {
    const riff = [...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WEBP')];
    expect(size(...riff, ...ascii('VP8X'), 10, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0x4e, 0, 9, 0, 0)).toEqual({ width: 20000, height: 10 });
    expect(size(...riff, ...ascii('VP8L'), 0, 0, 0, 0, 0x2f, 0x63, 0x40, 0x0c, 0, 0, 0, 0, 0, 0)).toEqual({ width: 100, height: 50 });
    expect(size(...riff, ...ascii('VP8 '), 0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xf0, 0)).toEqual({ width: 320, height: 240 });
  });

  it('knows nothing of text, of nothing, and of files that end early', () => {
    expect(size(...ascii('this is no picture'))).toBeNull();
    expect(size()).toBeNull();
    expect(size(0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff)).toBeNull();
    expect(size(0x89, ...ascii('PNG\r\n\x1a\n'))).toBeNull();
  });
});

describe('regionToRead', () => {
  it('takes ordinary pictures whole', () => {
    expect(regionToRead(640, 480)).toEqual({ x: 0, y: 0, width: 640, height: 480 });
    expect(regionToRead(2048, 4000)).toEqual({ x: 0, y: 0, width: 2048, height: 4000 });
  });

  it('takes the centre square of large ones and of long panoramas', () => {
    expect(regionToRead(4000, 3000)).toEqual({ x: 500, y: 0, width: 3000, height: 3000 });
    expect(regionToRead(1000, 40001)).toEqual({ x: 0, y: 19500, width: 1000, height: 1000 });
  });
});
