//! A network: layers in an order in which they can run, each value in a place of its own as long as somebody wants it.

use crate::activation::Activation;
use crate::block::Block;
use crate::conv::{Arithmetic, Conv, Picture, Ready, Work};
use crate::first::First;
use crate::lanes::{Level, padded, room};
use crate::pointwise::{add, affine, concat, scale};
use crate::pool::{Of, Window, global_average, pool};

/// y = x · scale + shift, channel by channel: a BatchNorm that is behind no convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `[channels]`.
    pub scale: Vec<f32>,
    /// `[channels]`.
    pub shift: Vec<f32>,
}

/// y = W x + b on `[channels, 1, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Length of x.
    pub inputs: usize,
    /// Length of y.
    pub outputs: usize,
    /// `[outputs, inputs]`.
    pub weight: Vec<f32>,
    /// `[outputs]`; none is zeros.
    pub bias: Option<Vec<f32>>,
}

impl From<Dense> for Conv {
    /// On one pixel the two are the same.
    fn from(Dense { inputs, outputs, weight, bias }: Dense) -> Self {
        let (kernel, stride, padding) = ([1, 1], [1, 1], [(0, 0); 2]);
        let (activation, arithmetic) = (Activation::None, Arithmetic::Floats);
        Self { inputs, outputs, kernel, stride, padding, groups: 1, weight, bias, activation, arithmetic }
    }
}

/// What a layer does.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A convolution. Where it has no groups a second value, of the output's shape, may be added before the activation.
    Conv(Conv),
    /// A dense layer.
    Dense(Dense),
    /// A scale and a shift of each channel.
    Affine(Affine),
    /// An activation.
    Activate(Activation),
    /// The largest value in each window.
    MaxPool(Window),
    /// The mean of each window, padded zeros counted.
    AveragePool(Window),
    /// The mean over height and width.
    GlobalAverage,
    /// The first value times the second, which is `[channels, 1, 1]`.
    Scale,
    /// The sum of values, and an activation of it.
    Add(Activation),
    /// Values one behind the other along the channels.
    Concat,
}

/// An operation and the values that it takes: 0 is what goes in, then what the layers give in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// What it does.
    pub op: Op,
    /// What it does it with.
    pub inputs: Vec<usize>,
}

enum Step {
    Conv(Ready),
    /// Three convolutions one after the other.
    Block(Box<Block>),
    Affine(Affine),
    Activate(Activation),
    Pool(Window, Of),
    GlobalAverage,
    Scale,
    Add(Activation),
    Concat,
}

/// Where a value is and what it is.
#[derive(Debug, Clone, Copy)]
struct Value {
    slot: usize,
    channels: usize,
    size: [usize; 2],
    stride: usize,
}

impl Value {
    fn len(&self) -> usize {
        self.size[0] * self.size[1] * self.stride
    }
}

/// Layers with packed weights, for pictures of one shape.
pub struct Network {
    level: Level,
    /// A convolution that alone takes what goes in, and the value that it gives.
    first: Option<(Box<First>, usize)>,
    /// The others in order, each with the values that it takes and the one that it gives.
    steps: Vec<(Step, Vec<usize>, usize)>,
    values: Vec<Value>,
    /// How many values there are at most at a time.
    slots: usize,
}

/// What goes into a network.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// `[channels, height, width]`.
    Map(&'a [f32]),
    /// The bytes of a picture, `[height, width, 3]`.
    Picture {
        /// Red, green and blue of each pixel.
        rgb: &'a [u8],
        /// What each channel's bytes are multiplied by, and what is added then.
        by: [[f32; 2]; 3],
    },
}

/// Memory that a network works in; it may be that of another network before.
#[derive(Default)]
pub struct Arena {
    slots: Vec<Vec<f32>>,
    work: Work,
}

impl Network {
    /// For pictures of the shape `[channels, height, width]`. The last layer gives what comes out.
    ///
    /// # Errors
    /// The index of the layer that does not fit what goes into it.
    #[inline(never)]
    pub fn new(shape: [usize; 3], layers: Vec<Layer>) -> Result<Self, usize> {
        Self::with_level(shape, layers, Level::best())
    }

    pub(crate) fn with_level(shape: [usize; 3], layers: Vec<Layer>, level: Level) -> Result<Self, usize> {
        let [channels, height, width] = shape;
        let mut values = vec![Value { slot: 0, channels, size: [height, width], stride: padded(channels) }];
        let mut steps = Vec::with_capacity(layers.len());
        for (at, Layer { op, inputs }) in layers.into_iter().enumerate() {
            let of: Vec<Value> =
                inputs.iter().map(|input| values.get(*input).copied()).collect::<Option<_>>().ok_or(at)?;
            let shapes: Vec<[usize; 3]> = of.iter().map(self::shape).collect();
            let [channels, height, width] = op.shape_of(&shapes).ok_or(at)?;
            values.push(Value { slot: 0, channels, size: [height, width], stride: padded(channels) });
            steps.push((ready(op, [of[0].size[0], of[0].size[1]], level), inputs, at + 1));
        }
        let mut steps = with_blocks(steps, &values);
        let slots = place(&steps, &mut values);
        let first = first_of(&steps, [height, width]);
        if first.is_some() {
            steps.remove(0);
        }
        // A picture of few channels is not filled up where nobody needs it so.
        let gathers = |step: &Step| matches!(step, Step::Conv(conv) if conv.gathers());
        let mut uses = steps.iter().filter(|(_, inputs, _)| inputs.contains(&0));
        if uses.all(|(step, inputs, _)| gathers(step) && inputs.as_slice() == [0]) && !steps.is_empty() {
            values[0].stride = channels;
        }
        Ok(Self { level, first, steps, values, slots })
    }

    /// Shape `[channels, height, width]` of what goes in.
    pub fn input_shape(&self) -> [usize; 3] {
        shape(&self.values[0])
    }

    /// Shape `[channels, height, width]` of what comes out.
    pub fn output_shape(&self) -> [usize; 3] {
        shape(&self.values[self.values.len() - 1])
    }

    /// Runs one picture or map and appends what comes out, of [`Network::output_shape`].
    ///
    /// # Panics
    /// Where it is of another size.
    #[inline(never)]
    pub fn run(&self, input: Input<'_>, arena: &mut Arena, out: &mut Vec<f32>) {
        let value = self.compute(input, arena);
        let values = &arena.slots[value.slot];
        let pixels = value.size[0] * value.size[1];
        out.reserve(pixels * value.channels);
        for channel in 0..value.channels {
            out.extend((0..pixels).map(|pixel| values[pixel * value.stride + channel]));
        }
    }

    /// The same with the mean over height and width of what comes out: `[channels]`.
    ///
    /// # Panics
    /// Where it is of another size.
    #[inline(never)]
    pub fn run_pooled(&self, input: Input<'_>, arena: &mut Arena, out: &mut Vec<f32>) {
        let value = self.compute(input, arena);
        let means = &mut arena.work.floats[0];
        room(means, value.stride);
        global_average(picture_of(&arena.slots[value.slot], &value), means);
        out.extend_from_slice(&means[..value.channels]);
    }

    /// The operations are functions of their own: a browser compiles a function as a whole once it is often called, and one with all of
    /// them, most of which a network has not, took it as long as twenty pictures.
    fn compute(&self, input: Input<'_>, arena: &mut Arena) -> Value {
        let into = self.values[0];
        let length = into.size[0] * into.size[1] * into.channels;
        assert!(input.len() == length && input.fits(into.channels), "what goes in is of another size");
        arena.slots.resize_with(self.slots.max(arena.slots.len()), Vec::new);
        let Arena { slots, work } = arena;
        if let Some((first, output)) = &self.first {
            let value = self.values[*output];
            let [mut x, mut y] = [0, value.slot].map(|slot| std::mem::take(&mut slots[slot]));
            room(&mut x, first.len());
            room(&mut y, value.len());
            first.lay(input, &mut x[..first.len()]);
            first.run(&x[..first.len()], &mut y[..value.len()], value.size, self.level);
            (slots[0], slots[value.slot]) = (x, y);
        } else {
            room(&mut slots[0], into.len());
            turn(input, &mut slots[0][..into.len()], into.stride);
        }
        for (step, inputs, output) in &self.steps {
            let value = self.values[*output];
            // Never that of an input, which is free only afterwards.
            let mut y = std::mem::take(&mut slots[value.slot]);
            room(&mut y, value.len());
            let of = |input: usize| picture_of(&slots[self.values[input].slot], &self.values[input]);
            step.run(inputs, &of, &self.values, &mut y[..value.len()], &value, work, self.level);
            slots[value.slot] = y;
        }
        self.values[self.values.len() - 1]
    }
}

/// The first step, where it alone takes what goes in, of this size, and gathers it.
fn first_of(steps: &[(Step, Vec<usize>, usize)], size: [usize; 2]) -> Option<(Box<First>, usize)> {
    let mut uses = steps.iter().filter(|(_, inputs, _)| inputs.contains(&0));
    let ((step, inputs, output), None) = (uses.next()?, uses.next()) else { return None };
    match step {
        Step::Conv(conv) if inputs.as_slice() == [0] => Some((Box::new(conv.first(size)?), *output)),
        _ => None,
    }
}

impl Input<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Map(values) => values.len(),
            Self::Picture { rgb, .. } => rgb.len(),
        }
    }

    fn fits(&self, channels: usize) -> bool {
        matches!(self, Self::Map(_)) || channels == 3
    }
}

/// Lays what goes in out as pixels that are `stride` apart.
#[inline(never)]
fn turn(input: Input<'_>, to: &mut [f32], stride: usize) {
    match input {
        Input::Map(values) => {
            for (channel, plane) in values.chunks_exact(to.len() / stride).enumerate() {
                to.chunks_exact_mut(stride).zip(plane).for_each(|(to, value)| to[channel] = *value);
            }
        }
        Input::Picture { rgb, by } => {
            let pixels = to.chunks_exact_mut(stride).zip(rgb.as_chunks::<3>().0);
            for (to, rgb) in pixels {
                for ((to, byte), [scale, shift]) in to.iter_mut().zip(rgb).zip(by) {
                    *to = f32::from(*byte) * scale + shift;
                }
            }
        }
    }
}

fn picture_of<'a>(values: &'a [f32], value: &Value) -> Picture<'a> {
    Picture { values: &values[..value.len()], size: value.size, stride: value.stride }
}

fn shape(value: &Value) -> [usize; 3] {
    [value.channels, value.size[0], value.size[1]]
}

/// Puts convolutions together that are faster together.
fn with_blocks(steps: Vec<(Step, Vec<usize>, usize)>, values: &[Value]) -> Vec<(Step, Vec<usize>, usize)> {
    let mut uses = vec![0; values.len()];
    steps.iter().flat_map(|(_, inputs, _)| inputs).for_each(|input| uses[*input] += 1);
    let mut all: Vec<(Step, Vec<usize>, usize)> = Vec::with_capacity(steps.len());
    for step in steps {
        all.push(step);
        let [.., (Step::Conv(expand), a, first), (Step::Conv(depthwise), b, second), (Step::Conv(project), c, _)] =
            all.as_slice()
        else {
            continue;
        };
        let (channels, size) = (values[*first].stride, values[*first].size);
        let chained =
            a.len() == 1 && b.as_slice() == [*first] && c[0] == *second && uses[*first] == 1 && uses[*second] == 1;
        if chained && !c[1..].contains(second) && Block::is_one([expand, depthwise, project], size, channels) {
            let (
                Some((Step::Conv(project), c, third)),
                Some((Step::Conv(depthwise), ..)),
                Some((Step::Conv(expand), a, _)),
            ) = (all.pop(), all.pop(), all.pop())
            else {
                continue;
            };
            let inputs = [a, c[1..].to_vec()].concat();
            all.push((Step::Block(Box::new(Block { expand, depthwise, project, size, channels })), inputs, third));
        }
    }
    all
}

/// Gives every value a slot that nobody else needs as long as it is wanted; how many there are.
fn place(steps: &[(Step, Vec<usize>, usize)], values: &mut [Value]) -> usize {
    let mut last_use = vec![usize::MAX; values.len()];
    for (at, (_, inputs, _)) in steps.iter().enumerate() {
        inputs.iter().for_each(|input| last_use[*input] = at);
    }
    let (mut slots, mut free) = (1, Vec::new());
    for (at, (_, inputs, output)) in steps.iter().enumerate() {
        values[*output].slot = free.pop().unwrap_or_else(|| {
            slots += 1;
            slots - 1
        });
        for (index, input) in inputs.iter().enumerate() {
            if last_use[*input] == at && !inputs[..index].contains(input) {
                free.push(values[*input].slot);
            }
        }
    }
    slots
}

impl Op {
    /// The shape `[channels, height, width]` of what comes out of values of these shapes, if they fit the operation.
    pub fn shape_of(&self, inputs: &[[usize; 3]]) -> Option<[usize; 3]> {
        let [channels, height, width] = *inputs.first()?;
        let size = [height, width];
        let one = inputs.len() == 1;
        let (channels, size, fits) = match self {
            Self::Conv(conv) => {
                let [height, width] = conv.size_of(size);
                let added = inputs[1..].iter().all(|shape| *shape == [conv.outputs, height, width]);
                let whole = conv.groups > 0 && conv.inputs % conv.groups == 0 && conv.outputs % conv.groups == 0;
                let weights = whole
                    && conv.weight.len()
                        == conv.outputs * (conv.inputs / conv.groups) * conv.kernel[0] * conv.kernel[1];
                let bias = conv.bias.as_ref().is_none_or(|bias| bias.len() == conv.outputs);
                let added = added && (one || inputs.len() == 2 && conv.groups == 1);
                (conv.outputs, [height, width], conv.inputs == channels && weights && bias && added)
            }
            Self::Dense(dense) => {
                let fits = dense.inputs == channels
                    && dense.weight.len() == dense.inputs * dense.outputs
                    && dense.bias.as_ref().is_none_or(|bias| bias.len() == dense.outputs);
                (dense.outputs, size, one && fits && size == [1, 1])
            }
            Self::Affine(affine) => {
                let lengths = [affine.scale.len(), affine.shift.len()];
                (channels, size, one && lengths == [channels; 2])
            }
            Self::Activate(_) => (channels, size, one),
            Self::MaxPool(window) | Self::AveragePool(window) => (channels, window.size_of(size), one),
            Self::GlobalAverage => (channels, [1, 1], one),
            Self::Scale => (channels, size, inputs.len() == 2 && inputs[1] == [channels, 1, 1]),
            Self::Add(_) => (channels, size, inputs.iter().all(|shape| *shape == inputs[0])),
            Self::Concat => {
                let fits = inputs.iter().all(|shape| shape[1..] == size);
                (inputs.iter().map(|shape| shape[0]).sum(), size, fits)
            }
        };
        (fits && channels > 0 && !size.contains(&0)).then_some([channels, size[0], size[1]])
    }
}

/// An operation that is ready to run on a picture of `size`.
fn ready(op: Op, size: [usize; 2], level: Level) -> Step {
    match op {
        Op::Conv(conv) => Step::Conv(Ready::new(&conv, size, level)),
        Op::Dense(dense) => Step::Conv(Ready::new(&dense.into(), size, level)),
        Op::Affine(Affine { mut scale, mut shift }) => {
            scale.resize(padded(scale.len()), 0.0);
            shift.resize(padded(shift.len()), 0.0);
            Step::Affine(Affine { scale, shift })
        }
        Op::Activate(activation) => Step::Activate(activation),
        Op::MaxPool(window) => Step::Pool(window, Of::Largest),
        Op::AveragePool(window) => Step::Pool(window, Of::Mean),
        Op::GlobalAverage => Step::GlobalAverage,
        Op::Scale => Step::Scale,
        Op::Add(activation) => Step::Add(activation),
        Op::Concat => Step::Concat,
    }
}

impl Step {
    #[expect(clippy::too_many_arguments, reason = "what a step works with, each once")]
    fn run<'a>(
        &self,
        inputs: &[usize],
        of: &dyn Fn(usize) -> Picture<'a>,
        values: &[Value],
        y: &mut [f32],
        out: &Value,
        work: &mut Work,
        level: Level,
    ) {
        let x = of(inputs[0]);
        let shortcut = || inputs.get(1).map(|input| of(*input).values);
        match self {
            Self::Conv(conv) => {
                conv.run(x, shortcut(), y, out.size, work, level);
            }
            Self::Block(block) => {
                block.run(x, shortcut(), y, [out.size[1], out.stride], work, level);
            }
            Self::Affine(of) => affine(x.values, &of.scale, &of.shift, y),
            Self::Activate(activation) => {
                y.copy_from_slice(x.values);
                activation.apply(y);
            }
            Self::Pool(window, of) => pool(*window, *of, x, y, out.size),
            Self::GlobalAverage => global_average(x, y),
            Self::Scale => scale(x.values, of(inputs[1]).values, y, x.stride),
            Self::Add(activation) => {
                let inputs: Vec<&[f32]> = inputs.iter().map(|input| of(*input).values).collect();
                add(&inputs, y);
                activation.apply(y);
            }
            Self::Concat => {
                let part = |input: &usize| (of(*input).values, values[*input].stride, values[*input].channels);
                concat(&inputs.iter().map(part).collect::<Vec<_>>(), y, out.stride);
            }
        }
    }
}
