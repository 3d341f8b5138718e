//! The few tensor operations that the backbone is made of, in the form that is fastest on each engine.

use super::spec::ConvSpec;
use burn::tensor::{Tensor, module::conv2d, ops::ConvOptions};

/// `x`: `[batch, inputs, height, width]` → `[batch, outputs, height / stride, width / stride]`.
///
/// A pointwise convolution is a matrix product. On a GPU burn without autotune would run it directly, several times
/// slower; burn-flex recognises it going forward, but its backward pass of a convolution takes four times as long as
/// that of one product over the whole batch.
pub(crate) fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    spec: &ConvSpec,
    gpu: bool,
) -> Tensor<4> {
    let pointwise = spec.kernel == 1 && spec.stride == 1;
    let product = match () {
        () if pointwise && x.is_autodiff() => whole_batch(x, weight, spec),
        () if pointwise && gpu => {
            let [batch, inputs, height, width] = x.dims();
            let product = weight.reshape([1, spec.outputs, inputs]).matmul(x.reshape([batch, inputs, height * width]));
            product.reshape([batch, spec.outputs, height, width])
        }
        () => {
            let options = ConvOptions::new([spec.stride; 2], [spec.kernel / 2; 2], [1, 1], spec.groups);
            return conv2d(x, weight, bias, options);
        }
    };
    match bias {
        Some(bias) => product + bias.reshape([1, spec.outputs, 1, 1]),
        None => product,
    }
}

/// A pointwise convolution as one matrix product, with the positions of all pictures as its columns. Going backward
/// the weight's gradient is one product too, where a product for each picture would leave as many gradients to add up.
fn whole_batch(x: Tensor<4>, weight: Tensor<4>, spec: &ConvSpec) -> Tensor<4> {
    let [batch, inputs, height, width] = x.dims();
    let columns = x.swap_dims(0, 1).reshape([inputs, batch * height * width]);
    let product = weight.reshape([spec.outputs, inputs]).matmul(columns);
    product.reshape([spec.outputs, batch, height, width]).swap_dims(0, 1)
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
