//! Loops over values one by one, for training: written so that they become vectors.

use crate::Activation;

/// How an optimiser moves a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The learning rate; with Adam divided by what the first moment is, which starts at zero, to be a mean.
    pub rate: f32,
    /// What of the parameter is added to its gradient.
    pub added: f32,
    /// What of the parameter is kept.
    pub kept: f32,
    /// Decay of the moments, or of the velocity, and what of the gradient is added to them.
    pub decay: [f32; 2],
    /// The same of the gradient and of its square.
    pub new: [f32; 2],
    /// What the root of the second moment is multiplied by, to be that of a mean.
    pub root: f32,
    /// Added to that.
    pub epsilon: f32,
}

impl Move {
    /// A step of Adam of some values and their moments.
    #[inline(never)]
    pub fn adam(&self, value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let moments = first.iter_mut().zip(second);
        for ((value, gradient), (first, second)) in value.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient + *value * self.added;
            *first = *first * self.decay[0] + gradient * self.new[0];
            *second = *second * self.decay[1] + gradient * gradient * self.new[1];
            *value = *value * self.kept - *first * self.rate / (second.sqrt() * self.root + self.epsilon);
        }
    }

    /// A step of gradient descent of some values and their velocities.
    #[inline(never)]
    pub fn descend(&self, value: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
        for ((value, gradient), velocity) in value.iter_mut().zip(gradient).zip(velocity) {
            *velocity = *velocity * self.decay[0] + (gradient + *value * self.added);
            *value -= *velocity * self.rate;
        }
    }
}

/// Adds a number to all values and computes what an operation ends with.
#[inline(never)]
pub fn finish(values: &mut [f32], bias: f32, activation: Activation) {
    match activation {
        Activation::None => values.iter_mut().for_each(|y| *y += bias),
        // As comparisons, so that what is no number stays none.
        Activation::Relu => values.iter_mut().for_each(|y| *y = if *y + bias < 0.0 { 0.0 } else { *y + bias }),
        Activation::Relu6 => values.iter_mut().for_each(|y| *y = (*y + bias).clamp(0.0, 6.0)),
        _ => {
            values.iter_mut().for_each(|y| *y += bias);
            activation.apply(values);
        }
    }
}

/// The gradient of what was cut to the values between 0 and `most`, of that of the result `y`.
#[inline(never)]
pub fn within(gradient: &mut [f32], y: &[f32], most: f32) {
    for (gradient, y) in gradient.iter_mut().zip(y) {
        *gradient = if *y > 0.0 && *y < most { *gradient } else { 0.0 };
    }
}

/// A sum, in eight parts.
#[inline(never)]
pub fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (parts, rest) = values.as_chunks::<8>();
    let rest: f32 = rest.iter().sum();
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum::<f32>() + rest
}

/// The sum of each of so many columns.
#[inline(never)]
pub fn columns(rows: &[f32], count: usize) -> Vec<f32> {
    let mut sums = vec![0.0; count];
    for row in rows.chunks_exact(count.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i * 37 % 23) as f32 / 4.0 - 2.5).collect()
    }

    #[test]
    fn an_operation_ends_with_bias_and_activation() {
        let before = values(37);
        for activation in [Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish] {
            let mut found = before.clone();
            finish(&mut found, 1.5, activation);
            for (x, y) in before.iter().zip(found) {
                assert!((activation.of(x + 1.5) - y).abs() < 1e-6, "{activation:?} of {x}: {y}");
            }
            let mut found = [f32::NAN; 9];
            finish(&mut found, 1.5, activation);
            assert!(found.iter().all(|y| y.is_nan()), "{activation:?}: what is no number stays none");
        }
    }

    #[test]
    fn only_what_was_not_cut_has_a_gradient() {
        let mut gradient = [1.0, 2.0, 3.0, 4.0, 5.0];
        within(&mut gradient, &[0.0, 0.5, 6.0, 5.9, f32::NAN], 6.0);
        assert_eq!(gradient, [0.0, 2.0, 0.0, 4.0, 0.0]);
    }

    #[test]
    fn sums_are_of_every_value() {
        for count in [0, 1, 7, 8, 9, 64, 83] {
            let values = values(count);
            assert!((sum(&values) - values.iter().sum::<f32>()).abs() < 1e-3, "{count}");
        }
        assert_eq!(columns(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [5.0, 7.0, 9.0]);
    }

    #[test]
    fn a_parameter_moves_by_the_formulas() {
        let by =
            Move { rate: 0.1, added: 0.01, kept: 0.99, decay: [0.9, 0.8], new: [0.1, 0.2], root: 1.5, epsilon: 1e-3 };
        let [start, gradient] = [values(19), values(38).split_off(19)];
        let (mut value, mut first, mut second) = (start.clone(), vec![0.5; 19], vec![0.25; 19]);
        by.adam(&mut value, &mut first, &mut second, &gradient);
        for (at, (w, g)) in start.iter().zip(&gradient).map(|(w, g)| (f64::from(*w), f64::from(*g))).enumerate() {
            let g = g + 0.01 * w;
            let (m, v) = (0.9 * 0.5 + 0.1 * g, 0.8 * 0.25 + 0.2 * g * g);
            let expected = [0.99 * w - 0.1 * m / (v.sqrt() * 1.5 + 1e-3), m, v];
            for (expected, found) in expected.into_iter().zip([value[at], first[at], second[at]]) {
                assert!((expected - f64::from(found)).abs() < 1e-5, "{at}: {found} and not {expected}");
            }
        }
        let (mut value, mut velocity) = (start.clone(), vec![0.5; 19]);
        by.descend(&mut value, &mut velocity, &gradient);
        for (at, (w, g)) in start.iter().zip(&gradient).enumerate() {
            let expected = 0.9 * 0.5 + g + 0.01 * w;
            assert!((velocity[at] - expected).abs() < 1e-5 && (value[at] - (w - 0.1 * expected)).abs() < 1e-5);
        }
    }
}
