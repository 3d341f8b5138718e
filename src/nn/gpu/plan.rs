//! Layers as dispatches, one for nearly every layer, and their numbers in the order in which kernels read them.

use super::program::WORKGROUP;
use super::shaders::{Map, Shader, Tile};
use headstart_kernels::{Activation, Affine, Conv, Layer, Op, Window};
use std::ops::Range;

/// Channels of a vector.
pub(super) const LANES: usize = 4;

/// Floats that two ranges of constants are apart at least: adapters bind buffers from multiples of 256 bytes on.
const APART: usize = 64;

/// Bytes of the largest value of one pass; more pictures are several passes. Half of what every adapter lets a kernel bind.
const LARGEST: usize = 64 << 20;

/// Invocations from which a larger tile leaves enough of them to keep an adapter busy.
pub(super) const BUSY: usize = 4096;

/// The tile for so many pixels, of so many vectors each.
pub(super) fn tile(pixels: usize, vectors: usize) -> Tile {
    let each = if pixels == 1 { 1 } else { 4 };
    let two = vectors > 1 && pixels * vectors >= each * 2 * BUSY;
    Tile { pixels: each, vectors: if two { 2 } else { 1 } }
}

/// Neighbours that a convolution channel by channel computes at a time, in rows of so many.
pub(super) fn run(stride: [usize; 2], width: usize) -> usize {
    if stride[1] == 1 { 4 } else { 2 }.min(width)
}

/// Layers that were planned, with all that a run needs but their numbers.
#[derive(Debug)]
pub struct Plan {
    /// Shapes `[channels, height, width]` of all values; the first goes in.
    values: Vec<[usize; 3]>,
    steps: Vec<Step>,
    /// The value that comes out.
    output: usize,
}

/// One dispatch.
#[derive(Debug)]
pub(super) struct Step {
    pub shader: Shader,
    /// Values that it takes.
    pub inputs: Vec<usize>,
    /// Ranges of the constants that it takes.
    pub constants: Vec<Range<usize>>,
    /// The value that it gives, or a part of it.
    pub output: usize,
    /// Invocations along x.
    pub columns: usize,
    /// What is counted along y, for a picture, and how many of them an invocation computes.
    pub rows: usize,
    pub each: usize,
    /// The numbers of a dispatch, in the shader's order.
    pub numbers: Vec<u32>,
}

/// What comes out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Vectors of each pixel.
    Vectors,
    /// The mean over height and width, as vectors.
    Pooled,
}

/// Vectors of so many channels.
pub(super) fn vectors(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

impl Plan {
    /// The layers for pictures or maps of the shape `[channels, height, width]`, and their numbers.
    ///
    /// # Errors
    /// The index of the layer that does not fit what goes into it.
    pub(super) fn new(shape: [usize; 3], layers: Vec<Layer>) -> Result<(Self, Vec<f32>), usize> {
        let mut planning = Planning { values: vec![shape], steps: Vec::new(), constants: Vec::new() };
        // Values of the layers by those of the plan, which may have more.
        let mut given = vec![0];
        for (at, Layer { op, inputs }) in layers.into_iter().enumerate() {
            let inputs: Vec<usize> =
                inputs.iter().map(|input| given.get(*input).copied()).collect::<Option<_>>().ok_or(at)?;
            let shapes: Vec<[usize; 3]> = inputs.iter().map(|input| planning.values[*input]).collect();
            let output = op.shape_of(&shapes).ok_or(at)?;
            given.push(planning.plan(op, inputs, output));
        }
        let Planning { values, steps, constants } = planning;
        let output = given[given.len() - 1];
        Ok((Self { values, steps, output }, constants))
    }

    /// The shape of what comes out.
    pub(super) fn output_shape(&self) -> [usize; 3] {
        self.values[self.output]
    }

    /// Floats of a value for each picture.
    pub(super) fn length(&self, value: usize) -> usize {
        let [channels, height, width] = self.values[value];
        height * width * vectors(channels) * LANES
    }

    /// Pictures of a pass at most.
    pub(super) fn most(&self) -> usize {
        let largest = (0..self.values.len()).map(|value| self.length(value)).max().unwrap_or(1);
        (LARGEST / size_of::<f32>() / largest.max(1)).max(1)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value that comes out, and the step that makes of it what is asked for, whose own output is one more value.
    pub(super) fn last(&self, output: Output) -> (usize, Option<Step>) {
        let step = match output {
            Output::Vectors => None,
            Output::Pooled => Some(global_average(self.output, self.values.len(), self.output_shape())),
        };
        (self.output, step)
    }

    /// Floats of what comes out, for each picture.
    pub(super) fn output_length(&self, output: Output) -> usize {
        match output {
            Output::Vectors => self.length(self.output),
            Output::Pooled => vectors(self.output_shape()[0]) * LANES,
        }
    }
}

/// Strides of `[batch, channels, height, width]` whose values are vectors.
pub(super) fn strides([channels, height, width]: [usize; 3]) -> [usize; 4] {
    let pixel = vectors(channels) * LANES;
    [height * width * pixel, 1, width * pixel, pixel]
}

/// `[pictures, channels, height, width]` as vectors.
pub(super) fn to_vectors(values: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let (area, stride) = (height * width, vectors(channels) * LANES);
    let mut all = vec![0.0; values.len() / (channels * area) * area * stride];
    for (planes, pixels) in values.chunks_exact(channels * area).zip(all.chunks_exact_mut(area * stride)) {
        for (channel, plane) in planes.chunks_exact(area).enumerate() {
            plane.iter().zip(pixels.chunks_exact_mut(stride)).for_each(|(value, pixel)| pixel[channel] = *value);
        }
    }
    all
}

pub(super) fn numbers<const N: usize>(numbers: [usize; N]) -> Vec<u32> {
    // What has more than four thousand million of anything does not fit an adapter.
    numbers.map(|number| number as u32).to_vec()
}

pub(super) fn global_average(input: usize, output: usize, [channels, height, width]: [usize; 3]) -> Step {
    let (vectors, area) = (vectors(channels), height * width);
    let shader = Shader::GlobalAverage { wide: area > 64 };
    let columns = if area > 64 { vectors * WORKGROUP } else { vectors };
    Step {
        shader,
        inputs: vec![input],
        constants: Vec::new(),
        output,
        columns,
        rows: 1,
        each: 1,
        numbers: numbers([vectors, area]),
    }
}

struct Planning {
    values: Vec<[usize; 3]>,
    steps: Vec<Step>,
    constants: Vec<f32>,
}

impl Planning {
    /// Plans a layer that gives a value of the shape `output`; the value.
    fn plan(&mut self, op: Op, inputs: Vec<usize>, output: [usize; 3]) -> usize {
        match op {
            Op::Conv(conv) if conv.groups == 1 => self.product(&conv, inputs, output),
            Op::Conv(conv) if conv.is_depthwise() => self.depthwise(&conv, inputs, output),
            Op::Conv(conv) => self.grouped(conv, inputs, output),
            Op::Dense(dense) => self.product(&dense.into(), inputs, output),
            Op::Affine(Affine { scale, shift }) => {
                let constants = [scale, shift].map(|values| self.per_channel(Some(&values), vectors(output[0])));
                self.map(Map::Affine, inputs, constants.to_vec(), output)
            }
            Op::Activate(activation) => self.map(Map::Activate(activation), inputs, Vec::new(), output),
            Op::MaxPool(window) => self.pool(window, true, inputs, output),
            Op::AveragePool(window) => self.pool(window, false, inputs, output),
            Op::GlobalAverage => {
                let step = global_average(inputs[0], self.values.len(), self.values[inputs[0]]);
                self.push(step, output)
            }
            Op::Scale => self.map(Map::Scale, inputs, Vec::new(), output),
            Op::Add(activation) => self.add(activation, inputs, output),
            Op::Concat => self.concat(&inputs, output),
        }
    }

    fn push(&mut self, step: Step, output: [usize; 3]) -> usize {
        self.values.push(output);
        self.steps.push(step);
        self.values.len() - 1
    }

    /// Keeps constants, where a kernel may bind them.
    fn keep(&mut self, values: impl IntoIterator<Item = f32>) -> Range<usize> {
        let start = self.constants.len().next_multiple_of(APART);
        self.constants.resize(start, 0.0);
        self.constants.extend(values);
        start..self.constants.len()
    }

    /// One value a channel, filled up to so many vectors; nothing is zeros.
    fn per_channel(&mut self, values: Option<&[f32]>, vectors: usize) -> Range<usize> {
        let values = values.unwrap_or_default();
        self.keep(values.iter().copied().chain(std::iter::repeat(0.0)).take(vectors * LANES))
    }

    /// A convolution without groups.
    fn product(&mut self, conv: &Conv, inputs: Vec<usize>, output: [usize; 3]) -> usize {
        let [channels, height, width] = self.values[inputs[0]];
        let (from, to) = (vectors(channels), vectors(output[0]));
        let area = output[1] * output[2];
        let tile = tile(area, to);
        let stride = to.next_multiple_of(tile.vectors);
        let places = conv.kernel[0] * conv.kernel[1];
        let number = |place: usize, input: usize, output: usize| {
            let inside = input < conv.inputs && output < conv.outputs;
            if inside { conv.weight[(output * conv.inputs + input) * places + place] } else { 0.0 }
        };
        let weight = (0..places * from * LANES)
            .flat_map(|row| (0..stride * LANES).map(move |output| (row / (from * LANES), row % (from * LANES), output)))
            .map(|(place, input, output)| number(place, input, output));
        let weight = self.keep(weight);
        let bias = self.per_channel(conv.bias.as_deref(), stride);
        let (activation, shortcut) = (conv.activation, inputs.len() > 1);
        let single = conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == [(0, 0); 2];
        let (shader, numbers) = if single {
            (Shader::Pointwise { tile, activation, shortcut, bias: true }, numbers([from, to, stride]))
        } else {
            let Conv { kernel, stride: steps, padding: [(top, _), (left, _)], .. } = *conv;
            let numbers = numbers([from, to, stride, height, width, output[1], output[2], top, left]);
            (Shader::Conv { tile, kernel, stride: steps, activation, shortcut }, numbers)
        };
        let step = Step {
            shader,
            inputs,
            constants: vec![weight, bias],
            output: self.values.len(),
            columns: to.div_ceil(tile.vectors),
            rows: area,
            each: tile.pixels,
            numbers,
        };
        self.push(step, output)
    }

    fn depthwise(&mut self, conv: &Conv, inputs: Vec<usize>, output: [usize; 3]) -> usize {
        let [channels, height, width] = self.values[inputs[0]];
        let (vectors, places) = (vectors(channels), conv.kernel[0] * conv.kernel[1]);
        let number = |place: usize, channel: usize| {
            if channel < channels { conv.weight[channel * places + place] } else { 0.0 }
        };
        let weight = self.keep(
            (0..places)
                .flat_map(|place| (0..vectors * LANES).map(move |channel| (place, channel)))
                .map(|(place, channel)| number(place, channel)),
        );
        let bias = self.per_channel(conv.bias.as_deref(), vectors);
        let run = run(conv.stride, output[2]);
        let (runs, [(top, _), (left, _)]) = (output[2].div_ceil(run), conv.padding);
        let Conv { kernel, stride, activation, .. } = *conv;
        let step = Step {
            shader: Shader::Depthwise { run, kernel, stride, activation },
            inputs,
            constants: vec![weight, bias],
            output: self.values.len(),
            columns: vectors,
            rows: output[1] * runs,
            each: 1,
            numbers: numbers([vectors, height, width, output[1], output[2], top, left, runs]),
        };
        self.push(step, output)
    }

    fn grouped(&mut self, conv: Conv, inputs: Vec<usize>, output: [usize; 3]) -> usize {
        let [channels, height, width] = self.values[inputs[0]];
        let Conv { kernel, stride, padding: [(top, _), (left, _)], groups, weight, bias, activation, .. } = conv;
        let weight = self.keep(weight);
        let to = vectors(output[0]);
        let bias = self.per_channel(bias.as_deref(), to);
        let step = Step {
            shader: Shader::Grouped { kernel, stride, activation },
            inputs,
            constants: vec![weight, bias],
            output: self.values.len(),
            columns: to * LANES,
            rows: output[1] * output[2],
            each: 1,
            numbers: numbers([
                channels,
                output[0],
                vectors(channels),
                to,
                groups,
                height,
                width,
                output[1],
                output[2],
                top,
                left,
            ]),
        };
        self.push(step, output)
    }

    fn pool(&mut self, window: Window, largest: bool, inputs: Vec<usize>, output: [usize; 3]) -> usize {
        let [channels, height, width] = self.values[inputs[0]];
        let Window { kernel, stride, padding: [(top, _), (left, _)] } = window;
        let vectors = vectors(channels);
        let step = Step {
            shader: Shader::Pool { kernel, stride, largest },
            inputs,
            constants: Vec::new(),
            output: self.values.len(),
            columns: vectors,
            rows: output[1] * output[2],
            each: 1,
            numbers: numbers([vectors, height, width, output[1], output[2], top, left, output[2]]),
        };
        self.push(step, output)
    }

    fn map(&mut self, map: Map, inputs: Vec<usize>, constants: Vec<Range<usize>>, output: [usize; 3]) -> usize {
        let (vectors, area) = (vectors(output[0]), output[1] * output[2]);
        let step = Step {
            shader: Shader::Map(map),
            inputs,
            constants,
            output: self.values.len(),
            columns: vectors,
            rows: area,
            each: 1,
            numbers: numbers([vectors, area]),
        };
        self.push(step, output)
    }

    fn add(&mut self, activation: Activation, mut inputs: Vec<usize>, output: [usize; 3]) -> usize {
        while inputs.len() > Shader::MOST_ADDED {
            let some = inputs.drain(..Shader::MOST_ADDED).collect();
            let sum = self.map(Map::Add(Shader::MOST_ADDED, Activation::None), some, Vec::new(), output);
            inputs.push(sum);
        }
        self.map(Map::Add(inputs.len(), activation), inputs, Vec::new(), output)
    }

    fn concat(&mut self, inputs: &[usize], output: [usize; 3]) -> usize {
        let (area, stride, to) = (output[1] * output[2], vectors(output[0]) * LANES, self.values.len());
        self.values.push(output);
        let mut first = 0;
        for (at, input) in inputs.iter().enumerate() {
            let count = self.values[*input][0];
            // The last one fills the last vector up: what nobody wrote may be no number, which no weight makes zero.
            let end = if at + 1 == inputs.len() { stride - first } else { count };
            self.steps.push(Step {
                shader: Shader::Place,
                inputs: vec![*input],
                constants: Vec::new(),
                output: to,
                columns: end,
                rows: area,
                each: 1,
                numbers: numbers([count, end, vectors(count) * LANES, first, stride]),
            });
            first += count;
        }
        to
    }
}
