//! How operations that train are computed: which have kernels of our own is decided here and nowhere else.

use super::operations::{self, Clamp, Shape};
use super::spec::{Activation, ConvSpec, Window};
use burn::tensor::{
    Tensor,
    activation::{relu, sigmoid},
    module::{avg_pool2d, conv2d, max_pool2d},
    ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions},
};
use headstart_kernels::{Planes, PointwiseBatch};

/// A convolution: `x` `[batch, inputs, height, width]` → `[batch, outputs, …]`, `weight` of [`ConvSpec::weight_shape`], `bias`
/// `[outputs]`, and the activation behind it.
pub(super) fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    spec: &ConvSpec,
    activation: Option<Activation>,
) -> Tensor<4> {
    let (clamp, rest) = match activation {
        Some(Activation::Relu) => (Clamp::Relu, None),
        Some(Activation::Relu6) => (Clamp::Relu6, None),
        other => (Clamp::None, other),
    };
    // In the graph and outside of it, so that activations are the same to the bit whatever trains.
    let y = match own(&x, spec) {
        Some(shape) => {
            let bias = bias.unwrap_or_else(|| Tensor::zeros([spec.outputs], &weight.device()));
            return activated(operations::convolve(x, weight, bias, shape, clamp), rest);
        }
        None => biased(plain(x, weight, spec), bias),
    };
    activated(y, activation)
}

fn activated(y: Tensor<4>, activation: Option<Activation>) -> Tensor<4> {
    match activation {
        Some(activation) => activate(y, activation),
        None => y,
    }
}

/// What our own operations have of a convolution of `x`, where they have it.
fn own(x: &Tensor<4>, spec: &ConvSpec) -> Option<Shape> {
    let [batch, inputs, height, width] = x.dims();
    let size = [height, width];
    if spec.is_pointwise() {
        let of = PointwiseBatch { batch, inputs, outputs: spec.outputs, area: height * width };
        return Some(Shape::Pointwise(of, size));
    }
    let planes = Planes { kernel: spec.kernel, stride: spec.stride, padding: spec.padding_of(size), size };
    spec.is_depthwise().then_some(Shape::Depthwise([batch, inputs], planes))
}

fn plain(x: Tensor<4>, weight: Tensor<4>, spec: &ConvSpec) -> Tensor<4> {
    let options = options(spec, &x);
    conv2d(x, weight, None, options)
}

fn biased(y: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    match bias {
        Some(bias) => {
            let channels = y.dims()[1];
            y + bias.reshape([1, channels, 1, 1])
        }
        None => y,
    }
}

fn options(spec: &ConvSpec, x: &Tensor<4>) -> ConvOptions<2> {
    let [_, _, height, width] = x.dims();
    ConvOptions::new_with_padding(spec.stride, spec.padding_of([height, width]), [1, 1], spec.groups)
}

/// An activation of every value.
pub(crate) fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    let gate = |x: Tensor<4>| (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match activation {
        Activation::Relu => relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Silu => x.clone() * sigmoid(x),
        Activation::HardSwish => x.clone() * gate(x),
        Activation::HardSigmoid => gate(x),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// The largest value in each window.
pub(super) fn max_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    let padding = padding(&x, window);
    max_pool2d(x, MaxPoolOptions { stride: [window.stride; 2], padding, ..MaxPoolOptions::new([window.kernel; 2]) })
}

/// The mean of each window, padded zeros counted.
pub(super) fn average_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    let padding = padding(&x, window);
    avg_pool2d(x, AvgPoolOptions { stride: [window.stride; 2], padding, ..AvgPoolOptions::new([window.kernel; 2]) })
}

fn padding(x: &Tensor<4>, window: Window) -> [(usize, usize); 2] {
    let [_, _, height, width] = x.dims();
    [height, width].map(|size| window.padding.around(window.kernel, window.stride, size))
}

/// A dense layer: `x` `[batch, inputs, 1, 1]`, `weight` `[outputs, inputs]`, flat, `bias` `[outputs]` → `[batch, outputs, 1, 1]`.
pub(super) fn dense(x: Tensor<4>, weight: Tensor<1>, bias: Option<Tensor<1>>, outputs: usize) -> Tensor<4> {
    let [batch, inputs, _, _] = x.dims();
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &weight.device()));
    operations::dense(x.reshape([batch, inputs]), None, weight, bias, false).reshape([batch, outputs, 1, 1])
}

/// Mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub fn global_average(x: Tensor<4>) -> Tensor<2> {
    operations::average(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Padding;
    use burn::tensor::{Device, TensorData};

    fn wave(shape: [usize; 4], step: f32) -> Tensor<4> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * step).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex()).autodiff().require_grad()
    }

    fn largest_difference(a: Tensor<4>, b: Tensor<4>) -> f32 {
        let read = |x: Tensor<4>| x.into_data().try_into_vec::<f32>().unwrap();
        read(a).iter().zip(read(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// Values and gradients are those of burn's own convolution, bias and activation.
    #[test]
    fn convolutions_in_the_graph_are_convolutions() {
        let pointwise = ConvSpec::new("c", 10).of(6);
        let depthwise = ConvSpec::depthwise("c").kernel(3).of(6);
        for (spec, size) in [
            (pointwise, [5, 7]),
            (depthwise.clone(), [5, 7]),
            (depthwise.clone().stride(2), [8, 8]),
            (depthwise.clone().stride(2), [7, 5]),
            (depthwise.clone().stride(2).padding(Padding::Same), [8, 7]),
            (depthwise.clone().padding(Padding::None), [8, 7]),
            (depthwise.kernel_of([5, 2]).padding(Padding::Same), [6, 6]),
        ] {
            for activation in [None, Some(Activation::Relu), Some(Activation::Relu6), Some(Activation::HardSwish)] {
                let (x, w) = (wave([3, 6, size[0], size[1]], 0.7), wave(spec.weight_shape(), 1.3));
                let bias = wave([1, spec.outputs, 1, 1], 2.1);
                let expected = activated(plain(x.clone(), w.clone(), &spec) + bias.clone(), activation);
                let pattern = wave(expected.dims(), 0.3).inner();
                let gradients = (expected.clone() * pattern.clone()).sum().backward();
                let flat = bias.clone().reshape([spec.outputs]);
                let found = convolve(x.clone(), w.clone(), Some(flat), &spec, activation);
                assert!(largest_difference(found.clone().inner(), expected.clone().inner()) < 1e-5, "{spec:?}");
                let again = (found * pattern.clone()).sum().backward();
                for leaf in [&x, &w, &bias] {
                    let (a, b) = (leaf.grad(&again).unwrap(), leaf.grad(&gradients).unwrap());
                    assert!(largest_difference(a, b) < 1e-4, "{spec:?}, {activation:?}");
                }
            }
        }
    }
}
