//! Stages in inference form: BatchNorm folded, no gradients.

use super::{Backbone, fold::fold};
use crate::{
    engine::Engine,
    error::Result,
    nn::{self, ConvSpec},
};
use burn::tensor::{Tensor, TensorData};
use std::ops::Range;

/// A run of stages in inference form on one engine.
pub struct FrozenStages {
    stages: Vec<Stage>,
    gpu: bool,
}

struct Stage {
    convs: Vec<Conv>,
    residual: bool,
}

struct Conv {
    spec: ConvSpec,
    weight: Tensor<4>,
    bias: Tensor<1>,
}

impl FrozenStages {
    /// Folds and uploads the stages of `range`.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn new(backbone: &Backbone, range: Range<usize>, engine: &Engine) -> Result<Self> {
        let device = engine.device();
        let stages = backbone.stages()[range]
            .iter()
            .map(|stage| {
                let convs = stage
                    .convs
                    .iter()
                    .map(|spec| {
                        let folded = fold(backbone.weights(), spec)?;
                        Ok(Conv {
                            weight: Tensor::from_data(TensorData::new(folded.weight, spec.weight_shape()), device),
                            bias: Tensor::from_data(TensorData::new(folded.bias, [spec.outputs]), device),
                            spec: spec.clone(),
                        })
                    })
                    .collect::<Result<_>>()?;
                Ok(Stage { convs, residual: stage.residual })
            })
            .collect::<Result<_>>()?;
        Ok(Self { stages, gpu: engine.is_gpu() })
    }

    /// Adds a convolution behind the last stage: `weight` of the shape that `spec` has, `bias` `[outputs]`.
    pub(crate) fn push(&mut self, spec: ConvSpec, weight: &[f32], bias: &[f32], engine: &Engine) {
        let device = engine.device();
        let conv = Conv {
            weight: Tensor::from_data(TensorData::new(weight.to_vec(), spec.weight_shape()), device),
            bias: Tensor::from_data(TensorData::new(bias.to_vec(), [spec.outputs]), device),
            spec,
        };
        self.stages.push(Stage { convs: vec![conv], residual: false });
    }

    /// Runs the stages: `[batch, channels, height, width]` to the same of the last stage.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.stages.iter().fold(x, |x, stage| stage.forward(x, self.gpu))
    }
}

impl Stage {
    fn forward(&self, x: Tensor<4>, gpu: bool) -> Tensor<4> {
        let shortcut = self.residual.then(|| x.clone());
        let y = self.convs.iter().fold(x, |x, conv| {
            let y = nn::convolve(x, conv.weight.clone(), Some(conv.bias.clone()), &conv.spec, gpu);
            if conv.spec.relu6 { nn::relu6(y) } else { y }
        });
        match shortcut {
            Some(shortcut) => y + shortcut,
            None => y,
        }
    }
}
