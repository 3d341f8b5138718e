//! Stages whose weights train: BatchNorm stays in inference mode, its affine parameters train or not.

use super::{Backbone, fold::Norm};
use crate::{
    engine::Engine,
    error::Result,
    nn::{self, ConvSpec},
    params::{Group, Params, Slot},
};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// What follows a convolution before ReLU6.
enum After {
    /// Frozen statistics with an affine that is a parameter.
    Norm(Box<FrozenNorm>),
    /// A BatchNorm in which nothing trains: y·scale + shift, both `[channels]`, in this order.
    Affine(Box<[Tensor<1>; 2]>),
    /// A bias, where the backbone came with BatchNorm folded.
    Bias(Slot),
}

/// BatchNorm in inference mode: (x − μ)/σ · γ + β with μ and σ fixed.
struct FrozenNorm {
    gamma: Slot,
    beta: Slot,
    mean: Tensor<1>,
    inverse_std: Tensor<1>,
}

struct Conv {
    spec: ConvSpec,
    weight: Slot,
    after: After,
}

struct Stage {
    convs: Vec<Conv>,
    residual: bool,
}

/// The trainable tail of a backbone; its parameters live in a [`Params`].
///
/// Constants stay outside the autodiff graph: combined with a parameter of the graph they count as such, and an
/// evaluation with [`Params::without_graph`] stays without one.
pub struct TrainableStages {
    stages: Vec<Stage>,
    gpu: bool,
}

impl TrainableStages {
    /// Adds the parameters of the stages of `range` to `params`, under their torchvision names, each in the
    /// [`Group::Stage`] of its stage.
    ///
    /// `train_norms` says whether BatchNorm's γ and β train; its statistics never do. Where BatchNorm is folded into
    /// the convolutions, their biases train in either case.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn new(
        backbone: &Backbone,
        range: Range<usize>,
        engine: &Engine,
        params: &mut Params,
        train_norms: bool,
    ) -> Result<Self> {
        let mut stages = Vec::with_capacity(range.len());
        for index in range {
            let stage = &backbone.stages()[index];
            let mut adding = Adding { backbone, group: Group::Stage(index), device: engine.device(), params };
            let convs = stage.convs.iter().map(|spec| adding.conv(spec, train_norms)).collect::<Result<_>>()?;
            stages.push(Stage { convs, residual: stage.residual });
        }
        Ok(Self { stages, gpu: engine.is_gpu() })
    }

    /// Runs the stages: `[batch, channels, height, width]` to the same of the last stage.
    ///
    /// The stages from `first_active` (counted from the first of the tail; 0 is all of them) run inside the autodiff
    /// graph of `params`. Those before it run outside with the values that their parameters have now, so that they
    /// get no gradient and cost no backward pass.
    pub fn forward(&self, x: Tensor<4>, params: &Params, first_active: usize) -> Tensor<4> {
        let (passive, active) = self.stages.split_at(first_active.min(self.stages.len()));
        let x = if passive.is_empty() {
            x
        } else {
            let in_graph = x.is_autodiff();
            let constant = |slot| params.get_constant(slot);
            let y = passive.iter().fold(x.inner(), |x, stage| stage.forward(x, constant, self.gpu));
            if in_graph { y.autodiff() } else { y }
        };
        active.iter().fold(x, |x, stage| stage.forward(x, |slot| params.get(slot), self.gpu))
    }
}

/// Where new parameters go and what they are made from.
struct Adding<'a> {
    backbone: &'a Backbone,
    group: Group,
    device: &'a Device,
    params: &'a mut Params,
}

impl Adding<'_> {
    fn param(&mut self, name: String, decay: bool) -> Result<Slot> {
        let array = self.backbone.weights().get(&name)?;
        Ok(self.params.add(&name, &array.shape, array.data.clone(), self.group, decay))
    }

    fn conv(&mut self, spec: &ConvSpec, train_norms: bool) -> Result<Conv> {
        let weight = self.param(format!("{}.weight", spec.name), true)?;
        let device = self.device;
        let constant = |values| Tensor::from_data(TensorData::new::<f32, _>(values, [spec.outputs]), device);
        let after = if self.backbone.weights().folded() {
            After::Bias(self.param(format!("{}.bias", spec.name), false)?)
        } else if train_norms {
            let gamma = self.param(format!("{}.weight", spec.norm), false)?;
            let beta = self.param(format!("{}.bias", spec.norm), false)?;
            let norm = Norm::read(self.backbone.weights(), spec)?;
            let inverse_std = (0..spec.outputs).map(|c| norm.inverse_std(c) as f32).collect();
            let (mean, inverse_std) = (constant(norm.mean.to_vec()), constant(inverse_std));
            After::Norm(Box::new(FrozenNorm { gamma, beta, mean, inverse_std }))
        } else {
            let norm = Norm::read(self.backbone.weights(), spec)?;
            let affine = (0..spec.outputs).map(|c| norm.affine(c));
            let (scale, shift) = affine.map(|(scale, shift)| (scale as f32, shift as f32)).unzip();
            After::Affine(Box::new([constant(scale), constant(shift)]))
        };
        Ok(Conv { spec: spec.clone(), weight, after })
    }
}

impl Stage {
    /// `value` gives the parameters, in the graph or not.
    fn forward(&self, x: Tensor<4>, value: impl Fn(Slot) -> Tensor<1> + Copy, gpu: bool) -> Tensor<4> {
        let shortcut = self.residual.then(|| x.clone());
        let y = self.convs.iter().fold(x, |x, conv| conv.forward(x, value, gpu));
        match shortcut {
            Some(shortcut) => y + shortcut,
            None => y,
        }
    }
}

impl Conv {
    fn forward(&self, x: Tensor<4>, value: impl Fn(Slot) -> Tensor<1>, gpu: bool) -> Tensor<4> {
        let weight = value(self.weight).reshape(self.spec.weight_shape());
        // BatchNorm's scale goes into the weight and its shift into the bias, inside the graph: the gradients are the
        // same, and no operation runs over the whole feature map, forward or backward.
        let (scale, bias) = match &self.after {
            After::Bias(bias) => (None, value(*bias)),
            After::Affine(affine) => {
                let [scale, shift] = affine.as_ref().clone();
                (Some(scale), shift)
            }
            After::Norm(norm) => {
                let scale = value(norm.gamma) * norm.inverse_std.clone();
                let shift = value(norm.beta) - norm.mean.clone() * scale.clone();
                (Some(scale), shift)
            }
        };
        let weight = match scale {
            Some(scale) => weight * scale.reshape([self.spec.outputs, 1, 1, 1]),
            None => weight,
        };
        let y = nn::convolve(x, weight, Some(bias), &self.spec, gpu);
        if self.spec.relu6 { nn::relu6(y) } else { y }
    }
}
