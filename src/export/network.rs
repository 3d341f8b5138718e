//! The walk over a network that every format shares: which operations there are, with BatchNorm folded in.

use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::head::{self, Dense, Head};
use crate::nn::{Activation, ConvSpec, Numbers, Op, Padding, StageSpec, Window};

/// Zeros before and after, of height and width.
pub(super) type Around = [(usize, usize); 2];

/// A convolution with all that is computed with it.
pub(super) struct Convolution<'a> {
    /// What it is.
    pub spec: &'a ConvSpec,
    /// What is added around its input.
    pub padding: Around,
    /// Whether that is TensorFlow's "same".
    pub same: bool,
    /// Of [`ConvSpec::weight_shape`].
    pub weight: &'a [f32],
    /// `[outputs]`.
    pub bias: Option<&'a [f32]>,
    /// What follows it and nothing else takes its result.
    pub activation: Option<Activation>,
}

/// A format's way to write the operations of a network. Shapes that are told are those of the first input,
/// `[channels, height, width]`.
pub(super) trait Target {
    /// What an operation gives: a name, as a rule.
    type Value: Clone;

    fn conv(&mut self, x: &Self::Value, conv: &Convolution<'_>) -> Result<Self::Value>;
    /// x · scale + shift, a value each a channel.
    fn affine(&mut self, x: &Self::Value, scale: &[f32], shift: &[f32]) -> Self::Value;
    fn activate(&mut self, x: &Self::Value, activation: Activation, shape: [usize; 3]) -> Self::Value;
    fn max_pool(&mut self, x: &Self::Value, window: &Window, padding: Around) -> Self::Value;
    /// Zeros that are added count.
    fn average_pool(&mut self, x: &Self::Value, window: &Window, padding: Around) -> Self::Value;
    /// To `[channels, 1, 1]`.
    fn global_average(&mut self, x: &Self::Value, shape: [usize; 3]) -> Self::Value;
    fn scale(&mut self, x: &Self::Value, gate: &Self::Value) -> Self::Value;
    fn add(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;
    fn concat(&mut self, values: &[Self::Value]) -> Self::Value;
    /// To a vector `[channels]`.
    fn pooled(&mut self, x: &Self::Value) -> Self::Value;
    /// A layer of the head, on vectors; `name` is the layer's.
    fn dense(&mut self, x: &Self::Value, name: &str, layer: &Dense) -> Self::Value;
    /// What follows a hidden layer of the head.
    fn activate_vector(&mut self, x: &Self::Value, activation: head::Activation) -> Self::Value;
}

/// The logits of a prepared picture.
pub(super) fn logits<T: Target>(
    target: &mut T,
    picture: T::Value,
    backbone: &Backbone,
    head: &Head,
) -> Result<T::Value> {
    let (mut x, mut shape) = (picture, backbone.shape_at(0));
    let mut numbers = backbone.folded();
    for spec in backbone.stages() {
        (x, shape) = stage(target, x, shape, spec, &mut numbers)?;
    }
    if let Some(convolution) = &head.convolution {
        (x, _) = stage(target, x, shape, &convolution.stage(), &mut &*convolution)?;
    }
    x = target.pooled(&x);
    for (index, layer) in head.layers.iter().enumerate() {
        x = target.dense(&x, &format!("head.{index}"), layer);
        if index + 1 < head.layers.len() {
            x = target.activate_vector(&x, head.activation);
        }
    }
    Ok(x)
}

/// A stage, of an input of the shape `[channels, height, width]`; gives what comes out and its shape.
fn stage<T: Target>(
    target: &mut T,
    input: T::Value,
    shape: [usize; 3],
    stage: &StageSpec,
    numbers: &mut dyn Numbers,
) -> Result<(T::Value, [usize; 3])> {
    let unfit = |node| Error::Internal(format!("operation {node} of {} does not fit its input", stage.name));
    let shapes = stage.shapes([shape[1], shape[2]]).map_err(unfit)?;
    let nodes = stage.nodes();
    let mut values = vec![input];
    // Activations that were written with the convolution before them.
    let mut written = vec![false; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        let x = values[node.inputs[0].index()].clone();
        let shape = shapes[node.inputs[0].index()];
        let [_, height, width] = shape;
        let around =
            |window: &Window| [height, width].map(|size| window.padding.around(window.kernel, window.stride, size));
        let all = || node.inputs.iter().map(|value| values[value.index()].clone());
        let value = match &node.op {
            Op::Conv(spec) => {
                let norm = stage.norm_behind(at);
                let (weight, bias) = numbers.conv(spec, norm.map(|(_, norm)| norm))?;
                let (activated, activation) = activation_behind(stage, norm.map_or(at, |(norm, _)| norm)).unzip();
                activated.into_iter().for_each(|at: usize| written[at] = true);
                let (padding, same) = (spec.padding_of([height, width]), is_same(spec, [height, width]));
                let (weight, bias) = (weight.as_slice(), bias.as_deref());
                target.conv(&x, &Convolution { spec, padding, same, weight, bias, activation })?
            }
            Op::Norm(_) if stage.is_folded(at) => x,
            Op::Norm(norm) => {
                let [scale, shift] = numbers.norm(norm)?;
                target.affine(&x, &scale, &shift)
            }
            Op::Activate(_) if written[at] => x,
            Op::Activate(activation) => target.activate(&x, *activation, shape),
            Op::MaxPool(window) => target.max_pool(&x, window, around(window)),
            Op::AveragePool(window) => target.average_pool(&x, window, around(window)),
            Op::GlobalAverage => target.global_average(&x, shape),
            Op::Dense(dense) => {
                // On one pixel that is a convolution.
                let (weight, bias) = numbers.dense(dense)?;
                let spec = ConvSpec { inputs: dense.inputs, ..ConvSpec::new(&*dense.name, dense.outputs) };
                let (weight, bias) = (weight.as_slice(), bias.as_deref());
                let padding = [(0, 0); 2];
                target.conv(&x, &Convolution { spec: &spec, padding, same: true, weight, bias, activation: None })?
            }
            Op::Scale => target.scale(&x, &values[node.inputs[1].index()]),
            Op::Add => target.add(&x, &values[node.inputs[1].index()]),
            Op::Concat => target.concat(&all().collect::<Vec<_>>()),
        };
        values.push(value);
    }
    Ok((values.swap_remove(nodes.len()), shapes[nodes.len()]))
}

/// The activation that alone takes what an operation gives.
fn activation_behind(stage: &StageSpec, node: usize) -> Option<(usize, Activation)> {
    let next = stage.only_use(node + 1)?;
    match stage.nodes()[next].op {
        Op::Activate(activation) => Some((next, activation)),
        _ => None,
    }
}

/// Whether the zeros around an input of this height and width are those of TensorFlow's "same".
fn is_same(spec: &ConvSpec, size: [usize; 2]) -> bool {
    spec.padding_of(size) == ConvSpec { padding: Padding::Same, ..spec.clone() }.padding_of(size)
}
