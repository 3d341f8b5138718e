//! The convolution of every channel by itself.

use crate::activation::Activation;
use crate::conv::Conv;
use crate::lanes::{Lanes, Level, padded, with_level};
use std::ops::Range;

/// A depthwise convolution with its weights in the order in which they are read: all places of the kernel for one vector of
/// channels after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Depthwise {
    weight: Vec<f32>,
    bias: Vec<f32>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [(usize, usize); 2],
    /// From one pixel to the next.
    channels: usize,
    activation: Activation,
}

impl Depthwise {
    pub(crate) fn new(conv: &Conv, level: Level) -> Self {
        let (places, count) = (conv.kernel[0] * conv.kernel[1], level.count());
        let channels = padded(conv.outputs);
        let mut weight = Vec::with_capacity(places * channels);
        for first in (0..channels).step_by(count) {
            for place in 0..places {
                let of = |channel| if channel < conv.outputs { conv.weight[channel * places + place] } else { 0.0 };
                weight.extend((first..first + count).map(of));
            }
        }
        let bias = conv.padded_bias();
        let Conv { kernel, stride, padding, activation, .. } = *conv;
        Self { weight, bias, kernel, stride, padding, channels, activation }
    }

    /// Of one picture: `x` `[height, width, channels]` of `size` to `y`, which is as large as the output.
    pub(crate) fn run(&self, x: &[f32], size: [usize; 2], y: &mut [f32], out: [usize; 2], level: Level) {
        self.run_rows(x, 0..size[0], size, y, 0..out[0], out[1], level);
    }

    /// Some rows of the output, of those `held` of a picture of `size`, which have to be all that they need.
    #[expect(clippy::too_many_arguments, reason = "two pictures and a part of each")]
    #[inline(never)]
    pub(crate) fn run_rows(
        &self,
        x: &[f32],
        held: Range<usize>,
        size: [usize; 2],
        y: &mut [f32],
        rows: Range<usize>,
        width: usize,
        level: Level,
    ) {
        assert!(x.len() >= held.len() * size[1] * self.channels && y.len() >= rows.len() * width * self.channels);
        let needed = self.rows_for(rows.clone(), size[0]);
        assert!(needed.is_empty() || held.start <= needed.start && needed.end <= held.end);
        let (range, all) = self.activation.range();
        let job = Job { of: self, x: x.as_ptr(), first: held.start, size, y: y.as_mut_ptr(), rows, width, range };
        // A function for each: a browser takes long to compile what is large, and most networks have but two of them.
        match (self.kernel[1], self.stride[1]) {
            (3, 1) => with_level!(level, three, &job, &Job<'_>),
            (3, 2) => with_level!(level, three_in_twos, &job, &Job<'_>),
            (5, 1) => with_level!(level, five, &job, &Job<'_>),
            (5, 2) => with_level!(level, five_in_twos, &job, &Job<'_>),
            _ => with_level!(level, any, &job, &Job<'_>),
        }
        if !all {
            self.activation.apply(y);
        }
    }

    /// The rows of a picture that some rows of the output are made of.
    pub(crate) fn rows_for(&self, rows: Range<usize>, height: usize) -> Range<usize> {
        let (first, last) = (rows.start, rows.end.saturating_sub(1));
        let start = (first * self.stride[0]).saturating_sub(self.padding[0].0).min(height);
        let end = (last * self.stride[0] + self.kernel[0]).saturating_sub(self.padding[0].0).min(height);
        start..end.max(start)
    }
}

struct Job<'a> {
    of: &'a Depthwise,
    x: *const f32,
    /// The row of the picture that `x` begins with.
    first: usize,
    size: [usize; 2],
    y: *mut f32,
    /// Rows of the output; `y` begins with the first.
    rows: Range<usize>,
    width: usize,
    range: [f32; 2],
}

/// The part of a window that lies within a side: its first and its end place, from where the first place lies.
fn within(at: usize, stride: usize, before: usize, kernel: usize, size: usize) -> (usize, usize, usize) {
    let start = at * stride;
    let first = before.saturating_sub(start);
    let end = kernel.min((size + before).saturating_sub(start));
    (first, end.max(first), (start + first).saturating_sub(before))
}

/// Outputs beside each other that are computed at once, so that a weight is read once for them.
const TOGETHER: usize = 4;

#[inline(always)]
unsafe fn three<L: Lanes>(job: &Job<'_>) {
    // SAFETY: as the caller's.
    unsafe { compute::<L, 3, 1>(job) }
}

#[inline(always)]
unsafe fn three_in_twos<L: Lanes>(job: &Job<'_>) {
    // SAFETY: as the caller's.
    unsafe { compute::<L, 3, 2>(job) }
}

#[inline(always)]
unsafe fn five<L: Lanes>(job: &Job<'_>) {
    // SAFETY: as the caller's.
    unsafe { compute::<L, 5, 1>(job) }
}

#[inline(always)]
unsafe fn five_in_twos<L: Lanes>(job: &Job<'_>) {
    // SAFETY: as the caller's.
    unsafe { compute::<L, 5, 2>(job) }
}

#[inline(always)]
unsafe fn any<L: Lanes>(job: &Job<'_>) {
    // SAFETY: as the caller's.
    unsafe { compute::<L, 0, 0>(job) }
}

/// Width and step of the windows, or zeros for others than there are functions for.
#[inline(always)]
unsafe fn compute<L: Lanes, const WIDTH: usize, const STRIDE: usize>(job: &Job<'_>) {
    let Depthwise { kernel, stride, padding, channels, .. } = *job.of;
    for row in job.rows.clone() {
        let (top, bottom, y) = within(row, stride[0], padding[0].0, kernel[0], job.size[0]);
        // A window without rows reads nothing, wherever it lies.
        let line = y.saturating_sub(job.first) * job.size[1];
        let to_line = (row - job.rows.start) * job.width;
        let mut column = 0;
        while column < job.width {
            // The last few begin early enough to be as many: what is computed twice is the same both times.
            let first = column.min(job.width.saturating_sub(TOGETHER));
            let span = (TOGETHER - 1) * stride[1] + kernel[1];
            let (left, right, x) = within(first, stride[1], padding[1].0, span, job.size[1]);
            // SAFETY: the windows' part lies within the picture, the outputs within theirs.
            unsafe {
                let group = Group {
                    job,
                    from: job.x.add((line + x) * channels),
                    to: job.y.add((to_line + first) * channels),
                    lines: top..bottom,
                    outside: [left, span.saturating_sub(right)],
                };
                if WIDTH > 0 && job.width >= TOGETHER && group.compute::<L, WIDTH, STRIDE>() {
                    column = first + TOGETHER;
                } else {
                    let (left, right, x) = within(column, stride[1], padding[1].0, kernel[1], job.size[1]);
                    let (from, to) = (job.x.add((line + x) * channels), job.y.add((to_line + column) * channels));
                    one::<L>(job, from, to, top..bottom, left..right);
                    column += 1;
                }
            }
        }
    }
}

/// [`TOGETHER`] outputs beside each other.
struct Group<'a> {
    job: &'a Job<'a>,
    /// The first value that lies within the picture.
    from: *const f32,
    to: *mut f32,
    /// The lines of the windows that lie within it.
    lines: Range<usize>,
    /// Values of a line of all windows together that lie before it and after it.
    outside: [usize; 2],
}

impl Group<'_> {
    /// Whether it has computed them: most windows over an edge it can, for small maps have no others, but not all.
    #[inline(always)]
    unsafe fn compute<L: Lanes, const WIDTH: usize, const STRIDE: usize>(&self) -> bool {
        // SAFETY: as the caller's.
        unsafe {
            match (self.outside, WIDTH) {
                ([0, 0], _) => self.sum::<L, WIDTH, STRIDE, 0, 0>(),
                ([1, 0], 3) => self.sum::<L, WIDTH, STRIDE, 1, 0>(),
                ([0, 1], 3) => self.sum::<L, WIDTH, STRIDE, 0, 1>(),
                ([1, 1], 3) => self.sum::<L, WIDTH, STRIDE, 1, 1>(),
                _ => return false,
            }
        }
        true
    }

    /// All outputs at once, so that values and weights are read once for them. `BEFORE` and `AFTER` are how many
    /// values of the windows lie outside of the picture.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const WIDTH: usize, const STRIDE: usize, const BEFORE: usize, const AFTER: usize>(&self) {
        let Depthwise { kernel, channels, .. } = *self.job.of;
        let line = self.job.size[1] * channels;
        // SAFETY: as the caller's.
        unsafe {
            let [least, most] = self.job.range.map(|bound| L::splat(bound));
            let mut weight = self.job.of.weight.as_ptr().add(self.lines.start * WIDTH * L::COUNT);
            let mut channel = 0;
            while channel < channels {
                let mut sums = [L::load(self.job.of.bias.as_ptr().add(channel)); TOGETHER];
                let (mut x, mut w) = (self.from.add(channel), weight);
                for _ in self.lines.clone() {
                    let mut factors = [sums[0]; WIDTH];
                    for (place, factor) in factors.iter_mut().enumerate() {
                        *factor = L::load(w.add(place * L::COUNT));
                    }
                    // Every value is read once, for all outputs that it is a part of.
                    let mut value = x;
                    for at in BEFORE..(TOGETHER - 1) * STRIDE + WIDTH - AFTER {
                        let x = L::load(value);
                        value = value.add(channels);
                        for (index, sum) in sums.iter_mut().enumerate() {
                            if at >= index * STRIDE && at < index * STRIDE + WIDTH {
                                *sum = sum.add_product(x, factors[at - index * STRIDE]);
                            }
                        }
                    }
                    x = x.add(line);
                    w = w.add(WIDTH * L::COUNT);
                }
                for (index, sum) in sums.into_iter().enumerate() {
                    sum.at_least(least).at_most(most).store(self.to.add(index * channels + channel));
                }
                weight = weight.add(kernel[0] * WIDTH * L::COUNT);
                channel += L::COUNT;
            }
        }
    }
}

/// One output, whose window may reach over the edge.
#[inline(always)]
unsafe fn one<L: Lanes>(job: &Job<'_>, from: *const f32, to: *mut f32, lines: Range<usize>, places: Range<usize>) {
    let Depthwise { kernel, channels, .. } = *job.of;
    let line = job.size[1] * channels;
    // SAFETY: as the caller's.
    unsafe {
        let [least, most] = job.range.map(|bound| L::splat(bound));
        let mut weight = job.of.weight.as_ptr();
        let mut channel = 0;
        while channel < channels {
            let mut sum = L::load(job.of.bias.as_ptr().add(channel));
            let mut x = from.add(channel);
            for y in lines.clone() {
                for (index, place) in places.clone().enumerate() {
                    let factor = L::load(weight.add((y * kernel[1] + place) * L::COUNT));
                    sum = sum.add_product(L::load(x.add(index * channels)), factor);
                }
                x = x.add(line);
            }
            sum.at_least(least).at_most(most).store(to.add(channel));
            weight = weight.add(kernel[0] * kernel[1] * L::COUNT);
            channel += L::COUNT;
        }
    }
}
