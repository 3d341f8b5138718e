//! Learning-rate schedules: a factor on the peak rate for each step.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A loss counts as better where it is below the best by more than this share of it (PyTorch's
/// `ReduceLROnPlateau`, its default threshold in its default mode `rel`).
const THRESHOLD: f64 = 1e-4;

/// How the learning rate changes after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always the peak.
    Constant,
    /// Half a cosine from the peak down to zero (Loshchilov and Hutter 2017, without restarts).
    Cosine,
    /// Multiplied by `factor` every so many epochs (PyTorch's `StepLR`).
    Step {
        /// Epochs between two changes, at least 1.
        every: u32,
        /// What a change leaves of the rate.
        factor: f64,
    },
    /// Multiplied by `factor` once the loss has not become better for more than `patience` epochs in a row
    /// (PyTorch's `ReduceLROnPlateau`: mode `min`, threshold 1e-4 relative to the best, no cooldown, no floor).
    Plateau {
        /// Epochs without a better loss that are borne.
        patience: u32,
        /// What a change leaves of the rate.
        factor: f64,
    },
}

/// A [`Schedule`] laid over the steps of one phase of training, after a linear warm-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    schedule: Schedule,
    warm_up: usize,
    steps: usize,
    steps_an_epoch: usize,
    plateau: Plateau,
}

/// What a schedule that looks for a plateau remembers of the epochs that there were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plateau {
    /// The schedule's factor so far.
    fallen: f64,
    /// None before the first epoch ended.
    best: Option<f64>,
    /// Epochs in a row without a better loss.
    worse: u32,
}

impl Pace {
    /// A schedule over `epochs` epochs, which warms up over `warm_up_share` (0 to 1) of the steps, rounded down.
    pub fn new(schedule: Schedule, warm_up_share: f64, epochs: u32, steps_an_epoch: usize) -> Self {
        let steps = steps_an_epoch * epochs as usize;
        // A share such as 0.29 of 100 is 29 steps, though its product in floating point is a little less.
        let warm_up = (warm_up_share * steps as f64 + 1e-9) as usize;
        Self { schedule, warm_up, steps, steps_an_epoch, plateau: Plateau { fallen: 1.0, best: None, worse: 0 } }
    }

    /// Factor on the peak rate for step `step` of the phase, from 0.
    ///
    /// With a warm-up of w steps that is (step + 1) / w in the first w. A cosine runs over the steps after the
    /// warm-up and stays at zero after the last; the epochs of the other schedules count from the phase's start.
    pub fn factor(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return (step + 1) as f64 / self.warm_up as f64;
        }
        match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let progress = (step - self.warm_up) as f64 / self.steps.saturating_sub(self.warm_up).max(1) as f64;
                0.5 * (1.0 + (PI * progress.min(1.0)).cos())
            }
            Schedule::Step { every, factor } => {
                let epoch = step / self.steps_an_epoch.max(1);
                // No training has 2³¹ epochs; were it so, the factor is zero long before.
                factor.powi(i32::try_from(epoch / every.max(1) as usize).unwrap_or(i32::MAX))
            }
            Schedule::Plateau { .. } => self.plateau.fallen,
        }
    }

    /// Tells of the loss of an epoch that ended, by which a plateau is noticed; the other schedules do not care.
    pub fn epoch_ended(&mut self, loss: f64) {
        let Schedule::Plateau { patience, factor } = self.schedule else { return };
        let so_far = &mut self.plateau;
        if so_far.best.is_none_or(|best| loss < best * (1.0 - THRESHOLD)) {
            so_far.best = Some(loss);
            so_far.worse = 0;
        } else {
            so_far.worse = so_far.worse.saturating_add(1);
        }
        if so_far.worse > patience {
            so_far.fallen *= factor;
            so_far.worse = 0;
        }
    }

    /// What it remembers.
    pub(super) fn plateau(&self) -> &Plateau {
        &self.plateau
    }

    /// Has it remember this.
    pub(super) fn recall(&mut self, plateau: Plateau) {
        self.plateau = plateau;
    }
}
