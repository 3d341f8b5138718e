//! Folding BatchNorm in inference form into the convolution before it.

use super::weights::Weights;
use crate::error::Result;
use crate::nn::{ConvSpec, NormSpec};

/// A convolution that computes what convolution and BatchNorm did together.
pub(crate) struct Folded {
    /// `[outputs, inputs / groups, kernel, kernel]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`; none where there is neither a bias nor a BatchNorm.
    pub bias: Option<Vec<f32>>,
}

/// Folds: with s = γ / √(σ² + ε), the weight becomes w·s and the bias β + (b − μ)·s, for each output channel.
///
/// Computed in f64, so that variances near the smallest float lose nothing.
pub(crate) fn fold(weights: &Weights, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<Folded> {
    let mut weight = weights.get(&format!("{}.weight", conv.name))?.data.clone();
    let norm = norm.filter(|_| !weights.folded());
    let own = if conv.bias || weights.folded() { weights.find(&format!("{}.bias", conv.name)) } else { None };
    let own = own.map(|bias| bias.data.clone());
    let Some(norm) = norm.map(|norm| Norm::read(weights, norm)).transpose()? else {
        return Ok(Folded { weight, bias: own });
    };
    let each = weight.len() / conv.outputs;
    let mut bias = Vec::with_capacity(conv.outputs);
    for channel in 0..conv.outputs {
        let (scale, shift) = norm.affine(channel);
        for w in &mut weight[channel * each..(channel + 1) * each] {
            *w = (f64::from(*w) * scale) as f32;
        }
        let own = own.as_ref().map_or(0.0, |bias| f64::from(bias[channel]));
        bias.push((shift + own * scale) as f32);
    }
    Ok(Folded { weight, bias: Some(bias) })
}

/// The four vectors of a BatchNorm, `[channels]` each.
pub(crate) struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
    epsilon: f64,
}

impl<'a> Norm<'a> {
    pub(crate) fn read(weights: &'a Weights, norm: &NormSpec) -> Result<Self> {
        let part = |name: &str| weights.get(&format!("{}.{name}", norm.name)).map(|a| a.data.as_slice());
        Ok(Self {
            gamma: part("weight")?,
            beta: part("bias")?,
            mean: part("running_mean")?,
            variance: part("running_var")?,
            epsilon: norm.epsilon,
        })
    }

    /// What one channel computes, as x·s + t: s = γ / √(σ² + ε) and t = β − μ·s.
    pub(crate) fn affine(&self, channel: usize) -> (f64, f64) {
        let scale = f64::from(self.gamma[channel]) * self.inverse_std(channel);
        (scale, f64::from(self.beta[channel]) - f64::from(self.mean[channel]) * scale)
    }

    /// 1 / √(σ² + ε) of one channel.
    pub(crate) fn inverse_std(&self, channel: usize) -> f64 {
        1.0 / (f64::from(self.variance[channel]) + self.epsilon).sqrt()
    }
}
