//! The matrix product in eight bits: rows of floats become whole numbers, each row or picture with a scale of its own, and are
//! multiplied with weights that are whole numbers as well, each column with a scale of its own. Bias, shortcut and range are in
//! the same pass, in floats.
//!
//! A value x of a row is s · (q − z) with q from 0 to 127, where s is what the row's values, and 0, reach from least to most, by
//! 126, and z is the whole number that 0 becomes: 126 and not 127, so that rounding z does not push anything out. A weight is
//! t · w with w from −127 to 127. So an output is s · t · (Σ q · w − z · Σ w) + bias.

use crate::dots::{Dots, GROUP, ROUND, STEP, Value, Weight};
use crate::lanes::{Lanes, Level, with_level};

/// Vectors that lie beside each other in a panel.
const PANEL: usize = 2;

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
    /// Rows, filled up to whole steps.
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
        let filled = depth.next_multiple_of(STEP);
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
        for first in (0..vectors).step_by(PANEL) {
            let panel = first * count..(first + PANEL).min(vectors) * count;
            for row in (0..filled).step_by(STEP) {
                panel.clone().for_each(|column| weights.extend_from_slice(&whole[column * filled + row..][..STEP]));
            }
        }
        Self { weights, scales, sums, depth: filled, vectors }
    }
}

/// What the values of a row are multiples of, and minus the value that 0 has become.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    step: f32,
    zero: f32,
}

/// Rows as whole numbers, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    values: Vec<Value>,
    scales: Vec<Scale>,
}

/// Values from one row to the next: whole groups, so that each row can be written and read whole.
fn stride(depth: usize) -> usize {
    depth.next_multiple_of(GROUP)
}

/// Floats of pixels, of which the first `depth` count.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub depth: usize,
    pub count: usize,
}

impl Rows {
    /// Makes whole numbers of pixels, each with a scale of its own or all with one.
    pub(crate) fn quantise(&mut self, pixels: Pixels<'_>, together: bool, level: Level) {
        let Pixels { values, stride: from, depth, count } = pixels;
        assert!(count == 0 || values.len() >= (count - 1) * from + depth);
        self.make_room(depth, count);
        let job = Quantise { pixels, together, to: self };
        with_level!(level, quantise, job, Quantise<'_>);
    }

    fn make_room(&mut self, depth: usize, count: usize) {
        let length = count * stride(depth);
        if self.values.len() < length {
            self.values.resize(length, 0);
        }
        if self.scales.len() < count {
            self.scales.resize(count, Scale { step: 0.0, zero: 0.0 });
        }
    }

    /// Rows put together of parts of `of`, which all have one scale: `fill` is given each row of zeros (the value that 0 has
    /// become) and the values of `of`, `stride` apart.
    pub(crate) fn gather(
        &mut self,
        of: &Self,
        [depth, inputs]: [usize; 2],
        count: usize,
        mut fill: impl FnMut(usize, &mut [Value], &[Value], usize),
    ) {
        self.make_room(depth, count);
        let scale = of.scales[0];
        self.scales[..count].fill(scale);
        let rows = self.values[..count * stride(depth)].chunks_exact_mut(stride(depth));
        for (at, row) in rows.enumerate() {
            row.fill(-scale.zero as Value);
            fill(at, &mut row[..depth], &of.values, stride(inputs));
        }
    }
}

struct Quantise<'a> {
    pixels: Pixels<'a>,
    together: bool,
    to: &'a mut Rows,
}

#[inline(always)]
unsafe fn quantise<L: Lanes>(job: Quantise<'_>) {
    let Pixels { values, stride: from, depth, count } = job.pixels;
    let to_stride = stride(depth);
    let pixel = |at: usize| &values[at * from..at * from + depth];
    // SAFETY: as `Lanes` asks; what is read are slices, and there is room for whole groups of every row.
    unsafe {
        let all = job.together.then(|| {
            let of = |[least, most]: [f32; 2], at: usize| {
                let [least_too, most_too] = reach::<L>(pixel(at));
                [least.min(least_too), most.max(most_too)]
            };
            (0..count).fold([0.0, 0.0], of)
        });
        for at in 0..count {
            let pixel = pixel(at);
            let [least, most] = all.unwrap_or_else(|| reach::<L>(pixel));
            let reach = most - least;
            let by = if reach > 0.0 { STEPS / reach } else { 0.0 };
            let zero = (ROUND - least * by) - ROUND;
            job.to.scales[at] = Scale { step: reach / STEPS, zero: -zero };
            let to = job.to.values.as_mut_ptr().add(at * to_stride);
            let whole = depth / GROUP * GROUP;
            for first in (0..whole).step_by(GROUP) {
                L::Dots::quantise(pixel.as_ptr().add(first), by, zero + ROUND, to.add(first));
            }
            if whole < depth {
                let mut rest = [0.0; GROUP];
                rest[..depth - whole].copy_from_slice(&pixel[whole..]);
                L::Dots::quantise(rest.as_ptr(), by, zero + ROUND, to.add(whole));
            }
        }
    }
}

/// The least and the most of some values and 0.
#[inline(always)]
unsafe fn reach<L: Lanes>(values: &[f32]) -> [f32; 2] {
    let whole = values.len() / L::COUNT * L::COUNT;
    // SAFETY: whole vectors within the slice, and room for one in each array.
    unsafe {
        let zero = L::splat(0.0);
        let (mut least, mut most) = (zero, zero);
        for at in (0..whole).step_by(L::COUNT) {
            let x = L::load(values.as_ptr().add(at));
            least = least.at_most(x);
            most = most.at_least(x);
        }
        let mut ends = [[0.0_f32; crate::lanes::WIDEST]; 2];
        least.store(ends[0].as_mut_ptr());
        most.store(ends[1].as_mut_ptr());
        let rest = &values[whole..];
        let least = ends[0].iter().chain(rest).fold(0.0, |least: f32, x| if *x < least { *x } else { least });
        [least, ends[1].iter().chain(rest).fold(0.0, |most: f32, x| if *x > most { *x } else { most })]
    }
}

/// What is computed.
pub(crate) struct Product<'a> {
    pub rows: &'a Rows,
    /// How many of them.
    pub count: usize,
    /// Their values, before they are filled up.
    pub depth: usize,
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
        assert!(self.rows.values.len() >= self.count * stride(self.depth) && self.rows.scales.len() >= self.count);
        assert!(self.right.depth == self.depth.next_multiple_of(STEP));
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
    (BLOCK / (size_of::<Value>() * stride(depth)) / 12).max(1) * 12
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
        while end - row >= 4 {
            tile::<L, 4, VECTORS>(job, right, column, row);
            row += 4;
        }
        match end - row {
            3 => tile::<L, 3, VECTORS>(job, right, column, row),
            2 => tile::<L, 2, VECTORS>(job, right, column, row),
            1 => tile::<L, 1, VECTORS>(job, right, column, row),
            _ => {}
        }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    job: &Job<'_>,
    mut right: *const Weight,
    column: usize,
    row: usize,
) {
    let Product { rows, depth, right: packed, bias, range, out_stride, .. } = job.of;
    // SAFETY: within the panel, the rows and the columns, whose lengths were compared.
    unsafe {
        let stride = stride(*depth);
        let mut left = [rows.values.as_ptr().add(row * stride); ROWS];
        for (index, left) in left.iter_mut().enumerate() {
            *left = left.add(index * stride);
        }
        let mut sums = [[L::Dots::zeros(); VECTORS]; ROWS];
        for _ in 0..packed.depth / STEP {
            let mut weights = [L::Dots::zeros(); VECTORS];
            for (vector, weights) in weights.iter_mut().enumerate() {
                *weights = L::Dots::load(right.add(vector * L::COUNT * STEP));
            }
            for (sums, left) in sums.iter_mut().zip(&mut left) {
                let values = L::Dots::splat_at(*left);
                *left = left.add(STEP);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum.add_products(weights, values);
                }
            }
            right = right.add(VECTORS * L::COUNT * STEP);
        }
        let [least, most] = range.map(|bound| L::splat(bound));
        for (index, sums) in sums.into_iter().enumerate() {
            let Scale { step, zero } = *rows.scales.as_ptr().add(row + index);
            let (step, zero) = (L::splat(step), L::splat(zero));
            let at = (row + index) * out_stride + column;
            for (vector, sum) in sums.into_iter().enumerate() {
                let (column, at) = (column + vector * L::COUNT, at + vector * L::COUNT);
                let [scale, of_zero, bias] =
                    [&packed.scales, &packed.sums, *bias].map(|values: &[f32]| L::load(values.as_ptr().add(column)));
                let sum = bias.add_product(sum.floats().add_product(zero, of_zero), scale.times(step));
                let sum = if job.shortcut.is_null() { sum } else { sum.add(L::load(job.shortcut.add(at))) };
                sum.at_least(least).at_most(most).store(job.out.add(at));
            }
        }
    }
}
