import { writeFileSync } from 'node:fs';

/** A part of a clip: one colour, `[red, green, blue]`, with a bright bar that moves, for so many frames. */
export interface Scene {
  color: [number, number, number];
  frames: number;
}

const [WIDTH, HEIGHT, FRAMES_A_SECOND] = [320, 240, 10];

/** Writes a clip for Chromium's fake camera (`--use-file-for-fake-video-capture`), which plays it again and again. */
export function writeClip(path: string, scenes: Scene[]): void {
  const parts: Buffer[] = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_A_SECOND}:1 Ip A1:1 C420\n`)];
  for (const { color, frames } of scenes) {
    for (let frame = 0; frame < frames; frame++) parts.push(Buffer.from('FRAME\n'), drawFrame(color, frame / frames));
  }
  writeFileSync(path, Buffer.concat(parts));
}

/** One frame: brightness for every pixel, then the two colour differences for every 2 × 2 pixels. */
function drawFrame([red, green, blue]: Scene['color'], progress: number): Buffer {
  const luma = Buffer.alloc(WIDTH * HEIGHT, Math.round(16 + (65.7 * red + 129.1 * green + 25.1 * blue) / 256));
  const left = Math.floor(progress * (WIDTH - 20));
  for (let y = 0; y < HEIGHT; y++) luma.fill(235, y * WIDTH + left, y * WIDTH + left + 20);
  const quarter = (WIDTH / 2) * (HEIGHT / 2);
  return Buffer.concat([
    luma,
    Buffer.alloc(quarter, Math.round(128 + (-37.9 * red - 74.5 * green + 112.4 * blue) / 256)),
    Buffer.alloc(quarter, Math.round(128 + (112.4 * red - 94.2 * green - 18.3 * blue) / 256)),
  ]);
}
