/** The pictures that tests train on, drawn in the page. */
export interface Drawing {
  /**
   * A PNG of a kind: `circles` are warm discs on a dark ground, `stripes` cool diagonals on a light one, `squares` green outlines on
   * grey. Seeds vary place, size and hue, so that no two are the same and none needs more than a glance to tell apart.
   */
  draw(kind: DrawingKind, seed: number, size?: number): Promise<Blob>;
  /** The mean colour of a part of a picture, given in fractions of its size, as [red, green, blue]. */
  colorAt(picture: Blob, x: number, y: number): Promise<number[]>;
}

/** See {@link Drawing.draw}. */
export type DrawingKind = 'circles' | 'stripes' | 'squares';

declare global {
  /** Put into every page of the tests by {@link installDrawing}. */
  var drawing: Drawing;
}

/** Runs in the page (`addInitScript`), so it can use nothing from outside of itself. */
export function installDrawing(): void {
  const painters: Record<DrawingKind, (context: OffscreenCanvasRenderingContext2D, size: number, random: () => number) => void> = {
    circles(context, size, random) {
      context.fillStyle = `hsl(250 30% ${8 + 10 * random()}%)`;
      context.fillRect(0, 0, size, size);
      for (let i = 0; i < 4; i++) {
        context.fillStyle = `hsl(${10 + 40 * random()} 90% 55%)`;
        context.beginPath();
        context.arc(size * random(), size * random(), size * (0.1 + 0.15 * random()), 0, 7);
        context.fill();
      }
    },
    stripes(context, size, random) {
      context.fillStyle = `hsl(50 20% ${85 + 10 * random()}%)`;
      context.fillRect(0, 0, size, size);
      context.strokeStyle = `hsl(${200 + 40 * random()} 80% 45%)`;
      context.lineWidth = size * (0.04 + 0.05 * random());
      const gap = size * (0.15 + 0.1 * random());
      for (let x = -size; x < 2 * size; x += gap) {
        context.beginPath();
        context.moveTo(x, 0);
        context.lineTo(x + size, size);
        context.stroke();
      }
    },
    squares(context, size, random) {
      context.fillStyle = `hsl(0 0% ${45 + 10 * random()}%)`;
      context.fillRect(0, 0, size, size);
      context.strokeStyle = `hsl(${100 + 40 * random()} 90% 35%)`;
      context.lineWidth = size * 0.05;
      for (let i = 0; i < 3; i++) {
        const side = size * (0.2 + 0.3 * random());
        context.strokeRect(size * 0.7 * random(), size * 0.7 * random(), side, side);
      }
    },
  };
  globalThis.drawing = {
    draw(kind, seed, size = 128) {
      let state = (seed + 1) * 2654435761;
      const random = () => {
        state = Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9;
        return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
      };
      const context = new OffscreenCanvas(size, size).getContext('2d')!;
      painters[kind](context, size, random);
      return context.canvas.convertToBlob({ type: 'image/png' });
    },
    async colorAt(picture, x, y) {
      const bitmap = await createImageBitmap(picture);
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const [red = 0, green = 0, blue = 0] = context.getImageData(x * bitmap.width, y * bitmap.height, 1, 1).data;
      return [red, green, blue];
    },
  };
}
