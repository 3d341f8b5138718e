//! What a running training tells.

use serde::Serialize;

/// What an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// An optimiser step.
    Step,
    /// The last step of an epoch, after validation.
    Epoch,
    /// Training is over; the model and the report are there.
    Done,
}

/// What is being trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The head, on cached features.
    Head,
}

/// Progress of a training.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TrainEvent {
    /// What this event reports.
    pub kind: EventKind,
    /// What is being trained.
    pub phase: Phase,
    /// The epoch, from 1.
    pub epoch: u32,
    /// Epochs planned.
    pub epochs: u32,
    /// Optimiser steps so far.
    pub step: u32,
    /// Optimiser steps planned.
    pub steps: u32,
    /// Mean training loss over the epoch so far.
    pub loss: f64,
    /// Training accuracy over the epoch so far, 0 to 1.
    pub accuracy: f64,
    /// Validation loss, at the end of an epoch, where pictures are held out.
    pub validation_loss: Option<f64>,
    /// Validation accuracy, likewise.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of the head in this step.
    pub learning_rate: f64,
    /// The best epoch so far, from 1.
    pub best_epoch: Option<u32>,
    /// Whether this epoch is the best so far.
    pub improved: bool,
    /// Training pictures a second, on average.
    pub images_per_second: f64,
    /// Seconds left, by the average so far.
    pub eta: f64,
}
