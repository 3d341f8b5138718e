/** Good enough that what is learned is not the compression. */
const QUALITY = 0.92;

/** The middle square of a frame as a file, which is what the classifier looks at; the frame is closed. */
export async function toFile(frame: ImageBitmap): Promise<Blob> {
  const side = Math.min(frame.width, frame.height);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser cannot take pictures from the camera.');
  context.drawImage(frame, (side - frame.width) / 2, (side - frame.height) / 2);
  frame.close();
  return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
}
