//! The new head: what turns pooled features into one logit a class.
//!
//! [`TrainableHead`] lives in the autodiff graph; [`Head`] is what is left after training, plain vectors in system
//! memory, so that a prediction costs one read of the features and no second trip to the device.

use crate::error::{Error, Result};
use crate::params::{Group, Params, Slot, Snapshot};
use burn::tensor::{Tensor, activation::relu};
use rand::RngExt;
use std::{fmt, str::FromStr};

/// The kinds of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    /// One dense layer.
    Linear,
    /// A hidden layer with ReLU, then a dense layer.
    Mlp {
        /// Units of the hidden layer.
        hidden: usize,
    },
}

impl FromStr for HeadKind {
    type Err = Error;

    /// `linear`, `mlp` (128 units) or `mlp:UNITS`.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::ConfigInvalid {
            field: "head",
            value: text.to_string(),
            expected: "linear or mlp:UNITS with 1 to 4096 units".into(),
        };
        match text.split_once(':').unwrap_or((text, "")) {
            ("linear", "") => Ok(Self::Linear),
            ("mlp", "") => Ok(Self::Mlp { hidden: 128 }),
            ("mlp", units) => match units.parse() {
                Ok(hidden @ 1..=4096) => Ok(Self::Mlp { hidden }),
                _ => Err(bad()),
            },
            ("conv", _) => Err(Error::NotBuiltYet("The convolutional head".into())),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for HeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear => write!(f, "linear"),
            Self::Mlp { hidden } => write!(f, "mlp:{hidden}"),
        }
    }
}

/// A dense layer in system memory: y = W x + b.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Length of x.
    pub inputs: usize,
    /// Length of y.
    pub outputs: usize,
    /// `[outputs, inputs]`, row-major, as PyTorch keeps it.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// A trained head: dense layers with ReLU between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The layers, in order; never empty.
    pub layers: Vec<Dense>,
}

impl Dense {
    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        self.weight.chunks_exact(self.inputs).zip(&self.bias).map(|(row, bias)| dot(row) + bias).collect()
    }
}

impl Head {
    /// Logits `[classes]` of one pooled feature vector.
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(features.to_vec(), |x, (index, layer)| {
            let mut y = layer.forward(&x);
            if index < last {
                y.iter_mut().for_each(|v| *v = v.max(0.0));
            }
            y
        })
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum()
    }

    /// The same head for features that are not standardised: (x − μ)·s goes into the first layer's weights.
    pub(crate) fn fold_standardisation(mut self, scaling: &Standardisation) -> Self {
        let first = &mut self.layers[0];
        for (row, bias) in first.weight.chunks_exact_mut(first.inputs).zip(&mut first.bias) {
            let mut shift = 0.0_f64;
            for ((w, mean), scale) in row.iter_mut().zip(&scaling.mean).zip(&scaling.scale) {
                *w *= scale;
                shift += f64::from(*w) * f64::from(*mean);
            }
            *bias = (f64::from(*bias) - shift) as f32;
        }
        self
    }
}

/// Shift and scale of each feature: x becomes (x − mean) · scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardisation {
    /// `[features]`.
    pub mean: Vec<f32>,
    /// `[features]`.
    pub scale: Vec<f32>,
}

impl Standardisation {
    /// Measures rows of `features` values each.
    ///
    /// A feature is divided by its standard deviation, or by the root mean square of all features' deviations where
    /// that is larger: features that hardly vary on the training pictures are mostly noise, and blowing them up to
    /// unit variance costs 3 points of accuracy on average (four picture sets, two backbones).
    pub fn measure<'a>(rows: impl Iterator<Item = &'a [f32]>, features: usize) -> Self {
        let (mut sum, mut squares, mut count) = (vec![0.0_f64; features], vec![0.0_f64; features], 0.0_f64);
        for row in rows {
            count += 1.0;
            for (index, x) in row.iter().enumerate() {
                sum[index] += f64::from(*x);
                squares[index] += f64::from(*x) * f64::from(*x);
            }
        }
        let count = count.max(1.0);
        let mean: Vec<f64> = sum.iter().map(|s| s / count).collect();
        let deviation: Vec<f64> = squares.iter().zip(&mean).map(|(s, m)| (s / count - m * m).max(0.0).sqrt()).collect();
        let spread = (deviation.iter().map(|d| d * d).sum::<f64>() / features.max(1) as f64).sqrt();
        // All pictures alike: nothing to learn from, and nothing to divide by.
        let floor = if spread > 0.0 { spread } else { 1.0 };
        Self {
            mean: mean.iter().map(|m| *m as f32).collect(),
            scale: deviation.iter().map(|d| (1.0 / d.max(floor)) as f32).collect(),
        }
    }

    /// Standardises one row in place.
    pub fn apply(&self, row: &mut [f32]) {
        for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
            *x = (*x - mean) * scale;
        }
    }
}

/// A head in the autodiff graph; its parameters live in a [`Params`], weights as `[inputs, outputs]`.
pub struct TrainableHead {
    layers: Vec<(Slot, Slot, [usize; 2])>,
}

impl TrainableHead {
    /// Adds the parameters of a new head to `params`.
    ///
    /// A linear head starts at zero: softmax regression is convex, so any start ends in the same place and zero
    /// favours no class. A hidden layer needs asymmetry and starts uniformly within ±1/√inputs (PyTorch's default).
    pub fn new(kind: HeadKind, features: usize, classes: usize, params: &mut Params, rng: &mut impl rand::Rng) -> Self {
        let sizes = match kind {
            HeadKind::Linear => vec![features, classes],
            HeadKind::Mlp { hidden } => vec![features, hidden, classes],
        };
        let mut layers = Vec::new();
        for (index, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let bound = if kind == HeadKind::Linear { 0.0 } else { 1.0 / (inputs as f32).sqrt() };
            let mut uniform =
                |count: usize| -> Vec<f32> { (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect() };
            let (weight, bias) = (uniform(inputs * outputs), uniform(outputs));
            let weight = params.add(&format!("head.{index}.weight"), &[inputs, outputs], weight, Group::Head, true);
            let bias = params.add(&format!("head.{index}.bias"), &[outputs], bias, Group::Head, false);
            layers.push((weight, bias, [inputs, outputs]));
        }
        Self { layers }
    }

    /// Logits `[batch, classes]` of features `[batch, features]`.
    ///
    /// `dropout` gives, for a shape, the mask to multiply with, or `None` where nothing is dropped.
    pub fn forward(
        &self,
        x: Tensor<2>,
        params: &Params,
        mut dropout: impl FnMut([usize; 2]) -> Option<Tensor<2>>,
    ) -> Tensor<2> {
        let last = self.layers.len() - 1;
        let mut x = x;
        for (index, (weight, bias, shape)) in self.layers.iter().enumerate() {
            if index == last
                && let Some(mask) = dropout(x.dims())
            {
                x = x * mask;
            }
            let weight = params.get(*weight).reshape(*shape);
            x = x.matmul(weight) + params.get(*bias).reshape([1, shape[1]]);
            if index < last {
                x = relu(x);
            }
        }
        x
    }

    /// The head with the values of a snapshot, as it is for standardised features.
    pub fn trained(&self, values: &Snapshot) -> Head {
        let dense = |(weight, bias, [inputs, outputs]): &(Slot, Slot, [usize; 2])| {
            let flat = values.get(*weight);
            let transposed = (0..outputs * inputs).map(|i| flat[(i % inputs) * outputs + i / inputs]);
            let bias = values.get(*bias).to_vec();
            Dense { inputs: *inputs, outputs: *outputs, weight: transposed.collect(), bias }
        };
        Head { layers: self.layers.iter().map(dense).collect() }
    }
}
