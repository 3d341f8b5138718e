import { describe, expect, it } from 'vitest';
import { Sources } from '../../www/worker/sources.js';

const closed: number[] = [];
/** Of so many bytes. */
const bitmap = (bytes: number): ImageBitmap => ({ width: bytes / 4, height: 1, close: () => void closed.push(bytes) });

/** Packs into as many bytes; one of 12 bytes cannot be packed. */
function sources() {
  const packed: number[] = [];
  closed.length = 0;
  const all = new Sources(async ({ width }) => {
    packed.push(4 * width);
    if (width === 3) throw new Error('no room');
    return new Blob([new Uint8Array(4 * width)]);
  });
  return { all, packed };
}

describe('what pictures were added as', () => {
  it('is packed when there is time, in order, or when it is wanted', async () => {
    const { all, packed } = sources();
    for (const id of [1, 2, 4, 5]) await all.pack(id, bitmap(4 * id));
    all.set(3, new Blob(['a file']));
    expect(packed).toEqual([]);
    await all.packNext();
    expect(all.wait).toBe(true);
    expect((await all.get(5))?.size).toBe(20);
    expect((await all.get(5))?.size).toBe(20);
    expect(packed).toEqual([4, 20]);
    for (const wait of [true, false, false]) {
      await all.packNext();
      expect(all.wait).toBe(wait);
    }
    expect(packed).toEqual([4, 20, 8, 16]);
    expect([...(await all.all())].map(([id, { size }]) => [id, size]).sort()).toEqual([[1, 4], [2, 8], [3, 6], [4, 16], [5, 20]]);
  });

  it('is all packed where all of it is wanted, and what cannot be is left out', async () => {
    const { all } = sources();
    for (const id of [1, 3, 4]) await all.pack(id, bitmap(4 * id));
    expect([...(await all.all()).keys()]).toEqual([1, 4]);
    expect(closed, 'what is packed is not kept as it was, nor what cannot be').toEqual([4, 12, 16]);
    expect(await all.get(3)).toBe(undefined);
  });

  it('does not fill the memory with bitmaps', async () => {
    const { all, packed } = sources();
    for (const id of [1, 2, 3, 4]) await all.pack(id, bitmap(20e6));
    expect(packed.length).toBe(1);
  });

  it('is gone once it is forgotten, even where it is being packed', async () => {
    const { all, packed } = sources();
    await all.pack(1, bitmap(4));
    await all.pack(2, bitmap(8));
    all.delete(1);
    const asked = all.get(2);
    all.delete(2);
    expect(await asked).toBe(undefined);
    expect([await all.get(1), (await all.all()).size, packed]).toEqual([undefined, 0, [8]]);
    expect(closed).toEqual([4, 8]);
  });
});
