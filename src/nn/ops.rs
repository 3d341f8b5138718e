//! The few tensor operations that networks are made of, in the form that is fastest on each engine.

use super::spec::ConvSpec;
use burn::tensor::{Tensor, module::conv2d, ops::ConvOptions, s};

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
        () if gpu && spec.groups > 1 && weight.is_autodiff() && copies(&x, spec) < MOST_COPIES => {
            depthwise_in_graph(x, weight, spec)
        }
        () if pointwise && gpu => {
            let [batch, inputs, height, width] = x.dims();
            let product = weight.reshape([1, spec.outputs, inputs]).matmul(x.reshape([batch, inputs, height * width]));
            product.reshape([batch, spec.outputs, height, width])
        }
        () => return conv2d(x, weight, bias, options(spec)),
    };
    match bias {
        Some(bias) => product + bias.reshape([1, spec.outputs, 1, 1]),
        None => product,
    }
}

/// Bytes of shifted inputs that [`depthwise_in_graph`] may keep for its backward pass. Larger maps are those of early
/// stages, which have few channels, so that a convolution a channel is less of a burden there.
const MOST_COPIES: usize = 128 << 20;

fn copies(x: &Tensor<4>, spec: &ConvSpec) -> usize {
    x.dims().iter().product::<usize>() * spec.kernel * spec.kernel * size_of::<f32>()
}

fn options(spec: &ConvSpec) -> ConvOptions<2> {
    ConvOptions::new([spec.stride; 2], [spec.kernel / 2; 2], [1, 1], spec.groups)
}

/// A depthwise convolution whose weight gets its gradient from nine products of whole feature maps.
///
/// burn computes that gradient one channel after the other, which on a GPU is thousands of small dispatches. Here the
/// convolution runs with the weight as a constant, and w − w, which is zero and has w's gradient, is added once for
/// each place of the kernel, times the input shifted to that place.
fn depthwise_in_graph(x: Tensor<4>, weight: Tensor<4>, spec: &ConvSpec) -> Tensor<4> {
    let constant = weight.clone().inner();
    let zero = weight - constant.clone();
    let (margin, stride) = (spec.kernel / 2, spec.stride as isize);
    let padded = x.clone().inner().pad([(margin, margin), (margin, margin)], 0.0);
    let y = conv2d(x, constant, None, options(spec));
    let [_, channels, height, width] = y.dims();
    let last = |first: usize, count: usize| (first + (count - 1) * spec.stride + 1) as i32;
    (0..spec.kernel * spec.kernel).fold(y, |y, place| {
        let (row, column) = (place / spec.kernel, place % spec.kernel);
        let rows = s![row as i32..last(row, height);stride];
        let columns = s![column as i32..last(column, width);stride];
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

/// min(max(x, 0), 6).
pub(crate) fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// Mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub fn global_average(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let pointwise = ConvSpec::new("c", "n", 6, 10);
        let depthwise = ConvSpec::new("c", "n", 6, 6).kernel(3).depthwise();
        for (spec, size) in [
            (pointwise, [5, 7]),
            (depthwise.clone(), [5, 7]),
            (depthwise.clone().stride(2), [8, 8]),
            (depthwise.stride(2), [7, 5]),
        ] {
            let (x, w) = (wave([3, 6, size[0], size[1]], 0.7), wave(spec.weight_shape(), 1.3));
            let expected = conv2d(x.clone(), w.clone(), None, options(&spec));
            let pattern = wave(expected.dims(), 0.3).inner();
            let gradients = (expected.clone() * pattern.clone()).sum().backward();
            for gpu in [false, true] {
                let found = convolve(x.clone(), w.clone(), None, &spec, gpu);
                assert!(largest_difference(found.clone().inner(), expected.clone().inner()) < 1e-5, "{spec:?}");
                let again = (found * pattern.clone()).sum().backward();
                for leaf in [&x, &w] {
                    let (a, b) = (leaf.grad(&again).unwrap(), leaf.grad(&gradients).unwrap());
                    assert!(largest_difference(a, b) < 1e-4, "{spec:?}, {gpu}");
                }
            }
        }
    }
}
