//! A dense layer of some rows of a table, for training: the rows are read where they lie, and nothing is packed.

use crate::lanes::{Lanes, Level, with_level};
use std::ops::Range;

/// A dense layer: rows of `inputs` values become rows of `outputs`; its weight is `[outputs, inputs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseRows {
    /// Values of a row that goes in.
    pub inputs: usize,
    /// Values of a row that comes out.
    pub outputs: usize,
}

impl DenseRows {
    /// `y` `[rows, outputs]` of the rows of `x` `[all, inputs]` at these places. What a row gives does not depend on which others
    /// there are.
    ///
    /// # Panics
    /// Where a place lies outside of `x`, or something is of another size.
    #[inline(never)]
    pub fn forward(&self, x: &[f32], rows: &[u32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
        self.forward_with(x, rows, weight, bias, y, Level::best());
    }

    /// The gradient of the weight of some outputs, `y` `[those, inputs]`, by that of what comes out, `[rows, outputs]`.
    ///
    /// # Panics
    /// As [`DenseRows::forward`].
    #[inline(never)]
    pub fn weight_gradient(&self, x: &[f32], rows: &[u32], gradient: &[f32], which: Range<usize>, y: &mut [f32]) {
        self.weight_gradient_with(x, rows, gradient, which, y, Level::best());
    }

    fn forward_with(&self, x: &[f32], rows: &[u32], weight: &[f32], bias: &[f32], y: &mut [f32], level: Level) {
        self.check(x, rows);
        assert!(weight.len() == self.outputs * self.inputs && bias.len() == self.outputs);
        assert!(y.len() == rows.len() * self.outputs);
        let job = Forward { of: *self, x, rows, weight, bias, y };
        with_level!(level, forward, job, Forward<'_>);
    }

    fn weight_gradient_with(
        &self,
        x: &[f32],
        rows: &[u32],
        gradient: &[f32],
        which: Range<usize>,
        y: &mut [f32],
        level: Level,
    ) {
        self.check(x, rows);
        assert!(which.start <= which.end && which.end <= self.outputs);
        assert!(gradient.len() == rows.len() * self.outputs && y.len() == which.len() * self.inputs);
        let job = Backward { of: *self, x, rows, gradient, which, y };
        with_level!(level, backward, job, Backward<'_>);
    }

    fn check(&self, x: &[f32], rows: &[u32]) {
        assert!(self.inputs > 0 && rows.iter().all(|row| (*row as usize) < x.len() / self.inputs));
    }
}

struct Forward<'a> {
    of: DenseRows,
    x: &'a [f32],
    rows: &'a [u32],
    weight: &'a [f32],
    bias: &'a [f32],
    y: &'a mut [f32],
}

/// Rows and outputs that are computed at once: as many sums as the registers hold beside what is multiplied.
const ROWS: usize = 4;
const OUTPUTS: usize = 2;

#[inline(always)]
unsafe fn forward<L: Lanes>(mut job: Forward<'_>) {
    let (rows, outputs) = (job.rows.len(), job.of.outputs);
    for output in (0..outputs).step_by(OUTPUTS) {
        for row in (0..rows).step_by(ROWS) {
            // SAFETY: the sizes were checked.
            unsafe {
                match (rows - row, outputs - output) {
                    (ROWS.., OUTPUTS..) => products::<L, ROWS, OUTPUTS>(&mut job, row, output),
                    (ROWS.., _) => products::<L, ROWS, 1>(&mut job, row, output),
                    (left, OUTPUTS..) => {
                        (row..row + left).for_each(|row| products::<L, 1, OUTPUTS>(&mut job, row, output))
                    }
                    (left, _) => (row..row + left).for_each(|row| products::<L, 1, 1>(&mut job, row, output)),
                }
            }
        }
    }
}

/// Some rows times some columns of the weight, vector by vector; each sum is made in the same order whichever others are made.
#[inline(always)]
unsafe fn products<L: Lanes, const R: usize, const O: usize>(job: &mut Forward<'_>, row: usize, output: usize) {
    let DenseRows { inputs, outputs } = job.of;
    // SAFETY: as the caller's; a place is that of a row of `inputs` values.
    unsafe {
        let x: [*const f32; R] = std::array::from_fn(|at| job.x.as_ptr().add(job.rows[row + at] as usize * inputs));
        let weight: [*const f32; O] = std::array::from_fn(|at| job.weight.as_ptr().add((output + at) * inputs));
        let mut sums = [[L::splat(0.0); O]; R];
        let whole = inputs / L::COUNT * L::COUNT;
        for k in (0..whole).step_by(L::COUNT) {
            let mut factors = [L::splat(0.0); O];
            factors.iter_mut().zip(weight).for_each(|(factor, weight)| *factor = L::load(weight.add(k)));
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = L::load(x.add(k));
                sums.iter_mut().zip(factors).for_each(|(sum, factor)| *sum = sum.add_product(x, factor));
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (o, sum) in sums.into_iter().enumerate() {
                let mut parts = [0.0; crate::lanes::WIDEST];
                sum.store(parts.as_mut_ptr());
                let rest: f32 = (whole..inputs).map(|k| *x[r].add(k) * *weight[o].add(k)).sum();
                let sum: f32 = parts[..L::COUNT].iter().sum();
                job.y[(row + r) * outputs + output + o] = sum + rest + job.bias[output + o];
            }
        }
    }
}

struct Backward<'a> {
    of: DenseRows,
    x: &'a [f32],
    rows: &'a [u32],
    gradient: &'a [f32],
    /// The outputs whose weights these are.
    which: Range<usize>,
    y: &'a mut [f32],
}

/// Outputs whose gradients are summed up at once, and vectors of each.
const GRADIENTS: usize = 4;
const VECTORS: usize = 2;

#[inline(always)]
unsafe fn backward<L: Lanes>(mut job: Backward<'_>) {
    let DenseRows { inputs, outputs } = job.of;
    let Range { start, end } = job.which;
    let mut output = start;
    while output < end {
        // SAFETY: the sizes were checked.
        unsafe {
            if end - output >= GRADIENTS {
                columns::<L, GRADIENTS>(&mut job, output);
                output += GRADIENTS;
            } else {
                columns::<L, 1>(&mut job, output);
                output += 1;
            }
        }
    }
    for k in inputs / L::COUNT * L::COUNT..inputs {
        for output in start..end {
            let of = |(at, row): (usize, &u32)| job.x[*row as usize * inputs + k] * job.gradient[at * outputs + output];
            job.y[(output - start) * inputs + k] = job.rows.iter().enumerate().map(of).sum();
        }
    }
}

/// The gradients of some outputs' weights, as far as there are whole vectors of them.
#[inline(always)]
unsafe fn columns<L: Lanes, const O: usize>(job: &mut Backward<'_>, output: usize) {
    let vectors = job.of.inputs / L::COUNT;
    let mut vector = 0;
    while vector < vectors {
        // SAFETY: as the caller's.
        unsafe {
            if vectors - vector >= VECTORS {
                column::<L, O, VECTORS>(job, output, vector * L::COUNT);
                vector += VECTORS;
            } else {
                column::<L, O, 1>(job, output, vector * L::COUNT);
                vector += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn column<L: Lanes, const O: usize, const V: usize>(job: &mut Backward<'_>, output: usize, k: usize) {
    let DenseRows { inputs, outputs } = job.of;
    // SAFETY: as the caller's.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; O];
        let mut gradient = job.gradient.as_ptr().add(output);
        for row in job.rows {
            let x = job.x.as_ptr().add(*row as usize * inputs + k);
            let mut values = [L::splat(0.0); V];
            values.iter_mut().enumerate().for_each(|(at, value)| *value = L::load(x.add(at * L::COUNT)));
            for (at, sums) in sums.iter_mut().enumerate() {
                let factor = L::splat_at(gradient.add(at));
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.add_product(value, factor));
            }
            gradient = gradient.wrapping_add(outputs);
        }
        for (at, sums) in sums.into_iter().enumerate() {
            let y = job.y.as_mut_ptr().add((output - job.which.start + at) * inputs + k);
            sums.into_iter().enumerate().for_each(|(vector, sum)| sum.store(y.add(vector * L::COUNT)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::tests::{assert_near, levels, wave};

    #[test]
    fn dense_rows_are_products() {
        for (all, inputs, outputs) in [(1, 1, 1), (3, 5, 2), (9, 8, 3), (20, 21, 7), (17, 64, 10), (6, 1280, 5)] {
            for count in [1, 3, 4, 7, 16] {
                dense_rows_are_a_product(all, DenseRows { inputs, outputs }, count);
            }
        }
    }

    fn dense_rows_are_a_product(all: usize, of: DenseRows, count: usize) {
        let DenseRows { inputs, outputs } = of;
        let (x, weight, bias) = (wave(all * inputs, 0.7), wave(outputs * inputs, 1.3), wave(outputs, 0.9));
        let gradient = wave(count * outputs, 0.3);
        // Some more than once, and in no order.
        let rows: Vec<u32> = (0..count).map(|at| (at * 7 % all) as u32).collect();
        let at = |values: &[f32], index: usize| f64::from(values[index]);
        let mut expected: Vec<f64> = (0..count).flat_map(|_| bias.iter().map(|bias| f64::from(*bias))).collect();
        let mut expected_dw = vec![0.0; weight.len()];
        for (n, row) in rows.iter().enumerate() {
            for (o, k) in (0..outputs).flat_map(|o| (0..inputs).map(move |k| (o, k))) {
                let value = at(&x, *row as usize * inputs + k);
                expected[n * outputs + o] += value * at(&weight, o * inputs + k);
                expected_dw[o * inputs + k] += value * at(&gradient, n * outputs + o);
            }
        }
        for level in levels() {
            let (mut y, mut dw) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; weight.len()]);
            of.forward_with(&x, &rows, &weight, &bias, &mut y, level);
            of.weight_gradient_with(&x, &rows, &gradient, 0..outputs, &mut dw, level);
            assert_near(&y, &expected, &format!("{level:?} {of:?} {count}: forward"));
            assert_near(&dw, &expected_dw, &format!("{level:?} {of:?} {count}: weight"));
            let mut alone = vec![f32::NAN; outputs];
            for (row, y) in rows.iter().zip(y.chunks_exact(outputs)) {
                of.forward_with(&x, &[*row], &weight, &bias, &mut alone, level);
                assert_eq!(alone, y, "{level:?} {of:?} {count}: to the bit what it is by itself");
            }
            for start in (0..outputs).step_by(3) {
                let some = start..(start + 3).min(outputs);
                let mut part = vec![f32::NAN; some.len() * inputs];
                of.weight_gradient_with(&x, &rows, &gradient, some.clone(), &mut part, level);
                assert_eq!(part, dw[start * inputs..some.end * inputs], "{level:?} {of:?} {count}: of {some:?} alone");
            }
        }
    }
}
