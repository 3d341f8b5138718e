//! Operations that train, as our own through burn's extension: each with its gradients, one definition for both engines.
//!
//! A convolution has its bias and activation in one pass, forward and backward; burn computes the gradient of one that goes
//! channel by channel with a matrix product a channel and picture, and copies whole maps around each pointwise one. A loss gives
//! its gradient with its value, and an optimiser goes through a parameter once.

mod cpu;
mod graph;

use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, ExtensionType, Flex,
    backend_extension,
};
use burn::tensor::Tensor;
#[cfg(feature = "gpu")]
use burn_cubecl::CubeBackend;
pub(crate) use headstart_kernels::Move;
use headstart_kernels::{Planes, PointwiseBatch};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is convolved how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each pixel by itself; maps of this height and width.
    Pointwise(PointwiseBatch, [usize; 2]),
    /// Each of so many channels of so many pictures by itself.
    Depthwise([usize; 2], Planes),
}

/// An activation whose slope shows in its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clamp {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
}

/// A dense layer: `x` `[batch, inputs]`, weight `[outputs, inputs]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Rows that it is of.
    pub batch: usize,
    /// Which rows of `x` these are, where it has others too.
    pub rows: Option<Arc<[u32]>>,
    /// Length of a row.
    pub inputs: usize,
    /// Length of a row that comes out.
    pub outputs: usize,
    /// Whether max(·, 0) follows.
    pub relu: bool,
}

/// What logits `[labels, classes]` should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The class of each row.
    pub labels: Vec<u32>,
    /// How many classes there are.
    pub classes: usize,
    /// How far away from them the logits are.
    pub loss: Loss,
}

/// A loss, summed up as [`crate::train::Objective`] has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// Cross-entropy with label smoothing and, for each class, its weight divided by the sum of those of the labels.
    CrossEntropy {
        /// What of the label is spread over all classes.
        smoothing: f32,
        /// Of each class.
        weights: Vec<f32>,
    },
    /// The squared hinge loss, one class against the rest, divided by a number of rows.
    SquaredHinge {
        /// What it is divided by.
        rows: f32,
    },
}

impl Goal {
    /// What a logit is compared with: its class's share, or the side of the border that it should be on.
    pub(super) fn target(&self, label: u32, class: usize) -> f32 {
        let own = label as usize == class;
        match &self.loss {
            Loss::CrossEntropy { smoothing, weights } => {
                (if own { 1.0 - smoothing } else { 0.0 } + smoothing / self.classes as f32) * weights[class]
            }
            Loss::SquaredHinge { .. } => {
                if own {
                    1.0
                } else {
                    -1.0
                }
            }
        }
    }
}

/// `x` `[batch, inputs, height, width]` convolved with `weight` `[outputs, inputs, 1, 1]` or `[channels, 1, …]`, with `bias`
/// `[outputs]` added and clamped.
pub(super) fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, shape: Shape, clamp: Clamp) -> Tensor<4> {
    let [x, weight] = [x, weight].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Training>::convolve(x, weight, bias.into_dispatch(), shape, clamp))
}

/// The mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub(super) fn average(x: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Training>::average(x.into_dispatch()))
}

/// The sum of two values of one shape.
pub(super) fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Training>::add(a.into_dispatch(), b.into_dispatch()))
}

impl Matrix {
    /// Of all rows of `x` `[all, inputs]` or of some, to so many outputs.
    fn of(x: &Tensor<2>, rows: Option<Arc<[u32]>>, outputs: usize, relu: bool) -> Self {
        let [all, inputs] = x.dims();
        Self { batch: rows.as_ref().map_or(all, |rows| rows.len()), rows, inputs, outputs, relu }
    }
}

/// What is beside a parameter of a graph is of it too.
fn beside(weight: &Tensor<1>, x: Tensor<2>) -> Tensor<2> {
    if weight.is_autodiff() && !x.is_autodiff() { x.autodiff() } else { x }
}

/// `x` `[batch, inputs]`, or the rows that are named of a table `x` `[all, inputs]` outside of the graph, times the weight of a dense
/// layer, flat, plus its bias: `[batch, outputs]`; with `relu`, nothing below 0.
pub(crate) fn dense(
    x: Tensor<2>,
    rows: Option<Arc<[u32]>>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    relu: bool,
) -> Tensor<2> {
    let of = Matrix::of(&x, rows, bias.dims()[0], relu);
    let x = beside(&weight, x).into_dispatch();
    Tensor::from_dispatch(<Dispatch as Training>::dense(x, weight.into_dispatch(), bias.into_dispatch(), of))
}

/// The loss of logits `[batch, classes]`: `[1]`, whose own gradient is taken to be 1. What trains has it within its last layer:
/// [`judged`].
pub(crate) fn loss(logits: Tensor<2>, goal: Goal) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Training>::loss(logits.into_dispatch(), Arc::new(goal)))
}

/// A dense layer whose result is logits, and how far they are from what they should be.
pub struct Judged {
    /// What the gradients are taken of, in the graph: empty, for nobody reads what a loss is that is minimised. Nothing can be added
    /// to it; another term has a way back of its own.
    pub loss: Tensor<1>,
    /// `[batch, classes]`, outside of the graph.
    pub logits: Tensor<2>,
}

/// The logits of a last layer whose parameters are of a graph, judged; its rows are as [`dense`] has them.
pub(crate) fn judged(x: Tensor<2>, rows: Option<Arc<[u32]>>, weight: Tensor<1>, bias: Tensor<1>, goal: Goal) -> Judged {
    let of = Matrix::of(&x, rows, bias.dims()[0], false);
    let [x, weight, bias] = [beside(&weight, x).into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
    let (loss, logits) = <Dispatch as Training>::judge(x, weight, bias, of, Arc::new(goal));
    Judged { loss: Tensor::from_dispatch(loss), logits: Tensor::<2>::from_dispatch(logits).inner() }
}

/// What the gradients of a dense layer are made of, outside of a graph: [`adam_of`] adds them up where it needs them.
pub(crate) struct Factors {
    /// What went in, as [`dense`] has it.
    pub x: Tensor<2>,
    /// Which of its rows.
    pub rows: Option<Arc<[u32]>>,
    /// The gradient of what came out, `[batch, outputs]`.
    pub gradient: Tensor<2>,
}

impl Factors {
    /// Those of a last layer, and its logits `[batch, classes]`.
    pub(crate) fn judged(
        x: Tensor<2>,
        rows: Option<Arc<[u32]>>,
        weight: Tensor<1>,
        bias: Tensor<1>,
        goal: Goal,
    ) -> (Self, Tensor<2>) {
        let of = Matrix::of(&x, rows.clone(), bias.dims()[0], false);
        let [of_x, weight, bias] = [x.clone().into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
        let (gradient, logits) = <Dispatch as Training>::judge(of_x, weight, bias, of, Arc::new(goal));
        (Self { x, rows, gradient: Tensor::from_dispatch(gradient) }, Tensor::from_dispatch(logits))
    }

    /// The gradient of what went in, which was not let below 0: `[batch, inputs]`.
    pub(crate) fn back(&self, weight: Tensor<1>) -> Tensor<2> {
        let [x, gradient] = [&self.x, &self.gradient].map(|tensor| tensor.clone().into_dispatch());
        Tensor::from_dispatch(<Dispatch as Moving>::back(x, weight.into_dispatch(), gradient, self.matrix()))
    }

    fn matrix(&self) -> Matrix {
        Matrix::of(&self.x, self.rows.clone(), self.gradient.dims()[1], false)
    }
}

/// Rows of a table `[all, width]`: `[rows, width]`.
pub(crate) fn gather(table: Tensor<2>, rows: Vec<u32>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Moving>::gather(table.into_dispatch(), rows.into()))
}

/// Floats to a multiple of which [`join`] fills each tensor up.
pub(crate) const JOINED: usize = 4;

/// Tensors one behind the other, each filled up to a multiple of [`JOINED`].
pub(crate) fn join(parts: Vec<Tensor<1>>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Moving>::join(together(parts)))
}

/// A parameter that an optimiser moves: with Adam's two moments, or with a velocity.
pub(crate) struct Moved<const N: usize> {
    /// The parameter, and what the optimiser remembers of it.
    pub state: [Tensor<1>; N],
    /// How it is moved.
    pub by: Move,
}

/// A step of Adam by a gradient each: each parameter and its moments after it.
pub(crate) fn adam(all: Vec<Moved<3>>, gradients: Vec<Tensor<1>>) -> Vec<[Tensor<1>; 3]> {
    moved(all, |states, by| <Dispatch as Moving>::adam(states, together(gradients), by))
}

/// A step of Adam of a dense layer's weight and bias, whose gradients are added up within it.
pub(crate) fn adam_of(layer: Factors, weight_and_bias: Vec<Moved<3>>) -> Vec<[Tensor<1>; 3]> {
    let of = layer.matrix();
    let [x, gradient] = [layer.x, layer.gradient].map(Tensor::into_dispatch);
    moved(weight_and_bias, |states, by| <Dispatch as Moving>::adam_of(x, gradient, states, of, by))
}

/// A step along a velocity by a gradient each: each parameter and its velocity after it.
pub(crate) fn descend(all: Vec<Moved<2>>, gradients: Vec<Tensor<1>>) -> Vec<[Tensor<1>; 2]> {
    moved(all, |states, by| <Dispatch as Moving>::descend(states, together(gradients), by))
}

fn together(all: Vec<Tensor<1>>) -> Tensors<Dispatch> {
    Tensors(all.into_iter().map(Tensor::into_dispatch).collect())
}

fn moved<const N: usize>(
    all: Vec<Moved<N>>,
    step: impl FnOnce(Tensors<Dispatch>, Arc<[Move]>) -> Vec<DispatchTensor>,
) -> Vec<[Tensor<1>; N]> {
    let by = all.iter().map(|moved| moved.by).collect();
    let states = together(all.into_iter().flat_map(|moved| moved.state).collect());
    let after: Vec<Tensor<1>> = step(states, by).into_iter().map(Tensor::from_dispatch).collect();
    after.chunks_exact(N).map(|state| std::array::from_fn(|at| state[at].clone())).collect()
}

/// Any number of tensors that an operation takes. What burn's macro takes apart by itself is one by one.
pub struct Tensors<B: Backend>(pub Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Tensors<B> {
    type Target = Tensors<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Self::Target
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Tensors(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(target: Self::Target, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Self(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Self::Target) -> DispatchAutodiffContext {
        let disabled = DispatchAutodiffContext::Disabled;
        target.0.iter().fold(disabled, |context, tensor| context.merge(tensor.autodiff))
    }
}

/// Those of a graph, outside of it or in it.
#[backend_extension(Autodiff, Flex, Cube: cfg(feature = "gpu"))]
pub trait Training: Backend {
    /// See [`convolve`].
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: Shape,
        clamp: Clamp,
    ) -> FloatTensor<Self>;
    /// See [`average`].
    fn average(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`add`].
    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`dense`].
    fn dense(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>, of: Matrix)
    -> FloatTensor<Self>;
    /// See [`loss`].
    fn loss(logits: FloatTensor<Self>, goal: Arc<Goal>) -> FloatTensor<Self>;
    /// See [`judged`]: a loss that is empty, and logits. Outside of a graph there is the gradient of the logits in place of the loss:
    /// see [`Factors::judged`].
    fn judge(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        of: Matrix,
        goal: Arc<Goal>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// Those that never are in a graph.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"))]
pub trait Moving: Backend {
    /// See [`gather`].
    fn gather(table: FloatTensor<Self>, rows: Arc<[u32]>) -> FloatTensor<Self>;
    /// See [`join`].
    fn join(#[extension_type] parts: Tensors<Self>) -> FloatTensor<Self>;
    /// See [`adam`]: three states a parameter, before and after.
    fn adam(
        #[extension_type] states: Tensors<Self>,
        #[extension_type] gradients: Tensors<Self>,
        by: Arc<[Move]>,
    ) -> Vec<FloatTensor<Self>>;
    /// See [`adam_of`]: the same, of a weight and a bias.
    fn adam_of(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        #[extension_type] states: Tensors<Self>,
        of: Matrix,
        by: Arc<[Move]>,
    ) -> Vec<FloatTensor<Self>>;
    /// See [`Factors::back`].
    fn back(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        of: Matrix,
    ) -> FloatTensor<Self>;
    /// See [`descend`]: two states a parameter.
    fn descend(
        #[extension_type] states: Tensors<Self>,
        #[extension_type] gradients: Tensors<Self>,
        by: Arc<[Move]>,
    ) -> Vec<FloatTensor<Self>>;
}

/// How a backend computes those of a graph, and their gradients.
pub trait Compute: Backend {
    /// See [`convolve`].
    fn convolved(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: Shape,
        clamp: Clamp,
    ) -> FloatTensor<Self>;
    /// The gradient of what was clamped to `y`, from that of `y`.
    fn unclamped(gradient: FloatTensor<Self>, y: FloatTensor<Self>, clamp: Clamp) -> FloatTensor<Self>;
    /// The gradient of a convolution's input, which has the shape `of`.
    fn convolved_input(
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        of: [usize; 4],
        shape: Shape,
    ) -> FloatTensor<Self>;
    /// The gradient of its weight, which has the shape `of`.
    fn convolved_weight(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        of: [usize; 4],
        shape: Shape,
    ) -> FloatTensor<Self>;
    /// The gradient of its bias: the sums of each channel.
    fn convolved_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`average`].
    fn averaged(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Its gradient, of the shape `of`.
    fn averaged_input(gradient: FloatTensor<Self>, of: [usize; 4]) -> FloatTensor<Self>;
    /// See [`add`].
    fn added(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`dense`].
    fn multiplied(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        of: &Matrix,
    ) -> FloatTensor<Self>;
    /// The gradient of a dense layer's input, of all rows of which it is; from its result `y`, where [`Matrix::relu`] is.
    fn multiplied_input(
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        y: Option<FloatTensor<Self>>,
        of: &Matrix,
    ) -> FloatTensor<Self>;
    /// The gradients of its weight and its bias, in the same way.
    fn multiplied_weights(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        y: Option<FloatTensor<Self>>,
        of: &Matrix,
    ) -> [FloatTensor<Self>; 2];
    /// The loss `[1]` and its gradient `[batch, classes]`.
    fn lost(logits: FloatTensor<Self>, goal: &Goal) -> [FloatTensor<Self>; 2];
    /// Logits as [`Compute::multiplied`] has them, and the gradient of their loss.
    fn judged(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        of: &Matrix,
        goal: &Goal,
    ) -> [FloatTensor<Self>; 2];
}

/// [`Compute::judged`] one after the other.
pub(crate) fn judged_in_two<B: Compute>(
    [x, weight, bias]: [FloatTensor<B>; 3],
    of: &Matrix,
    goal: &Goal,
) -> [FloatTensor<B>; 2] {
    let logits = B::multiplied(x, weight, bias, of);
    let [_, gradient] = B::lost(logits.clone(), goal);
    [logits, gradient]
}

/// Outside of a graph they are what the backend computes.
macro_rules! outside_of_graphs {
    ($backend:ty) => {
        impl Training for $backend {
            fn convolve(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                shape: Shape,
                clamp: Clamp,
            ) -> FloatTensor<Self> {
                Self::convolved(x, weight, bias, shape, clamp)
            }

            fn average(x: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::averaged(x)
            }

            fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::added(a, b)
            }

            fn dense(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                of: Matrix,
            ) -> FloatTensor<Self> {
                Self::multiplied(x, weight, bias, &of)
            }

            fn loss(logits: FloatTensor<Self>, goal: Arc<Goal>) -> FloatTensor<Self> {
                let [loss, _] = Self::lost(logits, &goal);
                loss
            }

            fn judge(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                of: Matrix,
                goal: Arc<Goal>,
            ) -> (FloatTensor<Self>, FloatTensor<Self>) {
                let [logits, gradient] = Self::judged(x, weight, bias, &of, &goal);
                (gradient, logits)
            }
        }
    };
}

outside_of_graphs!(Flex);
#[cfg(feature = "gpu")]
outside_of_graphs!(CubeBackend);
