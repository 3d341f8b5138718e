//! Stages whose weights train: BatchNorm stays in inference mode, its affine parameters train or not.

use super::{Backbone, fold::Norm, ops, spec::ConvSpec};
use crate::{
    engine::Engine,
    error::Result,
    params::{Group, Params, Slot},
};
use burn::tensor::{Tensor, TensorData};
use std::ops::Range;

/// What follows a convolution before ReLU6.
enum After {
    /// Frozen statistics with an affine that is a parameter.
    Norm(Box<FrozenNorm>),
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
pub struct TrainableStages {
    stages: Vec<Stage>,
    gpu: bool,
}

impl TrainableStages {
    /// Adds the parameters of the stages of `range` to `params`, under their torchvision names.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn new(backbone: &Backbone, range: Range<usize>, engine: &Engine, params: &mut Params) -> Result<Self> {
        let stages = backbone.stages()[range]
            .iter()
            .map(|stage| {
                let convs =
                    stage.convs.iter().map(|spec| conv(backbone, spec, engine, params)).collect::<Result<_>>()?;
                Ok(Stage { convs, residual: stage.residual })
            })
            .collect::<Result<_>>()?;
        Ok(Self { stages, gpu: engine.is_gpu() })
    }

    /// Runs the stages inside the autodiff graph of `params`.
    pub fn forward(&self, x: Tensor<4>, params: &Params) -> Tensor<4> {
        self.stages.iter().fold(x, |x, stage| {
            let shortcut = stage.residual.then(|| x.clone());
            let y = stage.convs.iter().fold(x, |x, conv| conv.forward(x, params, self.gpu));
            match shortcut {
                Some(shortcut) => y + shortcut,
                None => y,
            }
        })
    }
}

fn conv(backbone: &Backbone, spec: &ConvSpec, engine: &Engine, params: &mut Params) -> Result<Conv> {
    let weights = backbone.weights();
    let mut add = |name: String, decay: bool| -> Result<Slot> {
        let array = weights.get(&name)?;
        Ok(params.add(&name, &array.shape, array.data.clone(), Group::Backbone, decay))
    };
    let weight = add(format!("{}.weight", spec.name), true)?;
    let after = if weights.folded() {
        After::Bias(add(format!("{}.bias", spec.name), false)?)
    } else {
        let gamma = add(format!("{}.weight", spec.norm), false)?;
        let beta = add(format!("{}.bias", spec.norm), false)?;
        let norm = Norm::read(weights, spec)?;
        let inverse: Vec<f32> = (0..spec.outputs).map(|c| norm.inverse_std(c) as f32).collect();
        let constant = |values: Vec<f32>| {
            Tensor::<1>::from_data(TensorData::new(values, [spec.outputs]), engine.device()).autodiff()
        };
        let (mean, inverse_std) = (constant(norm.mean.to_vec()), constant(inverse));
        After::Norm(Box::new(FrozenNorm { gamma, beta, mean, inverse_std }))
    };
    Ok(Conv { spec: spec.clone(), weight, after })
}

impl Conv {
    fn forward(&self, x: Tensor<4>, params: &Params, gpu: bool) -> Tensor<4> {
        let channels = [1, self.spec.outputs, 1, 1];
        let weight = params.get(self.weight).reshape(self.spec.weight_shape());
        let y = match &self.after {
            After::Bias(bias) => ops::convolve(x, weight, Some(params.get(*bias)), &self.spec, gpu),
            After::Norm(norm) => {
                let y = ops::convolve(x, weight, None, &self.spec, gpu);
                // Two operations on the feature map instead of four: x·s + (β − μ·s) with s = γ/σ.
                let scale = params.get(norm.gamma) * norm.inverse_std.clone();
                let shift = params.get(norm.beta) - norm.mean.clone() * scale.clone();
                y * scale.reshape(channels) + shift.reshape(channels)
            }
        };
        if self.spec.relu6 { ops::relu6(y) } else { y }
    }
}
