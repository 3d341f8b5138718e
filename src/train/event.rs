//! What a running training tells.

use crate::dataset::Warning;
use serde::{Deserialize, Serialize};

/// What an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Pictures embedded, an optimiser step, or pictures measured.
    Step,
    /// The last step of an epoch, after validation.
    Epoch,
    /// Training is over; the model and the report are there.
    Done,
}

/// What a training is doing, in this order; a phase that has nothing to do is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Activations at the freeze boundary are computed and cached; `step` counts pictures.
    Prepare,
    /// The head trains alone, on cached features.
    Head,
    /// Stages of the backbone train with the head.
    FineTune,
    /// The finished model is measured; `step` counts pictures.
    Measure,
}

/// The learning rate of one group of parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct GroupRate {
    /// `head`, or the name of a stage of the backbone.
    pub group: String,
    /// Its rate in this step.
    pub rate: f64,
}

/// Progress of a training.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TrainEvent {
    /// What this event reports.
    pub kind: EventKind,
    /// What the training is doing.
    pub phase: Phase,
    /// The epoch, from 1, counted through all phases; 0 before the first.
    pub epoch: u32,
    /// Epochs planned in all phases.
    pub epochs: u32,
    /// Steps of this phase so far: optimiser steps, or pictures in `prepare` and `measure`.
    pub step: u32,
    /// Steps of this phase in all.
    pub steps: u32,
    /// Mean training loss over the epoch so far.
    pub loss: f64,
    /// Training accuracy over the epoch so far, 0 to 1.
    pub accuracy: f64,
    /// Validation loss, at the end of an epoch, where pictures are held out.
    pub validation_loss: Option<f64>,
    /// Validation accuracy, likewise.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of each group that trains in this step, the head first and then the backbone from its end.
    pub learning_rates: Vec<GroupRate>,
    /// The epoch whose weights would be kept now, from 1; 0 is the model that a warm start began with.
    pub best_epoch: Option<u32>,
    /// Whether this epoch is the best so far.
    pub improved: bool,
    /// Pictures a second in this phase, on average.
    pub images_per_second: f64,
    /// Seconds left in this phase and those to come, by what they took so far or by an estimate; without the measuring.
    pub eta: f64,
    /// Bytes of memory that cached activations take.
    pub memory: f64,
    /// At the end of an epoch, a remark on overfitting or forgetting where there is reason for one.
    pub hint: Option<Warning>,
}
