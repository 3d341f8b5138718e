//! JPEG as browsers decode it: with the arithmetic of libjpeg-turbo, so that a picture without a colour profile has the
//! same pixels here as in Chromium, to the value, and a model says the same of it.

use image::RgbImage;
use mozjpeg::{ColorSpace, Decompress};
use std::panic;

/// Whether the end of a JPEG is missing: no marker of the end (ff d9) comes after the last that begins a scan (ff da).
/// Browsers refuse such a file, while decoders fill in what is missing. Neither marker can occur within a scan.
pub fn is_cut_off(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) < last(0xda)
}

/// The pixels of a JPEG as they lie in it; none of one whose colours are inks, or which is damaged: another decoder has
/// to say what it makes of that.
pub fn decode(bytes: &[u8]) -> Option<RgbImage> {
    // The library leaves a damaged picture by unwinding.
    panic::catch_unwind(|| pixels(bytes)).unwrap_or(None)
}

fn pixels(bytes: &[u8]) -> Option<RgbImage> {
    let decoder = Decompress::new_mem(bytes).ok()?;
    let plain =
        matches!(decoder.color_space(), ColorSpace::JCS_YCbCr | ColorSpace::JCS_GRAYSCALE | ColorSpace::JCS_RGB);
    let mut decoder = plain.then(|| decoder.rgb().ok())??;
    let (width, height) = (u32::try_from(decoder.width()).ok()?, u32::try_from(decoder.height()).ok()?);
    let rgb = decoder.read_scanlines::<[u8; 3]>().ok()?.into_flattened();
    decoder.finish().ok()?;
    RgbImage::from_raw(width, height, rgb)
}
