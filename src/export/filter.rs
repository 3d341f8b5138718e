//! The antialiased filter that shrinks pictures, as [`crate::image::Preprocess::crop`] has it: for formats that can compute
//! it for pictures of any size, and as numbers for those that cannot.

use crate::image::{Interpolation, Preprocess};

/// An operation on two values, with broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    /// Whether the first is below the second.
    Less,
}

/// An operation on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Abs,
    Floor,
}

/// What a format has to offer so that a filter can be computed in it: arithmetic with real numbers.
pub(super) trait Arithmetic {
    /// A constant.
    fn number(&mut self, value: f64) -> String;
    /// Constants.
    fn numbers(&mut self, values: &[f64], shape: &[usize]) -> String;
    fn binary(&mut self, op: Binary, a: &str, b: &str) -> String;
    fn unary(&mut self, op: Unary, x: &str) -> String;
    /// `a` where the condition holds, else `b`, with broadcasting.
    fn choose(&mut self, condition: &str, a: &str, b: &str) -> String;
    /// 0, 1, 2 and on, below a scalar.
    fn count(&mut self, end: &str) -> String;
    /// `[rows, columns]` to `[rows, 1]`.
    fn row_sums(&mut self, x: &str) -> String;
    /// The largest of all, a scalar.
    fn largest(&mut self, x: &str) -> String;
}

/// What each of `size` pixels takes of each of `side`, a scalar: `[size, side]`. It grows as wide as the picture is reduced.
/// The resizing of other programs treats edges in other ways, and a step of 255 in one pixel of a hundred can move a
/// probability by a hundredth.
pub(super) fn filter(on: &mut impl Arithmetic, side: &str, size: usize, interpolation: Interpolation) -> String {
    // In half pixels of both pictures: whole numbers, which 32 bits hold exactly up to sides of tens of thousands.
    let [zero, one, two, size_of] = [0.0, 1.0, 2.0, size as f64].map(|value| on.number(value));
    let from = on.count(side);
    let from = on.binary(Binary::Mul, &from, &two);
    let from = on.binary(Binary::Add, &from, &one);
    let from = on.binary(Binary::Mul, &from, &size_of);
    let centres: Vec<f64> = (0..size).map(|at| 2.0 * at as f64 + 1.0).collect();
    let centres = on.numbers(&centres, &[size, 1]);
    let centres = on.binary(Binary::Mul, &centres, side);
    let apart = on.binary(Binary::Sub, &from, &centres);
    let apart = on.unary(Unary::Abs, &apart);
    let width = on.binary(Binary::Max, side, &size_of);
    let width = on.binary(Binary::Mul, &width, &two);
    let apart = on.binary(Binary::Div, &apart, &width);
    let shares = match interpolation {
        Interpolation::Bilinear => {
            let near = on.binary(Binary::Sub, &one, &apart);
            on.binary(Binary::Max, &near, &zero)
        }
        Interpolation::Bicubic => catmull_rom(on, &apart),
    };
    let sum = on.row_sums(&shares);
    let shares = on.binary(Binary::Div, &shares, &sum);
    in_steps(on, &shares)
}

/// Rounded to the fixed point of `fast_image_resize`: as many bits, up to 21, as leave the largest share in 15.
fn in_steps(on: &mut impl Arithmetic, shares: &str) -> String {
    let powers: Vec<f64> = (1..=21).map(|bits| f64::from(1 << bits)).collect();
    let powers = on.numbers(&powers, &[21]);
    let [half, one, most] = [0.5, 1.0, f64::from(1 << 15)].map(|value| on.number(value));
    let largest = on.largest(shares);
    let scaled = on.binary(Binary::Mul, &powers, &largest);
    let scaled = on.binary(Binary::Add, &scaled, &half);
    let whole = on.unary(Unary::Floor, &scaled);
    let fits = on.binary(Binary::Less, &whole, &most);
    let fitting = on.choose(&fits, &powers, &one);
    let steps = on.largest(&fitting);
    let scaled = on.binary(Binary::Mul, shares, &steps);
    let scaled = on.binary(Binary::Add, &scaled, &half);
    let whole = on.unary(Unary::Floor, &scaled);
    on.binary(Binary::Div, &whole, &steps)
}

/// (1.5d − 2.5)d² + 1 up to 1, ((2.5 − 0.5d)d − 4)d + 2 up to 2, then 0 (Keys 1981, a = −0.5).
fn catmull_rom(on: &mut impl Arithmetic, apart: &str) -> String {
    let near = polynomial(on, apart, NEAR);
    let far = polynomial(on, apart, FAR);
    let [zero, one, two] = [0.0, 1.0, 2.0].map(|value| on.number(value));
    let is_near = on.binary(Binary::Less, apart, &one);
    let is_far = on.binary(Binary::Less, apart, &two);
    let far = on.choose(&is_far, &far, &zero);
    on.choose(&is_near, &near, &far)
}

/// Factors of the powers of the distance, the highest first.
const NEAR: [f64; 4] = [1.5, -2.5, 0.0, 1.0];
const FAR: [f64; 4] = [-0.5, 2.5, -4.0, 2.0];

fn polynomial(on: &mut impl Arithmetic, x: &str, factors: [f64; 4]) -> String {
    let [first, rest @ ..] = factors.map(|factor| on.number(factor));
    rest.iter().fold(first, |sum, factor| {
        let product = on.binary(Binary::Mul, &sum, x);
        on.binary(Binary::Add, &product, factor)
    })
}

/// The same as numbers, for pictures of `length` pixels a side: the crop and the filter, `[size, length]`.
pub(super) fn matrix(preprocess: &Preprocess, length: usize) -> Vec<f32> {
    let Preprocess { size, crop, interpolation, .. } = preprocess;
    let side = ((length as f64 * crop).round() as usize).clamp(1, length);
    let start = (length - side) / 2;
    let scale = side as f64 / *size as f64;
    let share = |apart: f64| match interpolation {
        Interpolation::Bilinear => (1.0 - apart).max(0.0),
        Interpolation::Bicubic if apart < 1.0 => NEAR.iter().fold(0.0, |sum, factor| sum * apart + factor),
        Interpolation::Bicubic if apart < 2.0 => FAR.iter().fold(0.0, |sum, factor| sum * apart + factor),
        Interpolation::Bicubic => 0.0,
    };
    let row = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let apart = |from: usize| (from as f64 + 0.5 - centre).abs() / scale.max(1.0);
        let shares: Vec<f64> = (0..side).map(|from| share(apart(from))).collect();
        let sum: f64 = shares.iter().sum();
        let mut row = vec![0.0; length];
        row[start..start + side].iter_mut().zip(shares).for_each(|(to, share)| *to = share / sum);
        row
    };
    let shares: Vec<f64> = (0..*size).flat_map(row).collect();
    // As in `in_steps`.
    let largest = shares.iter().copied().fold(0.0, f64::max);
    let in_steps = |share: f64, steps: f64| (share * steps + 0.5).floor();
    let powers = (1..=21).map(|bits| f64::from(1 << bits));
    let steps = powers.filter(|steps| in_steps(largest, *steps) < f64::from(1 << 15)).fold(1.0, f64::max);
    shares.iter().map(|share| (in_steps(*share, steps) / steps) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::matrix;
    use crate::image::{Interpolation, Preprocess};

    /// The matrix, applied along both sides, against what pictures really go through.
    #[test]
    fn the_matrix_is_the_filter_that_pictures_go_through() {
        for (size, crop, interpolation) in [
            (128, 1.0, Interpolation::Bilinear),
            (96, 0.875, Interpolation::Bicubic),
            (299, 0.95, Interpolation::Bicubic),
        ] {
            let length = 224;
            let preprocess = Preprocess { size, mean: [0.5; 3], std: [0.5; 3], crop, interpolation };
            let value = |x: usize, y: usize, channel: usize| ((x * 7 + y * 13) % 200 + channel * 20) as u8;
            let rgba: Vec<u8> = (0..length * length)
                .flat_map(|at| {
                    let (x, y) = (at % length, at / length);
                    [value(x, y, 0), value(x, y, 1), value(x, y, 2), 255]
                })
                .collect();
            let expected = preprocess.crop(&rgba, length as u32, length as u32).unwrap().rgb();
            let filter = matrix(&preprocess, length);
            // Along the columns first, and in whole steps between the two.
            let whole = |sum: f32| (sum + 0.5).floor().clamp(0.0, 255.0);
            for y in (0..size).step_by(17) {
                let down = &filter[y * length..(y + 1) * length];
                let column = |x: usize| whole((0..length).map(|j| down[j] * f32::from(value(x, j, 1))).sum());
                let row: Vec<f32> = (0..length).map(column).collect();
                for x in (0..size).step_by(13) {
                    let across = &filter[x * length..(x + 1) * length];
                    let found = whole(across.iter().zip(&row).map(|(share, pixel)| share * pixel).sum());
                    assert_eq!(found, f32::from(expected[(y * size + x) * 3 + 1]), "{size}: {x}, {y}");
                }
            }
        }
    }
}
