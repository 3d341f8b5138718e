import { seeded } from './random.js';
import { tracePath, type Shape } from './shapes.js';

/** A drawn picture, as a file would be. */
export interface SamplePicture {
  readonly blob: Blob;
  readonly name: string;
  readonly group: undefined;
}

const CLASSES: readonly (readonly [name: string, shape: Shape])[] = [
  ['Circles', 'circle'],
  ['Triangles', 'triangle'],
  ['Stars', 'star'],
];
const SIDE = 160;
export const SAMPLES_PER_CLASS = 20;

/** Three classes of simple shapes in changing colours, sizes, places and backgrounds, drawn here and now: nothing is fetched. */
export async function drawSamples(): Promise<Map<string, SamplePicture[]>> {
  const samples = new Map<string, SamplePicture[]>();
  for (const [index, [name, shape]] of CLASSES.entries()) {
    const pictures: SamplePicture[] = [];
    for (let number = 1; number <= SAMPLES_PER_CLASS; number += 1) {
      const blob = await drawSample(shape, index * 1000 + number);
      pictures.push({ blob, name: `${shape} ${number}.png`, group: undefined });
    }
    samples.set(name, pictures);
  }
  return samples;
}

/** One picture; the same seed gives the same picture. */
export function drawSample(shape: Shape, seed: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser cannot draw the sample pictures.');
  const random = seeded(seed);
  const hue = 360 * random();
  drawBackground(context, (hue + 90 + 180 * random()) % 360, random);
  const radius = SIDE * (0.2 + 0.16 * random());
  const reach = SIDE - 2.3 * radius;
  context.translate(1.15 * radius + reach * random(), 1.15 * radius + reach * random());
  context.rotate((random() - 0.5) * (shape === 'star' ? 1.2 : 0.9));
  context.scale(radius, radius);
  tracePath(context, shape, random);
  context.fillStyle = `hsl(${hue} ${60 + 30 * random()}% ${38 + 24 * random()}%)`;
  context.fill();
  if (random() < 0.4) {
    context.lineWidth = 0.12;
    context.strokeStyle = `hsl(${hue} 50% 18%)`;
    context.stroke();
  }
  return canvas.convertToBlob({ type: 'image/png' });
}

/** Plain, shaded, striped or spotted. */
function drawBackground(context: OffscreenCanvasRenderingContext2D, hue: number, random: () => number): void {
  const light = 78 + 16 * random();
  const colour = (shift: number): string => `hsl(${hue} 45% ${light + shift}%)`;
  const kind = Math.floor(4 * random());
  context.fillStyle = colour(0);
  if (kind === 1) {
    const shade = context.createLinearGradient(0, 0, SIDE * random(), SIDE);
    shade.addColorStop(0, colour(4));
    shade.addColorStop(1, colour(-16));
    context.fillStyle = shade;
  }
  context.fillRect(0, 0, SIDE, SIDE);
  context.fillStyle = colour(-7);
  if (kind === 2) for (let x = 0; x < SIDE; x += 20) context.fillRect(x, 0, 8, SIDE);
  if (kind === 3) {
    for (let spot = 0; spot < 14; spot += 1) {
      context.beginPath();
      context.arc(SIDE * random(), SIDE * random(), 3 + 7 * random(), 0, 2 * Math.PI);
      context.fill();
    }
  }
}
