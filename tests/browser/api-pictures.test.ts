import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Trainer } from '../../www/headstart.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { gif } from './support/gif.js';
import { jpeg } from './support/jpeg.js';
import { stripedPng } from './support/png.js';

const RED = [255, 0, 0, 255];
const GREEN = [0, 255, 0, 255];
const BLUE = [0, 0, 255, 255];

declare global {
  /** The one trainer of these tests, in the page. */
  var trainer: Trainer;
}

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
  await api.page.evaluate(async () => {
    globalThis.trainer = await headstart.Trainer.create({ engine: 'cpu' });
    await trainer.addClass('things');
  });
});
afterAll(() => api?.close());

/** Adds a file and looks at its thumbnail, at points given in fractions of its size. */
async function colorsOf(name: string, bytes: Buffer, ...points: [number, number][]): Promise<string[]> {
  api.site.files.set(name, bytes);
  return api.page.evaluate(
    async ({ name, points }) => {
      const id = await trainer.addImage('things', await tools.file(name));
      const thumbnail = await trainer.thumbnail(id);
      const found = [];
      for (const [x, y] of points) {
        const color = await drawing.colorAt(thumbnail, x!, y!);
        found.push(color.map((part) => (part > 200 ? 'f' : part < 55 ? '0' : '-')).join(''));
      }
      return found;
    },
    { name, points },
  );
}

async function refusalOf(name: string, bytes: Buffer) {
  api.site.files.set(name, bytes);
  return api.page.evaluate(async (name) => {
    const before = JSON.stringify(trainer.classes);
    const refused = await tools.refused(trainer.addImage('things', await tools.file(name)));
    return { ...refused, nothingLost: before === JSON.stringify(trainer.classes) };
  }, name);
}

describe('pictures that can be read', () => {
  it('shows an ordinary photo as it is', async () => {
    const halves = jpeg({ columns: 8, rows: 8, space: 'rgb', color: (column) => (column < 4 ? RED : BLUE) });
    expect(await colorsOf('halves.jpg', halves, [0.2, 0.5], [0.8, 0.5])).toEqual(['f00', '00f']);
  });

  it('turns a photo upright by its EXIF orientation', async () => {
    // Taken with the camera on its side: stored with red on the left, to be turned a quarter clockwise, so that red is on top.
    const turned = jpeg({ columns: 8, rows: 8, space: 'rgb', color: (column) => (column < 4 ? RED : BLUE), orientation: 6 });
    expect(await colorsOf('turned.jpg', turned, [0.5, 0.2], [0.5, 0.8])).toEqual(['f00', '00f']);
  });

  it('reads a CMYK JPEG in its colours', async () => {
    const [magenta, cyan] = [[0, 255, 0, 0], [255, 0, 0, 0]];
    const print = jpeg({ columns: 8, rows: 8, space: 'cmyk', color: (column) => (column < 4 ? magenta : cyan) });
    const [left, right] = await colorsOf('print.jpg', print, [0.2, 0.5], [0.8, 0.5]);
    // How strong the inks are depends on the browser's colour profile; which is which does not.
    expect(left).toMatch(/^[f-]0[f-]$/);
    expect(right).toMatch(/^0[f-][f-]$/);
  });

  it('takes the first frame of an animated GIF', async () => {
    expect(await colorsOf('moving.gif', gif(32, [[255, 0, 0], [0, 0, 255]]), [0.5, 0.5])).toEqual(['f00']);
  });

  it('puts a transparent picture on white', async () => {
    expect(await colorsOf('clear.png', stripedPng(64, 64, [[0, 0, 0, 0], GREEN]), [0.2, 0.5], [0.8, 0.5])).toEqual(['fff', '0f0']);
  });

  it('reads a picture of 100 megapixels, and its centre square', async () => {
    const huge = stripedPng(10_000, 10_000, [RED, GREEN, BLUE]);
    expect(await colorsOf('huge.png', huge, [0.1, 0.5], [0.5, 0.5], [0.9, 0.5])).toEqual(['f00', '0f0', '00f']);
    const panorama = stripedPng(30_000, 1_000, [RED, GREEN, BLUE]);
    expect(await colorsOf('panorama.png', panorama, [0.1, 0.5], [0.9, 0.5])).toEqual(['0f0', '0f0']);
  });

  it('reads a picture of one pixel', async () => {
    expect(await colorsOf('dot.png', stripedPng(1, 1, [BLUE]), [0.5, 0.5])).toEqual(['00f']);
  });

  it('takes bitmaps, pixels, canvases and images, and leaves them usable', async () => {
    const seen = await api.page.evaluate(async () => {
      const blob = await drawing.draw('circles', 7, 64);
      const bitmap = await createImageBitmap(blob);
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
      const context = canvas.getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const pixels = context.getImageData(0, 0, 64, 64);
      const image = new Image();
      image.src = URL.createObjectURL(blob);
      const ids = await Promise.all([bitmap, pixels, canvas, image].map((source) => trainer.addImage('things', source)));
      const center = await Promise.all(ids.map(async (id) => drawing.colorAt(await trainer.thumbnail(id), 0.5, 0.5)));
      const expected = [...pixels.data.slice(4 * (32 * 64 + 32))].slice(0, 3);
      return { ids, center, expected, stillThere: bitmap.width === 64 && pixels.data.length === 64 * 64 * 4 };
    });
    expect(new Set(seen.ids).size).toBe(4);
    expect([...seen.ids]).toEqual([...seen.ids].sort((a, b) => a - b));
    expect(seen.stillThere).toBe(true);
    for (const color of seen.center) expect(color).toEqual(seen.center[0]);
  });
});

describe('pixels', () => {
  const COPIED = ['opaque', 'as large', 'of a JPEG', 'of an image', 'pixels', 'another size', 'large', 'long'];
  const TRANSPARENT = ['transparent', 'faint'];
  /** How cameras write that a photo is turned. */
  const TURNED = { 'mirrored.jpg': 2, 'upside down.jpg': 3, 'on its side.jpg': 6, 'on its other side.jpg': 8, 'large, on its side.jpg': 6 };
  const DRAWN = ['wide colours', 'on its side.jpg as an image', ...Object.keys(TURNED)];
  const SHOWN = [...COPIED, ...TRANSPARENT, ...DRAWN];

  /** What the network sees of all these: its features, of all at once and of one after the other. */
  const seen = (shown: string[]) =>
    api.page.evaluate(async ([names, turned]) => {
      const surface = (width: number, height: number, settings: CanvasRenderingContext2DSettings = {}, hue = 37): OffscreenCanvasRenderingContext2D => {
        const context = new OffscreenCanvas(width, height).getContext('2d', settings)!;
        for (let i = 0; i < 40; i++) {
          context.fillStyle = `hsl(${hue * i} 80% ${20 + i}%)`;
          context.fillRect((width * (i % 8)) / 8, (height * Math.floor(i / 8)) / 5, width / 8 + 1, height / 5 + 1);
        }
        return context;
      };
      const cut = surface(90, 70);
      cut.clearRect(20, 10, 40, 30);
      const faint = new OffscreenCanvas(90, 70).getContext('2d')!;
      faint.fillStyle = 'rgb(200 40 90 / 0.4)';
      faint.fillRect(10, 10, 60, 60);
      const wide = surface(64, 64, { colorSpace: 'display-p3' });
      wide.fillStyle = 'color(display-p3 1 0 0)';
      wide.fillRect(0, 0, 64, 32);
      const jpeg = await surface(200, 150).canvas.convertToBlob({ type: 'image/jpeg' });
      const imageOf = async (blob: Blob): Promise<HTMLImageElement> => {
        const image = new Image();
        image.src = URL.createObjectURL(blob);
        await image.decode();
        return image;
      };
      const files = await Promise.all(turned.map(async (name) => [name, await tools.file(name)] as const));
      const pictures: Record<string, Parameters<Trainer['embed']>[0]> = {
        opaque: surface(64, 64).canvas.transferToImageBitmap(),
        'as large': surface(64, 64, {}, 53).canvas.transferToImageBitmap(),
        pixels: surface(64, 48).getImageData(0, 0, 64, 48),
        'of a JPEG': await createImageBitmap(jpeg),
        'of an image': await imageOf(await surface(50, 50).canvas.convertToBlob()),
        'another size': await surface(120, 64).canvas.convertToBlob(),
        transparent: await createImageBitmap(cut.canvas),
        faint: await faint.canvas.convertToBlob(),
        'wide colours': wide.canvas.transferToImageBitmap(),
        large: surface(2100, 2200).canvas.transferToImageBitmap(),
        long: await surface(3000, 40).canvas.convertToBlob(),
        'on its side.jpg as an image': await imageOf(await tools.file('on its side.jpg')),
        ...Object.fromEntries(files),
      };
      const each = names.map((name) => pictures[name]!);
      const found = await Promise.all(each.map((picture) => trainer.embed(picture)));
      for (const picture of each) found.push(await trainer.embed(picture));
      return found.map((features) => [...features]);
    }, [shown, Object.keys(TURNED)] as const);

  it('are the same where the browser copies them as where it draws them', async () => {
    for (const [name, orientation] of Object.entries(TURNED)) {
      const [columns, rows] = name.startsWith('large') ? [400, 300] : [12, 8];
      api.site.files.set(name, jpeg({ columns, rows, space: 'rgb', color: (x, y) => [(250 * x) / columns, (250 * y) / rows, (x * y) % 256], orientation }));
    }
    const [worker] = api.page.workers();
    await worker!.evaluate(() => {
      const { copyTo } = VideoFrame.prototype;
      Object.assign(globalThis, { copied: 0, Frame: VideoFrame });
      VideoFrame.prototype.copyTo = function (...args) {
        (globalThis as unknown as { copied: number }).copied += 1;
        return copyTo.apply(this, args);
      };
    });
    const copied = await seen(SHOWN);
    const times = await worker!.evaluate(() => (globalThis as unknown as { copied: number }).copied);
    await worker!.evaluate(() => Object.assign(globalThis, { VideoFrame: undefined }));
    const drawn = await seen(SHOWN).finally(() =>
      worker!.evaluate(() => Object.assign(globalThis, { VideoFrame: (globalThis as unknown as { Frame: typeof VideoFrame }).Frame })),
    );
    // Each twice. That one is transparent shows once it is copied.
    expect(times).toBe(2 * (COPIED.length + TRANSPARENT.length));
    for (const [at, name] of [...SHOWN, ...SHOWN].entries()) {
      expect(copied[at], name).toEqual(drawn[at]);
      expect(drawn[at]).toEqual(drawn[at % SHOWN.length]);
    }
    // A file and an image of it are the same.
    expect(new Set(drawn.map(String)).size).toBe(SHOWN.length - 1);
  });
});

describe('pictures that cannot be read', () => {
  it.each([
    ['text.jpg', Buffer.from('This is a letter and no picture.')],
    ['empty.png', Buffer.alloc(0)],
    ['cut.png', stripedPng(300, 300, [RED]).subarray(0, 40)],
  ])('refuses %s by name', async (name, bytes) => {
    const refused = await refusalOf(name, bytes);
    expect(refused).toMatchObject({ code: 'picture_unreadable', value: name, isHeadstartError: true, nothingLost: true });
    expect(refused.message).toContain(name);
  });

  it('names a kind that cannot be read', async () => {
    const refused = await refusalOf('drawing.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'));
    expect(refused).toMatchObject({ code: 'picture_kind_unsupported', value: 'drawing.svg', isHeadstartError: true, nothingLost: true });
    expect(refused.message).toContain('SVG');
  });

  it('refuses a small file that announces more pixels than there is memory for', async () => {
    const bomb = stripedPng(8, 8, [RED]);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    expect(await refusalOf('bomb.png', bomb)).toMatchObject({ code: 'picture_too_large', value: 'bomb.png', nothingLost: true });
  });

  it('refuses what is no picture at all, and a video without a frame', async () => {
    const seen = await api.page.evaluate(async () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 0, height: 0 });
      return Promise.all([
        tools.refused(trainer.addImage('things', document.createElement('video'))),
        tools.refused(trainer.addImage('things', canvas, { name: 'the canvas' })),
        tools.refused(trainer.addImage('things', 'picture.jpg' as unknown as Blob)),
      ]);
    });
    for (const refused of seen) expect(refused).toMatchObject({ code: 'picture_unreadable', isHeadstartError: true });
    expect(seen[1]!.message).toContain('the canvas');
  });

  it('goes on after all of that', async () => {
    const halves = jpeg({ columns: 8, rows: 8, space: 'rgb', color: () => GREEN });
    expect(await colorsOf('after.jpg', halves, [0.5, 0.5])).toEqual(['0f0']);
  });
});
