//! The new head: what turns the backbone's last feature map into one logit a class.
//!
//! [`TrainableHead`] lives in the autodiff graph; [`Head`] is what is left after training, plain vectors in system
//! memory, so that a prediction costs one read of the features and no second trip to the device. A convolution, where
//! the head has one, runs with the backbone in front of the pooling.

mod kind;
mod standardisation;
mod trainable;

pub use kind::{Activation, HeadKind};
pub use standardisation::{Moments, Standardisation};
pub use trainable::{Features, TrainableHead};

use crate::error::{Error, Result};
use crate::nn::{self, ConvSpec, DenseSpec, LayerReport, NormSpec, StageBuilder, StageSpec, WeightAndBias};
use headstart_kernels::DenseRows;
use rand::{RngExt, SeedableRng};

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

/// A 3×3 convolution with ReLU6 before the pooling, padded with zeros to keep the size.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Channels of the feature map.
    pub inputs: usize,
    /// Channels of its output, which are pooled into the features of the dense layers.
    pub outputs: usize,
    /// `[outputs, inputs, 3, 3]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// A head: perhaps a convolution, the pooling, then dense layers with an activation between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The convolution before the pooling, where there is one.
    pub convolution: Option<Convolution>,
    /// The layers, in order; never empty.
    pub layers: Vec<Dense>,
    /// What follows every layer but the last.
    pub activation: Activation,
}

impl Convolution {
    /// Its plain description.
    pub(crate) fn stage(&self) -> StageSpec {
        let mut stage = StageBuilder::new("head", self.inputs);
        let x = stage.conv(stage.input(), ConvSpec::new("head.conv", self.outputs).kernel(3).bias());
        stage.activate(x, nn::Activation::Relu6);
        stage.end()
    }
}

impl nn::Numbers for &Convolution {
    fn conv(&mut self, _: &ConvSpec, _: Option<&NormSpec>) -> Result<WeightAndBias> {
        Ok((self.weight.clone(), Some(self.bias.clone())))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<[Vec<f32>; 2]> {
        Err(Error::Internal(format!("a head has no batch normalisation {}", norm.name)))
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<WeightAndBias> {
        Err(Error::Internal(format!("{} is no part of a stage", dense.name)))
    }
}

impl Dense {
    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; self.outputs];
        let layer = DenseRows { inputs: self.inputs, outputs: self.outputs };
        layer.forward(x, &[0], &self.weight, &self.bias, &mut y);
        y
    }
}

impl Head {
    /// A head before training.
    ///
    /// A single dense layer starts at zero: softmax regression is convex, so any start ends in the same place and zero
    /// favours no class. A layer before another needs asymmetry; those heads start uniformly within ±1/√(fan-in)
    /// (PyTorch's default).
    pub fn fresh(kind: HeadKind, features: usize, classes: usize, rng: &mut impl rand::Rng) -> Self {
        let mut uniform = |count: usize, fan_in: usize| -> Vec<f32> {
            let bound = 1.0 / (fan_in as f32).sqrt();
            (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
        };
        let mut dense = |inputs: usize, outputs: usize| Dense {
            inputs,
            outputs,
            weight: uniform(inputs * outputs, inputs),
            bias: uniform(outputs, inputs),
        };
        let (layers, activation) = match kind {
            HeadKind::Linear | HeadKind::Svm { .. } => {
                let (weight, bias) = (vec![0.0; features * classes], vec![0.0; classes]);
                (vec![Dense { inputs: features, outputs: classes, weight, bias }], Activation::default())
            }
            HeadKind::Mlp { hidden, activation } => (vec![dense(features, hidden), dense(hidden, classes)], activation),
            HeadKind::Conv { channels } => (vec![dense(channels, classes)], Activation::default()),
        };
        let convolution = match kind {
            HeadKind::Conv { channels } => Some(Convolution {
                inputs: features,
                outputs: channels,
                weight: uniform(channels * features * 9, features * 9),
                bias: uniform(channels, features * 9),
            }),
            _ => None,
        };
        Self { convolution, layers, activation }
    }

    /// Logits `[classes]` of one pooled feature vector (of the convolution's output, where there is one).
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(features.to_vec(), |x, (index, layer)| {
            let mut y = layer.forward(&x);
            if index < last {
                y.iter_mut().for_each(|v| *v = self.activation.of(*v));
            }
            y
        })
    }

    /// The same head with other outputs: each is one that it has or, `None`, a new one, which begins as the mean of those that
    /// there are and so favours no class.
    pub(crate) fn with_outputs(&self, outputs: &[Option<usize>]) -> Self {
        let mut head = self.clone();
        if let Some(last) = head.layers.last_mut() {
            let Dense { inputs, outputs: before, weight, bias } = &*last;
            let mean = |values: &mut dyn Iterator<Item = f32>| values.sum::<f32>() / *before as f32;
            let mean_row: Vec<f32> =
                (0..*inputs).map(|at| mean(&mut weight.iter().skip(at).step_by(*inputs).copied())).collect();
            let mean_bias = mean(&mut bias.iter().copied());
            let row = |output: &Option<usize>| match output {
                Some(output) => &weight[output * inputs..(output + 1) * inputs],
                None => &mean_row,
            };
            *last = Dense {
                inputs: *inputs,
                outputs: outputs.len(),
                weight: outputs.iter().flat_map(row).copied().collect(),
                bias: outputs.iter().map(|output| output.map_or(mean_bias, |output| bias[output])).collect(),
            };
        }
        head
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        let convolution = self.convolution.as_ref().map_or(0, |conv| conv.weight.len() + conv.bias.len());
        convolution + self.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum::<usize>()
    }

    /// Names, shapes and values of all tensors, in order of computation, as they are saved.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, &[f32])> {
        let mut tensors: Vec<(String, Vec<usize>, &[f32])> = Vec::new();
        if let Some(conv) = &self.convolution {
            tensors.push(("head.conv.weight".into(), vec![conv.outputs, conv.inputs, 3, 3], &conv.weight));
            tensors.push(("head.conv.bias".into(), vec![conv.outputs], &conv.bias));
        }
        for (index, layer) in self.layers.iter().enumerate() {
            tensors.push((format!("head.{index}.weight"), vec![layer.outputs, layer.inputs], &layer.weight));
            tensors.push((format!("head.{index}.bias"), vec![layer.outputs], &layer.bias));
        }
        tensors
    }

    /// A head of the same make with other values: `take` gives those of a tensor by its name, as [`Head::tensors`] has it,
    /// and its length.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn filled(&self, mut take: impl FnMut(&str, usize) -> Result<Vec<f32>>) -> Result<Self> {
        let mut head = self.clone();
        if let Some(conv) = &mut head.convolution {
            conv.weight = take("head.conv.weight", conv.weight.len())?;
            conv.bias = take("head.conv.bias", conv.bias.len())?;
        }
        for (index, layer) in head.layers.iter_mut().enumerate() {
            layer.weight = take(&format!("head.{index}.weight"), layer.weight.len())?;
            layer.bias = take(&format!("head.{index}.bias"), layer.bias.len())?;
        }
        Ok(head)
    }

    /// Every tensor for people and programs; a head always trains.
    pub fn layers(&self) -> Vec<LayerReport> {
        let report = |(name, shape, data): (String, Vec<usize>, &[f32])| LayerReport {
            kind: if name.starts_with("head.conv") { "convolution" } else { "linear" }.into(),
            name,
            stage: "head".into(),
            shape,
            parameters: data.len(),
            trainable: true,
            reason: "the head always trains".into(),
        };
        self.tensors().into_iter().map(report).collect()
    }

    /// What it is as the settings call it: `linear`, `mlp:UNITS ACTIVATION` or `conv:CHANNELS`. An SVM is a linear head.
    pub fn describe(&self) -> String {
        match (&self.convolution, self.layers.len()) {
            (Some(convolution), _) => format!("conv:{}", convolution.outputs),
            (None, 1) => "linear".into(),
            (None, _) => format!("mlp:{} {}", self.layers[0].outputs, self.activation.name()),
        }
    }

    /// Whether this head, trained on so many features and classes, is one of this kind.
    pub fn is_of(&self, kind: HeadKind, features: usize, classes: usize) -> bool {
        let sizes = |head: &Self| -> Vec<(Vec<usize>, bool)> {
            head.tensors().into_iter().map(|(name, shape, _)| (shape, name.contains("conv"))).collect()
        };
        // Any stream of numbers will do: only the shapes are compared.
        let mut rng = rand_chacha::ChaCha8Rng::from_seed([0; 32]);
        let fresh = Self::fresh(kind, features, classes, &mut rng);
        sizes(self) == sizes(&fresh) && (self.layers.len() == 1 || self.activation == fresh.activation)
    }
}
