/** A picture of one of some classes, which show as a colour and as a number of bars before different grounds. */
export async function drawn(label: number, classes: number, seed: number, side = 128): Promise<ImageBitmap> {
  const kinds = ['circles', 'stripes', 'squares'] as const;
  const context = new OffscreenCanvas(side, side).getContext('2d')!;
  context.drawImage(await createImageBitmap(await drawing.draw(kinds[seed % kinds.length]!, seed, side)), 0, 0);
  context.fillStyle = `hsl(${(360 * label) / classes} 90% 50%)`;
  const bars = 2 * label + 1;
  for (let bar = 0; bar < bars; bar += 2) context.fillRect((bar * side) / bars, 0, side / bars, 0.7 * side);
  return context.canvas.transferToImageBitmap();
}
