//! What can be typed.

use clap::{Args as ClapArgs, Parser, Subcommand};
use headstart::engine::EngineChoice;
use headstart::train::TrainConfig;
use std::path::PathBuf;

/// Train an image classifier on folders of pictures, on this computer.
#[derive(Parser)]
#[command(version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Train on a folder that holds one folder of pictures a class.
    Train(Box<Train>),
    /// Measure a saved model on a folder that holds one folder of pictures a class.
    Evaluate {
        /// A saved model.
        file: PathBuf,
        /// The folder.
        dir: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Classify pictures with a saved model.
    Predict {
        /// A saved model.
        file: PathBuf,
        /// The pictures.
        #[arg(required = true)]
        images: Vec<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// List the layers of a backbone or a saved model: shapes, parameters, what can train and why.
    Inspect {
        /// A backbone folder, the name of a bundled backbone, or a saved model.
        what: String,
        /// Show what trains with this scope, none, last:N or all, instead of what can train.
        #[arg(long)]
        fine_tune: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(ClapArgs)]
pub struct Common {
    /// auto, gpu or cpu.
    #[arg(long, default_value = "auto", value_parser = engine)]
    pub engine: EngineChoice,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct Train {
    /// Folder with one folder of pictures a class.
    pub dir: PathBuf,
    /// A folder of the same classes to test the finished model on.
    #[arg(long)]
    pub test: Option<PathBuf>,
    /// A backbone folder (config.json and model.safetensors) or the name of a bundled backbone.
    #[arg(long, default_value = crate::pictures::DEFAULT_BACKBONE)]
    pub backbone: String,
    /// A saved model to go on from, with its backbone and its head.
    #[arg(long, conflicts_with = "backbone")]
    pub from: Option<PathBuf>,
    /// linear, mlp:UNITS, conv:CHANNELS or svm:C.
    #[arg(long)]
    pub head: Option<String>,
    /// Activation of an MLP's hidden layer: relu, silu or tanh.
    #[arg(long)]
    pub activation: Option<String>,
    /// none, last:N or all.
    #[arg(long)]
    pub fine_tune: Option<String>,
    /// Passes over the training pictures while the head trains alone.
    #[arg(long, allow_negative_numbers = true)]
    pub epochs: Option<f64>,
    /// Passes over the training pictures while the backbone is fine-tuned.
    #[arg(long, allow_negative_numbers = true)]
    pub fine_tune_epochs: Option<f64>,
    /// Peak learning rate of the head while it trains alone.
    #[arg(long, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Peak learning rate of the last stage of the backbone.
    #[arg(long, allow_negative_numbers = true)]
    pub backbone_learning_rate: Option<f64>,
    /// Peak learning rate of the head while the backbone is fine-tuned.
    #[arg(long, allow_negative_numbers = true)]
    pub head_learning_rate: Option<f64>,
    /// Each stage learns at this share of the rate of the stage after it.
    #[arg(long, allow_negative_numbers = true)]
    pub depth_decay: Option<f64>,
    /// Epochs until one further stage is unfrozen; 0 unfreezes all at once.
    #[arg(long, allow_negative_numbers = true)]
    pub unfreeze_every: Option<f64>,
    /// Train BatchNorm's scale and shift too; its statistics never change.
    #[arg(long)]
    pub train_norms: bool,
    /// Pictures a step.
    #[arg(long, allow_negative_numbers = true)]
    pub batch_size: Option<f64>,
    /// adamw, adam or sgd.
    #[arg(long)]
    pub optimizer: Option<String>,
    /// Momentum of sgd.
    #[arg(long, allow_negative_numbers = true)]
    pub momentum: Option<f64>,
    /// Scale gradients down to this global norm; 0 leaves them.
    #[arg(long, allow_negative_numbers = true)]
    pub clip_norm: Option<f64>,
    /// cosine, constant, step or plateau.
    #[arg(long)]
    pub schedule: Option<String>,
    /// Share of the steps over which the rates rise to their peak.
    #[arg(long, allow_negative_numbers = true)]
    pub warm_up: Option<f64>,
    /// Epochs between two reductions (step) or without a better loss before one (plateau).
    #[arg(long, allow_negative_numbers = true)]
    pub step_every: Option<f64>,
    /// Factor of a reduction (step and plateau).
    #[arg(long, allow_negative_numbers = true)]
    pub step_factor: Option<f64>,
    /// Weight decay.
    #[arg(long, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Share of the label spread over all classes.
    #[arg(long, allow_negative_numbers = true)]
    pub label_smoothing: Option<f64>,
    /// none, or balanced: pictures of rare classes count for more.
    #[arg(long)]
    pub class_weights: Option<String>,
    /// Share of the last layer's inputs dropped in training.
    #[arg(long, allow_negative_numbers = true)]
    pub dropout: Option<f64>,
    /// Do not mirror pictures in training.
    #[arg(long)]
    pub no_flip: bool,
    /// Smallest share of a picture's area that random crops keep; 1 keeps all of it.
    #[arg(long, allow_negative_numbers = true)]
    pub zoom: Option<f64>,
    /// Turn pictures by at most this many degrees.
    #[arg(long, allow_negative_numbers = true)]
    pub rotation: Option<f64>,
    /// Change the brightness by at most this share.
    #[arg(long, allow_negative_numbers = true)]
    pub brightness: Option<f64>,
    /// Change the contrast by at most this share.
    #[arg(long, allow_negative_numbers = true)]
    pub contrast: Option<f64>,
    /// Random variants of a picture that are cached.
    #[arg(long, allow_negative_numbers = true)]
    pub variants: Option<f64>,
    /// Share of each class held out to validate.
    #[arg(long, allow_negative_numbers = true)]
    pub validation: Option<f64>,
    /// Epochs without a better validation figure before a phase stops early; 0 never does.
    #[arg(long, allow_negative_numbers = true)]
    pub patience: Option<f64>,
    /// What decides which epoch is best: loss, accuracy or auto.
    #[arg(long)]
    pub monitor: Option<String>,
    /// Megabytes that cached activations may take; 0 is 1024.
    #[arg(long, allow_negative_numbers = true)]
    pub memory_limit: Option<f64>,
    /// Seed of everything random.
    #[arg(long, allow_negative_numbers = true)]
    pub seed: Option<f64>,
    /// Where to save the model.
    #[arg(long)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

impl Train {
    /// The settings: the defaults with what was typed put over them.
    pub fn config(&self) -> TrainConfig {
        let defaults = TrainConfig::default();
        let text = |typed: &Option<String>, default: String| typed.clone().unwrap_or(default);
        TrainConfig {
            head: text(&self.head, defaults.head),
            activation: text(&self.activation, defaults.activation),
            fine_tune: text(&self.fine_tune, defaults.fine_tune),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            fine_tune_epochs: self.fine_tune_epochs.unwrap_or(defaults.fine_tune_epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            backbone_learning_rate: self.backbone_learning_rate.unwrap_or(defaults.backbone_learning_rate),
            head_learning_rate: self.head_learning_rate.unwrap_or(defaults.head_learning_rate),
            depth_decay: self.depth_decay.unwrap_or(defaults.depth_decay),
            unfreeze_every: self.unfreeze_every.unwrap_or(defaults.unfreeze_every),
            train_norms: self.train_norms,
            batch_size: self.batch_size.unwrap_or(defaults.batch_size),
            optimizer: text(&self.optimizer, defaults.optimizer),
            momentum: self.momentum.unwrap_or(defaults.momentum),
            clip_norm: self.clip_norm.unwrap_or(defaults.clip_norm),
            schedule: text(&self.schedule, defaults.schedule),
            warm_up: self.warm_up.unwrap_or(defaults.warm_up),
            step_every: self.step_every.unwrap_or(defaults.step_every),
            step_factor: self.step_factor.unwrap_or(defaults.step_factor),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            label_smoothing: self.label_smoothing.unwrap_or(defaults.label_smoothing),
            class_weights: text(&self.class_weights, defaults.class_weights),
            dropout: self.dropout.unwrap_or(defaults.dropout),
            flip: !self.no_flip,
            zoom: self.zoom.unwrap_or(defaults.zoom),
            rotation: self.rotation.unwrap_or(defaults.rotation),
            brightness: self.brightness.unwrap_or(defaults.brightness),
            contrast: self.contrast.unwrap_or(defaults.contrast),
            variants: self.variants.unwrap_or(defaults.variants),
            validation: self.validation.unwrap_or(defaults.validation),
            patience: self.patience.unwrap_or(defaults.patience),
            monitor: text(&self.monitor, defaults.monitor),
            memory_limit: self.memory_limit.unwrap_or(defaults.memory_limit),
            seed: self.seed.unwrap_or(defaults.seed),
            warm_start: self.from.is_some(),
        }
    }
}

fn engine(text: &str) -> Result<EngineChoice, String> {
    match text {
        "auto" => Ok(EngineChoice::Auto),
        "gpu" | "webgpu" => Ok(EngineChoice::Webgpu),
        "cpu" => Ok(EngineChoice::Cpu),
        _ => Err("use auto, gpu or cpu".into()),
    }
}
