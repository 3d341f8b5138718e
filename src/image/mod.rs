//! From decoded pixels to what the backbone eats: centre crop → antialiased resize → normalise.
//!
//! A picture is kept as a [`Crop`], `size × size` RGB bytes: small enough to hold thousands, and enough to compute
//! the activations at any boundary again. The arithmetic is integer until [`Preprocess::batch`], so that a
//! native build and a browser give the same numbers.

mod packed;

use crate::error::{Error, Result};
use crate::identity::{ContentHash, Hasher};
use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};
use headstart_kernels::pixels;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::sync::Arc;

/// What a picture is known by, whichever backbone it is for: its whole centre square at this size.
const IDENTITY: Preparation = Preparation { size: 128, crop: 1.0, interpolation: Interpolation::Bilinear };

/// A picture ready for the backbone: centre-cropped and resized, `[size, size, 3]` bytes, not yet normalised. A clone costs
/// nothing.
#[derive(Debug, Clone)]
pub struct Crop {
    size: usize,
    bytes: Bytes,
}

/// Shared by all clones of a crop.
#[derive(Debug, Clone)]
enum Bytes {
    Plain(Arc<[u8]>),
    Packed(Arc<[u8]>),
}

/// A picture for one backbone, and what it is for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What it is: equal for equal pictures, whatever they were prepared for.
    pub content: ContentHash,
    /// Its pixels, prepared.
    pub crop: Crop,
}

/// How a crop is made of a picture: crops that are made alike serve every backbone that asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Side of the crop in pixels.
    pub size: usize,
    /// Share of the centre square that is kept.
    pub crop: f64,
    /// Resampling filter.
    pub interpolation: Interpolation,
}

impl Crop {
    /// A crop of RGB bytes, row by row, `size * size * 3` of them.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`] for another number of bytes.
    pub fn new(size: usize, rgb: impl Into<Arc<[u8]>>) -> Result<Self> {
        let (rgb, side) = (rgb.into(), size as u32);
        if rgb.len() != size * size * 3 {
            return Err(Error::PictureEmpty { width: side, height: side, bytes: rgb.len() });
        }
        Ok(Self::of(size, rgb))
    }

    /// The same, where the number of bytes is known to be right.
    fn of(size: usize, rgb: Arc<[u8]>) -> Self {
        Self { size, bytes: Bytes::Plain(rgb) }
    }

    /// Side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// RGB bytes, row by row, `size * size * 3` of them. They are unpacked each time where the crop is packed.
    pub fn rgb(&self) -> Arc<[u8]> {
        match &self.bytes {
            Bytes::Plain(rgb) => rgb.clone(),
            Bytes::Packed(packed) => packed::unpack(packed, self.size).into(),
        }
    }

    /// The same crop in less memory, for one that is kept.
    #[must_use]
    pub fn packed(self) -> Self {
        match &self.bytes {
            Bytes::Plain(rgb) => match packed::pack(rgb, self.size) {
                Some(packed) => Self { size: self.size, bytes: Bytes::Packed(packed) },
                None => self,
            },
            Bytes::Packed(_) => self,
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        match &self.bytes {
            Bytes::Plain(bytes) | Bytes::Packed(bytes) => bytes.len(),
        }
    }

    /// The same with other RGB bytes.
    pub(crate) fn map(&self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let rgb = change(&self.rgb());
        debug_assert_eq!(rgb.len(), self.size * self.size * 3);
        Self::of(self.size, rgb.into())
    }

    /// Of its size and bytes: equal crops, and no others, have equal hashes.
    pub fn hash(&self) -> ContentHash {
        let mut hasher = Hasher::new();
        hasher.bytes(&(self.size as u64).to_le_bytes());
        hasher.bytes(&self.rgb());
        hasher.end()
    }

    /// The picture mirrored left to right.
    pub fn mirrored(&self) -> Self {
        self.map(|rgb| pixels::mirrored(rgb, self.size))
    }
}

impl PartialEq for Crop {
    /// Whether they show the same, packed or not.
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.rgb() == other.rgb()
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
        let preparation = self.preparation();
        Square::of(rgba, width, height, preparation.crop)?.resized(preparation)
    }

    /// The same, with what the picture is.
    ///
    /// # Errors
    /// As [`Preprocess::crop`].
    pub fn picture(&self, rgba: &[u8], width: u32, height: u32) -> Result<Picture> {
        let own = self.preparation();
        let whole = Square::of(rgba, width, height, IDENTITY.crop)?;
        let known = whole.resized(IDENTITY)?;
        let content = known.hash();
        let crop = if own == IDENTITY {
            known
        } else if own.crop == IDENTITY.crop {
            whole.resized(own)?
        } else {
            Square::of(rgba, width, height, own.crop)?.resized(own)?
        };
        Ok(Picture { content, crop })
    }

    /// All that decides what [`Preprocess::crop`] makes of a picture.
    pub fn preparation(&self) -> Preparation {
        Preparation { size: self.size, crop: self.crop, interpolation: self.interpolation }
    }

    /// Normalises crops into one buffer of the layout `[batch, 3, size, size]`.
    pub fn batch<'a>(&self, crops: impl IntoIterator<Item = &'a Crop>) -> Vec<f32> {
        let mut out = Vec::new();
        for crop in crops {
            self.write_normalised(crop, &mut out);
        }
        out
    }

    /// What a byte of each channel is multiplied with, and what is added then: `(byte / 255 − mean) / std` without a division.
    pub(crate) fn normalisation(&self) -> [[f32; 2]; 3] {
        std::array::from_fn(|channel| [1.0 / (255.0 * self.std[channel]), -self.mean[channel] / self.std[channel]])
    }

    /// Appends one crop as `[3, size, size]`, normalised.
    fn write_normalised(&self, crop: &Crop, out: &mut Vec<f32>) {
        pixels::normalise(&crop.rgb(), self.normalisation(), out);
    }
}

/// A square out of the middle of a picture.
struct Square<'a> {
    side: u32,
    pixels: Pixels<'a>,
}

/// Those of a square.
enum Pixels<'a> {
    /// RGBA where they lie, in a picture of this size from this corner on: nothing of the square is transparent.
    Opaque { rgba: &'a [u8], size: [u32; 2], corner: [u32; 2] },
    /// RGB, on white where they were transparent.
    Rgb(Vec<u8>),
}

impl<'a> Square<'a> {
    /// A share of the largest there is. It is cut in whole pixels, as PIL's crop does; a fractional box would shift the
    /// samples.
    fn of(rgba: &'a [u8], width: u32, height: u32, share: f64) -> Result<Self> {
        let expected = (width as usize).checked_mul(height as usize).and_then(|n| n.checked_mul(4));
        if width == 0 || height == 0 || expected != Some(rgba.len()) {
            return Err(Error::PictureEmpty { width, height, bytes: rgba.len() });
        }
        let largest = width.min(height);
        let side = ((f64::from(largest) * share).round() as u32).clamp(1, largest);
        let (left, top) = ((width - side) / 2, (height - side) / 2);
        let square = [width, left, top, side].map(|pixels| pixels as usize);
        let pixels = if is_opaque(rgba, square) {
            Pixels::Opaque { rgba, size: [width, height], corner: [left, top] }
        } else {
            Pixels::Rgb(on_white(rgba, square))
        };
        Ok(Self { side, pixels })
    }

    /// Antialiased, to the size of a preparation.
    fn resized(&self, to: Preparation) -> Result<Crop> {
        let (side, size) = (self.side, to.size as u32);
        let filter = match to.interpolation {
            Interpolation::Bilinear => FilterType::Bilinear,
            Interpolation::Bicubic => FilterType::CatmullRom,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        // Each channel by itself, so that both ways come to the same.
        let rgb = match &self.pixels {
            Pixels::Opaque { rgba, size: [width, height], corner: [left, top] } => {
                let whole = ImageRef::new(*width, *height, rgba, PixelType::U8x4).map_err(|e| not_resized(&e))?;
                let source = CroppedImage::new(&whole, *left, *top, side, side).map_err(|e| not_resized(&e))?;
                let mut target = Image::new(size, size, PixelType::U8x4);
                resize(&source, &mut target, &options)?;
                pixels::without_alpha(target.buffer().as_chunks().0)
            }
            Pixels::Rgb(rgb) => resized_rgb(rgb, side, size, &options)?,
        };
        Ok(Crop::of(to.size, rgb.into()))
    }
}

fn not_resized(reason: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("resizing: {reason}"))
}

/// A square of RGB bytes of one side to another; seldom wanted, and not within what is.
#[inline(never)]
fn resized_rgb(rgb: &[u8], from: u32, to: u32, options: &ResizeOptions) -> Result<Vec<u8>> {
    let source = ImageRef::new(from, from, rgb, PixelType::U8x3).map_err(|e| not_resized(&e))?;
    let mut target = Image::new(to, to, PixelType::U8x3);
    resize(&source, &mut target, options)?;
    Ok(target.into_vec())
}

fn resize(from: &impl IntoImageView, to: &mut Image<'_>, options: &ResizeOptions) -> Result<()> {
    thread_local! {
        /// With the memory of what it has resized before: filling that with zeros takes a third as long as resizing.
        static RESIZER: RefCell<Resizer> = RefCell::default();
    }
    RESIZER.with_borrow_mut(|resizer| resizer.resize(from, to, options)).map_err(|e| not_resized(&e))
}

/// The rows of a square of an RGBA picture of this width: its left and upper border, and its side.
fn rows_of(rgba: &[u8], [width, left, top, side]: [usize; 4]) -> impl Iterator<Item = &[[u8; 4]]> {
    (top..top + side).map(move |row| rgba[(row * width + left) * 4..][..side * 4].as_chunks().0)
}

/// Whether nothing of a square is transparent.
fn is_opaque(rgba: &[u8], square: [usize; 4]) -> bool {
    rows_of(rgba, square).all(pixels::are_opaque)
}

/// A copy of a square as RGB, on white where it is transparent.
fn on_white(rgba: &[u8], square: [usize; 4]) -> Vec<u8> {
    let [.., side] = square;
    let mut rgb = vec![0; side * side * 3];
    for (row, to) in rows_of(rgba, square).zip(rgb.chunks_exact_mut(side * 3)) {
        pixels::on_white(row, to);
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
