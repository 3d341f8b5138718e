import { describe, expect, it } from 'vitest';
import { Thumbnails } from '../../www/worker/pictures.js';

const small = (text: string): Blob => new Blob([text]);
const none = { code: 'image_unknown' };

describe('thumbnails', () => {
  it('are there, on their way, or made once they are wanted, and each once', async () => {
    const thumbnails = new Thumbnails();
    let made = 0;
    thumbnails.set(1, small('1'));
    thumbnails.set(2, Promise.resolve(small('22')));
    for (const id of [3, 4]) {
      thumbnails.set(id, async () => {
        made += 1;
        return small('3'.repeat(id));
      });
    }
    expect(made).toBe(0);
    const [once, again] = await Promise.all([thumbnails.get(3), thumbnails.get(3)]);
    expect([made, once.size, again]).toEqual([1, 3, once]);
    expect([...(await thumbnails.all())].map(([id, { size }]) => [id, size])).toEqual([[1, 1], [2, 2], [3, 3], [4, 4]]);
    expect([await thumbnails.get(3), made]).toEqual([once, 2]);
  });

  it('that cannot be made are none', async () => {
    const thumbnails = new Thumbnails();
    thumbnails.set(1, Promise.reject(new Error('no room')));
    thumbnails.set(2, () => Promise.reject(new Error('no room')));
    thumbnails.set(3, small('3'));
    thumbnails.set(5, () => {
      throw new Error('no canvas');
    });
    expect(await thumbnails.make(1)).toBe(null);
    expect([...(await thumbnails.all()).keys()]).toEqual([3]);
    for (const id of [1, 2, 4, 5]) await expect(thumbnails.get(id)).rejects.toMatchObject({ ...none, value: String(id) });
  });

  it('do not come back once they are forgotten, even where they are being made', async () => {
    const thumbnails = new Thumbnails();
    let done = (_: Blob): void => undefined;
    thumbnails.set(1, new Promise((resolve) => (done = resolve)));
    const asked = thumbnails.make(1);
    thumbnails.delete(1);
    done(small('1'));
    expect((await asked)?.size).toBe(1);
    await expect(thumbnails.get(1)).rejects.toMatchObject(none);
    // Another picture may have its number by then.
    thumbnails.set(1, new Promise((resolve) => (done = resolve)));
    const late = thumbnails.make(1);
    thumbnails.set(1, small('another'));
    done(small('1'));
    await late;
    expect((await thumbnails.get(1)).size).toBe(7);
  });
});
