//! From decoded pixels to what the backbone eats: centre crop → antialiased resize → normalise.
//!
//! A picture is kept as a [`Crop`], `size × size` RGB bytes: small enough to hold thousands, and enough to compute
//! the activations at any boundary again. The arithmetic is integer until [`Crop::write_normalised`], so that a
//! native build and a browser give the same numbers.

use crate::error::{Error, Result};
use crate::identity::{ContentHash, Hasher};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image, images::ImageRef};
use std::sync::Arc;

/// A picture ready for the backbone: centre-cropped and resized, `[size, size, 3]` bytes, not yet normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Crop {
    /// Side in pixels.
    pub size: usize,
    /// RGB bytes, row by row, `size * size * 3` of them; shared, so that a clone costs nothing.
    pub rgb: Arc<[u8]>,
}

impl Crop {
    /// What the picture is: equal crops, and no others, have equal hashes.
    pub fn content(&self) -> ContentHash {
        let mut hasher = Hasher::new();
        hasher.bytes(&(self.size as u64).to_le_bytes());
        hasher.bytes(&self.rgb);
        hasher.end()
    }

    /// The picture mirrored left to right.
    pub fn mirrored(&self) -> Self {
        let rows = self.rgb.chunks_exact(3 * self.size);
        let rgb = rows.flat_map(|row| row.chunks_exact(3).rev().flatten().copied()).collect();
        Self { size: self.size, rgb }
    }
}

/// How pictures are prepared for one backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    /// Side of the backbone's input in pixels.
    pub size: usize,
    /// Mean of each channel, on the scale 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, on the scale 0 to 1.
    pub std: [f32; 3],
    /// Share of the centre square that is kept (1 keeps all of it), as in timm's `crop_pct`.
    pub crop: f64,
    /// Resampling filter.
    pub interpolation: Interpolation,
}

/// Resampling filters, all antialiased (the filter widens with the reduction, as PIL's does).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Triangle filter.
    Bilinear,
    /// Catmull-Rom, a = −0.5 as in PIL.
    Bicubic,
}

impl Preprocess {
    /// Crops the centre square of an RGBA8 picture and resizes it.
    ///
    /// `rgba` holds `width * height * 4` bytes, not premultiplied; transparent parts are put on white.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`] where the size is zero or does not match the buffer.
    pub fn crop(&self, rgba: &[u8], width: u32, height: u32) -> Result<Crop> {
        let bad = || Error::PictureEmpty { width, height, bytes: rgba.len() };
        let expected = (width as usize).checked_mul(height as usize).and_then(|n| n.checked_mul(4));
        if width == 0 || height == 0 || expected != Some(rgba.len()) {
            return Err(bad());
        }
        let internal = |e: &dyn std::fmt::Display| Error::Internal(format!("resizing: {e}"));
        // The square is cut in whole pixels, as PIL's crop does; a fractional box would shift the samples.
        let side = width.min(height);
        let kept = ((f64::from(side) * self.crop).round() as u32).clamp(1, side);
        let (left, top) = ((width - kept) / 2, (height - kept) / 2);
        let rgb = opaque_square(rgba, width, left, top, kept);
        let source = ImageRef::new(kept, kept, &rgb, PixelType::U8x3).map_err(|e| internal(&e))?;
        let mut target = Image::new(self.size as u32, self.size as u32, PixelType::U8x3);
        let filter = match self.interpolation {
            Interpolation::Bilinear => FilterType::Bilinear,
            Interpolation::Bicubic => FilterType::CatmullRom,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        Resizer::new().resize(&source, &mut target, &options).map_err(|e| internal(&e))?;
        Ok(Crop { size: self.size, rgb: target.into_vec().into() })
    }

    /// All that decides what [`Preprocess::crop`] makes of a picture.
    pub(crate) fn crops(&self) -> (usize, f64, Interpolation) {
        (self.size, self.crop, self.interpolation)
    }

    /// Normalises crops into one buffer of the layout `[batch, 3, size, size]`.
    pub fn batch<'a>(&self, crops: impl IntoIterator<Item = &'a Crop>) -> Vec<f32> {
        let mut out = Vec::new();
        for crop in crops {
            self.write_normalised(crop, &mut out);
        }
        out
    }

    /// Appends one crop as `[3, size, size]`: `(byte / 255 − mean) / std`.
    fn write_normalised(&self, crop: &Crop, out: &mut Vec<f32>) {
        for channel in 0..3 {
            // One multiplication and one addition a pixel instead of two divisions.
            let scale = 1.0 / (255.0 * self.std[channel]);
            let shift = -self.mean[channel] / self.std[channel];
            out.extend(crop.rgb.iter().skip(channel).step_by(3).map(|&b| f32::from(b) * scale + shift));
        }
    }
}

/// Copies a square out of an RGBA picture as RGB, on white where it is transparent.
fn opaque_square(rgba: &[u8], width: u32, left: u32, top: u32, side: u32) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(side as usize * side as usize * 3);
    for row in top..top + side {
        let start = (row as usize * width as usize + left as usize) * 4;
        for pixel in rgba[start..start + side as usize * 4].chunks_exact(4) {
            let alpha = u32::from(pixel[3]);
            rgb.extend(pixel[..3].iter().map(|&c| {
                // Rounded c·a + 255·(1 − a); exact for the two common cases, a = 0 and a = 255.
                ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
            }));
        }
    }
    rgb
}

impl Interpolation {
    /// The name in a backbone's card.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
        }
    }
}
