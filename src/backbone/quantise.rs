//! Storing a backbone's weights in less room.
//!
//! Only the weights of convolutions and dense layers become 8-bit integers, with one scale for each output channel:
//! with s = max |w| / 127 over the channel, the integer is w / s, rounded to the nearest, halves to even. What is one
//! number a channel (biases, BatchNorm) is a small part of the bytes and reaches every activation, so it stays in 16
//! bits.

use super::Backbone;
use super::array::{Array, Stored, write};
use crate::error::{Error, Result};
use half::f16;
use std::str::FromStr;

/// The largest integer. The range is symmetric: that there is a −128 as well is not used.
const LARGEST: i8 = 127;

/// In what form a backbone is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts", rename_all = "lowercase"))]
pub enum WeightStorage {
    /// Everything as 32-bit floats.
    F32,
    /// As 16-bit floats, but for the tensors that would lose more by it than the last digits.
    F16,
    /// The weights of convolutions and dense layers as 8-bit integers with a scale for each output channel, the rest
    /// as with [`WeightStorage::F16`].
    Int8,
}

impl WeightStorage {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// What it does to which tensors, in words for a card.
    pub fn description(self) -> &'static str {
        match self {
            Self::F32 => "all tensors float32",
            Self::F16 => "float16; variances too small for it float32",
            Self::Int8 => {
                "convolution and dense weights int8 with a scale per output channel, the rest float16; variances too \
                 small for it float32"
            }
        }
    }
}

impl FromStr for WeightStorage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::F32, Self::F16, Self::Int8].into_iter().find(|storage| storage.name() == text);
        found.ok_or_else(|| Error::ConfigInvalid {
            field: "weights",
            value: text.to_string(),
            expected: "f32, f16 or int8".into(),
        })
    }
}

impl Backbone {
    /// The same backbone with its weights rounded to what a storage keeps of them. A tensor that is stored as integers
    /// keeps its integers; stored otherwise it takes more room and becomes no more precise.
    ///
    /// # Errors
    /// [`Error::BackboneTensorMissing`] where the weights are not those of the architecture.
    pub fn stored_as(&self, storage: WeightStorage) -> Result<Self> {
        let weights = self.weights.map(|name, array| array.stored_as(name, storage));
        Self::of(self.card.clone(), self.stages.clone(), self.shapes.clone(), weights)
    }

    /// How its weights are stored: what the most values are, `f32`, `f16`, `bf16` or `int8`.
    pub fn stored(&self) -> &'static str {
        let names = ["f32", "f16", "bf16", "int8"];
        let mut values = [0; 4];
        for (_, array) in self.weights.iter() {
            let at = match array.stored {
                Stored::F32 => 0,
                Stored::F16 => 1,
                Stored::Bf16 => 2,
                Stored::Int8 { .. } => 3,
            };
            values[at] += array.data.len();
        }
        let most = values.iter().max();
        names.iter().zip(&values).find(|(_, count)| Some(*count) == most).map_or(names[0], |(name, _)| *name)
    }

    /// Its card as the text of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Internal`] where that fails.
    pub fn config(&self) -> Result<String> {
        serde_json::to_string_pretty(&self.card.to_file()).map_err(|e| Error::Internal(e.to_string()))
    }

    /// Its weights as the bytes of a `model.safetensors`, each tensor in the form that it is stored in.
    ///
    /// # Errors
    /// [`Error::Internal`] where that fails.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        write(self.weights.iter())
    }
}

impl Array {
    /// The tensor of this name, rounded to what a storage keeps of it.
    pub(crate) fn stored_as(&self, name: &str, storage: WeightStorage) -> Self {
        let is_int8 = matches!(self.stored, Stored::Int8 { .. });
        match storage {
            WeightStorage::F32 => Self { stored: Stored::F32, ..self.clone() },
            WeightStorage::Int8 if is_int8 => self.clone(),
            WeightStorage::Int8 if self.shape.len() > 1 => self.quantised(),
            WeightStorage::F16 | WeightStorage::Int8 => self.halved(name.ends_with(".running_var")),
        }
    }

    /// As 16-bit floats, or as they are where those cannot hold them: values beyond 65504, and variances below 2⁻¹⁴,
    /// of which fewer digits would be left. A variance is divided by, so that what counts is its relative error.
    fn halved(&self, variance: bool) -> Self {
        let lost = |x: &f32| {
            let half = f16::from_f32(*x);
            !half.is_finite() || variance && !half.is_normal()
        };
        if self.data.iter().any(lost) {
            return self.clone();
        }
        let data = self.data.iter().map(|x| f16::from_f32(*x).to_f32()).collect();
        Self { shape: self.shape.clone(), data, stored: Stored::F16 }
    }

    /// As 8-bit integers with a scale for each value of the first dimension.
    fn quantised(&self) -> Self {
        let outputs = self.shape.first().copied().unwrap_or(1).max(1);
        let each = (self.data.len() / outputs).max(1);
        let largest = |of_channel: &[f32]| of_channel.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let scales: Vec<f32> = self.data.chunks(each).map(|channel| largest(channel) / f32::from(LARGEST)).collect();
        let integers = self.integers(&scales);
        let channels = integers.chunks(each).zip(&scales);
        let data = channels.flat_map(|(of_channel, scale)| {
            of_channel.iter().map(move |integer| f32::from((*integer).max(-LARGEST)) * scale)
        });
        Self { shape: self.shape.clone(), data: data.collect(), stored: Stored::Int8 { scales } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::array::{array, is_scale};
    use super::*;
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};
    use std::collections::BTreeMap;

    const STORED: &[u8] = include_bytes!("../../tests/golden/int8.safetensors");
    const VALUES: &[u8] = include_bytes!("../../tests/golden/int8_values.safetensors");

    fn read(bytes: &[u8]) -> Result<BTreeMap<String, Array>> {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let names = file.names().into_iter().filter(|name| !is_scale(&file, name));
        names.map(|name| Ok((name.to_string(), array(&file, name)?))).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// The tensors of a part of the file of values.
    fn values(part: &str) -> BTreeMap<String, Array> {
        let all = read(VALUES).unwrap().into_iter();
        all.filter_map(|(name, array)| Some((name.strip_prefix(part)?.to_string(), array))).collect()
    }

    #[test]
    fn what_numpy_stored_reads_as_numpy_reads_it() {
        let (found, expected) = (read(STORED).unwrap(), values("read."));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, array) in &found {
            assert_eq!(array.shape, expected[name].shape, "{name}");
            assert_eq!(bits(&array.data), bits(&expected[name].data), "{name}");
        }
        assert!(matches!(found["dense.weight"].stored, Stored::Int8 { .. }));
    }

    #[test]
    fn what_is_stored_here_is_numpys_file_to_the_byte() {
        let stored: Vec<_> = values("source.")
            .into_iter()
            .map(|(name, array)| (array.stored_as(&name, WeightStorage::Int8), name))
            .collect();
        let file = write(stored.iter().map(|(array, name)| (name.as_str(), array))).unwrap();
        assert!(file == STORED, "the two files differ");
        // The values in memory are those that the file gives back, and storing them again changes nothing.
        let again = read(&file).unwrap();
        for (array, name) in &stored {
            assert_eq!(*array, again[name], "{name}");
            assert_eq!(array.stored_as(name, WeightStorage::Int8), *array, "{name}");
        }
        assert!(write(again.iter().map(|(name, array)| (name.as_str(), array))).unwrap() == STORED);
    }

    #[test]
    fn every_storage_keeps_what_it_can() {
        let weight = Array::new(vec![2, 3], vec![0.1, -0.25, 0.7, 1e-3, 2e-3, -3e-3]);
        let stored = |array: &Array, storage| array.stored_as("a.weight", storage);
        assert_eq!(stored(&weight, WeightStorage::F32), weight);
        let half = stored(&weight, WeightStorage::F16);
        assert_eq!(half.stored, Stored::F16);
        assert!(half.data.iter().zip(&weight.data).all(|(a, b)| a != b || *b == -0.25), "0.25 is a power of two");
        let int8 = stored(&weight, WeightStorage::Int8);
        for (row, largest) in [(0, 0.7_f32), (1, 3e-3)] {
            for (a, b) in int8.data[3 * row..][..3].iter().zip(&weight.data[3 * row..]) {
                assert!((a - b).abs() <= 0.501 * largest / 127.0, "{b} became {a}");
            }
        }
        // Back at full precision the values are those of the integers, and so they are at half precision but for rounding.
        assert_eq!(stored(&int8, WeightStorage::F32), Array::new(vec![2, 3], int8.data.clone()));
        assert_eq!(stored(&int8, WeightStorage::F16).stored, Stored::F16);
        let variance = Array::new(vec![2], vec![1.0, 1e-5]);
        assert_eq!(variance.stored_as("a.running_var", WeightStorage::Int8), variance);
        assert_eq!(variance.stored_as("a.running_mean", WeightStorage::Int8).stored, Stored::F16);
        assert!(matches!("f8".parse::<WeightStorage>(), Err(Error::ConfigInvalid { field: "weights", .. })));
    }

    #[test]
    fn sixteen_bits_of_either_kind_come_back_as_they_were() {
        let bytes = [0x80, 0x3f, 0x49, 0x40, 0x01, 0x00]; // 1, 3.140625 and the smallest as bfloat16
        let view = TensorView::new(Dtype::BF16, vec![3], &bytes).unwrap();
        let read = read(&safetensors::serialize([("a", view)], None).unwrap()).unwrap();
        assert_eq!(read["a"].stored, Stored::Bf16);
        assert_eq!(read["a"].data[..2], [1.0, 3.140_625]);
        let file = write([("a", &read["a"])]).unwrap();
        let file = SafeTensors::deserialize(&file).unwrap();
        assert_eq!((file.tensor("a").unwrap().dtype(), file.tensor("a").unwrap().data()), (Dtype::BF16, &bytes[..]));
    }

    #[test]
    fn bad_scales_are_named() {
        let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let error = |scale: Option<(Dtype, Vec<usize>, Vec<u8>)>| {
            let weight = TensorView::new(Dtype::I8, vec![2, 3], &[1; 6]).unwrap();
            let scale = scale.as_ref();
            let scale = scale.map(|(dtype, shape, bytes)| TensorView::new(*dtype, shape.clone(), bytes).unwrap());
            let tensors = [("a", weight)].into_iter().chain(scale.map(|scale| ("a.scale", scale)));
            let error = read(&safetensors::serialize(tensors, None).unwrap()).unwrap_err();
            assert!(error.value().unwrap().contains("a.scale"), "{error}");
            error.code()
        };
        assert_eq!(error(None), "backbone_tensor_missing");
        for (shape, count) in [(vec![1], 1), (vec![3], 3), (vec![2, 1], 2), (vec![], 1), (vec![0], 0)] {
            let scale = (Dtype::F32, shape, floats(&vec![1.0; count]));
            assert_eq!(error(Some(scale)), "backbone_tensor_shape");
        }
        for value in [f32::NAN, f32::INFINITY, -1.0] {
            let scale = (Dtype::F32, vec![2], floats(&[1.0, value]));
            assert_eq!(error(Some(scale)), "backbone_tensor_not_finite", "{value}");
        }
        assert_eq!(error(Some((Dtype::F16, vec![2], vec![0; 4]))), "backbone_truncated");
        assert_eq!(error(Some((Dtype::I8, vec![2], vec![0; 2]))), "backbone_truncated");
    }
}
