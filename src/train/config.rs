//! Training settings: written by a person or a program, checked once into a [`ValidConfig`].

use super::loss::{Objective, balanced_weights};
use super::optimizer::OptimizerSettings;
use super::rules::{CHANNELS, MARGIN, STAGES, UNITS, choose, invalid, setting_rules};
use super::schedule::Schedule;
use crate::augment::Augment;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::features::View;
use crate::head::{Activation, HeadKind};
use serde::{Deserialize, Serialize};

/// Settings as they come from JavaScript or the command line; anything left out takes its default. What each may be is
/// told by [`setting_rules`], in JavaScript `trainer.rules`.
///
/// Numbers are floats here so that `1.5` epochs or `NaN` are named by [`TrainConfig::check`] instead of failing
/// somewhere in a parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TrainConfig {
    /// `linear`, `mlp:UNITS`, `conv:CHANNELS` (a 3×3 convolution before pooling) or `svm` (`svm:C`).
    #[cfg_attr(test, ts(type = r#""linear" | `mlp:${number}` | `conv:${number}` | `svm:${number}` | "svm""#))]
    pub head: String,
    /// Activation of an MLP's hidden layer: `relu`, `silu` or `tanh`.
    #[cfg_attr(test, ts(type = r#""relu" | "silu" | "tanh""#))]
    pub activation: String,
    /// `none`, `last:N` or `all`: which stages of the backbone train.
    #[cfg_attr(test, ts(type = r#""none" | `last:${number}` | "all""#))]
    pub fine_tune: String,
    /// Passes over the training pictures while the head trains alone.
    pub epochs: f64,
    /// Passes over the training pictures while the backbone is fine-tuned.
    pub fine_tune_epochs: f64,
    /// Peak learning rate of the head while it trains alone.
    pub learning_rate: f64,
    /// Peak learning rate of the last stage of the backbone.
    pub backbone_learning_rate: f64,
    /// Peak learning rate of the head while the backbone is fine-tuned.
    pub head_learning_rate: f64,
    /// Each stage learns at this share of the rate of the stage after it.
    pub depth_decay: f64,
    /// Epochs until one further stage is unfrozen, from the last one on; 0 unfreezes all at once.
    pub unfreeze_every: f64,
    /// Whether BatchNorm's scale and shift train with their stage; its statistics never change.
    pub train_norms: bool,
    /// Pictures a step.
    pub batch_size: f64,
    /// `adamw`, `adam` or `sgd`.
    #[cfg_attr(test, ts(type = r#""adamw" | "adam" | "sgd""#))]
    pub optimizer: String,
    /// Momentum of `sgd`.
    pub momentum: f64,
    /// Gradients are scaled down to this global norm; 0 leaves them.
    pub clip_norm: f64,
    /// `cosine`, `constant`, `step` or `plateau`.
    #[cfg_attr(test, ts(type = r#""cosine" | "constant" | "step" | "plateau""#))]
    pub schedule: String,
    /// Share of each phase's steps over which the rates rise to their peak.
    pub warm_up: f64,
    /// Epochs between two reductions (`step`), or without a better validation loss before one (`plateau`).
    pub step_every: f64,
    /// Factor of a reduction (`step` and `plateau`).
    pub step_factor: f64,
    /// Weight decay: decoupled for `adamw`, added to the gradient for `adam` and `sgd`; not on biases and norms.
    pub weight_decay: f64,
    /// Share of the label spread over all classes.
    pub label_smoothing: f64,
    /// `none`, or `balanced`: pictures of rare classes count for more.
    #[cfg_attr(test, ts(type = r#""none" | "balanced""#))]
    pub class_weights: String,
    /// Share of the last layer's inputs that is dropped in training.
    pub dropout: f64,
    /// Whether half of the pictures are seen mirrored in training.
    pub flip: bool,
    /// Random crops keep at least this share of the picture's area; 1 keeps all of it.
    pub zoom: f64,
    /// Pictures are turned by at most this many degrees.
    pub rotation: f64,
    /// Brightness changes by at most this share.
    pub brightness: f64,
    /// Contrast changes by at most this share.
    pub contrast: f64,
    /// Random variants of a picture that are made once and cached, where `zoom`, `rotation`, `brightness` or
    /// `contrast` ask for any. Where nothing is cached every step makes fresh ones.
    pub variants: f64,
    /// Share of each class held out to validate.
    pub validation: f64,
    /// Epochs without a better validation figure before a phase stops early; 0 never stops early.
    pub patience: f64,
    /// The validation figure that decides which epoch is best: `loss`, `accuracy`, or `auto`: the loss while the head
    /// trains alone, the accuracy while the backbone is fine-tuned.
    #[cfg_attr(test, ts(type = r#""auto" | "loss" | "accuracy""#))]
    pub monitor: String,
    /// Whether training goes on from the present model (its head and backbone) instead of from scratch.
    pub warm_start: bool,
    /// Megabytes that cached activations may take; 0 goes by the device's memory.
    pub memory_limit: f64,
    /// Seed of everything random.
    pub seed: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            head: "linear".into(),
            activation: "relu".into(),
            fine_tune: "none".into(),
            epochs: 40.0,
            fine_tune_epochs: 10.0,
            learning_rate: 1e-3,
            backbone_learning_rate: 1e-3,
            head_learning_rate: 1e-4,
            depth_decay: 0.8,
            unfreeze_every: 0.0,
            train_norms: false,
            batch_size: 32.0,
            optimizer: "adamw".into(),
            momentum: 0.9,
            clip_norm: 0.0,
            schedule: "cosine".into(),
            warm_up: 0.1,
            step_every: 5.0,
            step_factor: 0.3,
            weight_decay: 0.01,
            label_smoothing: 0.1,
            class_weights: "none".into(),
            dropout: 0.0,
            flip: true,
            zoom: 1.0,
            rotation: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            variants: 4.0,
            validation: 0.2,
            patience: 0.0,
            monitor: "auto".into(),
            warm_start: false,
            memory_limit: 0.0,
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
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// The validation figure that decides which epoch is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    /// The loss while the head trains alone, the accuracy while the backbone is fine-tuned.
    Auto,
    /// The lowest loss.
    Loss,
    /// The highest accuracy.
    Accuracy,
}

/// A schedule, once it is known how often and by how much it reduces.
type MakeSchedule = fn(u32, f64) -> Schedule;

pub(super) const OPTIMIZERS: [(&str, OptimizerKind); 3] =
    [("adamw", OptimizerKind::AdamW), ("adam", OptimizerKind::Adam), ("sgd", OptimizerKind::Sgd)];

pub(super) const SCHEDULES: [(&str, MakeSchedule); 4] = [
    ("cosine", |_, _| Schedule::Cosine),
    ("constant", |_, _| Schedule::Constant),
    ("step", |every, factor| Schedule::Step { every, factor }),
    ("plateau", |patience, factor| Schedule::Plateau { patience, factor }),
];

/// Whether the classes are balanced.
pub(super) const CLASS_WEIGHTS: [(&str, bool); 2] = [("none", false), ("balanced", true)];

pub(super) const MONITORS: [(&str, Monitor); 3] =
    [("auto", Monitor::Auto), ("loss", Monitor::Loss), ("accuracy", Monitor::Accuracy)];

/// Checked settings; every number is inside its range.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the same fields as in TrainConfig, with types that cannot be out of range
pub struct ValidConfig {
    pub head: HeadKind,
    pub fine_tune: FineTune,
    pub epochs: u32,
    pub fine_tune_epochs: u32,
    pub learning_rate: f64,
    pub backbone_learning_rate: f64,
    pub head_learning_rate: f64,
    pub depth_decay: f64,
    pub unfreeze_every: u32,
    pub train_norms: bool,
    pub batch_size: usize,
    pub optimizer: OptimizerSettings,
    pub schedule: Schedule,
    pub warm_up: f64,
    pub label_smoothing: f64,
    pub balanced: bool,
    pub dropout: f64,
    pub augment: Augment,
    pub variants: u32,
    pub validation: f64,
    pub patience: u32,
    pub monitor: Monitor,
    pub warm_start: bool,
    /// In bytes; `None` goes by the device.
    pub memory_limit: Option<u64>,
    pub seed: u32,
}

impl TrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] naming the setting, its value and its range.
    pub fn check(&self) -> Result<ValidConfig> {
        // Whole numbers are whole and every number is in its range from here on, so that casts keep them as they are.
        setting_rules().check_numbers(self)?;
        let schedule = choose("schedule", &self.schedule, &SCHEDULES)?;
        Ok(ValidConfig {
            head: HeadKind::parse(&self.head, &self.activation)?,
            fine_tune: self.fine_tune.parse()?,
            epochs: self.epochs as u32,
            fine_tune_epochs: self.fine_tune_epochs as u32,
            learning_rate: self.learning_rate,
            backbone_learning_rate: self.backbone_learning_rate,
            head_learning_rate: self.head_learning_rate,
            depth_decay: self.depth_decay,
            unfreeze_every: self.unfreeze_every as u32,
            train_norms: self.train_norms,
            batch_size: self.batch_size as usize,
            optimizer: OptimizerSettings {
                kind: self.optimizer.parse()?,
                weight_decay: self.weight_decay,
                momentum: self.momentum,
                clip_norm: Some(self.clip_norm).filter(|norm| *norm > 0.0),
            },
            schedule: schedule(self.step_every as u32, self.step_factor),
            warm_up: self.warm_up,
            label_smoothing: self.label_smoothing,
            balanced: choose("classWeights", &self.class_weights, &CLASS_WEIGHTS)?,
            dropout: self.dropout,
            augment: Augment {
                flip: self.flip,
                zoom: self.zoom,
                rotation: self.rotation,
                brightness: self.brightness,
                contrast: self.contrast,
            },
            variants: self.variants as u32,
            validation: self.validation,
            patience: self.patience as u32,
            monitor: choose("monitor", &self.monitor, &MONITORS)?,
            warm_start: self.warm_start,
            memory_limit: Some(self.memory_limit)
                .filter(|megabytes| *megabytes > 0.0)
                .map(|megabytes| (megabytes * f64::from(1 << 20)) as u64),
            seed: self.seed as u32,
        })
    }
}

impl ValidConfig {
    /// Weight of the penalty of an SVM on so many pictures, 1 / (C · n): the mean loss and it are then LIBLINEAR's
    /// objective divided by C · n. `None` for other heads.
    pub(super) fn svm_penalty(&self, pictures: usize) -> Option<f64> {
        match self.head {
            HeadKind::Svm { c } => Some(1.0 / (c * pictures.max(1) as f64)),
            _ => None,
        }
    }

    /// Whether weight decay applies to the head: an SVM has its own penalty instead.
    pub(super) fn head_decays(&self) -> bool {
        !matches!(self.head, HeadKind::Svm { .. })
    }

    /// The loss for a training set with these labels.
    pub(super) fn objective(&self, labels: &[usize], classes: usize) -> Objective {
        match self.head {
            HeadKind::Svm { .. } => Objective::SquaredHinge,
            _ => Objective::CrossEntropy {
                smoothing: self.label_smoothing,
                weights: self.balanced.then(|| balanced_weights(labels, classes)),
            },
        }
    }

    /// Views of a training picture that are cached where activations are.
    pub(crate) fn views(&self) -> Vec<View> {
        let mirrored = self.augment.flip.then_some(View::Mirrored);
        let variants = if self.augment.changes_pixels() { self.variants } else { 0 };
        std::iter::once(View::Plain).chain(mirrored).chain((0..variants).map(View::Variant)).collect()
    }
}

impl FineTune {
    /// The first stage that trains; the backbone's depth where none does.
    ///
    /// # Errors
    /// See [`Backbone::boundary_before_last`].
    pub fn boundary(self, backbone: &Backbone) -> Result<usize> {
        backbone.boundary_before_last(match self {
            Self::None => 0,
            Self::Last(blocks) => blocks,
            Self::All => backbone.depth(),
        })
    }
}

impl std::str::FromStr for FineTune {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Ok(Self::None),
            ("all", "") => Ok(Self::All),
            ("last", blocks) => match STAGES.read(Some(blocks)) {
                Some(blocks) => Ok(Self::Last(blocks as usize)),
                None => {
                    Err(invalid("fineTune", text, format!("none, last:N with N from {}, or all", STAGES.range.min)))
                }
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

impl HeadKind {
    /// Reads `linear`, `mlp`, `mlp:UNITS`, `conv`, `conv:CHANNELS`, `svm` or `svm:C`, and the activation of an MLP. A
    /// number that is left out takes its default.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`].
    pub fn parse(text: &str, activation: &str) -> Result<Self> {
        let bad = |expected: String| invalid("head", text, expected);
        let activation = Activation::parse(activation)?;
        let (name, part) = text.split_once(':').map_or((text, None), |(name, part)| (name, Some(part)));
        match name {
            "linear" if part.is_none() => Ok(Self::Linear),
            "mlp" => match UNITS.read(part) {
                Some(units) => Ok(Self::Mlp { hidden: units as usize, activation }),
                None => Err(bad(format!("mlp:UNITS with {} units", UNITS.range.ends()))),
            },
            "conv" => match CHANNELS.read(part) {
                Some(channels) => Ok(Self::Conv { channels: channels as usize }),
                None => Err(bad(format!("conv:CHANNELS with {} channels", CHANNELS.range.ends()))),
            },
            "svm" => match MARGIN.read(part) {
                Some(c) => Ok(Self::Svm { c }),
                None => Err(bad(format!("svm:C with C {}", MARGIN.range))),
            },
            _ => Err(bad("linear, mlp:UNITS, conv:CHANNELS or svm:C".into())),
        }
    }
}

impl std::str::FromStr for OptimizerKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        choose("optimizer", text, &OPTIMIZERS)
    }
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
            (r#"{"activation":"sine"}"#, "activation=sine"),
            (r#"{"fineTuneEpochs":0}"#, "fineTuneEpochs=0"),
            (r#"{"depthDecay":0}"#, "depthDecay=0"),
            (r#"{"momentum":1}"#, "momentum=1"),
            (r#"{"clipNorm":-1}"#, "clipNorm=-1"),
            (r#"{"warmUp":1}"#, "warmUp=1"),
            (r#"{"stepFactor":0}"#, "stepFactor=0"),
            (r#"{"classWeights":"heavy"}"#, "classWeights=heavy"),
            (r#"{"zoom":0}"#, "zoom=0"),
            (r#"{"rotation":181}"#, "rotation=181"),
            (r#"{"variants":0}"#, "variants=0"),
            (r#"{"monitor":"luck"}"#, "monitor=luck"),
            (r#"{"memoryLimit":-1}"#, "memoryLimit=-1"),
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
