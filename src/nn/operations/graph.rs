//! The operations in an autodiff graph.

use super::{Clamp, Compute, Goal, Matrix, Shape, Training};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use std::sync::Arc;

impl<B: Compute, C: CheckpointStrategy> Training for Autodiff<B, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: Shape,
        clamp: Clamp,
    ) -> FloatTensor<Self> {
        let of = [&x, &weight, &bias].map(|tensor| tensor.primitive().clone());
        let [of_x, of_weight, of_bias] = of.clone();
        let y = B::convolved(of_x, of_weight, of_bias, shape, clamp);
        match Convolve.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let [x, weight, _] = of;
                let state = Convolved { x, weight, y: (clamp != Clamp::None).then(|| y.clone()), shape, clamp };
                prepared.finish(state, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn average(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let y = B::averaged(x.primitive().clone());
        match Average.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x.primitive().shape().dims::<4>(), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let y = B::added(a.primitive().clone(), b.primitive().clone());
        match Add.prepare::<C>([a.node(), b.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        of: Matrix,
    ) -> FloatTensor<Self> {
        let [of_x, of_weight, of_bias] = [&x, &weight, &bias].map(|tensor| tensor.primitive().clone());
        let y = B::multiplied(of_x.clone(), of_weight.clone(), of_bias, &of);
        match Dense.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let kept = of.relu.then(|| y.clone());
                prepared.finish((of_x, of_weight, kept, of), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn loss(logits: FloatTensor<Self>, goal: Arc<Goal>) -> FloatTensor<Self> {
        let [loss, gradient] = B::lost(logits.primitive().clone(), &goal);
        match Loss.prepare::<C>([logits.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(gradient, loss),
            OpsKind::UnTracked(prepared) => prepared.finish(loss),
        }
    }

    fn judge(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        of: Matrix,
        goal: Arc<Goal>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [of_x, of_weight, of_bias] = [&x, &weight, &bias].map(|tensor| tensor.primitive().clone());
        let [logits, gradient] = B::judged(of_x.clone(), of_weight.clone(), of_bias, &of, &goal);
        // A graph begins its way back by filling what is shaped like its end with ones: of nothing that is no work.
        let none = B::float_empty([0].into(), &logits.device(), logits.dtype().into());
        let loss = match Judge.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(((of_x, of_weight, None, of), gradient), none),
            OpsKind::UnTracked(prepared) => prepared.finish(none),
        };
        (loss, FloatTensor::<Self>::new(logits))
    }
}

#[derive(Debug)]
struct Convolve;

/// What a convolution needs to go back.
#[derive(Debug, Clone)]
struct Convolved<T> {
    x: T,
    weight: T,
    /// The result, where it was clamped.
    y: Option<T>,
    shape: Shape,
    clamp: Clamp,
}

impl<B: Compute> Backward<B, 3> for Convolve {
    type State = Convolved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_x, of_weight, of_bias] = ops.parents;
        let Convolved { x, weight, y, shape, clamp } = ops.state;
        let mut gradient = gradients.consume::<B>(&ops.node);
        if let Some(y) = y {
            gradient = B::unclamped(gradient, y, clamp);
        }
        // None is wanted of what does not train.
        let [x_shape, weight_shape] = [x.shape(), weight.shape()].map(|shape| shape.dims::<4>());
        if let Some(node) = of_bias {
            gradients.register::<B>(node.id, B::convolved_bias(gradient.clone()));
        }
        if let Some(node) = of_weight {
            gradients.register::<B>(node.id, B::convolved_weight(x, gradient.clone(), weight_shape, shape));
        }
        if let Some(node) = of_x {
            gradients.register::<B>(node.id, B::convolved_input(weight, gradient, x_shape, shape));
        }
    }
}

#[derive(Debug)]
struct Average;

impl<B: Compute> Backward<B, 1> for Average {
    type State = [usize; 4];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_x] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        if let Some(node) = of_x {
            gradients.register::<B>(node.id, B::averaged_input(gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct Add;

impl<B: Compute> Backward<B, 2> for Add {
    type State = ();

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<B>(node.id, gradient.clone());
        }
    }
}

/// What a dense layer needs to go back: the input, the weight, the result where it has no values below 0, and the sizes.
type DenseState<T> = (T, T, Option<T>, Matrix);

/// The gradients of a dense layer, from that of its result.
fn dense_back<B: Compute>(
    ops: Ops<DenseState<FloatTensor<B>>, 3>,
    gradient: FloatTensor<B>,
    gradients: &mut Gradients,
) {
    let [of_x, of_weight, of_bias] = ops.parents;
    let (x, weight, y, of) = ops.state;
    if of_weight.is_some() || of_bias.is_some() {
        let found = B::multiplied_weights(x, gradient.clone(), y.clone(), &of);
        for (node, gradient) in [of_weight, of_bias].into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
    if let Some(node) = of_x {
        // A table, of which some rows were taken, does not train.
        gradients.register::<B>(node.id, B::multiplied_input(weight, gradient, y, &of));
    }
}

#[derive(Debug)]
struct Dense;

impl<B: Compute> Backward<B, 3> for Dense {
    type State = DenseState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        dense_back::<B>(ops, gradient, gradients);
    }
}

#[derive(Debug)]
struct Judge;

impl<B: Compute> Backward<B, 3> for Judge {
    /// The layer's, and the gradient of its logits.
    type State = (DenseState<FloatTensor<B>>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        gradients.consume::<B>(&ops.node);
        let Ops { parents, node, state: (state, gradient) } = ops;
        dense_back::<B>(Ops { parents, node, state }, gradient, gradients);
    }
}

#[derive(Debug)]
struct Loss;

impl<B: Compute> Backward<B, 1> for Loss {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_logits] = ops.parents;
        // That of a loss is 1, and what is multiplied by it need not be.
        gradients.consume::<B>(&ops.node);
        if let Some(node) = of_logits {
            gradients.register::<B>(node.id, ops.state);
        }
    }
}
