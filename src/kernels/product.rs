//! The matrix product that pointwise convolutions are, and all others become: rows of pixels times a packed matrix, with
//! bias, shortcut and range in the same pass.

use crate::lanes::{Lanes, Level, with_level};
use std::ops::Range;

/// Vectors that lie beside each other in a panel.
pub(crate) const PANEL: usize = 2;

/// A matrix `[depth, columns]` in panels of a few columns each, row by row within a panel: the order in which it is read.
/// Columns are filled up with zeros to whole vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packed {
    values: Vec<f32>,
    depth: usize,
    /// Columns in whole vectors.
    vectors: usize,
}

impl Packed {
    /// Of `columns` columns of `depth` values, each of which `value(row, column)` tells.
    pub(crate) fn new(depth: usize, columns: usize, level: Level, value: impl Fn(usize, usize) -> f32) -> Self {
        let count = level.count();
        let vectors = columns.div_ceil(count);
        let mut values = Vec::with_capacity(depth * vectors * count);
        for first in (0..vectors).step_by(PANEL) {
            let panel = PANEL.min(vectors - first) * count;
            for row in 0..depth {
                let columns = (first * count..first * count + panel)
                    .map(|column| if column < columns { value(row, column) } else { 0.0 });
                values.extend(columns);
            }
        }
        Self { values, depth, vectors }
    }

    /// `columns` columns of `depth` values that `fill` writes: in panels as [`Packed::panels`] has them. What is beyond the last column
    /// may be anything that there is room for.
    pub(crate) fn filled(depth: usize, columns: usize, level: Level, fill: impl FnOnce(*mut f32)) -> Self {
        let vectors = columns.div_ceil(level.count());
        let mut values = vec![0.0; depth * vectors * level.count()];
        fill(values.as_mut_ptr());
        Self { values, depth, vectors }
    }

    /// The first column of each panel, and its columns.
    pub(crate) fn panels(columns: usize, level: Level) -> impl Iterator<Item = (usize, usize)> {
        let (count, vectors) = (level.count(), columns.div_ceil(level.count()));
        (0..vectors).step_by(PANEL).map(move |first| (first * count, PANEL.min(vectors - first) * count))
    }

    /// Its rows.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Its columns, in whole vectors.
    pub(crate) fn columns(&self, level: Level) -> usize {
        self.vectors * level.count()
    }
}

/// What is computed.
pub(crate) struct Product<'a> {
    /// The first of the rows on the left; `depth` values of each are read.
    pub left: *const f32,
    /// From one row to the next.
    pub left_stride: usize,
    /// How many rows there are.
    pub rows: usize,
    pub right: &'a Packed,
    /// A value for each column, in whole vectors.
    pub bias: &'a [f32],
    /// The first of the rows that are added, which lie as those of the output; null where none are.
    pub shortcut: *const f32,
    /// What the results are cut to.
    pub range: [f32; 2],
    /// The first row of the output.
    pub out: *mut f32,
    /// From one row of the output to the next, and of the shortcut.
    pub out_stride: usize,
}

impl Product<'_> {
    /// Computes it.
    ///
    /// # Safety
    /// The pointers lead to as many rows as are said, `depth` values of each on the left and whole vectors of columns in the
    /// output and the shortcut; the output is written to by nobody else.
    pub(crate) unsafe fn compute(&self, level: Level) {
        debug_assert!(self.bias.len() >= self.right.vectors * level.count());
        with_level!(level, all, self, &Product<'_>);
    }
}

/// A product whose rows on the left are windows of a picture where they lie.
pub(crate) struct Windows<'a> {
    /// The first value of each window is where a row's would be.
    pub product: Product<'a>,
    /// Lines of a window, of as many values each.
    pub lines: usize,
    /// From the end of a line to the beginning of the next.
    pub jump: usize,
}

impl Windows<'_> {
    /// Computes it.
    ///
    /// # Safety
    /// As of [`Product::compute`], with all lines of each window.
    pub(crate) unsafe fn compute(&self, level: Level) {
        debug_assert!(self.product.right.depth.is_multiple_of(self.lines));
        debug_assert!(self.product.bias.len() >= self.product.right.vectors * level.count());
        with_level!(level, all_windows, self, &Windows<'_>);
    }
}

/// Bytes of the left rows that are gone through with one panel after the other: half of a first-level cache of 32 KiB.
const BLOCK: usize = 16 << 10;

#[inline(always)]
unsafe fn all<L: Lanes>(job: &Product<'_>) {
    // SAFETY: as the caller's.
    unsafe { blocks::<L, false>(job, 1, 0) }
}

#[inline(always)]
unsafe fn all_windows<L: Lanes>(job: &Windows<'_>) {
    // SAFETY: as the caller's.
    unsafe { blocks::<L, true>(&job.product, job.lines, job.jump) }
}

/// `lines` and `jump` only matter where there are `WINDOWS`: a loop of its own for each, so that none has what the other needs.
#[inline(always)]
unsafe fn blocks<L: Lanes, const WINDOWS: bool>(job: &Product<'_>, lines: usize, jump: usize) {
    let depth = job.right.depth;
    let block = (BLOCK / (4 * depth.max(1)) / L::ROWS).max(1) * L::ROWS;
    let mut first = 0;
    while first < job.rows {
        let rows = block.min(job.rows - first);
        let mut right = job.right.values.as_ptr();
        let mut vector = 0;
        while vector < job.right.vectors {
            // SAFETY: the panel is within the packed matrix, the rows within what the caller has promised.
            unsafe {
                if job.right.vectors - vector >= PANEL {
                    panel::<L, WINDOWS, PANEL>(job, (lines, jump), right, vector * L::COUNT, first..first + rows);
                    right = right.add(depth * PANEL * L::COUNT);
                    vector += PANEL;
                } else {
                    panel::<L, WINDOWS, 1>(job, (lines, jump), right, vector * L::COUNT, first..first + rows);
                    right = right.add(depth * L::COUNT);
                    vector += 1;
                }
            }
        }
        first += rows;
    }
}

#[inline(always)]
unsafe fn panel<L: Lanes, const WINDOWS: bool, const VECTORS: usize>(
    job: &Product<'_>,
    of: (usize, usize),
    right: *const f32,
    column: usize,
    rows: Range<usize>,
) {
    const { assert!(L::ROWS == 4 || L::ROWS == 6) }
    let Range { start: mut row, end } = rows;
    // SAFETY: as the caller's.
    unsafe {
        if end < L::ROWS {
            (row..end).for_each(|row| tile::<L, WINDOWS, 1, VECTORS>(job, of, right, column, row));
            return;
        }
        while row < end {
            // The last ones reach back: what is computed twice is the same both times.
            let first = row.min(end - L::ROWS);
            match L::ROWS {
                6 => tile::<L, WINDOWS, 6, VECTORS>(job, of, right, column, first),
                _ => tile::<L, WINDOWS, 4, VECTORS>(job, of, right, column, first),
            }
            row = first + L::ROWS;
        }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const WINDOWS: bool, const ROWS: usize, const VECTORS: usize>(
    job: &Product<'_>,
    (lines, jump): (usize, usize),
    mut right: *const f32,
    column: usize,
    row: usize,
) {
    // SAFETY: within the panel, the rows and the columns that the caller has promised.
    unsafe {
        let mut left = [job.left.add(row * job.left_stride); ROWS];
        for (index, left) in left.iter_mut().enumerate() {
            *left = left.add(index * job.left_stride);
        }
        let bias = job.bias.as_ptr().add(column);
        let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
        for sums in &mut sums {
            for (vector, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(bias.add(vector * L::COUNT));
            }
        }
        let (lines, length) = if WINDOWS { (lines, job.right.depth / lines) } else { (1, job.right.depth) };
        for _ in 0..lines {
            // Unrolled by hand it is a third slower: the engine then has more in flight than it has registers for.
            for _ in 0..length {
                let mut factors = [L::splat(0.0); VECTORS];
                for (vector, factor) in factors.iter_mut().enumerate() {
                    *factor = L::load(right.add(vector * L::COUNT));
                }
                for (sums, left) in sums.iter_mut().zip(&mut left) {
                    let x = L::splat_at(*left);
                    *left = left.add(1);
                    for (sum, factor) in sums.iter_mut().zip(factors) {
                        *sum = sum.add_product(x, factor);
                    }
                }
                right = right.add(VECTORS * L::COUNT);
            }
            if WINDOWS {
                // Behind the last line it may be beyond the picture, where nothing is read.
                left.iter_mut().for_each(|left| *left = left.wrapping_add(jump));
            }
        }
        let [least, most] = job.range.map(|bound| L::splat(bound));
        for (index, sums) in sums.into_iter().enumerate() {
            let at = (row + index) * job.out_stride + column;
            for (vector, sum) in sums.into_iter().enumerate() {
                let at = at + vector * L::COUNT;
                let sum = if job.shortcut.is_null() { sum } else { sum.add(L::load(job.shortcut.add(at))) };
                sum.at_least(least).at_most(most).store(job.out.add(at));
            }
        }
    }
}
