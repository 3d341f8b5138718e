//! The matrix product in eight bits: rows of floats become whole numbers, each row or picture with a scale of its own, and are
//! multiplied with weights that are whole numbers as well, each column with a scale of its own. Bias, shortcut and range are in
//! the same pass, in floats.
//!
//! A value x of a row is s · (q − z) with q from 0 to 127, where s is what the row's values, and 0, reach from least to most, by
//! 126, and z is the whole number that 0 becomes: 126 and not 127, so that rounding z does not push anything out. A weight is
//! t · w with w from −127 to 127. So an output is s · t · (Σ q · w − z · Σ w) + bias.

use crate::dots::{Dots, GROUP, ROUND, ROWS, STEP, Value, Weight};
use crate::lanes::{Lanes, Level, room, with_level};
use crate::product::{self, PANEL};
use std::array::from_fn;

/// What the largest weight of a column becomes.
const LARGEST_WEIGHT: f32 = 127.0;

/// Steps from the least to the most of a row.
const STEPS: f32 = 126.0;

/// A matrix `[depth, columns]` of whole numbers in panels of a few columns each; within a panel a few rows of one column lie
/// beside each other, then those of the next. Columns are filled up to whole vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packed {
    weights: Vec<Weight>,
    /// What is to be multiplied with a column's sums, t.
    scales: Vec<f32>,
    /// The sum of a column's weights.
    sums: Vec<f32>,
    /// Rows, filled up to whole groups.
    depth: usize,
    /// Columns in whole vectors.
    vectors: usize,
}

impl Packed {
    /// Of `columns` columns of `depth` values, each of which `value(row, column)` tells.
    pub(crate) fn new(depth: usize, columns: usize, level: Level, value: impl Fn(usize, usize) -> f32) -> Self {
        let count = level.count();
        let vectors = columns.div_ceil(count);
        let (mut scales, mut sums) = (vec![0.0; vectors * count], vec![0.0; vectors * count]);
        let filled = filled(depth);
        let mut whole = vec![0; filled * vectors * count];
        for column in 0..columns {
            let values = || (0..depth).map(|row| value(row, column));
            let largest = values().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            if largest == 0.0 {
                continue;
            }
            scales[column] = largest / LARGEST_WEIGHT;
            for (row, x) in values().enumerate() {
                let weight = (x / largest * LARGEST_WEIGHT).round();
                sums[column] += weight;
                whole[column * filled + row] = weight as Weight;
            }
        }
        let mut weights = Vec::with_capacity(whole.len());
        for (first, panel) in product::Packed::panels(columns, level) {
            for row in (0..filled).step_by(STEP) {
                let columns = first..first + panel;
                columns.for_each(|column| weights.extend_from_slice(&whole[column * filled + row..][..STEP]));
            }
        }
        Self { weights, scales, sums, depth: filled, vectors }
    }
}

/// What reaches less far is nothing: what it is divided by would be infinite.
const LEAST_REACH: f32 = 1e-30;

/// Added before the zero is rounded, so that the least value is not below −½, also where it is multiplied and added to in one operation,
/// which rounds otherwise.
pub(crate) const ABOVE: f32 = 1e-4;

/// What the values of a row are multiples of, and minus the value that 0 has become.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
struct Scale {
    step: f32,
    zero: f32,
}

impl Scale {
    /// For values from `least` to `most`, between which 0 is; and what they are to be multiplied with and, with [`ROUND`], added to.
    #[inline(always)]
    fn of(least: f32, most: f32) -> (Self, [f32; 2]) {
        let reach = most - least;
        let (by, step) = if reach > LEAST_REACH { (STEPS / reach, reach / STEPS) } else { (0.0, 0.0) };
        let zero = (ROUND + (ABOVE - least * by)) - ROUND;
        (Self { step, zero: -zero }, [by, zero + ROUND])
    }
}

/// Rows as whole numbers, [`ROWS`] of them interleaved as [`Dots::quantise`] writes them, then the next.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    values: Vec<Value>,
    scales: Vec<Scale>,
}

/// A picture as whole numbers, pixel by pixel, with one scale.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    values: Vec<Value>,
    scale: Scale,
    /// From one pixel to the next.
    stride: usize,
    /// Rows on their way here or from here.
    aside: Vec<Value>,
}

/// Floats of pixels, of which the first `depth` count.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub depth: usize,
    pub count: usize,
}

impl Pixels<'_> {
    fn check(&self) {
        assert!(self.count == 0 || self.values.len() >= (self.count - 1) * self.stride + self.depth);
    }

    /// Where neighbouring pixels begin, the last again where there are no more.
    #[inline(always)]
    fn some(&self, first: usize) -> [*const f32; ROWS] {
        // Within the values, as was checked.
        from_fn(|at| self.values.as_ptr().wrapping_add((first + at).min(self.count - 1) * self.stride))
    }
}

/// Values of some rows.
fn filled(depth: usize) -> usize {
    depth.next_multiple_of(GROUP)
}

impl Rows {
    fn make_room(&mut self, depth: usize, count: usize) {
        let count = count.next_multiple_of(ROWS);
        room(&mut self.values, count * filled(depth));
        room(&mut self.scales, count);
    }

    /// Makes whole numbers of pixels, each with a scale of its own.
    pub(crate) fn quantise(&mut self, pixels: Pixels<'_>, level: Level) {
        pixels.check();
        self.make_room(pixels.depth, pixels.count);
        let job = Quantise { pixels, to: self };
        with_level!(level, quantise, job, Quantise<'_>);
    }

    /// Rows that are put together of a picture: `fill` is given the number of each, the row, filled with the value that 0 has become,
    /// and the picture's values with the distance of its pixels.
    pub(crate) fn gather(
        &mut self,
        of: &mut Whole,
        depth: usize,
        count: usize,
        fill: impl Fn(usize, &mut [Value], &[Value], usize),
    ) {
        let Whole { values, scale, stride, aside } = of;
        self.make_room(depth, count);
        room(aside, filled(depth));
        let row = &mut aside[..filled(depth)];
        for at in 0..count {
            row.fill(-scale.zero as Value);
            fill(at, &mut row[..depth], values, *stride);
            self.scales[at] = *scale;
            let first = at / ROWS * ROWS * filled(depth) + at % ROWS * STEP;
            for (from, to) in row.chunks_exact(STEP).zip(self.values[first..].chunks_mut(ROWS * STEP)) {
                to[..STEP].copy_from_slice(from);
            }
        }
    }
}

impl Whole {
    /// Makes whole numbers of a picture.
    pub(crate) fn quantise(&mut self, pixels: Pixels<'_>, level: Level) {
        pixels.check();
        self.stride = filled(pixels.depth);
        room(&mut self.values, pixels.count.next_multiple_of(ROWS) * self.stride);
        room(&mut self.aside, ROWS * self.stride);
        let job = QuantiseWhole { pixels, to: self };
        with_level!(level, quantise_whole, job, QuantiseWhole<'_>);
    }
}

struct Quantise<'a> {
    pixels: Pixels<'a>,
    to: &'a mut Rows,
}

struct QuantiseWhole<'a> {
    pixels: Pixels<'a>,
    to: &'a mut Whole,
}

#[inline(always)]
unsafe fn quantise<L: Lanes>(job: Quantise<'_>) {
    let Pixels { depth, count, .. } = job.pixels;
    for first in (0..count).step_by(ROWS) {
        let rows = job.pixels.some(first);
        // SAFETY: as `Lanes` asks; the pixels were checked, and there is room for whole groups of rows.
        unsafe {
            let [least, most] = reach::<L>(rows, depth);
            let scales: [_; ROWS] = from_fn(|row| Scale::of(least[row], most[row]));
            let by = scales.map(|(_, by)| by);
            for (to, (scale, _)) in job.to.scales[first..first + ROWS].iter_mut().zip(scales) {
                *to = scale;
            }
            rows_to::<L>(rows, depth, by, job.to.values.as_mut_ptr().add(first * filled(depth)));
        }
    }
}

#[inline(always)]
unsafe fn quantise_whole<L: Lanes>(job: QuantiseWhole<'_>) {
    let QuantiseWhole { pixels, to: Whole { values, scale: of_all, stride, aside } } = job;
    let (stride, interleaved) = (*stride, &mut aside[..ROWS * *stride]);
    let mut ends = [0.0_f32; 2];
    // SAFETY: as above.
    unsafe {
        for first in (0..pixels.count).step_by(ROWS) {
            let [least, most] = reach::<L>(pixels.some(first), pixels.depth);
            ends = [least.into_iter().fold(ends[0], f32::min), most.into_iter().fold(ends[1], f32::max)];
        }
        let (scale, by) = Scale::of(ends[0], ends[1]);
        for first in (0..pixels.count).step_by(ROWS) {
            rows_to::<L>(pixels.some(first), pixels.depth, [by; ROWS], interleaved.as_mut_ptr());
            let to = &mut values[first * stride..(first + ROWS) * stride];
            for (row, to) in to.chunks_exact_mut(stride).enumerate() {
                let from = interleaved.chunks_exact(ROWS * STEP).map(|all| &all[row * STEP..(row + 1) * STEP]);
                to.chunks_exact_mut(STEP).zip(from).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
        *of_all = scale;
    }
}

/// Writes rows as whole numbers, filled up to whole groups.
#[inline(always)]
unsafe fn rows_to<L: Lanes>(rows: [*const f32; ROWS], depth: usize, by: [[f32; 2]; ROWS], to: *mut Value) {
    let whole = depth / GROUP * GROUP;
    // SAFETY: as the caller's.
    unsafe {
        L::Dots::quantise(rows, whole / GROUP, by, to);
        if whole < depth {
            let rest = rows.map(|row| {
                let mut rest = [0.0; GROUP];
                rest[..depth - whole].copy_from_slice(std::slice::from_raw_parts(row.add(whole), depth - whole));
                rest
            });
            L::Dots::quantise(from_fn(|row| rest[row].as_ptr()), 1, by, to.add(ROWS * whole));
        }
    }
}

/// The least and the most of the values of each row and 0.
#[inline(always)]
unsafe fn reach<L: Lanes>(rows: [*const f32; ROWS], depth: usize) -> [[f32; ROWS]; 2] {
    let whole = depth / L::COUNT * L::COUNT;
    // SAFETY: as the caller's.
    unsafe {
        let mut least = [L::splat(0.0); ROWS];
        let mut most = least;
        for at in (0..whole).step_by(L::COUNT) {
            for (row, (least, most)) in rows.iter().zip(least.iter_mut().zip(&mut most)) {
                let x = L::load(row.add(at));
                *least = least.at_most(x);
                *most = most.at_least(x);
            }
        }
        let mut least = L::across(least, |a, b| a.at_most(b));
        let mut most = L::across(most, |a, b| a.at_least(b));
        for at in whole..depth {
            for (row, (least, most)) in rows.iter().zip(least.iter_mut().zip(&mut most)) {
                *least = least.min(*row.add(at));
                *most = most.max(*row.add(at));
            }
        }
        [least, most]
    }
}

/// What is computed.
pub(crate) struct Product<'a> {
    pub rows: &'a Rows,
    /// How many of them.
    pub count: usize,
    pub right: &'a Packed,
    /// A value for each column, in whole vectors.
    pub bias: &'a [f32],
    /// Rows that are added, which lie as those of the output.
    pub shortcut: Option<&'a [f32]>,
    /// What the results are cut to.
    pub range: [f32; 2],
    pub out: &'a mut [f32],
    /// From one row of the output to the next, and of the shortcut.
    pub out_stride: usize,
}

impl Product<'_> {
    /// Computes it.
    pub(crate) fn compute(self, level: Level) {
        let length = self.count * self.out_stride;
        let rows = self.count.next_multiple_of(ROWS);
        assert!(self.rows.values.len() >= rows * self.right.depth && self.rows.scales.len() >= rows);
        let columns = self.right.vectors * level.count();
        assert!(self.bias.len() >= columns && self.out_stride >= columns);
        assert!(self.out.len() >= length && self.shortcut.is_none_or(|shortcut| shortcut.len() >= length));
        let shortcut = self.shortcut.map_or(std::ptr::null(), <[f32]>::as_ptr);
        let job = Job { out: self.out.as_mut_ptr(), shortcut, of: &self };
        with_level!(level, all, &job, &Job<'_>);
    }
}

struct Job<'a> {
    of: &'a Product<'a>,
    out: *mut f32,
    shortcut: *const f32,
}

/// Bytes of the rows that are gone through with one panel after the other.
const BLOCK: usize = 16 << 10;

/// How many rows of a depth are made whole numbers and multiplied at a time, so that they stay near.
pub(crate) fn rows_of(depth: usize) -> usize {
    (BLOCK / (size_of::<Value>() * filled(depth)) / ROWS).max(1) * ROWS
}

#[inline(always)]
unsafe fn all<L: Lanes>(job: &Job<'_>) {
    let Packed { weights, vectors, depth, .. } = job.of.right;
    let mut right = weights.as_ptr();
    let mut vector = 0;
    while vector < *vectors {
        // SAFETY: the panel is within the packed matrix; the lengths were compared.
        unsafe {
            if vectors - vector >= PANEL {
                panel::<L, PANEL>(job, right, vector * L::COUNT);
                right = right.add(depth * PANEL * L::COUNT);
                vector += PANEL;
            } else {
                panel::<L, 1>(job, right, vector * L::COUNT);
                right = right.add(depth * L::COUNT);
                vector += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn panel<L: Lanes, const VECTORS: usize>(job: &Job<'_>, right: *const Weight, column: usize) {
    let end = job.of.count;
    let mut row = 0;
    // SAFETY: as the caller's.
    unsafe {
        while end - row >= ROWS {
            tile::<L, ROWS, VECTORS>(job, right, column, row);
            row += ROWS;
        }
        match end - row {
            3 => tile::<L, 3, VECTORS>(job, right, column, row),
            2 => tile::<L, 2, VECTORS>(job, right, column, row),
            1 => tile::<L, 1, VECTORS>(job, right, column, row),
            _ => {}
        }
    }
}

/// Some rows, of which the first is the first of those that are interleaved.
#[inline(always)]
unsafe fn tile<L: Lanes, const COUNT: usize, const VECTORS: usize>(
    job: &Job<'_>,
    mut right: *const Weight,
    column: usize,
    row: usize,
) {
    let Product { rows, right: packed, bias, range, out_stride, .. } = job.of;
    // SAFETY: within the panel, the rows and the columns, whose lengths were compared.
    unsafe {
        let mut left = rows.values.as_ptr().add(row * packed.depth);
        let mut sums = [[L::Dots::zeros(); VECTORS]; COUNT];
        for _ in 0..packed.depth / STEP {
            let mut weights = [L::Dots::zeros(); VECTORS];
            for (vector, weights) in weights.iter_mut().enumerate() {
                *weights = L::Dots::load(right.add(vector * L::COUNT * STEP));
            }
            for (index, sums) in sums.iter_mut().enumerate() {
                let values = L::Dots::splat_at(left.add(index * STEP));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum.add_products(weights, values);
                }
            }
            left = left.add(ROWS * STEP);
            right = right.add(VECTORS * L::COUNT * STEP);
        }
        let [least, most] = range.map(|bound| L::splat(bound));
        let scales = rows.scales.as_ptr().add(row).cast::<f32>();
        for vector in 0..VECTORS {
            let column = column + vector * L::COUNT;
            let [scale, of_zero, bias] =
                [&packed.scales, &packed.sums, *bias].map(|values: &[f32]| L::load(values.as_ptr().add(column)));
            for (index, sums) in sums.iter().enumerate() {
                let (step, zero) = (L::splat_at(scales.add(2 * index)), L::splat_at(scales.add(2 * index + 1)));
                let at = (row + index) * out_stride + column;
                let sum = bias.add_product(sums[vector].floats().add_product(zero, of_zero), scale.times(step));
                let sum = if job.shortcut.is_null() { sum } else { sum.add(L::load(job.shortcut.add(at))) };
                sum.at_least(least).at_most(most).store(job.out.add(at));
            }
        }
    }
}
