//! Convolutions of whole batches and their gradients, for training. Maps are `[batch, channels, height, width]`, as burn
//! has them: a pointwise convolution is one matrix product a picture, the gradients of one that goes channel by channel
//! are sums along whole planes.

use crate::lanes::{Lanes, Level, with_level};
use crate::product::{Packed, Product};
use std::ops::Range;

/// A pointwise convolution of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointwiseBatch {
    /// Pictures.
    pub batch: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Pixels of a map.
    pub area: usize,
}

impl PointwiseBatch {
    /// The output `[outputs, area]` for the map `x` `[inputs, area]` of one picture and the weight `[outputs, inputs]`.
    ///
    /// The gradient of the input is the same of the output's gradient and the transposed weight.
    pub fn forward(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        let Self { inputs, outputs, area, .. } = *self;
        assert!(x.len() == inputs * area && weight.len() == outputs * inputs && y.len() == outputs * area);
        let level = Level::best();
        let right = Packed::new(inputs, area, level, |row, column| x[row * area + column]);
        let mut sums = Sums::new(outputs, area, level);
        sums.add(weight, inputs, &right, level);
        sums.write(y);
    }

    /// Rows of the weight's gradient, `[rows, inputs]`, for all maps `x` `[batch, inputs, area]` and the output's gradient
    /// `[batch, outputs, area]`.
    pub fn weight_gradient(&self, x: &[f32], gradient: &[f32], rows: Range<usize>, y: &mut [f32]) {
        let Self { batch, inputs, outputs, area } = *self;
        assert!(x.len() == batch * inputs * area && gradient.len() == batch * outputs * area);
        assert!(rows.end <= outputs && y.len() == rows.len() * inputs);
        let level = Level::best();
        let mut sums = Sums::new(rows.len(), inputs, level);
        for (x, gradient) in x.chunks_exact(inputs * area).zip(gradient.chunks_exact(outputs * area)) {
            let right = Packed::new(area, inputs, level, |row, column| x[column * area + row]);
            sums.add(&gradient[rows.start * area..rows.end * area], area, &right, level);
        }
        sums.write(y);
    }
}

/// A matrix that products are added to, in rows of whole vectors.
struct Sums {
    rows: Vec<f32>,
    columns: usize,
    stride: usize,
    /// What a product begins with.
    zeros: Vec<f32>,
}

impl Sums {
    fn new(rows: usize, columns: usize, level: Level) -> Self {
        let stride = columns.next_multiple_of(level.count());
        Self { rows: vec![0.0; rows * stride], columns, stride, zeros: vec![0.0; stride] }
    }

    /// Adds `left` `[rows, depth]` times `right` `[depth, columns]`.
    fn add(&mut self, left: &[f32], depth: usize, right: &Packed, level: Level) {
        let rows = self.rows.len() / self.stride;
        assert!(left.len() == rows * depth && right.depth() == depth);
        let out = self.rows.as_mut_ptr();
        let product = Product {
            left: left.as_ptr(),
            left_stride: depth,
            rows,
            right,
            bias: &self.zeros,
            shortcut: out,
            range: [f32::NEG_INFINITY, f32::INFINITY],
            out,
            out_stride: self.stride,
        };
        // SAFETY: the rows on the left and those of the sums are as many as are said, and the latter whole vectors long; what is added
        // to a sum is read before that is written.
        unsafe { product.compute(level) };
    }

    fn write(&self, to: &mut [f32]) {
        for (to, from) in to.chunks_exact_mut(self.columns).zip(self.rows.chunks_exact(self.stride)) {
            to.copy_from_slice(&from[..self.columns]);
        }
    }
}

/// A convolution channel by channel, of planes `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// From one window to the next, down and across.
    pub stride: [usize; 2],
    /// Zeros before and after, down and across.
    pub padding: [(usize, usize); 2],
    /// Height and width of the input.
    pub size: [usize; 2],
}

/// Room for the planes that gradients are computed from, to be used again for the next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The input with its padding, or its gradient.
    padded: Vec<f32>,
    /// The output's gradient with zeros between, in rows as long as those.
    spread: Vec<f32>,
}

impl Planes {
    /// Height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (before, after) = self.padding[axis];
            (self.size[axis] + before + after - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// Values of a padded row, and rows of them.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.size[axis] + self.padding[axis].0 + self.padding[axis].1)
    }

    /// The output's gradient as if the kernel had gone on by one: with that, every place of the kernel is one sum along the plane.
    fn spread(&self, gradient: &[f32], spread: &mut Vec<f32>) {
        let ([height, width], [_, row]) = (self.output(), self.padded());
        spread.clear();
        spread.resize((height - 1) * self.stride[0] * row + (width - 1) * self.stride[1] + 1, 0.0);
        for (y, values) in gradient.chunks_exact(width).enumerate() {
            let to = &mut spread[y * self.stride[0] * row..];
            to.iter_mut().step_by(self.stride[1]).zip(values).for_each(|(to, value)| *to = *value);
        }
    }

    /// Where the place of the kernel begins in a padded plane.
    fn offsets(&self) -> impl Iterator<Item = usize> + use<> {
        let ([height, width], [_, row]) = (self.kernel, self.padded());
        (0..height * width).map(move |place| place / width * row + place % width)
    }

    /// Adds the weight's gradient `[height, width]` of one channel of one picture: its plane `x` and that of the output's gradient.
    pub fn add_weight_gradient(&self, x: &[f32], gradient: &[f32], weight: &mut [f32], scratch: &mut Scratch) {
        let ([height, width], [rows, row]) = (self.size, self.padded());
        assert!(x.len() == height * width && weight.len() == self.kernel[0] * self.kernel[1]);
        self.spread(gradient, &mut scratch.spread);
        scratch.padded.clear();
        scratch.padded.resize(rows * row, 0.0);
        let (top, left) = (self.padding[0].0, self.padding[1].0);
        for (to, from) in scratch.padded[top * row..].chunks_mut(row).zip(x.chunks_exact(width)) {
            to[left..left + width].copy_from_slice(from);
        }
        for (weight, offset) in weight.iter_mut().zip(self.offsets()) {
            *weight += dot(&scratch.padded[offset..offset + scratch.spread.len()], &scratch.spread);
        }
    }

    /// The input's gradient of one channel of one picture: its weight `[height, width]` and the plane of the output's gradient.
    pub fn input_gradient(&self, weight: &[f32], gradient: &[f32], x: &mut [f32], scratch: &mut Scratch) {
        let ([height, width], [rows, row]) = (self.size, self.padded());
        assert!(x.len() == height * width && weight.len() == self.kernel[0] * self.kernel[1]);
        self.spread(gradient, &mut scratch.spread);
        scratch.padded.clear();
        scratch.padded.resize(rows * row, 0.0);
        for (weight, offset) in weight.iter().zip(self.offsets()) {
            add_scaled(*weight, &scratch.spread, &mut scratch.padded[offset..offset + scratch.spread.len()]);
        }
        let (top, left) = (self.padding[0].0, self.padding[1].0);
        for (to, from) in x.chunks_exact_mut(width).zip(scratch.padded[top * row..].chunks(row)) {
            to.copy_from_slice(&from[left..left + width]);
        }
    }
}

/// Σ a · b, of equal lengths.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0;
    let job = Dot { a, b, sum: &mut sum };
    with_level!(Level::best(), sum_products, job, Dot<'_>);
    sum
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
    sum: &'a mut f32,
}

#[inline(always)]
unsafe fn sum_products<L: Lanes>(job: Dot<'_>) {
    let (a, b) = (job.a.chunks_exact(L::COUNT), job.b.chunks_exact(L::COUNT));
    let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f32>();
    // SAFETY: the chunks are as long as a vector.
    unsafe {
        let mut sum = L::splat(0.0);
        for (a, b) in a.zip(b) {
            sum = sum.add_product(L::load(a.as_ptr()), L::load(b.as_ptr()));
        }
        let mut parts = [0.0; crate::lanes::WIDEST];
        sum.store(parts.as_mut_ptr());
        *job.sum = parts.iter().sum::<f32>() + rest;
    }
}

/// y += factor · x, of equal lengths.
fn add_scaled(factor: f32, x: &[f32], y: &mut [f32]) {
    with_level!(Level::best(), sum_scaled, Scaled { factor, x, y }, Scaled<'_>);
}

struct Scaled<'a> {
    factor: f32,
    x: &'a [f32],
    y: &'a mut [f32],
}

#[inline(always)]
unsafe fn sum_scaled<L: Lanes>(job: Scaled<'_>) {
    let (x, mut y) = (job.x.chunks_exact(L::COUNT), job.y.chunks_exact_mut(L::COUNT));
    let rest = x.remainder();
    // SAFETY: the chunks are as long as a vector.
    unsafe {
        let factor = L::splat(job.factor);
        for (x, y) in x.zip(&mut y) {
            L::load(y.as_ptr()).add_product(L::load(x.as_ptr()), factor).store(y.as_mut_ptr());
        }
    }
    rest.iter().zip(y.into_remainder()).for_each(|(x, y)| *y += x * job.factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * step).sin()).collect()
    }

    fn assert_near(found: &[f32], expected: &[f64], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = expected.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{what}: {found}, not {expected}");
        }
    }

    #[test]
    fn pointwise_batches_are_products() {
        for (batch, inputs, outputs, area) in [(1, 1, 1, 1), (3, 5, 7, 49), (2, 16, 24, 12), (2, 33, 6, 9)] {
            let of = PointwiseBatch { batch, inputs, outputs, area };
            let (x, weight) = (wave(batch * inputs * area, 0.7), wave(outputs * inputs, 1.3));
            let gradient = wave(batch * outputs * area, 0.3);
            let at = |values: &[f32], index: usize| f64::from(values[index]);
            let (mut y, mut dw) = (vec![0.0; batch * outputs * area], vec![0.0; outputs * inputs]);
            for (x, y) in x.chunks_exact(inputs * area).zip(y.chunks_exact_mut(outputs * area)) {
                of.forward(x, &weight, y);
            }
            let half = outputs / 2;
            let (first, second) = dw.split_at_mut(half * inputs);
            of.weight_gradient(&x, &gradient, 0..half, first);
            of.weight_gradient(&x, &gradient, half..outputs, second);
            let mut expected = vec![0.0; y.len()];
            let mut expected_dw = vec![0.0; dw.len()];
            for n in 0..batch {
                for o in 0..outputs {
                    for i in 0..inputs {
                        for p in 0..area {
                            let (out, value) = ((n * outputs + o) * area + p, at(&x, (n * inputs + i) * area + p));
                            expected[out] += at(&weight, o * inputs + i) * value;
                            expected_dw[o * inputs + i] += at(&gradient, out) * value;
                        }
                    }
                }
            }
            assert_near(&y, &expected, "forward");
            assert_near(&dw, &expected_dw, "weight");
        }
    }

    #[test]
    fn gradients_of_planes_are_those_of_the_definition() {
        let mut scratch = Scratch::default();
        for (kernel, stride, padding, size) in [
            ([3, 3], [1, 1], [(1, 1), (1, 1)], [7, 7]),
            ([3, 3], [2, 2], [(1, 1), (1, 1)], [8, 9]),
            ([3, 3], [2, 2], [(0, 1), (0, 1)], [8, 8]),
            ([5, 5], [1, 1], [(2, 2), (2, 2)], [4, 6]),
            ([5, 2], [2, 1], [(2, 2), (0, 1)], [6, 6]),
            ([3, 3], [1, 1], [(0, 0), (0, 0)], [3, 3]),
            ([1, 1], [1, 1], [(0, 0), (0, 0)], [1, 1]),
        ] {
            let planes = Planes { kernel, stride, padding, size };
            let out = planes.output();
            let (x, weight) = (wave(size[0] * size[1], 0.7), wave(kernel[0] * kernel[1], 1.3));
            let gradient = wave(out[0] * out[1], 0.3);
            let mut expected_x = vec![0.0; x.len()];
            let mut expected_w = vec![0.0; weight.len()];
            for (y, x_out) in (0..out[0]).flat_map(|y| (0..out[1]).map(move |x| (y, x))) {
                for (ky, kx) in (0..kernel[0]).flat_map(|y| (0..kernel[1]).map(move |x| (y, x))) {
                    let row = (y * stride[0] + ky).checked_sub(padding[0].0).filter(|row| *row < size[0]);
                    let column = (x_out * stride[1] + kx).checked_sub(padding[1].0).filter(|at| *at < size[1]);
                    if let (Some(row), Some(column)) = (row, column) {
                        let share = f64::from(gradient[y * out[1] + x_out]);
                        expected_w[ky * kernel[1] + kx] += share * f64::from(x[row * size[1] + column]);
                        expected_x[row * size[1] + column] += share * f64::from(weight[ky * kernel[1] + kx]);
                    }
                }
            }
            let mut found = vec![0.0; weight.len()];
            planes.add_weight_gradient(&x, &gradient, &mut found, &mut scratch);
            assert_near(&found, &expected_w, "weight");
            let mut found = vec![0.0; x.len()];
            planes.input_gradient(&weight, &gradient, &mut found, &mut scratch);
            assert_near(&found, &expected_x, "input");
        }
    }
}
