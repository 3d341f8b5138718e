//! How operations are computed: which kernel runs where is decided here and nowhere else.

use super::convolutions::{self, Shape};
use super::spec::{Activation, ConvSpec, Window};
use crate::engine::Engine;
use burn::tensor::{
    Tensor,
    activation::{relu, sigmoid},
    module::{avg_pool2d, conv2d, max_pool2d},
    ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions},
    s,
};
use headstart_kernels::{Planes, PointwiseBatch};

/// The operations whose fastest form depends on the engine.
pub(crate) trait Kernels: Sync {
    /// A convolution: `x` `[batch, inputs, height, width]` → `[batch, outputs, …]`, `weight` of
    /// [`ConvSpec::weight_shape`], `bias` `[outputs]`.
    fn convolve(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, spec: &ConvSpec) -> Tensor<4>;
}

/// The kernels that are fastest on an engine.
pub(crate) fn kernels(engine: &Engine) -> &'static dyn Kernels {
    if engine.is_gpu() { &Gpu } else { &Cpu }
}

struct Cpu;

struct Gpu;

impl Kernels for Cpu {
    fn convolve(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, spec: &ConvSpec) -> Tensor<4> {
        // In the graph and outside of it, so that activations are the same to the bit whatever trains.
        match own(&x, spec) {
            Some(shape) => biased(convolutions::convolve(x, weight, shape), bias),
            None => plain(x, weight, bias, spec),
        }
    }
}

impl Kernels for Gpu {
    fn convolve(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, spec: &ConvSpec) -> Tensor<4> {
        if spec.is_pointwise() && x.is_autodiff() {
            return biased(whole_batch(x, weight, spec), bias);
        }
        if spec.is_depthwise() && weight.is_autodiff() && copies(&x, spec) < MOST_COPIES {
            return biased(depthwise_in_graph(x, weight, spec), bias);
        }
        if spec.is_pointwise() {
            // burn without autotune would run it directly, several times slower than as the matrix product that it is.
            let [batch, inputs, height, width] = x.dims();
            let product = weight.reshape([1, spec.outputs, inputs]).matmul(x.reshape([batch, inputs, height * width]));
            return biased(product.reshape([batch, spec.outputs, height, width]), bias);
        }
        plain(x, weight, bias, spec)
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

fn plain(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, spec: &ConvSpec) -> Tensor<4> {
    let options = options(spec, &x);
    conv2d(x, weight, bias, options)
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

/// Bytes of shifted inputs that [`depthwise_in_graph`] may keep for its backward pass. Larger maps are those of early
/// stages, which have few channels, so that a convolution a channel is less of a burden there.
const MOST_COPIES: usize = 128 << 20;

fn copies(x: &Tensor<4>, spec: &ConvSpec) -> usize {
    x.dims().iter().product::<usize>() * spec.kernel[0] * spec.kernel[1] * size_of::<f32>()
}

fn options(spec: &ConvSpec, x: &Tensor<4>) -> ConvOptions<2> {
    let [_, _, height, width] = x.dims();
    ConvOptions::new_with_padding(spec.stride, spec.padding_of([height, width]), [1, 1], spec.groups)
}

/// A depthwise convolution whose weight gets its gradient from one product of whole feature maps for each place of the
/// kernel.
///
/// burn computes that gradient one channel after the other, which on a GPU is thousands of small dispatches. Here the
/// convolution runs with the weight as a constant, and w − w, which is zero and has w's gradient, is added once for
/// each place of the kernel, times the input shifted to that place.
fn depthwise_in_graph(x: Tensor<4>, weight: Tensor<4>, spec: &ConvSpec) -> Tensor<4> {
    let constant = weight.clone().inner();
    let zero = weight - constant.clone();
    let options = options(spec, &x);
    let [(top, bottom), (left, right)] = options.padding;
    let padded = x.clone().inner().pad([(top, bottom), (left, right)], 0.0);
    let y = conv2d(x, constant, None, options);
    let [_, channels, height, width] = y.dims();
    let last = |first: usize, count: usize, stride: usize| (first + (count - 1) * stride + 1) as i32;
    let strides = spec.stride.map(|stride| stride as isize);
    (0..spec.kernel[0] * spec.kernel[1]).fold(y, |y, place| {
        let (row, column) = (place / spec.kernel[1], place % spec.kernel[1]);
        let rows = s![row as i32..last(row, height, spec.stride[0]);strides[0]];
        let columns = s![column as i32..last(column, width, spec.stride[1]);strides[1]];
        let shifted = padded.clone().slice([s![..], s![..], rows, columns]);
        let share = zero.clone().slice([s![..], s![..], s![row as i32], s![column as i32]]);
        y + shifted * share.reshape([1, channels, 1, 1])
    })
}

/// A pointwise convolution as one matrix product, with the positions of all pictures as its columns. Going backward
/// the weight's gradient is one product too, where a product for each picture would leave as many gradients to add up.
fn whole_batch(x: Tensor<4>, weight: Tensor<4>, spec: &ConvSpec) -> Tensor<4> {
    let [batch, inputs, height, width] = x.dims();
    let columns = x.swap_dims(0, 1).reshape([inputs, batch * height * width]);
    let product = weight.reshape([spec.outputs, inputs]).matmul(columns);
    product.reshape([spec.outputs, batch, height, width]).swap_dims(0, 1)
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

/// A dense layer: `x` `[batch, inputs, 1, 1]`, `weight` `[outputs, inputs]`, `bias` `[outputs]` → `[batch, outputs, 1, 1]`.
pub(super) fn dense(x: Tensor<4>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let ([batch, inputs, _, _], outputs) = (x.dims(), weight.dims()[0]);
    let y = x.reshape([batch, inputs]).matmul(weight.transpose());
    biased(y.reshape([batch, outputs, 1, 1]), bias)
}

/// Mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub fn global_average(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
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

    /// Both ways of computing give the same values and gradients as burn's own convolution.
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
            let (x, w) = (wave([3, 6, size[0], size[1]], 0.7), wave(spec.weight_shape(), 1.3));
            let expected = conv2d(x.clone(), w.clone(), None, options(&spec, &x));
            let pattern = wave(expected.dims(), 0.3).inner();
            let gradients = (expected.clone() * pattern.clone()).sum().backward();
            for kernels in [&Cpu as &dyn Kernels, &Gpu] {
                let found = kernels.convolve(x.clone(), w.clone(), None, &spec);
                assert!(largest_difference(found.clone().inner(), expected.clone().inner()) < 1e-5, "{spec:?}");
                let again = (found * pattern.clone()).sum().backward();
                for leaf in [&x, &w] {
                    let (a, b) = (leaf.grad(&again).unwrap(), leaf.grad(&gradients).unwrap());
                    assert!(largest_difference(a, b) < 1e-4, "{spec:?}");
                }
            }
        }
    }
}
