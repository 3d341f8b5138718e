//! A stage that trains: an interpreter whose tensors are a run's parameters.

use super::graph::StageSpec;
use super::kernels;
use super::operations::add;
use super::spec::{Activation, ConvSpec, DenseSpec, NormSpec, Op};
use crate::error::Result;
use burn::tensor::Tensor;

/// Place of a parameter in the list of all that train: [`crate::nn`] knows no more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub(crate) usize);

/// What is computed with a convolution's output, or with a value for itself, channel by channel.
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// A bias.
    Bias(Slot),
    /// A BatchNorm in which nothing trains, and the bias before it.
    Affine(Box<FixedNorm>),
    /// A BatchNorm in inference mode, (x − μ)/σ · γ + β, with γ and β as parameters, and the bias before it.
    Norm(Box<TrainedNorm>),
}

/// A BatchNorm in which nothing trains, as y·scale + shift.
pub(crate) struct FixedNorm {
    pub scale: Tensor<1>,
    pub shift: Tensor<1>,
    pub bias: Option<Slot>,
}

/// A BatchNorm whose affine trains and whose statistics do not.
pub(crate) struct TrainedNorm {
    pub gamma: Slot,
    pub beta: Slot,
    pub mean: Tensor<1>,
    pub inverse_std: Tensor<1>,
    pub bias: Option<Slot>,
}

/// Where the numbers of a stage come from, and whether they train.
pub(crate) trait Source {
    /// The weight of a convolution and what follows it: its bias, the BatchNorm behind it, or both.
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<(Slot, After)>;
    /// A BatchNorm that is not behind a convolution.
    fn norm(&mut self, norm: &NormSpec) -> Result<After>;
    /// The weight and the bias of a dense layer.
    fn dense(&mut self, dense: &DenseSpec) -> Result<(Slot, Option<Slot>)>;
}

/// What gives a parameter's values, inside the autodiff graph or outside of it.
pub(crate) type Read<'a> = &'a dyn Fn(Slot) -> Tensor<1>;

/// A stage with its numbers on a device.
pub(crate) struct Stage {
    steps: Vec<Step>,
    /// How many values there are, the input included.
    values: usize,
}

struct Step {
    layer: Layer,
    /// Numbers of the values that it takes, each with whether nothing takes it after this.
    inputs: Vec<(usize, bool)>,
    output: usize,
}

enum Layer {
    Conv { spec: ConvSpec, weight: Slot, after: After, activation: Option<Activation> },
    Affine(After),
    Dense { spec: DenseSpec, weight: Slot, bias: Option<Slot> },
    Plain(Op),
}

impl Stage {
    /// The stage with numbers from `source`. What follows a convolution channel by channel becomes one step with it.
    pub(crate) fn new(spec: &StageSpec, source: &mut impl Source) -> Result<Self> {
        let nodes = spec.nodes();
        let mut steps: Vec<Step> = Vec::with_capacity(nodes.len());
        let mut taken = vec![false; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            if taken[at] {
                continue;
            }
            let mut last = at;
            let layer = match &node.op {
                Op::Conv(conv) => {
                    let norm = spec.norm_behind(at);
                    last = norm.map_or(at, |(norm, _)| norm);
                    let (weight, after) = source.conv(conv, norm.map(|(_, norm)| norm))?;
                    let activation = spec.only_use(last + 1).and_then(|next| match nodes[next].op {
                        Op::Activate(activation) => Some((next, activation)),
                        _ => None,
                    });
                    last = activation.map_or(last, |(next, _)| next);
                    let activation = activation.map(|(_, activation)| activation);
                    Layer::Conv { spec: conv.clone(), weight, after, activation }
                }
                Op::Norm(norm) => Layer::Affine(source.norm(norm)?),
                Op::Dense(dense) => {
                    let (weight, bias) = source.dense(dense)?;
                    Layer::Dense { spec: dense.clone(), weight, bias }
                }
                plain => Layer::Plain(plain.clone()),
            };
            // A chain of single uses has nothing between its ends that others want.
            let mut next = at;
            while next != last {
                next = spec.only_use(next + 1).unwrap_or(last);
                taken[next] = true;
            }
            let inputs = node.inputs.iter().map(|value| (value.index(), false)).collect();
            steps.push(Step { layer, inputs, output: last + 1 });
        }
        let mut wanted = vec![false; nodes.len() + 1];
        for (value, last) in steps.iter_mut().rev().flat_map(|step| step.inputs.iter_mut().rev()) {
            *last = !std::mem::replace(&mut wanted[*value], true);
        }
        Ok(Self { steps, values: nodes.len() + 1 })
    }

    /// `x`: `[batch, channels, height, width]` to the same of the stage's output.
    // A step takes only what was made before it, and is the last taker of it once.
    #[expect(
        clippy::expect_used,
        reason = "the builder orders operations so that every value is made before it is taken"
    )]
    pub(crate) fn forward(&self, x: Tensor<4>, read: Read<'_>) -> Tensor<4> {
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.values];
        values[0] = Some(x);
        for step in &self.steps {
            // A value that nothing else wants is handed over, so that its memory may be reused.
            let mut inputs = step.inputs.iter().map(|(value, last)| {
                let value = if *last { values[*value].take() } else { values[*value].clone() };
                value.expect("made before")
            });
            let x = inputs.next().expect("every operation takes something");
            let others = inputs.collect();
            values[step.output] = Some(step.layer.forward(x, others, read));
        }
        values.pop().flatten().expect("the last operation gives the output")
    }
}

impl After {
    /// The scale, where there is one, and the bias: what is computed is y·scale + bias.
    fn read(&self, read: Read<'_>) -> (Option<Tensor<1>>, Option<Tensor<1>>) {
        let shifted = |bias: &Option<Slot>, scale: &Tensor<1>, shift: Tensor<1>| match bias {
            Some(bias) => shift + read(*bias) * scale.clone(),
            None => shift,
        };
        match self {
            Self::Nothing => (None, None),
            Self::Bias(bias) => (None, Some(read(*bias))),
            Self::Affine(norm) => {
                let shift = shifted(&norm.bias, &norm.scale, norm.shift.clone());
                (Some(norm.scale.clone()), Some(shift))
            }
            Self::Norm(norm) => {
                let scale = read(norm.gamma) * norm.inverse_std.clone();
                let shift = read(norm.beta) - norm.mean.clone() * scale.clone();
                let shift = shifted(&norm.bias, &scale, shift);
                (Some(scale), Some(shift))
            }
        }
    }
}

impl Layer {
    fn forward(&self, x: Tensor<4>, others: Vec<Tensor<4>>, read: Read<'_>) -> Tensor<4> {
        match self {
            Self::Plain(op) => plain(op, x, others),
            Self::Conv { spec, weight, after, activation } => {
                let (scale, bias) = after.read(read);
                let weight = read(*weight).reshape(spec.weight_shape());
                // BatchNorm's scale goes into the weight and its shift into the bias, inside the graph: the gradients are
                // the same, and no operation runs over the whole feature map, forward or backward.
                let weight = match scale {
                    Some(scale) => weight * scale.reshape([spec.outputs, 1, 1, 1]),
                    None => weight,
                };
                kernels::convolve(x, weight, bias, spec, *activation)
            }
            Self::Affine(after) => {
                let (scale, bias) = after.read(read);
                let channels = |x: Tensor<1>| {
                    let count = x.dims()[0];
                    x.reshape([1, count, 1, 1])
                };
                let x = match scale {
                    Some(scale) => x * channels(scale),
                    None => x,
                };
                match bias {
                    Some(bias) => x + channels(bias),
                    None => x,
                }
            }
            Self::Dense { spec, weight, bias } => kernels::dense(x, read(*weight), bias.map(read), spec.outputs),
        }
    }
}

/// The operations without numbers, of their first value and the others.
fn plain(op: &Op, x: Tensor<4>, others: Vec<Tensor<4>>) -> Tensor<4> {
    match op {
        Op::Activate(activation) => kernels::activate(x, *activation),
        Op::MaxPool(window) => kernels::max_pool(x, *window),
        Op::AveragePool(window) => kernels::average_pool(x, *window),
        Op::GlobalAverage => {
            let [batch, channels, _, _] = x.dims();
            kernels::global_average(x).reshape([batch, channels, 1, 1])
        }
        Op::Scale => others.into_iter().fold(x, |x, gate| x * gate),
        Op::Add => others.into_iter().fold(x, add),
        Op::Concat => Tensor::cat(std::iter::once(x).chain(others).collect(), 1),
        // These have numbers and are layers of their own.
        Op::Conv(_) | Op::Norm(_) | Op::Dense(_) => x,
    }
}
