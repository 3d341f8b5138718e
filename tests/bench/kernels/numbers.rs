//! Numbers that look like any others.

/// Those of a seed.
pub(crate) struct Numbers(u32);

impl Numbers {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// One between −1 and 1.
    pub(crate) fn next(&mut self) -> f32 {
        // Numerical Recipes' linear congruence; its high bits are good enough here.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Some between −`scale` and `scale`.
    pub(crate) fn many(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.next() * scale).collect()
    }
}

/// Ends the run where a value is further from its definition than rounding explains: nothing wrong is timed.
pub(crate) fn assert_near(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let apart = (f64::from(*found) - expected).abs();
        // A NaN is near to nothing.
        assert!(apart <= 1e-4 * largest, "{what}: value {at} is {found} and not {expected}");
    }
}
