//! Functions of one value.

/// What is computed with a value at the end of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · σ(x).
    Silu,
    /// x · min(max(x + 3, 0), 6) / 6.
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// σ(x) = 1 / (1 + exp(−x)).
    Sigmoid,
}

impl Activation {
    /// The range that it cuts values to, and whether that is all it does.
    pub(crate) fn range(self) -> ([f32; 2], bool) {
        match self {
            Self::None => ([f32::NEG_INFINITY, f32::INFINITY], true),
            Self::Relu => ([0.0, f32::INFINITY], true),
            Self::Relu6 => ([0.0, 6.0], true),
            _ => ([f32::NEG_INFINITY, f32::INFINITY], false),
        }
    }

    /// Of one value, as its definition reads.
    pub fn of(self, x: f32) -> f32 {
        let gate = |x: f32| (x / 6.0 + 0.5).clamp(0.0, 1.0);
        match self {
            Self::None => x,
            Self::Relu => x.max(0.0),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Silu => x * sigmoid(x),
            Self::HardSwish => x * gate(x),
            Self::HardSigmoid => gate(x),
            Self::Sigmoid => sigmoid(x),
        }
    }

    /// Of all values, in place. The loops have no branches and no calls, so that they become vectors.
    #[inline(never)]
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu => values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
            Self::Relu6 => values.iter_mut().for_each(|x| *x = x.clamp(0.0, 6.0)),
            Self::Silu => values.iter_mut().for_each(|x| *x *= sigmoid(*x)),
            Self::HardSwish => values.iter_mut().for_each(|x| *x *= (*x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0)),
            Self::HardSigmoid => values.iter_mut().for_each(|x| *x = (*x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0)),
            Self::Sigmoid => values.iter_mut().for_each(|x| *x = sigmoid(*x)),
        }
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// e^x within 2 units in the last place, without branches.
///
/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2; e^r by its Taylor series up to r⁷/7!, whose rest is below
/// 3e-8 of it there. ln 2 is subtracted in two parts, as Cody and Waite (1980) do, so that r keeps its last digits.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Beyond these the result is 0 or infinite, or as near to it as makes no difference to a sigmoid.
    let x = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 · 2²³ rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let e = series.into_iter().fold(0.0, |sum, coefficient| sum * r + coefficient);
    // n is a whole number from −126 to 127.
    let power = f32::from_bits(((n as i32 + 127) as u32) << 23);
    e * power
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 7] = [
        Activation::None,
        Activation::Relu,
        Activation::Relu6,
        Activation::Silu,
        Activation::HardSwish,
        Activation::HardSigmoid,
        Activation::Sigmoid,
    ];

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for step in -870..=880 {
            let x = step as f32 / 10.0 + 0.003;
            let expected = f64::from(x.clamp(-87.0, 88.0)).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 3e-7, "{x}");
        }
    }

    #[test]
    fn of_many_values_they_are_what_they_are_of_one() {
        let values: Vec<f32> = (-400..400).map(|i| i as f32 / 20.0).collect();
        for activation in ALL {
            let mut found = values.clone();
            activation.apply(&mut found);
            for (x, y) in values.iter().zip(found) {
                let x = f64::from(*x);
                let gate = ((x + 3.0) / 6.0).clamp(0.0, 1.0);
                let sigmoid = 1.0 / (1.0 + (-x).exp());
                let expected = match activation {
                    Activation::None => x,
                    Activation::Relu => x.max(0.0),
                    Activation::Relu6 => x.clamp(0.0, 6.0),
                    Activation::Silu => x * sigmoid,
                    Activation::HardSwish => x * gate,
                    Activation::HardSigmoid => gate,
                    Activation::Sigmoid => sigmoid,
                };
                assert!((f64::from(y) - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{activation:?} of {x}: {y}");
                assert!((activation.of(x as f32) - y).abs() <= 1e-6 * (1.0 + y.abs()));
            }
        }
    }

    /// Something that is no number shows, and is not made a number of.
    #[test]
    fn no_number_stays_no_number() {
        for activation in ALL {
            let mut values = [f32::NAN; 5];
            activation.apply(&mut values);
            assert!(values.iter().all(|x| x.is_nan()), "{activation:?}");
        }
    }
}
