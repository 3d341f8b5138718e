//! Learning-rate schedules: a factor on the peak rate for each step.

use super::config::invalid;
use crate::error::{Error, Result};
use std::f64::consts::PI;

/// How the learning rate changes over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Always the peak.
    Constant,
    /// A linear warm-up over the first twentieth of the steps, then half a cosine down to zero
    /// (Loshchilov and Hutter 2017, without restarts).
    Cosine,
}

impl Schedule {
    /// Factor for step `step` (from 0) of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                let warm_up = steps / 20;
                if step < warm_up {
                    return (step + 1) as f64 / warm_up as f64;
                }
                let progress = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
                0.5 * (1.0 + (PI * progress.min(1.0)).cos())
            }
        }
    }
}

impl std::str::FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "constant" => Ok(Self::Constant),
            "cosine" => Ok(Self::Cosine),
            _ => Err(invalid("schedule", text, "cosine or constant")),
        }
    }
}
