//! A stage as layers of our own kernels, what follows a convolution in one layer with it.

use super::Arithmetic;
use super::frozen::Numbers;
use super::graph::{StageSpec, Value};
use super::spec::{self, NormSpec, Op};
use crate::error::{Error, Result};
use headstart_kernels::{Activation, Affine, Conv, Dense, Layer, Op as Kernel, Window};

/// Layers that are put together, stage by stage.
pub(crate) struct Lowering {
    /// The shape of what goes in.
    input: [usize; 3],
    layers: Vec<Layer>,
    /// The number of the value that the last stage gives.
    last: usize,
    /// Its shape `[channels, height, width]`.
    shape: [usize; 3],
}

/// A convolution and what is computed with it while its results are in registers.
struct Chain<'a> {
    conv: usize,
    norm: Option<&'a NormSpec>,
    /// What is added to it.
    shortcut: Option<Value>,
    activation: Activation,
    /// The last operation that it stands for.
    last: usize,
}

impl Lowering {
    /// Nothing yet, for what is of the shape `[channels, height, width]`.
    pub(crate) fn new(shape: [usize; 3]) -> Self {
        Self { input: shape, layers: Vec::new(), last: 0, shape }
    }

    /// Puts the layers of a stage behind the last.
    ///
    /// # Errors
    /// Those of `numbers`, and [`Error::Internal`] where the stage does not fit what it is behind.
    pub(crate) fn push(&mut self, stage: &StageSpec, numbers: &mut dyn Numbers, arithmetic: Arithmetic) -> Result<()> {
        let unfit = |node| Error::Internal(format!("operation {node} of {} does not fit its input", stage.name));
        let shapes = stage.shapes([self.shape[1], self.shape[2]]).map_err(unfit)?;
        let nodes = stage.nodes();
        // A chain is computed where its last operation stands: whatever is added to it has been made by then.
        let mut chains: Vec<Option<Chain<'_>>> = nodes.iter().map(|_| None).collect();
        let mut taken = vec![false; nodes.len()];
        for at in (0..nodes.len()).filter(|at| matches!(nodes[*at].op, Op::Conv(_))) {
            let chain = chain(stage, at, &mut taken);
            let last = chain.last;
            chains[last] = Some(chain);
        }
        let mut values = vec![self.last; nodes.len() + 1];
        for (at, node) in nodes.iter().enumerate() {
            let of = |inputs: &[Value]| inputs.iter().map(|value| values[value.index()]).collect::<Vec<usize>>();
            let (op, inputs) = match chains[at].take() {
                None if taken[at] => continue,
                None => {
                    let [_, height, width] = shapes[node.inputs[0].index()];
                    (kernel(&node.op, [height, width], numbers)?, of(&node.inputs))
                }
                Some(chain) => {
                    let conv = &nodes[chain.conv];
                    let [_, height, width] = shapes[conv.inputs[0].index()];
                    let mut inputs = of(&conv.inputs);
                    inputs.extend(chain.shortcut.map(|value| values[value.index()]));
                    (convolution(&conv.op, &chain, [height, width], numbers, arithmetic)?, inputs)
                }
            };
            self.layers.push(Layer { op, inputs });
            values[at + 1] = self.layers.len();
        }
        self.last = values[nodes.len()];
        // The shapes begin with that of what goes in.
        self.shape = shapes[nodes.len()];
        Ok(())
    }

    /// The shape of what goes in, and all layers; the last gives what comes out.
    pub(super) fn end(self) -> ([usize; 3], Vec<Layer>) {
        (self.input, self.layers)
    }
}

/// What becomes one layer with a convolution; all of it is marked as taken.
fn chain<'a>(stage: &'a StageSpec, conv: usize, taken: &mut [bool]) -> Chain<'a> {
    let nodes = stage.nodes();
    taken[conv] = true;
    let norm = stage.norm_behind(conv);
    let mut chain =
        Chain { conv, norm: norm.map(|(_, norm)| norm), shortcut: None, activation: Activation::None, last: conv };
    if let Some((norm, _)) = norm {
        taken[norm] = true;
        chain.last = norm;
    }
    let value = chain.last + 1;
    let alone = matches!(&nodes[conv].op, Op::Conv(conv) if conv.groups == 1);
    if let Some(next) =
        stage.only_use(value).filter(|next| alone && !taken[*next] && matches!(nodes[*next].op, Op::Add))
        && let [a, b] = nodes[next].inputs.as_slice()
        && a != b
    {
        chain.shortcut = Some(if a.index() == value { *b } else { *a });
        taken[next] = true;
        chain.last = next;
    }
    if let Some(next) = stage.only_use(chain.last + 1)
        && let Op::Activate(activation) = nodes[next].op
    {
        chain.activation = self::activation(activation);
        taken[next] = true;
        chain.last = next;
    }
    chain
}

fn convolution(
    conv: &Op,
    chain: &Chain<'_>,
    size: [usize; 2],
    numbers: &mut dyn Numbers,
    arithmetic: Arithmetic,
) -> Result<Kernel> {
    let Op::Conv(conv) = conv else { return Err(Error::Internal("a chain begins with a convolution".into())) };
    let (weight, bias) = numbers.conv(conv, chain.norm)?;
    Ok(Kernel::Conv(Conv {
        inputs: conv.inputs,
        outputs: conv.outputs,
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.padding_of(size),
        groups: conv.groups,
        weight,
        bias,
        activation: chain.activation,
        arithmetic: match arithmetic {
            Arithmetic::Float => headstart_kernels::Arithmetic::Floats,
            Arithmetic::Int8 => headstart_kernels::Arithmetic::EightBits,
        },
    }))
}

/// An operation that stands by itself, of an input of this height and width.
fn kernel(op: &Op, size: [usize; 2], numbers: &mut dyn Numbers) -> Result<Kernel> {
    let window = |window: &spec::Window| Window {
        kernel: window.kernel,
        stride: window.stride,
        padding: size.map(|size| window.padding.around(window.kernel, window.stride, size)),
    };
    Ok(match op {
        Op::Conv(_) => return Err(Error::Internal("a convolution is a chain".into())),
        Op::Norm(norm) => {
            let [scale, shift] = numbers.norm(norm)?;
            Kernel::Affine(Affine { scale, shift })
        }
        Op::Dense(dense) => {
            let (weight, bias) = numbers.dense(dense)?;
            Kernel::Dense(Dense { inputs: dense.inputs, outputs: dense.outputs, weight, bias })
        }
        Op::Activate(activation) => Kernel::Activate(self::activation(*activation)),
        Op::MaxPool(of) => Kernel::MaxPool(window(of)),
        Op::AveragePool(of) => Kernel::AveragePool(window(of)),
        Op::GlobalAverage => Kernel::GlobalAverage,
        Op::Scale => Kernel::Scale,
        Op::Add => Kernel::Add(Activation::None),
        Op::Concat => Kernel::Concat,
    })
}

fn activation(activation: spec::Activation) -> Activation {
    match activation {
        spec::Activation::Relu => Activation::Relu,
        spec::Activation::Relu6 => Activation::Relu6,
        spec::Activation::Silu => Activation::Silu,
        spec::Activation::HardSwish => Activation::HardSwish,
        spec::Activation::HardSigmoid => Activation::HardSigmoid,
        spec::Activation::Sigmoid => Activation::Sigmoid,
    }
}
