//! Reading weights from safetensors and checking them against the architecture.

use super::architectures::Architecture;
use super::array::{Array, array, is_scale, scale_of};
use crate::error::{Error, Result};
use safetensors::SafeTensors;
use std::collections::BTreeMap;

/// The tensors of a backbone under our names, complete and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Array>,
    folded: bool,
}

impl Weights {
    /// Reads safetensors bytes with our names or another publisher's and checks that every tensor of the architecture
    /// is there, has its shape and is finite, and that there is no other (but for those of a classifier).
    ///
    /// # Errors
    /// The `Backbone…` errors, each naming the tensor.
    pub(super) fn parse(bytes: &[u8], architecture: &Architecture) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::BackboneTruncated(e.to_string()))?;
        let names: Vec<&str> = file.names().into_iter().collect();
        // A file with statistics anywhere has them everywhere; a missing one is then named below.
        let folded = !names.iter().any(|name| name.ends_with(".running_mean"));
        let expected = expected(architecture, folded);
        let mut tensors = BTreeMap::new();
        for name in names.into_iter().filter(|name| !is_scale(&file, name)) {
            // Scales alone: what is missing is their tensor.
            if let Some(of) = scale_of(name).filter(|of| file.tensor(of).is_err())
                && let Ok(Some(ours)) = ours(of, &expected, architecture)
            {
                return Err(Error::BackboneTensorMissing(ours));
            }
            let Some(ours) = ours(name, &expected, architecture)? else { continue };
            // Before the scales, which are wrong as well where the shape is.
            let found = file.tensor(name).map_err(|_| Error::BackboneTensorMissing(name.to_string()))?;
            check_shape(&ours, found.shape(), &expected)?;
            tensors.insert(ours, array(&file, name)?);
        }
        let weights = Self { tensors, folded };
        weights.check(&expected)?;
        Ok(weights)
    }

    /// The same tensors with others in the place of some, checked as those of a file are.
    ///
    /// # Errors
    /// The `BackboneTensor…` errors, each naming the tensor.
    pub(super) fn with(&self, tensors: BTreeMap<String, Array>, architecture: &Architecture) -> Result<Self> {
        let mut weights = self.clone();
        weights.tensors.extend(tensors);
        weights.check(&expected(architecture, self.folded))?;
        Ok(weights)
    }

    /// All tensors of an architecture, every value 0.
    pub(super) fn blank(architecture: &Architecture) -> Self {
        let zeros = |(name, shape): (String, Vec<usize>)| {
            let count = shape.iter().product();
            (name, Array::new(shape, vec![0.0; count]))
        };
        Self { tensors: expected(architecture, false).into_iter().map(zeros).collect(), folded: false }
    }

    /// Whether the tensors of a file, by their names and shapes, are those of an architecture and no others.
    pub(super) fn fit(file: &SafeTensors<'_>, architecture: &Architecture) -> bool {
        let folded = !file.names().iter().any(|name| name.ends_with(".running_mean"));
        let expected = expected(architecture, folded);
        let mut found = 0;
        for (name, view) in file.iter().filter(|(name, _)| !is_scale(file, name)) {
            match ours(name, &expected, architecture) {
                Ok(Some(ours)) if same_shape(view.shape(), &expected[&ours]) => found += 1,
                Ok(None) => {}
                _ => return false,
            }
        }
        found == expected.len()
    }

    fn check(&self, expected: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        if let Some(name) = expected.keys().find(|name| !self.tensors.contains_key(*name)) {
            return Err(Error::BackboneTensorMissing(name.clone()));
        }
        for (name, array) in &self.tensors {
            check_shape(name, &array.shape, expected)?;
            // The root of a negative variance is no number either.
            let least = if name.ends_with(".running_var") { 0.0 } else { f32::MIN };
            if array.data.iter().any(|x| !x.is_finite() || *x < least) {
                return Err(Error::BackboneTensorNotFinite(name.clone()));
            }
        }
        Ok(())
    }

    /// Whether BatchNorm is folded into the convolutions' weights and biases.
    pub fn folded(&self) -> bool {
        self.folded
    }

    /// All tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.tensors.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// The same tensors, each as `change` makes it of its name and itself.
    pub(super) fn map(&self, change: impl Fn(&str, &Array) -> Array) -> Self {
        let changed = self.tensors.iter().map(|(name, array)| (name.clone(), change(name, array)));
        Self { tensors: changed.collect(), folded: self.folded }
    }

    /// Gives a tensor other values; it is saved at full precision from then on.
    pub(crate) fn replace(&mut self, name: &str, values: Vec<f32>) -> Result<()> {
        let array = self.tensors.get_mut(name).filter(|array| array.data.len() == values.len());
        let array = array.ok_or_else(|| Error::BackboneTensorMissing(name.to_string()))?;
        if array.data != values {
            *array = Array::new(array.shape.clone(), values);
        }
        Ok(())
    }

    /// The tensor of this name, where there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Array> {
        self.tensors.get(name)
    }

    /// The tensor of this name, which the check of [`Weights::parse`] has seen.
    pub(crate) fn get(&self, name: &str) -> Result<&Array> {
        self.tensors.get(name).ok_or_else(|| Error::BackboneTensorMissing(name.to_string()))
    }
}

/// Names and shapes of the tensors that an architecture needs.
fn expected(architecture: &Architecture, folded: bool) -> BTreeMap<String, Vec<usize>> {
    let tensors = architecture.stages.iter().flat_map(|stage| stage.tensors(folded));
    tensors.map(|tensor| (tensor.name, tensor.shape)).collect()
}

/// Our name of a tensor in a file; `None` for one that the features do not need.
fn ours(name: &str, expected: &BTreeMap<String, Vec<usize>>, architecture: &Architecture) -> Result<Option<String>> {
    if expected.contains_key(name) {
        return Ok(Some(name.to_string()));
    }
    if name.ends_with(".num_batches_tracked") || (architecture.ignored)(name) {
        return Ok(None);
    }
    // A convolution's bias that BatchNorm was folded into has a name that only the folded form expects.
    let foreign = (architecture.foreign)(name).filter(|ours| expected.contains_key(ours));
    foreign.map(Some).ok_or_else(|| Error::BackboneTensorUnknown(name.to_string()))
}

fn check_shape(name: &str, found: &[usize], expected: &BTreeMap<String, Vec<usize>>) -> Result<()> {
    let Some(expected) = expected.get(name) else { return Err(Error::BackboneTensorUnknown(name.to_string())) };
    if same_shape(expected, found) {
        return Ok(());
    }
    Err(Error::BackboneTensorShape { name: name.to_string(), found: found.to_vec(), expected: expected.clone() })
}

/// Whether two shapes are the same but for sides of one value at their ends: a dense layer may be written as a 1×1
/// convolution.
fn same_shape(a: &[usize], b: &[usize]) -> bool {
    let core = |shape: &[usize]| {
        let ones = shape.iter().rev().take_while(|side| **side == 1).count();
        shape.len() - ones.min(shape.len() - 1)
    };
    !a.is_empty() && !b.is_empty() && a[..core(a)] == b[..core(b)]
}
