//! Reading weights from safetensors and checking them against the architecture.

use super::mobilenet_v2;
use crate::error::{Error, Result};
use crate::nn::{ConvSpec, StageSpec};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;

/// One tensor in system memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub data: Vec<f32>,
    /// Whether the file held it as 16-bit floats, so that saving it again as such loses nothing.
    pub half: bool,
}

/// The tensors of a backbone under their torchvision names, complete and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Array>,
    folded: bool,
}

impl Weights {
    /// Reads safetensors bytes with torchvision or timm names and checks that every tensor of `stages` is there, has
    /// its shape and is finite, and that there is no other (but for the classifier of the pretraining).
    ///
    /// # Errors
    /// The `Backbone…` errors, each naming the tensor.
    pub fn parse(bytes: &[u8], stages: &[StageSpec], expand_first: bool) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::BackboneTruncated(e.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if is_ignored(name) {
                continue;
            }
            let canonical = if name.starts_with("features.") {
                name.to_string()
            } else {
                mobilenet_v2::from_timm(name, expand_first)
                    .ok_or_else(|| Error::BackboneTensorUnknown(name.to_string()))?
            };
            tensors.insert(canonical, array(name, &view)?);
        }
        Self::check(tensors, stages)
    }

    fn check(tensors: BTreeMap<String, Array>, stages: &[StageSpec]) -> Result<Self> {
        // A file with statistics anywhere has them everywhere; a missing one is then named below.
        let folded = !tensors.keys().any(|name| name.ends_with(".running_mean"));
        let mut expected = BTreeMap::new();
        for conv in stages.iter().flat_map(|stage| &stage.convs) {
            for (name, shape) in tensors_of(conv, folded) {
                expected.insert(name, shape);
            }
        }
        if let Some(name) = expected.keys().find(|name| !tensors.contains_key(*name)) {
            return Err(Error::BackboneTensorMissing(name.clone()));
        }
        for (name, array) in &tensors {
            let Some(shape) = expected.get(name) else {
                return Err(Error::BackboneTensorUnknown(name.clone()));
            };
            if *shape != array.shape {
                return Err(Error::BackboneTensorShape {
                    name: name.clone(),
                    found: array.shape.clone(),
                    expected: shape.clone(),
                });
            }
            // The root of a negative variance is no number either.
            let least = if name.ends_with(".running_var") { 0.0 } else { f32::MIN };
            if array.data.iter().any(|x| !x.is_finite() || *x < least) {
                return Err(Error::BackboneTensorNotFinite(name.clone()));
            }
        }
        Ok(Self { tensors, folded })
    }

    /// Whether BatchNorm is folded into the convolutions' weights and biases.
    pub fn folded(&self) -> bool {
        self.folded
    }

    /// All tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.tensors.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// Gives a tensor other values; it is saved at full precision from then on.
    pub(crate) fn replace(&mut self, name: &str, values: Vec<f32>) -> Result<()> {
        let array = self.tensors.get_mut(name).filter(|array| array.data.len() == values.len());
        let array = array.ok_or_else(|| Error::BackboneTensorMissing(name.to_string()))?;
        if array.data != values {
            *array = Array { shape: array.shape.clone(), data: values, half: false };
        }
        Ok(())
    }

    /// The tensors of a convolution and of what follows it, in a fixed order.
    pub(crate) fn of_conv(&self, conv: &ConvSpec) -> Result<Vec<&Array>> {
        tensors_of(conv, self.folded).iter().map(|(name, _)| self.get(name)).collect()
    }

    /// The tensor of this name, which the check of [`Weights::parse`] has seen.
    pub(crate) fn get(&self, name: &str) -> Result<&Array> {
        self.tensors.get(name).ok_or_else(|| Error::BackboneTensorMissing(name.to_string()))
    }
}

/// Names and shapes of the tensors of a convolution with its BatchNorm, or with a bias where that is folded into it.
fn tensors_of(conv: &ConvSpec, folded: bool) -> Vec<(String, Vec<usize>)> {
    let weight = (format!("{}.weight", conv.name), conv.weight_shape().to_vec());
    let rest = if folded {
        vec![format!("{}.bias", conv.name)]
    } else {
        ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{}.{part}", conv.norm)).into()
    };
    std::iter::once(weight).chain(rest.into_iter().map(|name| (name, vec![conv.outputs]))).collect()
}

/// Tensors of the published files that a headless backbone does not need.
fn is_ignored(name: &str) -> bool {
    name.starts_with("classifier.") || name.ends_with(".num_batches_tracked")
}

/// Reads a tensor of 32- or 16-bit floats.
pub(crate) fn array(name: &str, view: &TensorView<'_>) -> Result<Array> {
    let bytes = view.data();
    let (data, half): (Vec<f32>, bool) = match view.dtype() {
        Dtype::F32 => (bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(), false),
        Dtype::F16 => (bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(), true),
        Dtype::BF16 => {
            (bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(), false)
        }
        other => {
            return Err(Error::BackboneTruncated(format!(
                "the tensor {name} is of type {other:?}, neither f32 nor f16"
            )));
        }
    };
    Ok(Array { shape: view.shape().to_vec(), data, half })
}
