//! Training settings: written by a person or a program, checked once into a [`ValidConfig`].

use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::head::HeadKind;
use serde::{Deserialize, Serialize};

/// Settings as they come from JavaScript or the command line; anything left out takes its default.
///
/// Numbers are floats here so that `1.5` epochs or `NaN` are named by [`TrainConfig::check`] instead of failing
/// somewhere in a parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TrainConfig {
    /// `linear` or `mlp:UNITS`.
    pub head: String,
    /// `none`, `last:N` or `all`: which stages of the backbone train.
    pub fine_tune: String,
    /// Passes over the training pictures, 1 to 1000.
    pub epochs: f64,
    /// Peak learning rate of the head, above 0 and at most 1.
    pub learning_rate: f64,
    /// Peak learning rate of fine-tuned stages, above 0 and at most 1.
    pub backbone_learning_rate: f64,
    /// Pictures a step, 1 to 1024.
    pub batch_size: f64,
    /// `adamw` or `adam`.
    pub optimizer: String,
    /// `cosine` or `constant`.
    pub schedule: String,
    /// Weight decay, 0 to 1; decoupled for `adamw`, added to the gradient for `adam`; not on biases.
    pub weight_decay: f64,
    /// Share of the label spread over all classes, 0 to below 1.
    pub label_smoothing: f64,
    /// Share of the last layer's inputs that is dropped in training, 0 to below 1.
    pub dropout: f64,
    /// Share of each class held out to validate, 0 to 0.9.
    pub validation: f64,
    /// Epochs without a better validation loss before training stops early; 0 never stops early.
    pub patience: f64,
    /// Seed of everything random, 0 to 2³² − 1.
    pub seed: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            head: "linear".into(),
            fine_tune: "none".into(),
            epochs: 40.0,
            learning_rate: 1e-3,
            backbone_learning_rate: 1e-4,
            batch_size: 32.0,
            optimizer: "adamw".into(),
            schedule: "cosine".into(),
            weight_decay: 0.01,
            label_smoothing: 0.05,
            dropout: 0.0,
            validation: 0.2,
            patience: 0.0,
            seed: 0.0,
        }
    }
}

/// Which stages of the backbone train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FineTune {
    /// Head only.
    None,
    /// The last stages.
    Last(usize),
    /// The whole network.
    All,
}

/// Which optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Adam with L2 weight decay.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// Stochastic gradient descent with momentum, with L2 weight decay.
    Sgd,
}

/// Checked settings; every number is inside its range.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the same fields as in TrainConfig, with types that cannot be out of range
pub struct ValidConfig {
    pub head: HeadKind,
    pub fine_tune: FineTune,
    pub epochs: u32,
    pub learning_rate: f64,
    pub backbone_learning_rate: f64,
    pub batch_size: usize,
    pub optimizer: OptimizerKind,
    pub schedule: Schedule,
    pub weight_decay: f64,
    pub label_smoothing: f64,
    pub dropout: f64,
    pub validation: f64,
    pub patience: u32,
    pub seed: u32,
}

impl TrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] naming the setting, its value and its range.
    pub fn check(&self) -> Result<ValidConfig> {
        Ok(ValidConfig {
            head: self.head.parse()?,
            fine_tune: self.fine_tune.parse()?,
            epochs: whole("epochs", self.epochs, 1, 1000)?,
            learning_rate: rate("learningRate", self.learning_rate)?,
            backbone_learning_rate: rate("backboneLearningRate", self.backbone_learning_rate)?,
            batch_size: whole("batchSize", self.batch_size, 1, 1024)? as usize,
            optimizer: self.optimizer.parse()?,
            schedule: self.schedule.parse()?,
            weight_decay: between("weightDecay", self.weight_decay, 1.0, "from 0 to 1")?,
            label_smoothing: below("labelSmoothing", self.label_smoothing)?,
            dropout: below("dropout", self.dropout)?,
            validation: between("validation", self.validation, 0.9, "from 0 to 0.9")?,
            patience: whole("patience", self.patience, 0, 1000)?,
            seed: whole("seed", self.seed, 0, u32::MAX)?,
        })
    }
}

impl std::str::FromStr for FineTune {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Ok(Self::None),
            ("all", "") => Ok(Self::All),
            ("last", blocks) => match blocks.parse() {
                Ok(blocks @ 1..) => Ok(Self::Last(blocks)),
                _ => Err(invalid("fineTune", text, "none, last:N with N from 1, or all")),
            },
            _ => Err(invalid("fineTune", text, "none, last:N or all")),
        }
    }
}

impl std::fmt::Display for FineTune {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::Last(blocks) => write!(f, "last:{blocks}"),
            Self::All => write!(f, "all"),
        }
    }
}

impl std::str::FromStr for OptimizerKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "adam" => Ok(Self::Adam),
            "adamw" => Ok(Self::AdamW),
            "sgd" => Ok(Self::Sgd),
            _ => Err(invalid("optimizer", text, "adamw, adam or sgd")),
        }
    }
}

pub(super) fn invalid(field: &'static str, value: impl ToString, expected: &str) -> Error {
    Error::ConfigInvalid { field, value: value.to_string(), expected: expected.into() }
}

fn whole(field: &'static str, value: f64, low: u32, high: u32) -> Result<u32> {
    if value.fract() == 0.0 && value >= f64::from(low) && value <= f64::from(high) {
        Ok(value as u32)
    } else {
        Err(invalid(field, value, &format!("a whole number from {low} to {high}")))
    }
}

fn rate(field: &'static str, value: f64) -> Result<f64> {
    if value > 0.0 && value <= 1.0 { Ok(value) } else { Err(invalid(field, value, "above 0 and at most 1")) }
}

fn between(field: &'static str, value: f64, high: f64, expected: &str) -> Result<f64> {
    if (0.0..=high).contains(&value) { Ok(value) } else { Err(invalid(field, value, expected)) }
}

fn below(field: &'static str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err(invalid(field, value, "from 0 to below 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        TrainConfig::default().check().unwrap();
    }

    #[test]
    fn every_bad_value_is_named() {
        for (json, value) in [
            (r#"{"epochs":0}"#, "epochs=0"),
            (r#"{"epochs":1.5}"#, "epochs=1.5"),
            (r#"{"learningRate":0}"#, "learningRate=0"),
            (r#"{"learningRate":-1}"#, "learningRate=-1"),
            (r#"{"batchSize":0}"#, "batchSize=0"),
            (r#"{"validation":1}"#, "validation=1"),
            (r#"{"dropout":1}"#, "dropout=1"),
            (r#"{"head":"mlp:0"}"#, "head=mlp:0"),
            (r#"{"head":"tree"}"#, "head=tree"),
            (r#"{"fineTune":"last:0"}"#, "fineTune=last:0"),
            (r#"{"optimizer":"lbfgs"}"#, "optimizer=lbfgs"),
            (r#"{"schedule":"up"}"#, "schedule=up"),
            (r#"{"seed":-1}"#, "seed=-1"),
        ] {
            let config: TrainConfig = serde_json::from_str(json).unwrap();
            let error = config.check().unwrap_err();
            assert_eq!(error.code(), "config_invalid", "{json}");
            assert_eq!(error.value().as_deref(), Some(value), "{json}");
        }
        let nan = TrainConfig { learning_rate: f64::NAN, ..TrainConfig::default() };
        assert_eq!(nan.check().unwrap_err().value().as_deref(), Some("learningRate=NaN"));
    }
}
