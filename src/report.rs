//! The report of a training: the command line's JSON and what `run.report` gives in JavaScript.

use crate::dataset::{ClassId, Warning};
use crate::engine::EngineKind;
use crate::metrics::ClassMetrics;
use crate::train::{Phase, Stopped};
use serde::{Deserialize, Serialize};

/// Numbers of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ImageCounts {
    /// Pictures that trained.
    pub train: u32,
    /// Pictures held out.
    pub validation: u32,
    /// Pictures of a separate test set.
    pub test: u32,
}

/// Where the time went, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Seconds {
    /// Embedding, all pictures of the session so far; on the command line also decoding.
    pub embed: f64,
    /// Optimiser steps and validation.
    pub train: f64,
    /// Measuring the finished model.
    pub evaluate: f64,
}

/// What a training came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TrainReport {
    /// Names of the classes, in the order of the confusion matrix.
    pub classes: Vec<String>,
    /// Numbers of the classes, in the same order; none where the model that was trained knows only names of them.
    #[serde(default, alias = "class_ids")]
    pub class_ids: Vec<Option<ClassId>>,
    /// Numbers of pictures.
    pub images: ImageCounts,
    /// Architecture of the backbone.
    pub backbone: String,
    /// Kind of head.
    #[cfg_attr(test, ts(type = r#""linear" | `mlp:${number}` | `conv:${number}` | `svm:${number}`"#))]
    pub head: String,
    /// Which stages of the backbone trained.
    #[serde(alias = "fine_tune")]
    #[cfg_attr(test, ts(type = r#""none" | `last:${number}` | "all""#))]
    pub fine_tune: String,
    /// The phase that the kept weights come from: `head` where fine-tuning was not asked for or made
    /// nothing better.
    #[serde(default = "head")]
    pub phase: Phase,
    /// Values that trained.
    #[serde(alias = "trainable_parameters")]
    pub trainable_parameters: usize,
    /// All values of backbone and head.
    #[serde(alias = "total_parameters")]
    pub total_parameters: usize,
    /// Epochs that ran to their end.
    #[serde(alias = "epochs_run")]
    pub epochs_run: u32,
    /// How many of them the head trained alone.
    #[serde(default, alias = "head_epochs")]
    pub head_epochs: u32,
    /// The epoch whose weights were kept, counted from 1 through all phases; 0 where a model that training went on
    /// from was not bettered.
    #[serde(alias = "best_epoch")]
    pub best_epoch: u32,
    /// Why training ended.
    pub stopped: Stopped,
    /// Cross-entropy of the kept weights on the training pictures.
    #[serde(alias = "train_loss")]
    pub train_loss: f64,
    /// Their accuracy there.
    #[serde(alias = "train_accuracy")]
    pub train_accuracy: f64,
    /// Their cross-entropy on the held-out pictures.
    #[serde(alias = "validation_loss")]
    pub validation_loss: Option<f64>,
    /// Their accuracy there.
    #[serde(alias = "validation_accuracy")]
    pub validation_accuracy: Option<f64>,
    /// Their accuracy on the separate test set.
    #[serde(alias = "test_accuracy")]
    pub test_accuracy: Option<f64>,
    /// Of the test set, or of the held-out pictures where there is none: `[actual][predicted]`.
    #[serde(alias = "confusion_matrix")]
    pub confusion_matrix: Option<Vec<Vec<u32>>>,
    /// Of the same pictures as the confusion matrix.
    #[serde(alias = "per_class")]
    pub per_class: Option<Vec<ClassMetrics>>,
    /// Where the time went.
    pub seconds: Seconds,
    /// Seed of everything random.
    pub seed: u32,
    /// Which engine computed.
    pub engine: EngineKind,
    /// What a person should know of this result.
    pub warnings: Vec<Warning>,
}

/// Reports of models that were saved before there was fine-tuning do not name the phase.
fn head() -> Phase {
    Phase::Head
}

impl TrainReport {
    /// Forgets which classes of which project these were: a file is read in another one.
    pub(crate) fn without_ids(self) -> Self {
        Self { class_ids: vec![None; self.classes.len()], ..self }
    }

    /// Whether every figure is a number, without which it cannot be written.
    pub(crate) fn is_finite(&self) -> bool {
        let losses = [Some(self.train_loss), self.validation_loss];
        losses.into_iter().flatten().all(f64::is_finite)
    }

    /// Gives a class another name.
    pub(crate) fn rename_class(&mut self, id: ClassId, to: &str) {
        for (class, _) in self.classes.iter_mut().zip(&self.class_ids).filter(|(_, known)| **known == Some(id)) {
            *class = to.to_string();
        }
        if let Some(figures) = &mut self.per_class {
            for (figure, class) in figures.iter_mut().zip(&self.classes) {
                figure.class.clone_from(class);
            }
        }
    }
}
