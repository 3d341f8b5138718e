import { describe, expect, it } from 'vitest';
import { Sources } from '../../www/worker/sources.js';

const pixels = (bytes: number) => ({ rgba: new Uint8Array(bytes), width: bytes / 4, height: 1 });

/** Packs into as many bytes; one of 12 bytes cannot be packed. */
function sources() {
  const packed: number[] = [];
  const all = new Sources(async ({ rgba }) => {
    packed.push(rgba.length);
    if (rgba.length === 12) throw new Error('no room');
    return new Blob([new Uint8Array(rgba.length)]);
  });
  return { all, packed };
}

describe('what pictures were added as', () => {
  it('is packed when there is time, in order, or when it is wanted', async () => {
    const { all, packed } = sources();
    for (const id of [1, 2, 4, 5]) await all.pack(id, pixels(4 * id));
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
    for (const id of [1, 3, 4]) await all.pack(id, pixels(4 * id));
    expect([...(await all.all()).keys()]).toEqual([1, 4]);
    expect(await all.get(3)).toBe(undefined);
  });

  it('does not fill the memory with pixels', async () => {
    const { all, packed } = sources();
    for (const id of [1, 2, 3, 4]) await all.pack(id, pixels(20e6));
    expect(packed.length).toBe(1);
  });

  it('is gone once it is forgotten, even where it is being packed', async () => {
    const { all, packed } = sources();
    await all.pack(1, pixels(4));
    await all.pack(2, pixels(8));
    all.delete(1);
    const asked = all.get(2);
    all.delete(2);
    expect(await asked).toBe(undefined);
    expect([await all.get(1), (await all.all()).size, packed]).toEqual([undefined, 0, [8]]);
  });
});
