//! A stage as a small directed graph of operations; its shapes, counts and tensors follow from the description alone.

use super::spec::{Activation, ConvSpec, DenseSpec, NormSpec, Op, Window};
use crate::identity::Hasher;

/// A value of a stage: what goes in, or what one of its operations gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// The value's number: 0 is the stage's input, then the operations in their order.
    pub fn index(self) -> usize {
        self.0
    }
}

/// An operation and the values that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// What it does it with, all made before it.
    pub inputs: Vec<Value>,
}

/// A stage: operations of which the last gives the output. The network can be cut between any two stages.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// What a person calls it: `stem`, `block 3`, `last convolution`.
    pub name: String,
    /// Channels of its input.
    pub inputs: usize,
    /// Channels of its output.
    pub outputs: usize,
    nodes: Vec<Node>,
}

/// What a tensor of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution or dense layer.
    Weight,
    /// Bias of a convolution or dense layer.
    Bias,
    /// BatchNorm's γ.
    Gamma,
    /// BatchNorm's β.
    Beta,
    /// BatchNorm's running mean.
    Mean,
    /// BatchNorm's running variance.
    Variance,
}

impl Role {
    /// Whether it belongs to a BatchNorm.
    pub fn is_norm(self) -> bool {
        !matches!(self, Self::Weight | Self::Bias)
    }

    /// Whether it is a statistic, which nothing trains.
    pub fn is_statistic(self) -> bool {
        matches!(self, Self::Mean | Self::Variance)
    }
}

/// A tensor that a stage needs.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is.
    pub role: Role,
    /// What a person calls the layer that it is of.
    pub kind: &'static str,
}

/// Puts a stage together.
pub struct StageBuilder {
    name: String,
    /// Channels of each value.
    channels: Vec<usize>,
    nodes: Vec<Node>,
}

impl StageBuilder {
    /// A stage that takes so many channels.
    pub fn new(name: impl Into<String>, channels: usize) -> Self {
        Self { name: name.into(), channels: vec![channels], nodes: Vec::new() }
    }

    /// What goes in.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Channels of a value.
    pub fn channels(&self, value: Value) -> usize {
        self.channels[value.0]
    }

    fn push(&mut self, op: Op, inputs: &[Value], channels: usize) -> Value {
        self.nodes.push(Node { op, inputs: inputs.to_vec() });
        self.channels.push(channels);
        Value(self.nodes.len())
    }

    /// A convolution.
    pub fn conv(&mut self, x: Value, conv: ConvSpec) -> Value {
        let conv = conv.of(self.channels(x));
        let outputs = conv.outputs;
        self.push(Op::Conv(conv), &[x], outputs)
    }

    /// BatchNorm.
    pub fn norm(&mut self, x: Value, name: impl Into<String>, epsilon: f64) -> Value {
        let channels = self.channels(x);
        self.push(Op::Norm(NormSpec { name: name.into(), channels, epsilon }), &[x], channels)
    }

    /// An activation.
    pub fn activate(&mut self, x: Value, activation: Activation) -> Value {
        self.push(Op::Activate(activation), &[x], self.channels(x))
    }

    /// The largest value in a window.
    pub fn max_pool(&mut self, x: Value, window: Window) -> Value {
        self.push(Op::MaxPool(window), &[x], self.channels(x))
    }

    /// The mean of a window.
    pub fn average_pool(&mut self, x: Value, window: Window) -> Value {
        self.push(Op::AveragePool(window), &[x], self.channels(x))
    }

    /// The mean over height and width.
    pub fn global_average(&mut self, x: Value) -> Value {
        self.push(Op::GlobalAverage, &[x], self.channels(x))
    }

    /// A dense layer on what [`StageBuilder::global_average`] gave.
    pub fn dense(&mut self, x: Value, name: impl Into<String>, outputs: usize, bias: bool) -> Value {
        let inputs = self.channels(x);
        self.push(Op::Dense(DenseSpec { name: name.into(), inputs, outputs, bias }), &[x], outputs)
    }

    /// `x` times a gate of one value a channel.
    pub fn scale(&mut self, x: Value, by: Value) -> Value {
        self.push(Op::Scale, &[x, by], self.channels(x))
    }

    /// The sum of two values.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.push(Op::Add, &[a, b], self.channels(a))
    }

    /// Values one behind the other.
    pub fn concat(&mut self, values: &[Value]) -> Value {
        self.push(Op::Concat, values, values.iter().map(|value| self.channels(*value)).sum())
    }

    /// The stage; what was made last is its output.
    pub fn end(self) -> StageSpec {
        let (inputs, outputs) = (self.channels[0], self.channels[self.nodes.len()]);
        StageSpec { name: self.name, inputs, outputs, nodes: self.nodes }
    }
}

impl StageSpec {
    /// Its operations, in an order in which they can run; the last gives the output.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The one operation that takes a value, where it is one.
    pub(crate) fn only_use(&self, value: usize) -> Option<usize> {
        let mut uses = self
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(at, node)| node.inputs.iter().filter(move |input| input.0 == value).map(move |_| at));
        let only = uses.next();
        if uses.next().is_some() || value == self.nodes.len() { None } else { only }
    }

    /// The BatchNorm right behind an operation: what is folded into a convolution.
    pub(crate) fn norm_behind(&self, node: usize) -> Option<(usize, &NormSpec)> {
        let next = self.only_use(node + 1)?;
        match &self.nodes[next].op {
            Op::Norm(norm) => Some((next, norm)),
            _ => None,
        }
    }

    /// Whether an operation is a BatchNorm that is folded into the convolution before it.
    pub(crate) fn is_folded(&self, node: usize) -> bool {
        matches!(self.nodes[node].op, Op::Norm(_))
            && self.nodes[node].inputs[0].0.checked_sub(1).is_some_and(|before| {
                matches!(self.nodes[before].op, Op::Conv(_)) && self.only_use(before + 1) == Some(node)
            })
    }

    /// Shapes `[channels, height, width]` of all values for an input of this height and width, or the number of the
    /// operation that nothing comes out of, or whose inputs do not fit together.
    ///
    /// # Errors
    /// The index of the node, from 0.
    pub fn shapes(&self, size: [usize; 2]) -> Result<Vec<[usize; 3]>, usize> {
        let mut shapes = vec![[self.inputs, size[0], size[1]]];
        for (at, node) in self.nodes.iter().enumerate() {
            let of: Vec<[usize; 3]> = node.inputs.iter().map(|value| shapes[value.0]).collect();
            let [channels, height, width] = *of.first().ok_or(at)?;
            let pooled = |window: &Window| {
                let side = |size| window.padding.output(window.kernel, window.stride, size);
                [channels, side(height), side(width)]
            };
            let shape = match &node.op {
                Op::Conv(conv) => {
                    let side = |side: usize, size| conv.padding.output(conv.kernel[side], conv.stride[side], size);
                    let fits = conv.inputs == channels && conv.inputs % conv.groups == 0;
                    if fits { [conv.outputs, side(0, height), side(1, width)] } else { [0; 3] }
                }
                Op::Norm(_) | Op::Activate(_) => [channels, height, width],
                Op::MaxPool(window) | Op::AveragePool(window) => pooled(window),
                Op::GlobalAverage => [channels, 1, 1],
                Op::Dense(dense) if (dense.inputs, height, width) == (channels, 1, 1) => [dense.outputs, 1, 1],
                Op::Dense(_) => [0; 3],
                Op::Scale if of.get(1) == Some(&[channels, 1, 1]) => of[0],
                Op::Scale => [0; 3],
                Op::Add => {
                    if of.iter().all(|shape| *shape == of[0]) {
                        of[0]
                    } else {
                        [0; 3]
                    }
                }
                Op::Concat if of.iter().all(|shape| shape[1..] == of[0][1..]) => {
                    [of.iter().map(|shape| shape[0]).sum(), height, width]
                }
                Op::Concat => [0; 3],
            };
            if shape.contains(&0) {
                return Err(at);
            }
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// Multiplications of one picture's forward pass in convolutions and dense layers, for an input of this height and
    /// width.
    pub fn multiplications(&self, size: [usize; 2]) -> f64 {
        let Ok(shapes) = self.shapes(size) else { return 0.0 };
        let of = |(node, [_, height, width]): (&Node, &[usize; 3])| match &node.op {
            Op::Conv(conv) => (conv.weight_shape().iter().product::<usize>() * height * width) as f64,
            Op::Dense(dense) => (dense.inputs * dense.outputs) as f64,
            _ => 0.0,
        };
        self.nodes.iter().zip(&shapes[1..]).map(of).sum()
    }

    /// The tensors that it needs, in order of computation; with `folded` every BatchNorm behind a convolution is a bias
    /// of that convolution.
    pub fn tensors(&self, folded: bool) -> Vec<TensorSpec> {
        let mut tensors = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let mut push = |name: &str, part: &str, shape: &[usize], role, kind| {
                tensors.push(TensorSpec { name: format!("{name}.{part}"), shape: shape.to_vec(), role, kind });
            };
            match &node.op {
                Op::Conv(conv) => {
                    push(&conv.name, "weight", &conv.weight_shape(), Role::Weight, conv.kind());
                    if conv.bias || folded && self.norm_behind(at).is_some() {
                        push(&conv.name, "bias", &[conv.outputs], Role::Bias, conv.kind());
                    }
                }
                Op::Dense(dense) => {
                    push(&dense.name, "weight", &[dense.outputs, dense.inputs], Role::Weight, "dense");
                    if dense.bias {
                        push(&dense.name, "bias", &[dense.outputs], Role::Bias, "dense");
                    }
                }
                Op::Norm(norm) if !(folded && self.is_folded(at)) => {
                    let parts = [
                        ("weight", Role::Gamma),
                        ("bias", Role::Beta),
                        ("running_mean", Role::Mean),
                        ("running_var", Role::Variance),
                    ];
                    for (part, role) in parts {
                        push(&norm.name, part, &[norm.channels], role, "batch normalisation");
                    }
                }
                _ => {}
            }
        }
        tensors
    }

    /// Adds what the stage computes, without its name and those of its tensors.
    pub(crate) fn identify(&self, hasher: &mut Hasher) {
        for node in &self.nodes {
            let op = match &node.op {
                Op::Conv(conv) => format!("{:?}", ConvSpec { name: String::new(), ..conv.clone() }),
                Op::Norm(norm) => format!("{:?}", NormSpec { name: String::new(), ..norm.clone() }),
                Op::Dense(dense) => format!("{:?}", DenseSpec { name: String::new(), ..dense.clone() }),
                other => format!("{other:?}"),
            };
            hasher.bytes(format!("{op} {:?};", node.inputs).as_bytes());
        }
    }
}
