import { seeded } from '../samples/random.js';

/** A picture of one of some classes, which show as a colour and as a number of bars before a ground that differs from picture to picture. */
export function drawPicture(label: number, classes: number, seed: number, side: number): ImageBitmap {
  const context = new OffscreenCanvas(side, side).getContext('2d');
  if (context === null) throw new Error('This browser cannot draw the pictures.');
  const random = seeded(1000 * label + seed);
  context.fillStyle = `hsl(${360 * random()} 30% ${30 + 50 * random()}%)`;
  context.fillRect(0, 0, side, side);
  for (let spot = 0; spot < 12; spot += 1) {
    context.fillStyle = `hsl(${360 * random()} 40% ${30 + 50 * random()}%)`;
    context.beginPath();
    context.arc(side * random(), side * random(), side * (0.03 + 0.1 * random()), 0, 2 * Math.PI);
    context.fill();
  }
  context.fillStyle = `hsl(${(360 * label) / classes} 90% 50%)`;
  const [bars, height] = [2 * label + 1, side * (0.5 + 0.3 * random())];
  for (let bar = 0; bar < bars; bar += 2) context.fillRect((bar * side) / bars, 0, side / bars, height);
  return context.canvas.transferToImageBitmap();
}
