import { cannotRead, isRare, pictureKind } from '../picture-kind.js';
import type { Picture, Pixels } from '../protocol.js';
import { refusal } from './failure.js';
import { pictureSize } from './picture-size.js';

/** Part of a picture. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** More than the largest camera makes; decoding this takes a gigabyte. */
const MAX_PIXELS = 256e6;
/** A header with a long EXIF block and colour profile before it still fits. */
const HEADER_BYTES = 256 * 1024;
/** A short side above this is shrunk by the browser before the pixels are read. */
const MAX_SIDE = 2048;
const SHRUNK_SIDE = 1024;
/** A panorama above this is cut to its centre square: the rest would be cut off later anyway. */
const MAX_READ_PIXELS = 16e6;

/** Decodes a picture upright, on white where it is transparent, and small enough to be read. */
export async function decode(picture: Picture, name: string): Promise<ImageBitmap> {
  const bitmap = await open(picture, name);
  if (isReadWhole(bitmap)) return bitmap;
  const region = regionToRead(bitmap.width, bitmap.height);
  const side = Math.min(region.width, region.height) > MAX_SIDE ? SHRUNK_SIDE : null;
  try {
    return await createImageBitmap(
      bitmap,
      region.x,
      region.y,
      region.width,
      region.height,
      side === null ? {} : { resizeWidth: side, resizeHeight: side, resizeQuality: 'high' },
    );
  } catch {
    throw tooLarge(name, bitmap);
  } finally {
    bitmap.close();
  }
}

/** Whether a decoded picture is read as it is. */
function isReadWhole({ width, height }: ImageBitmap): boolean {
  return width <= MAX_SIDE && width * height <= MAX_READ_PIXELS;
}

/** The part of a picture of this size that matters for a classifier that looks at the centre square. */
export function regionToRead(width: number, height: number): Region {
  const side = Math.min(width, height);
  if (side <= MAX_SIDE && width * height <= MAX_READ_PIXELS) return { x: 0, y: 0, width, height };
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), width: side, height: side };
}

/** The pixels of a decoded picture; see {@link giveBack}. */
export async function readPixels(bitmap: ImageBitmap): Promise<Pixels> {
  return (await copyPixels(bitmap)) ?? drawPixels(bitmap);
}

/** They are where the next picture may be read to: filling new memory takes several times as long as filling it again. */
export function giveBack({ bytes }: Pixels): void {
  if (spare[0]?.length !== bytes.length) spare = [];
  if ((spare.length + 1) * bytes.length <= MAX_SPARE_BYTES) spare.push(bytes);
}

/**
 * Of pixels as they lie, in a tenth of the time that drawing and reading takes; null where some are transparent, where they are in other colours
 * than those of the web, and where they lie otherwise than they are seen: a bitmap of a photo may only be marked as turned.
 */
async function copyPixels(bitmap: ImageBitmap): Promise<Pixels | null> {
  const { width, height } = bitmap;
  const length = 4 * width * height;
  let frame: (VideoFrame & Partial<Turn>) | null = null;
  try {
    frame = new VideoFrame(bitmap, { timestamp: 0 });
    const { visibleRect, colorSpace: { primaries, transfer } } = frame;
    const [order] = /^(RGB|BGR)(?=[AX]$)/.exec(frame.format ?? '') ?? [];
    const isOfTheWeb = primaries === 'bt709' && transfer === 'iec61966-2-1';
    // A browser that does not say whether it is turned may have it so.
    const isUpright = frame.rotation === 0 && frame.flip === false && visibleRect?.width === width && visibleRect.height === height;
    if (!order || !isOfTheWeb || !isUpright || frame.allocationSize() !== length) return null;
    const bytes = (spare[0]?.length === length && spare.pop()) || new Uint8Array(length);
    await frame.copyTo(bytes);
    const pixels = { bytes, bgra: order === 'BGR', width, height };
    if (isOpaque(bytes)) return pixels;
    giveBack(pixels);
    return null;
  } catch {
    // A browser that has no such frames, or none of pictures.
    return null;
  } finally {
    frame?.close();
  }
}

/** How a frame's pixels lie: turned clockwise by so many degrees, and then mirrored, it is as it is seen. */
interface Turn {
  rotation: number;
  flip: boolean;
}

function isOpaque(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer);
  let all = -1;
  for (let i = 0; i < words.length; i++) all &= words[i]!;
  return all >>> 24 === 255;
}

function drawPixels(bitmap: ImageBitmap): Pixels {
  const { width, height } = bitmap;
  if (reader?.canvas.width !== width || reader.canvas.height !== height) reader = newCanvas(width, height);
  const context = reader;
  if (width * height > MAX_KEPT_PIXELS) reader = null;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { bytes: new Uint8Array(data.buffer), bgra: false, width, height };
}

/** A decoded picture as a PNG of its pixels as they are read. */
export function pack(picture: ImageBitmap): Promise<Blob> {
  const { width, height } = picture;
  const context = newCanvas(width, height);
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0);
  return context.canvas.convertToBlob({ type: 'image/png' });
}

/** A small JPEG of the centre square. */
export function makeThumbnail(picture: ImageBitmap): Promise<Blob> {
  const size = 160;
  const side = Math.min(picture.width, picture.height);
  // What is made of it is taken at once, so that the next one can be drawn before it is there.
  const context = (small ??= newCanvas(size, size));
  context.fillRect(0, 0, size, size);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, size, size);
  return context.canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 });
}

async function open(picture: Picture, name: string): Promise<ImageBitmap> {
  if (picture instanceof ImageBitmap) return picture;
  if (picture instanceof ImageData) return createImageBitmap(picture);
  if (picture.size === 0) throw refusal('picture_unreadable', `“${name}” is empty: the file has no bytes in it.`, name);
  let head = new Uint8Array();
  try {
    // A slice is a blob of its own, which takes the browser as long as reading a small one.
    head = new Uint8Array(await (picture.size > HEADER_BYTES ? picture.slice(0, HEADER_BYTES) : picture).arrayBuffer());
    const size = pictureSize(head);
    if (size && size.width * size.height > MAX_PIXELS) throw tooLarge(name, size);
    return await createImageBitmap(picture, { imageOrientation: 'from-image' });
  } catch (error) {
    if (error instanceof Error && 'value' in error) throw error;
    const kind = pictureKind(head);
    // Nothing is wrong with the file: another browser may well read it.
    if (kind !== null && isRare(kind)) throw refusal('picture_kind_unsupported', `“${name}” ${cannotRead(kind)}.`, name);
    throw refusal(
      'picture_unreadable',
      `“${name}” cannot be read as a picture: it is damaged, or of a kind that this browser does not know.`,
      name,
    );
  }
}

/** Memory of pixels that nobody needs any more, of pictures of one size. */
let spare: Uint8Array[] = [];
const MAX_SPARE_BYTES = 16e6;
/** What pixels were read from last: a camera's are all of one size, and making a canvas takes longer than reading it. */
let reader: OffscreenCanvasRenderingContext2D | null = null;
/** What thumbnails are drawn on. */
let small: OffscreenCanvasRenderingContext2D | null = null;
/** More than a full HD camera's. */
const MAX_KEPT_PIXELS = 4e6;

/** One that is to be filled, which is with white, before a picture is drawn. */
function newCanvas(width: number, height: number): OffscreenCanvasRenderingContext2D {
  // The pixels are read back at once: a canvas on the GPU would only be slower.
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw refusal('internal', 'This browser has no 2D canvas in workers.');
  context.fillStyle = 'white';
  return context;
}

function tooLarge(name: string, { width, height }: { width: number; height: number }): Error {
  const megapixels = Math.round((width * height) / 1e6);
  return refusal(
    'picture_too_large',
    `“${name}” is too large: ${width} × ${height} is ${megapixels} megapixels, and at most ${MAX_PIXELS / 1e6} can be read.`,
    name,
  );
}
