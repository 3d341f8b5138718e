//! Folding BatchNorm in inference form into the convolution before it.

use super::weights::Weights;
use crate::error::Result;
use crate::nn::ConvSpec;

/// BatchNorm's guard against division by zero: PyTorch's and timm's default for MobileNetV2.
pub(crate) const EPSILON: f32 = 1e-5;

/// A convolution that computes what convolution and BatchNorm did together.
pub(crate) struct Folded {
    /// `[outputs, inputs / groups, kernel, kernel]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// Folds: with s = γ / √(σ² + ε), the weight becomes w·s and the bias β − μ·s, for each output channel.
///
/// Computed in f64, so that variances near the smallest float lose nothing.
pub(crate) fn fold(weights: &Weights, conv: &ConvSpec) -> Result<Folded> {
    let mut weight = weights.get(&format!("{}.weight", conv.name))?.data.clone();
    if weights.folded() {
        let bias = weights.get(&format!("{}.bias", conv.name))?.data.clone();
        return Ok(Folded { weight, bias });
    }
    let norm = Norm::read(weights, conv)?;
    let each = weight.len() / conv.outputs;
    let mut bias = Vec::with_capacity(conv.outputs);
    for channel in 0..conv.outputs {
        let (scale, shift) = norm.affine(channel);
        for w in &mut weight[channel * each..(channel + 1) * each] {
            *w = (f64::from(*w) * scale) as f32;
        }
        bias.push(shift as f32);
    }
    Ok(Folded { weight, bias })
}

/// The four vectors of a BatchNorm, `[channels]` each.
pub(crate) struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
}

impl<'a> Norm<'a> {
    pub(crate) fn read(weights: &'a Weights, conv: &ConvSpec) -> Result<Self> {
        let part = |name: &str| weights.get(&format!("{}.{name}", conv.norm)).map(|a| a.data.as_slice());
        Ok(Self {
            gamma: part("weight")?,
            beta: part("bias")?,
            mean: part("running_mean")?,
            variance: part("running_var")?,
        })
    }

    /// What one channel computes, as x·s + t: s = γ / √(σ² + ε) and t = β − μ·s.
    pub(crate) fn affine(&self, channel: usize) -> (f64, f64) {
        let scale = f64::from(self.gamma[channel]) * self.inverse_std(channel);
        (scale, f64::from(self.beta[channel]) - f64::from(self.mean[channel]) * scale)
    }

    /// 1 / √(σ² + ε) of one channel.
    pub(crate) fn inverse_std(&self, channel: usize) -> f64 {
        1.0 / (f64::from(self.variance[channel]) + f64::from(EPSILON)).sqrt()
    }
}
