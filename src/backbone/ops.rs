//! The few tensor operations that the backbone is made of, in the form that is fastest on each engine.

use super::spec::ConvSpec;
use burn::tensor::{Tensor, module::conv2d, ops::ConvOptions};

/// `x`: `[batch, inputs, height, width]` → `[batch, outputs, height / stride, width / stride]`.
///
/// burn-wgpu without autotune runs every convolution directly, 1×1 included; as a matrix product a pointwise
/// convolution is several times faster there. burn-flex recognises 1×1 convolutions itself.
pub(crate) fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    spec: &ConvSpec,
    gpu: bool,
) -> Tensor<4> {
    if gpu && spec.kernel == 1 && spec.stride == 1 {
        let [batch, inputs, height, width] = x.dims();
        let product = weight
            .reshape([1, spec.outputs, inputs])
            .matmul(x.reshape([batch, inputs, height * width]))
            .reshape([batch, spec.outputs, height, width]);
        return match bias {
            Some(bias) => product + bias.reshape([1, spec.outputs, 1, 1]),
            None => product,
        };
    }
    let padding = spec.kernel / 2;
    let options = ConvOptions::new([spec.stride; 2], [padding; 2], [1, 1], spec.groups);
    conv2d(x, weight, bias, options)
}

/// min(max(x, 0), 6).
pub(crate) fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// Mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub fn global_average(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
}
