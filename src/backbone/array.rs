//! A tensor in system memory, and the forms in which files store one.
//!
//! A weights file is safetensors. A tensor `NAME` is stored as 32- or 16-bit floats (`F32`, `F16`, `BF16`), or as 8-bit
//! integers: then `NAME` is `I8` and `NAME.scale` is `F32` with one value for each output channel, the first dimension
//! of `NAME`. The weight is the integer times the scale of its channel, computed in f32.

use crate::error::{Error, Result};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// What the name of a tensor of 8-bit integers ends with where its scales are.
const SCALE: &str = ".scale";

/// One tensor in system memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub data: Vec<f32>,
    /// How its file held it, so that saving it again loses nothing and takes no more room.
    pub stored: Stored,
}

/// How a file holds a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// As 32-bit floats.
    F32,
    /// As IEEE 754's 16-bit floats.
    F16,
    /// As 16-bit floats with the range of 32-bit ones.
    Bf16,
    /// As 8-bit integers, each a multiple of the scale of its output channel.
    Int8 {
        /// The scales, `[outputs]`, finite and not below 0.
        scales: Vec<f32>,
    },
}

impl Array {
    /// A tensor at full precision.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Self {
        Self { shape, data, stored: Stored::F32 }
    }

    fn read(name: &str, view: &TensorView<'_>, scale: Option<&TensorView<'_>>) -> Result<Self> {
        let (shape, bytes) = (view.shape().to_vec(), view.data());
        let halves = |value: fn([u8; 2]) -> f32| bytes.chunks_exact(2).map(|b| value([b[0], b[1]])).collect();
        let (data, stored) = match (view.dtype(), scale) {
            (Dtype::F32, _) => (floats(bytes), Stored::F32),
            (Dtype::F16, _) => (halves(|b| f16::from_le_bytes(b).to_f32()), Stored::F16),
            (Dtype::BF16, _) => (halves(|b| bf16::from_le_bytes(b).to_f32()), Stored::Bf16),
            (Dtype::I8, Some(scale)) => {
                let scales = scales(name, &shape, scale)?;
                let each = bytes.len().checked_div(scales.len()).unwrap_or(0).max(1);
                let channels = bytes.chunks(each).zip(&scales);
                let data = channels.flat_map(|(of_channel, scale)| {
                    of_channel.iter().map(move |byte| f32::from(i8::from_le_bytes([*byte])) * scale)
                });
                (data.collect(), Stored::Int8 { scales })
            }
            (Dtype::I8, None) => return Err(Error::BackboneTensorMissing(format!("{name}{SCALE}"))),
            (other, _) => return Err(wrong_type(name, other, "f32, f16, bf16 or int8")),
        };
        Ok(Self { shape, data, stored })
    }

    /// The tensors of a file that hold this one: one, or two where it is stored as integers.
    fn encode(&self, name: &str) -> Vec<(String, Encoded)> {
        let encoded = |dtype, bytes| Encoded { dtype, shape: self.shape.clone(), bytes };
        let data = self.data.iter();
        let name = name.to_string();
        match &self.stored {
            Stored::F32 => vec![(name, encoded(Dtype::F32, bytes(&self.data)))],
            Stored::F16 => {
                vec![(name, encoded(Dtype::F16, data.flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect()))]
            }
            Stored::Bf16 => {
                vec![(name, encoded(Dtype::BF16, data.flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect()))]
            }
            Stored::Int8 { scales } => {
                let integers = self.integers(scales).iter().map(|integer| *integer as u8).collect();
                let scale = Encoded { dtype: Dtype::F32, shape: vec![scales.len()], bytes: bytes(scales) };
                vec![(format!("{name}{SCALE}"), scale), (name, encoded(Dtype::I8, integers))]
            }
        }
    }

    /// The values in multiples of the scale of their output channel, rounded to the nearest, halves to even.
    pub(crate) fn integers(&self, scales: &[f32]) -> Vec<i8> {
        let each = self.data.len().checked_div(scales.len()).unwrap_or(0).max(1);
        let channels = self.data.chunks(each).zip(scales);
        let integers = channels.flat_map(|(of_channel, scale)| {
            // A channel of zeros has the scale 0, and 0 / 0 would be no number.
            of_channel.iter().map(move |x| if *scale == 0.0 { 0 } else { (x / scale).round_ties_even() as i8 })
        });
        integers.collect()
    }
}

/// Reads a tensor of a file, with its scales where it has some.
///
/// # Errors
/// The `Backbone…` errors, each naming the tensor.
pub(crate) fn array(file: &SafeTensors<'_>, name: &str) -> Result<Array> {
    let view = file.tensor(name).map_err(|_| Error::BackboneTensorMissing(name.to_string()))?;
    Array::read(name, &view, file.tensor(&format!("{name}{SCALE}")).ok().as_ref())
}

/// Whether a tensor of a file holds the scales of another one. What is called a scale and belongs to no integers is a
/// tensor like others.
pub(crate) fn is_scale(file: &SafeTensors<'_>, name: &str) -> bool {
    let of = scale_of(name).and_then(|of| file.tensor(of).ok());
    of.is_some_and(|of| of.dtype() == Dtype::I8)
}

/// The tensor that a tensor's name says it has the scales of.
pub(super) fn scale_of(name: &str) -> Option<&str> {
    name.strip_suffix(SCALE)
}

/// A weights file of these tensors, each stored as it says.
///
/// # Errors
/// [`Error::Internal`] where a tensor's shape is not that of its values.
pub(crate) fn write<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a Array)>) -> Result<Vec<u8>> {
    let encoded: Vec<_> = tensors.into_iter().flat_map(|(name, array)| array.encode(name)).collect();
    let internal = |e: safetensors::SafeTensorError| Error::Internal(e.to_string());
    let mut views = Vec::with_capacity(encoded.len());
    for (name, Encoded { dtype, shape, bytes }) in &encoded {
        views.push((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(internal)?));
    }
    safetensors::serialize(views, None).map_err(internal)
}

/// A tensor as its file has it.
struct Encoded {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The scales of a tensor of 8-bit integers.
fn scales(name: &str, shape: &[usize], view: &TensorView<'_>) -> Result<Vec<f32>> {
    let name = format!("{name}{SCALE}");
    if view.dtype() != Dtype::F32 {
        return Err(wrong_type(&name, view.dtype(), "f32"));
    }
    let outputs = shape.first().copied().unwrap_or(1);
    if view.shape() != [outputs] {
        return Err(Error::BackboneTensorShape { name, found: view.shape().to_vec(), expected: vec![outputs] });
    }
    let scales = floats(view.data());
    if scales.iter().any(|scale| !scale.is_finite() || *scale < 0.0) {
        return Err(Error::BackboneTensorNotFinite(name));
    }
    Ok(scales)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn wrong_type(name: &str, found: Dtype, expected: &str) -> Error {
    Error::BackboneTruncated(format!("the tensor {name} is of type {found:?}, not {expected}"))
}
