/**
 * What kind of picture a file is, told by its first bytes: a name can say anything. The page uses it to sort files before they are
 * imported, the worker to say why one could not be decoded.
 */

/** So many bytes are enough for {@link pictureKind}. */
export const KIND_BYTES = 64;

/** Kinds that every browser with WebGPU or WebAssembly decodes, in the order of how often they are met. */
const EVERYWHERE = ['JPEG', 'PNG', 'WebP', 'GIF', 'BMP'] as const;
/** Kinds that some browsers decode and others do not. */
const SOMEWHERE = ['AVIF', 'HEIC', 'TIFF', 'JPEG XL', 'JPEG 2000', 'SVG', 'Photoshop', 'camera raw'] as const;

export type PictureKind = (typeof EVERYWHERE)[number] | (typeof SOMEWHERE)[number];

/** Brands of the ISO base media format that stand for HEIC; `mif1` and `msf1` are what AVIF files may begin with too. */
const HEIC_BRANDS: readonly string[] = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'];

/** The kind of a picture file by its first {@link KIND_BYTES} bytes, or null where they are those of none that is known. */
export function pictureKind(bytes: Uint8Array): PictureKind | null {
  const text = String.fromCharCode(...bytes.subarray(0, KIND_BYTES));
  if (text.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'WebP';
  if (/^GIF8[79]a/.test(text)) return 'GIF';
  // The size of the header that follows tells it from text that begins alike.
  if (text.startsWith('BM') && [12, 40, 52, 56, 64, 108, 124].includes(bytes[14] ?? 0)) return 'BMP';
  if (text.startsWith('ftyp', 4)) return isoKind(text);
  if (text.startsWith('FUJIFILMCCD-RAW') || text.startsWith('IIRO') || text.startsWith('IIU\0')) return 'camera raw';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return text.startsWith('CR', 8) ? 'camera raw' : 'TIFF';
  if (text.startsWith('\xff\x0a') || text.startsWith('\0\0\0\x0cJXL ')) return 'JPEG XL';
  if (text.startsWith('\0\0\0\x0cjP  ')) return 'JPEG 2000';
  if (text.startsWith('8BPS')) return 'Photoshop';
  return /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<svg[\s>]/i.test(text) ? 'SVG' : null;
}

function isoKind(text: string): PictureKind | null {
  const length = ((text.charCodeAt(0) << 24) | (text.charCodeAt(1) << 16) | (text.charCodeAt(2) << 8) | text.charCodeAt(3)) >>> 0;
  const brands: string[] = text.slice(8, Math.min(length, KIND_BYTES)).match(/[^]{4}/g) ?? [];
  if (brands.includes('avif') || brands.includes('avis')) return 'AVIF';
  if (brands[0] === 'crx ') return 'camera raw';
  return brands.some((brand) => HEIC_BRANDS.includes(brand) || brand === 'mif1' || brand === 'msf1') ? 'HEIC' : null;
}

/** Whether it depends on the browser if such a picture can be decoded. */
export function isRare(kind: PictureKind): boolean {
  return (SOMEWHERE as readonly string[]).includes(kind);
}

/** Why a picture of this kind is left out by a browser that cannot decode it, and the way out, as words that follow its name. */
export function cannotRead(kind: PictureKind): string {
  return `is ${kind}, and ${kind} pictures cannot be read by this browser: export them as JPEG`;
}
