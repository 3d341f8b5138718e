//! Convolutions of whole batches and their gradients, for training. Maps are `[batch, channels, height, width]`, as burn
//! has them: a pointwise convolution is one matrix product, in which the pictures lie beside each other, or one behind the other
//! where it is summed over them. Those channel by channel are in `planes`.

use crate::lanes::{Lanes, Level, copy, turn_rows, with_level};
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
    /// The output `[pictures, outputs, area]` for the maps `x` `[pictures, inputs, area]` of some pictures of the batch and the weight
    /// `[outputs, inputs]`. What a picture gives does not depend on which others there are.
    #[inline(never)]
    pub fn forward(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        self.forward_with(x, weight, y, Level::best());
    }

    /// The gradient of the input `[pictures, inputs, area]` for those of the output `[pictures, outputs, area]` of some pictures.
    #[inline(never)]
    pub fn input_gradient(&self, gradient: &[f32], weight: &[f32], x: &mut [f32]) {
        self.input_gradient_with(gradient, weight, x, Level::best());
    }

    /// Rows of the weight's gradient, `[rows, inputs]`, for all maps `x` `[batch, inputs, area]` and the output's gradient
    /// `[batch, outputs, area]`.
    #[inline(never)]
    pub fn weight_gradient(&self, x: &[f32], gradient: &[f32], rows: Range<usize>, y: &mut [f32]) {
        self.weight_gradient_with(x, gradient, rows, y, Level::best());
    }

    fn forward_with(&self, x: &[f32], weight: &[f32], y: &mut [f32], level: Level) {
        let Self { inputs, outputs, area, .. } = *self;
        assert!(weight.len() == outputs * inputs);
        Maps { channels: inputs, area }.product(x, Left::Rows(weight), outputs, y, level);
    }

    fn input_gradient_with(&self, gradient: &[f32], weight: &[f32], x: &mut [f32], level: Level) {
        let Self { inputs, outputs, area, .. } = *self;
        assert!(weight.len() == outputs * inputs);
        Maps { channels: outputs, area }.product(gradient, Left::Columns(weight, inputs), inputs, x, level);
    }

    fn weight_gradient_with(&self, x: &[f32], gradient: &[f32], rows: Range<usize>, y: &mut [f32], level: Level) {
        let Self { batch, inputs, outputs, area } = *self;
        assert!(x.len() == batch * inputs * area && gradient.len() == batch * outputs * area);
        assert!(rows.end <= outputs && y.len() == rows.len() * inputs);
        if y.is_empty() {
            return;
        }
        let right = Maps { channels: inputs, area }.behind(x, level);
        let maps = Maps { channels: outputs, area };
        let left = if batch == 1 { Left::Rows(gradient) } else { Left::Maps(gradient, maps) };
        let first = rows.start;
        multiply(left, rows, &right, level, |rows, block, stride| {
            let y = y[(rows.start - first) * inputs..].chunks_exact_mut(inputs);
            y.zip(block.chunks_exact(stride)).for_each(|(y, row)| y.copy_from_slice(&row[..inputs]));
        });
    }
}

/// Maps `[pictures, channels, area]`.
#[derive(Clone, Copy)]
struct Maps {
    channels: usize,
    area: usize,
}

impl Maps {
    /// `left` `[rows, channels]` times the map of each picture, `[pictures, rows, area]`.
    fn product(self, x: &[f32], left: Left<'_>, rows: usize, y: &mut [f32], level: Level) {
        let Self { channels, area } = self;
        assert!(x.len().is_multiple_of(channels * area) && y.len() == x.len() / channels * rows);
        if y.is_empty() {
            return;
        }
        let right = self.beside(x, level);
        let to = Self { channels: rows, area };
        multiply(left, 0..rows, &right, level, |rows, block, stride| {
            let job = Spread { to, rows, block, stride, y };
            with_level!(level, spread, job, Spread<'_>);
        });
    }

    /// All pixels beside each other: `[channels, pictures · area]`.
    fn beside(self, x: &[f32], level: Level) -> Packed {
        let Self { channels, area } = self;
        let columns = x.len() / channels;
        Packed::filled(channels, columns, level, |to| {
            let mut to = to;
            for (first, width) in Packed::panels(columns, level) {
                let pieces = pieces(first..columns.min(first + width), area);
                // SAFETY: so much is there of each panel.
                let job = Panel { of: self, x, pieces: &pieces, width, to };
                with_level!(level, lay_beside, job, Panel<'_>);
                to = to.wrapping_add(channels * width);
            }
        })
    }

    /// All pixels one behind the other: `[pictures · area, channels]`.
    fn behind(self, x: &[f32], level: Level) -> Packed {
        let depth = x.len() / self.channels;
        Packed::filled(depth, self.channels, level, |to| {
            let job = Behind { of: self, x, to, level };
            with_level!(level, lay_behind, job, Behind<'_>);
        })
    }
}

/// Neighbouring columns of a panel that are neighbours in a picture too.
struct Piece {
    picture: usize,
    /// The first pixel, and how many.
    pixel: usize,
    count: usize,
}

/// Some of the pixels that lie beside each other, picture by picture.
fn pieces(columns: Range<usize>, area: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = columns.start;
    while at < columns.end {
        let (picture, pixel) = (at / area, at % area);
        let count = (area - pixel).min(columns.end - at);
        pieces.push(Piece { picture, pixel, count });
        at += count;
    }
    pieces
}

struct Panel<'a> {
    of: Maps,
    x: &'a [f32],
    pieces: &'a [Piece],
    width: usize,
    to: *mut f32,
}

#[inline(always)]
unsafe fn lay_beside<L: Lanes>(job: Panel<'_>) {
    let Maps { channels, area } = job.of;
    for channel in 0..channels {
        // SAFETY: the panel has a row for each channel, and the pieces are of the pictures that there are and fill it.
        unsafe {
            let mut to = job.to.add(channel * job.width);
            for Piece { picture, pixel, count } in job.pieces {
                let from = job.x.as_ptr().add((picture * channels + channel) * area + pixel);
                copy::<L>(from, to, *count);
                to = to.add(*count);
            }
        }
    }
}

struct Behind<'a> {
    of: Maps,
    x: &'a [f32],
    to: *mut f32,
    level: Level,
}

#[inline(always)]
unsafe fn lay_behind<L: Lanes>(job: Behind<'_>) {
    let Maps { channels, area } = job.of;
    let mut to = job.to;
    for (first, width) in Packed::panels(channels, job.level) {
        for picture in job.x.chunks_exact(channels * area) {
            for column in (0..width).step_by(L::COUNT) {
                // Beyond the last channel is the last again: nobody looks at what comes of it.
                let of = |at: usize| (first + column + at).min(channels - 1) * area;
                // SAFETY: a picture has so many channels, and the panel a row for each of its pixels.
                unsafe {
                    turn_rows::<L>(area, |at| picture.as_ptr().add(of(at)), |pixel| to.add(pixel * width + column));
                }
            }
            // SAFETY: to the rows of the next picture, or to the end.
            to = unsafe { to.add(area * width) };
        }
    }
}

/// What is on the left of a product.
#[derive(Clone, Copy)]
enum Left<'a> {
    /// Rows as they lie.
    Rows(&'a [f32]),
    /// The columns of so many beside each other.
    Columns(&'a [f32], usize),
    /// Channels: the pixels of all pictures, one behind the other.
    Maps(&'a [f32], Maps),
}

impl<'a> Left<'a> {
    /// Some of the rows, `depth` values each; `held` is room for them.
    fn rows<'b>(self, rows: Range<usize>, depth: usize, held: &'b mut Vec<f32>, level: Level) -> &'b [f32]
    where
        'a: 'b,
    {
        if let Left::Rows(values) = self {
            return &values[rows.start * depth..rows.end * depth];
        }
        held.resize(rows.len() * depth, 0.0);
        let job = Hold { left: self, rows, depth, to: held };
        with_level!(level, hold, job, Hold<'_>);
        held
    }
}

struct Hold<'a> {
    left: Left<'a>,
    rows: Range<usize>,
    depth: usize,
    to: &'a mut [f32],
}

#[inline(always)]
unsafe fn hold<L: Lanes>(job: Hold<'_>) {
    let Hold { left, rows, depth, to } = job;
    assert!(to.len() >= rows.len() * depth);
    match left {
        Left::Rows(_) => {}
        Left::Columns(values, columns) => {
            assert!(values.len() == depth * columns && rows.end <= columns);
            let whole = depth / L::COUNT * L::COUNT;
            // SAFETY: so many rows there are of so many columns.
            unsafe {
                for first in (0..whole).step_by(L::COUNT) {
                    let from = |at| values.as_ptr().add((first + at) * columns + rows.start);
                    let to = to.as_mut_ptr();
                    turn_rows::<L>(rows.len(), from, |row| to.add(row * depth + first));
                }
            }
            for (to, row) in to.chunks_exact_mut(depth).zip(rows) {
                (whole..depth).for_each(|at| to[at] = values[at * columns + row]);
            }
        }
        Left::Maps(values, Maps { channels, area }) => {
            assert!(rows.end <= channels && values.len() == channels * depth);
            for (to, row) in to.chunks_exact_mut(depth).zip(rows) {
                for (to, picture) in to.chunks_exact_mut(area).zip(values.chunks_exact(channels * area)) {
                    // SAFETY: as many pixels.
                    unsafe { copy::<L>(picture[row * area..].as_ptr(), to.as_mut_ptr(), area) };
                }
            }
        }
    }
}

struct Spread<'a> {
    to: Maps,
    rows: Range<usize>,
    block: &'a [f32],
    stride: usize,
    y: &'a mut [f32],
}

/// Rows in which pictures lie beside each other, to the pictures.
#[inline(always)]
unsafe fn spread<L: Lanes>(job: Spread<'_>) {
    let Maps { channels, area } = job.to;
    for (at, picture) in job.y.chunks_exact_mut(channels * area).enumerate() {
        let rows = picture[job.rows.start * area..job.rows.end * area].chunks_exact_mut(area);
        for (to, row) in rows.zip(job.block.chunks_exact(job.stride)) {
            let from = &row[at * area..][..area];
            // SAFETY: as many pixels.
            unsafe { copy::<L>(from.as_ptr(), to.as_mut_ptr(), area) };
        }
    }
}

/// Rows that are multiplied before their results are taken away: a multiple of the rows that are summed up at once, and of vectors.
const BLOCK: usize = 24;

/// Rows of `left` `[…, depth]` times `right` `[depth, columns]`; `take` gets some rows' results after the other, with their stride.
fn multiply(
    left: Left<'_>,
    rows: Range<usize>,
    right: &Packed,
    level: Level,
    mut take: impl FnMut(Range<usize>, &[f32], usize),
) {
    let (depth, stride) = (right.depth(), right.columns(level));
    let zeros = vec![0.0; stride];
    let (mut held, mut out) = (Vec::new(), vec![0.0; BLOCK.min(rows.len()) * stride]);
    for first in rows.clone().step_by(BLOCK) {
        let rows = first..rows.end.min(first + BLOCK);
        let left = left.rows(rows.clone(), depth, &mut held, level);
        let product = Product {
            left: left.as_ptr(),
            left_stride: depth,
            rows: rows.len(),
            right,
            bias: &zeros,
            shortcut: std::ptr::null(),
            range: [f32::NEG_INFINITY, f32::INFINITY],
            out: out.as_mut_ptr(),
            out_stride: stride,
        };
        // SAFETY: there are so many rows on the left and of the output, the latter whole vectors long.
        unsafe { product.compute(level) };
        take(rows, &out, stride);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn wave(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * step).sin()).collect()
    }

    pub(crate) fn assert_near(found: &[f32], expected: &[f64], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = expected.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{what}: {found}, not {expected}");
        }
    }

    pub(crate) fn levels() -> Vec<Level> {
        let mut levels = vec![Level::Four, Level::best()];
        levels.dedup();
        levels
    }

    #[test]
    fn pointwise_batches_are_products() {
        for (batch, inputs, outputs, area) in [(1, 1, 1, 1), (3, 5, 7, 49), (2, 16, 24, 12), (2, 33, 6, 9)] {
            pointwise_batch_is_a_product(PointwiseBatch { batch, inputs, outputs, area });
        }
        for (batch, area) in [1, 3, 4, 16].into_iter().flat_map(|batch| [1, 4, 9, 16, 49].map(|area| (batch, area))) {
            for (inputs, outputs) in [(13, 35), (24, 16), (7, 3), (50, 49)] {
                pointwise_batch_is_a_product(PointwiseBatch { batch, inputs, outputs, area });
            }
        }
    }

    fn pointwise_batch_is_a_product(of: PointwiseBatch) {
        let PointwiseBatch { batch, inputs, outputs, area } = of;
        let (x, weight) = (wave(batch * inputs * area, 0.7), wave(outputs * inputs, 1.3));
        let gradient = wave(batch * outputs * area, 0.3);
        let at = |values: &[f32], index: usize| f64::from(values[index]);
        let mut expected = vec![0.0; gradient.len()];
        let mut expected_dx = vec![0.0; x.len()];
        let mut expected_dw = vec![0.0; weight.len()];
        for n in 0..batch {
            for o in 0..outputs {
                for i in 0..inputs {
                    for p in 0..area {
                        let (out, value) = ((n * outputs + o) * area + p, (n * inputs + i) * area + p);
                        expected[out] += at(&weight, o * inputs + i) * at(&x, value);
                        expected_dx[value] += at(&weight, o * inputs + i) * at(&gradient, out);
                        expected_dw[o * inputs + i] += at(&gradient, out) * at(&x, value);
                    }
                }
            }
        }
        for level in levels() {
            let [mut y, mut dx, mut dw] = [gradient.len(), x.len(), weight.len()].map(|length| vec![f32::NAN; length]);
            of.forward_with(&x, &weight, &mut y, level);
            of.input_gradient_with(&gradient, &weight, &mut dx, level);
            let half = outputs / 2;
            let (first, second) = dw.split_at_mut(half * inputs);
            of.weight_gradient_with(&x, &gradient, 0..half, first, level);
            of.weight_gradient_with(&x, &gradient, half..outputs, second, level);
            assert_near(&y, &expected, &format!("{level:?} {of:?}: forward"));
            assert_near(&dx, &expected_dx, &format!("{level:?} {of:?}: input"));
            assert_near(&dw, &expected_dw, &format!("{level:?} {of:?}: weight"));
            // To the bit what they are by themselves.
            let (mut y_alone, mut dx_alone) = (y.clone(), dx.clone());
            for (x, y) in x.chunks_exact(inputs * area).zip(y_alone.chunks_exact_mut(outputs * area)) {
                of.forward_with(x, &weight, y, level);
            }
            for (y, x) in gradient.chunks_exact(outputs * area).zip(dx_alone.chunks_exact_mut(inputs * area)) {
                of.input_gradient_with(y, &weight, x, level);
            }
            assert_eq!((y_alone, dx_alone), (y, dx), "{level:?} {of:?}");
            let mut whole = vec![0.0; dw.len()];
            of.weight_gradient_with(&x, &gradient, 0..outputs, &mut whole, level);
            assert_eq!(whole, dw, "{level:?} {of:?}");
        }
    }
}
