//! Convolutions: which kernel computes which, and the rows that the matrix product is given.

use crate::activation::Activation;
use crate::depthwise::Depthwise;
use crate::eight_bits::{self, Pixels, Rows, Whole, rows_of};
use crate::first::First;
use crate::lanes::{Four, Level, copy, padded};
use crate::product::{Packed, Product};

/// A convolution, described as PyTorch does. Kernel, stride and padding are of `[height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step from one output to the next.
    pub stride: [usize; 2],
    /// Zeros before and after.
    pub padding: [(usize, usize); 2],
    /// Groups of channels that know nothing of each other.
    pub groups: usize,
    /// `[outputs, inputs / groups, height, width]`.
    pub weight: Vec<f32>,
    /// `[outputs]`; none is zeros.
    pub bias: Option<Vec<f32>>,
    /// What is computed last.
    pub activation: Activation,
    /// What it is computed in.
    pub arithmetic: Arithmetic,
}

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Arithmetic {
    /// 32-bit floats.
    #[default]
    Floats,
    /// Whole numbers of eight bits with a scale for each output channel and for each pixel, or each picture where a window is
    /// larger than a pixel. Convolutions of groups or of few input channels, and those to a single pixel, are in floats
    /// nevertheless: they cost little, and what they give decides much.
    EightBits,
}

/// Fewer input channels than these are those of a picture.
const FEW_CHANNELS: usize = 8;

impl Conv {
    /// Height and width of what comes out of a picture of this size.
    pub fn size_of(&self, size: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|side| {
            let (before, after) = self.padding[side];
            (size[side] + before + after).checked_sub(self.kernel[side]).map_or(0, |rest| rest / self.stride[side] + 1)
        })
    }

    /// Whether every channel is by itself.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.inputs && self.outputs == self.inputs
    }

    /// The bias, zeros where there is none or no channel.
    pub(crate) fn padded_bias(&self) -> Vec<f32> {
        let mut bias = self.bias.clone().unwrap_or_default();
        bias.resize(padded(self.outputs), 0.0);
        bias
    }
}

/// A convolution that is ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ready {
    Depthwise(Depthwise),
    Product(Gathered),
}

/// A convolution as a product of gathered rows with a packed weight, one for each group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gathered {
    weights: Weights,
    bias: Vec<f32>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [(usize, usize); 2],
    inputs: usize,
    outputs: usize,
    activation: Activation,
}

#[derive(Debug, Clone, PartialEq)]
enum Weights {
    /// Of each group.
    Floats(Vec<Packed>),
    /// There are no groups.
    EightBits(eight_bits::Packed),
}

/// What convolutions work in, and what lies between those that are computed together.
#[derive(Default)]
pub(crate) struct Work {
    pub floats: [Vec<f32>; 2],
    pub rows: Rows,
    pub whole: Whole,
}

/// One picture's values: `[height, width, channels]`.
#[derive(Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub values: &'a [f32],
    pub size: [usize; 2],
    /// From one pixel to the next: the channels, filled up but for a picture that is only ever gathered from.
    pub stride: usize,
}

/// Bytes of gathered rows that are multiplied at a time: they stay in the first-level cache.
const BLOCK: usize = 16 << 10;

impl Ready {
    /// For a picture of `size`.
    pub(crate) fn new(conv: &Conv, size: [usize; 2], level: Level) -> Self {
        if conv.is_depthwise() {
            return Self::Depthwise(Depthwise::new(conv, level));
        }
        let (inputs, outputs) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
        let places = conv.kernel[0] * conv.kernel[1];
        // A row has the channels of one place after those of the other; the weight has them the other way round.
        let weight = |group: usize| {
            move |row: usize, column: usize| {
                let (place, channel) = (row / inputs, row % inputs);
                conv.weight[((group * outputs + column) * inputs + channel) * places + place]
            }
        };
        let depth = places * inputs;
        let eight_bits = conv.arithmetic == Arithmetic::EightBits
            && conv.groups == 1
            && inputs >= FEW_CHANNELS
            && conv.size_of(size) != [1, 1];
        let weights = if eight_bits {
            Weights::EightBits(eight_bits::Packed::new(depth, outputs, level, weight(0)))
        } else {
            let of_group = |group| Packed::new(depth, outputs, level, weight(group));
            Weights::Floats((0..conv.groups).map(of_group).collect())
        };
        let bias = conv.padded_bias();
        let Conv { kernel, stride, padding, activation, .. } = *conv;
        Self::Product(Gathered { weights, bias, kernel, stride, padding, inputs, outputs, activation })
    }

    /// Of one picture, with a shortcut of the output's shape that is added before the activation.
    pub(crate) fn run(
        &self,
        x: Picture<'_>,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        out: [usize; 2],
        work: &mut Work,
        level: Level,
    ) {
        match self {
            Self::Depthwise(depthwise) => {
                debug_assert!(shortcut.is_none(), "a network gives one to a product only");
                depthwise.run(x.values, x.size, y, out, level);
            }
            Self::Product(gathered) => gathered.run(x, shortcut, y, out, work, level),
        }
    }

    /// The product, where it is one of the pixels as they lie.
    pub(crate) fn pointwise(&self) -> Option<&Gathered> {
        match self {
            Self::Product(gathered) if gathered.is_direct() && gathered.groups() == 1 => Some(gathered),
            _ => None,
        }
    }

    /// Whether it can do with pixels that are not filled up to whole vectors.
    pub(crate) fn gathers(&self) -> bool {
        matches!(self, Self::Product(gathered) if !gathered.is_direct())
    }

    /// The same for what goes into a network, which has this size; none where it is another kind.
    pub(crate) fn first(&self, size: [usize; 2]) -> Option<First> {
        let Self::Product(of) = self else { return None };
        match &of.weights {
            Weights::Floats(groups) if groups.len() == 1 && !of.is_direct() => Some(First {
                weight: groups[0].clone(),
                bias: of.bias.clone(),
                kernel: of.kernel,
                stride: of.stride,
                padding: of.padding,
                inputs: of.inputs,
                outputs: of.outputs,
                activation: of.activation,
                size,
            }),
            _ => None,
        }
    }
}

impl Gathered {
    /// Whether the rows are the pixels as they lie.
    fn is_direct(&self) -> bool {
        (self.kernel, self.stride, self.padding) == ([1, 1], [1, 1], [(0, 0); 2])
    }

    fn groups(&self) -> usize {
        match &self.weights {
            Weights::Floats(groups) => groups.len(),
            Weights::EightBits(_) => 1,
        }
    }

    #[inline(never)]
    fn run(
        &self,
        x: Picture<'_>,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        out: [usize; 2],
        work: &mut Work,
        level: Level,
    ) {
        let rows = out[0] * out[1];
        if self.is_direct() && self.groups() == 1 {
            return self.run_pixels(x.values, x.stride, shortcut, y, rows, &mut work.rows, level);
        }
        let out_stride = padded(self.outputs * self.groups());
        assert!(x.values.len() >= x.size[0] * x.size[1] * x.stride && y.len() >= rows * out_stride);
        let groups = match &self.weights {
            Weights::Floats(groups) => groups,
            Weights::EightBits(right) => {
                return self.run_eight_bits(right, x, shortcut, y, out, work, level);
            }
        };
        let scratch = &mut work.floats[0];
        let depth = self.depth();
        let block = (BLOCK / (4 * depth)).clamp(12, rows.max(12)).next_multiple_of(12);
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            for (group, right) in groups.iter().enumerate() {
                self.gather(x, group * self.inputs, out[1], first..first + count, scratch);
                let at = first * out_stride;
                if groups.len() == 1 {
                    let shortcut = shortcut.map(|values| &values[at..]);
                    self.multiply(
                        right,
                        (scratch, depth),
                        &self.bias,
                        shortcut,
                        &mut y[at..],
                        out_stride,
                        count,
                        level,
                    );
                } else {
                    // Whole vectors of one group would reach into the next.
                    let stride = padded(self.outputs);
                    let mut aside = vec![0.0; count * stride];
                    let mut bias = self.bias[group * self.outputs..][..self.outputs].to_vec();
                    bias.resize(stride, 0.0);
                    self.multiply(right, (scratch.as_slice(), depth), &bias, None, &mut aside, stride, count, level);
                    for (row, values) in aside.chunks_exact(stride).enumerate() {
                        let at = at + row * out_stride + group * self.outputs;
                        y[at..at + self.outputs].copy_from_slice(&values[..self.outputs]);
                    }
                }
            }
            if !self.activation.range().1 {
                self.activation.apply(&mut y[first * out_stride..(first + count) * out_stride]);
            }
        }
    }

    /// Values of a window.
    fn depth(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.inputs
    }

    /// The windows of a picture that all have one scale, so that it is made whole numbers once and not window by window.
    #[expect(clippy::too_many_arguments, reason = "what a convolution is made of, each once")]
    #[inline(never)]
    fn run_eight_bits(
        &self,
        right: &eight_bits::Packed,
        x: Picture<'_>,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        out: [usize; 2],
        work: &mut Work,
        level: Level,
    ) {
        let (rows, depth, out_stride) = (out[0] * out[1], self.depth(), padded(self.outputs));
        let pixels = Pixels { values: x.values, stride: x.stride, depth: self.inputs, count: x.size[0] * x.size[1] };
        let Work { rows: gathered, whole, .. } = work;
        whole.quantise(pixels, level);
        let block = rows_of(depth);
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            gathered.gather(whole, depth, count, |at, row, values, stride| {
                self.window(x.size, out[1], first + at, |place, pixels, count| {
                    let to = row[place * self.inputs..(place + count) * self.inputs].chunks_exact_mut(self.inputs);
                    for (pixel, to) in to.enumerate() {
                        to.copy_from_slice(&values[(pixels + pixel) * stride..][..self.inputs]);
                    }
                });
            });
            let at = first * out_stride;
            let y = &mut y[at..at + count * out_stride];
            self.multiply_whole(right, gathered, shortcut.map(|values| &values[at..]), y, count, level);
            if !self.activation.range().1 {
                self.activation.apply(y);
            }
        }
    }

    /// Rows of whole numbers times the weights.
    fn multiply_whole(
        &self,
        right: &eight_bits::Packed,
        rows: &Rows,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        count: usize,
        level: Level,
    ) {
        let range = self.activation.range().0;
        let (bias, out_stride) = (self.bias.as_slice(), padded(self.outputs));
        eight_bits::Product { rows, count, right, bias, shortcut, range, out: y, out_stride }.compute(level);
    }

    /// The product of `count` pixels as they lie, `stride` apart.
    #[expect(clippy::too_many_arguments, reason = "what a product is made of, each once")]
    #[inline(never)]
    pub(crate) fn run_pixels(
        &self,
        x: &[f32],
        stride: usize,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        count: usize,
        rows: &mut Rows,
        level: Level,
    ) {
        debug_assert!(self.is_direct() && self.groups() == 1);
        let out_stride = padded(self.outputs);
        let (_, cut) = self.activation.range();
        let block = match &self.weights {
            Weights::EightBits(_) => rows_of(self.inputs),
            Weights::Floats(_) if cut => count,
            // Curved activations follow while what they are of is still near.
            Weights::Floats(_) => (BLOCK / (4 * out_stride)).next_multiple_of(12).max(12),
        };
        for first in (0..count).step_by(block.max(1)) {
            let (count, at) = (block.min(count - first), first * out_stride);
            let (x, shortcut) = (&x[first * stride..], shortcut.map(|values| &values[at..]));
            let y = &mut y[at..at + count * out_stride];
            match &self.weights {
                Weights::Floats(groups) => {
                    self.multiply(&groups[0], (x, stride), &self.bias, shortcut, y, out_stride, count, level);
                }
                Weights::EightBits(right) => {
                    rows.quantise(Pixels { values: x, stride, depth: self.inputs, count }, level);
                    self.multiply_whole(right, rows, shortcut, y, count, level);
                }
            }
            if !cut {
                self.activation.apply(y);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a product is made of, each once")]
    fn multiply(
        &self,
        right: &Packed,
        (left, left_stride): (&[f32], usize),
        bias: &[f32],
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        out_stride: usize,
        rows: usize,
        level: Level,
    ) {
        let depth = right.depth();
        assert!(rows == 0 || left.len() >= (rows - 1) * left_stride + depth);
        assert!(y.len() >= rows * out_stride && shortcut.is_none_or(|shortcut| shortcut.len() >= rows * out_stride));
        let job = Product {
            left: left.as_ptr(),
            left_stride,
            rows,
            right,
            bias,
            shortcut: shortcut.map_or(std::ptr::null(), <[f32]>::as_ptr),
            range: self.activation.range().0,
            out: y.as_mut_ptr(),
            out_stride,
        };
        // SAFETY: the lengths were compared; a row of the output is filled up to whole vectors.
        unsafe { job.compute(level) }
    }

    /// The windows of some outputs, one row each: the channels of one place after those of the other, zeros over the edge.
    #[inline(never)]
    fn gather(
        &self,
        x: Picture<'_>,
        channel: usize,
        out_width: usize,
        rows: std::ops::Range<usize>,
        to: &mut Vec<f32>,
    ) {
        let depth = self.depth();
        to.clear();
        to.resize(rows.len() * depth, 0.0);
        // Neighbours in the window are neighbours in memory: one copy for all of a line.
        let whole = x.stride == self.inputs;
        for (row, at) in to.chunks_exact_mut(depth).zip(rows) {
            self.window(x.size, out_width, at, |place, pixels, count| {
                let to = &mut row[place * self.inputs..(place + count) * self.inputs];
                let from = pixels * x.stride + channel;
                if whole {
                    let from = &x.values[from..from + to.len()];
                    // SAFETY: they are as long as each other and do not overlap.
                    unsafe { copy::<Four>(from.as_ptr(), to.as_mut_ptr(), to.len()) };
                } else {
                    for (pixel, to) in to.chunks_exact_mut(self.inputs).enumerate() {
                        let from = from + pixel * x.stride;
                        to.copy_from_slice(&x.values[from..from + self.inputs]);
                    }
                }
            });
        }
    }

    /// The lines of the window of the output `at` that lie within a picture of `size`: `line` is given the first place of each, the
    /// pixel there, and how many there are.
    #[inline(always)]
    fn window(
        &self,
        [height, width]: [usize; 2],
        out_width: usize,
        at: usize,
        mut line: impl FnMut(usize, usize, usize),
    ) {
        let (top, left) = (at / out_width * self.stride[0], at % out_width * self.stride[1]);
        let first = self.padding[1].0.saturating_sub(left);
        let end = self.kernel[1].min((width + self.padding[1].0).saturating_sub(left));
        for row in 0..self.kernel[0] {
            let Some(y) = (top + row).checked_sub(self.padding[0].0).filter(|y| *y < height) else { continue };
            if first < end {
                line(row * self.kernel[1] + first, y * width + left + first - self.padding[1].0, end - first);
            }
        }
    }
}
