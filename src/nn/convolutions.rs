//! Convolutions that train on the CPU, as operations of their own: burn computes the gradient of one that goes channel by
//! channel with a matrix product a channel and picture, and copies whole maps around each pointwise one.

use super::cpu::threads;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};
use headstart_kernels::{Planes, PointwiseBatch, Scratch};
use std::ops::Range;

/// What is convolved how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each pixel by itself.
    Pointwise(PointwiseBatch, [usize; 2]),
    /// Each of so many channels of so many pictures by itself.
    Depthwise([usize; 2], Planes),
}

/// `x` `[batch, inputs, height, width]` convolved with `weight` `[outputs, inputs, 1, 1]` or `[channels, 1, …]`, in the autodiff graph of
/// the CPU engine.
pub(super) fn convolve(x: Tensor<4>, weight: Tensor<4>, shape: Shape) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Convolutions>::convolve(x.into_dispatch(), weight.into_dispatch(), shape))
}

/// The operation, on the CPU and in its graph.
#[backend_extension(Autodiff, Flex)]
pub trait Convolutions: Backend {
    /// See [`convolve`].
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self>;
}

impl Convolutions for Flex {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
        match shape {
            Shape::Pointwise(of, size) => {
                let dims = [of.batch, of.outputs, size[0], size[1]];
                pointwise(of, &Values::of(&x), &Values::of(&weight), dims)
            }
            Shape::Depthwise([_, channels], planes) => {
                let options = ConvOptions::new_with_padding(planes.stride, planes.padding, [1, 1], channels);
                Self::conv2d(x, weight, None, options)
            }
        }
    }
}

impl<C: CheckpointStrategy> Convolutions for Autodiff<Flex, C> {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
        match Convolve.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weight) = (x.primitive().clone(), weight.primitive().clone());
                prepared.finish((x.clone(), weight.clone(), shape), Flex::convolve(x, weight, shape))
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::convolve(x.primitive().clone(), weight.primitive().clone(), shape))
            }
        }
    }
}

#[derive(Debug)]
struct Convolve;

impl Backward<Flex, 2> for Convolve {
    type State = (FloatTensor<Flex>, FloatTensor<Flex>, Shape);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_x, of_weight] = ops.parents;
        let (x, weight, shape) = ops.state;
        let gradient = gradients.consume::<Flex>(&ops.node);
        let gradient = Values::of(&gradient);
        // Neither is wanted of what does not train.
        if let Some(node) = of_weight {
            gradients.register::<Flex>(node.id, weight_gradient(shape, &Values::of(&x), &gradient, &weight));
        }
        if let Some(node) = of_x {
            gradients.register::<Flex>(node.id, input_gradient(shape, &Values::of(&weight), &gradient, &x));
        }
    }
}

/// The gradient of the input, which has the shape of `x`.
fn input_gradient(shape: Shape, weight: &Values, gradient: &Values, x: &FloatTensor<Flex>) -> FloatTensor<Flex> {
    let dims = x.shape().dims::<4>();
    match shape {
        Shape::Pointwise(of, _) => {
            let PointwiseBatch { inputs, outputs, .. } = of;
            let weight = weight.values();
            let turned = (0..inputs).flat_map(|i| (0..outputs).map(move |o| weight[o * inputs + i]));
            let turned = Values::new(turned.collect(), [inputs, outputs, 1, 1]);
            pointwise(PointwiseBatch { inputs: outputs, outputs: inputs, ..of }, gradient, &turned, dims)
        }
        Shape::Depthwise([_, channels], planes) => {
            let (weight, gradient) = (weight.values(), gradient.values());
            let ([height, width], places) = (planes.output(), planes.kernel[0] * planes.kernel[1]);
            let mut y = vec![0.0; dims.iter().product()];
            let plane = planes.size[0] * planes.size[1];
            let work = gradient.len() * places;
            in_groups(&mut y, plane, work, |group, y| {
                let mut scratch = Scratch::default();
                for (at, y) in group.zip(y.chunks_exact_mut(plane)) {
                    let weight = &weight[at % channels * places..][..places];
                    let gradient = &gradient[at * height * width..][..height * width];
                    planes.input_gradient(weight, gradient, y, &mut scratch);
                }
            });
            tensor(y, dims)
        }
    }
}

/// The gradient of the weight, which has the shape of `weight`.
fn weight_gradient(shape: Shape, x: &Values, gradient: &Values, weight: &FloatTensor<Flex>) -> FloatTensor<Flex> {
    let dims = weight.shape().dims::<4>();
    let (x, gradient) = (x.values(), gradient.values());
    let mut y = vec![0.0; dims.iter().product()];
    match shape {
        Shape::Pointwise(of, _) => {
            let work = x.len() * of.outputs;
            in_groups(&mut y, of.inputs, work, |rows, y| of.weight_gradient(x, gradient, rows, y));
        }
        Shape::Depthwise([batch, channels], planes) => {
            let ([height, width], places) = (planes.output(), planes.kernel[0] * planes.kernel[1]);
            let plane = planes.size[0] * planes.size[1];
            let work = gradient.len() * places;
            in_groups(&mut y, places, work, |group, y| {
                let mut scratch = Scratch::default();
                for (channel, y) in group.zip(y.chunks_exact_mut(places)) {
                    for at in (0..batch).map(|picture| picture * channels + channel) {
                        let gradient = &gradient[at * height * width..][..height * width];
                        planes.add_weight_gradient(&x[at * plane..][..plane], gradient, y, &mut scratch);
                    }
                }
            });
        }
    }
    tensor(y, dims)
}

fn pointwise(of: PointwiseBatch, x: &Values, weight: &Values, dims: [usize; 4]) -> FloatTensor<Flex> {
    let (x, weight) = (x.values(), weight.values());
    let (from, to) = (of.inputs * of.area, of.outputs * of.area);
    let mut y = vec![0.0; of.batch * to];
    in_groups(&mut y, to, x.len() * of.outputs, |group, y| {
        let pictures = x[group.start * from..group.end * from].chunks_exact(from);
        pictures.zip(y.chunks_exact_mut(to)).for_each(|(x, y)| of.forward(x, weight, y));
    });
    tensor(y, dims)
}

/// Multiplications for which another thread is worth starting.
const WORTH_A_THREAD: usize = 1 << 20;

/// Computes groups of neighbouring parts of `length` values, each wholly on one thread: what comes out does not depend on how many there are.
fn in_groups(y: &mut [f32], length: usize, work: usize, compute: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let parts = y.len() / length.max(1);
    let threads = threads().min(work / WORTH_A_THREAD).clamp(1, parts.max(1));
    if threads == 1 {
        return compute(0..parts, y);
    }
    let share = parts.div_ceil(threads);
    std::thread::scope(|scope| {
        for (at, y) in y.chunks_mut(share * length).enumerate() {
            let (first, compute) = (at * share, &compute);
            scope.spawn(move || compute(first..first + y.len() / length, y));
        }
    });
}

/// A tensor whose values lie one after the other.
struct Values(FloatTensor<Flex>);

impl Values {
    fn of(tensor: &FloatTensor<Flex>) -> Self {
        Self(tensor.to_contiguous())
    }

    fn new(values: Vec<f32>, dims: [usize; 4]) -> Self {
        Self(tensor(values, dims))
    }

    /// Row-major.
    fn values(&self) -> &[f32] {
        // Everything here is made of 32-bit floats, and contiguous.
        self.0.as_slice().unwrap_or_default()
    }
}

fn tensor(values: Vec<f32>, dims: [usize; 4]) -> FloatTensor<Flex> {
    FloatTensor::<Flex>::from_data(TensorData::new(values, dims))
}
