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
    /// linear or mlp:UNITS.
    #[arg(long)]
    pub head: Option<String>,
    /// none, last:N or all.
    #[arg(long)]
    pub fine_tune: Option<String>,
    /// Passes over the training pictures.
    #[arg(long, allow_negative_numbers = true)]
    pub epochs: Option<f64>,
    /// Peak learning rate of the head.
    #[arg(long, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Peak learning rate of fine-tuned stages.
    #[arg(long, allow_negative_numbers = true)]
    pub backbone_learning_rate: Option<f64>,
    /// Pictures a step.
    #[arg(long, allow_negative_numbers = true)]
    pub batch_size: Option<f64>,
    /// adamw or adam.
    #[arg(long)]
    pub optimizer: Option<String>,
    /// cosine or constant.
    #[arg(long)]
    pub schedule: Option<String>,
    /// Weight decay.
    #[arg(long, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Share of the label spread over all classes.
    #[arg(long, allow_negative_numbers = true)]
    pub label_smoothing: Option<f64>,
    /// Share of the last layer's inputs dropped in training.
    #[arg(long, allow_negative_numbers = true)]
    pub dropout: Option<f64>,
    /// Share of each class held out to validate.
    #[arg(long, allow_negative_numbers = true)]
    pub validation: Option<f64>,
    /// Epochs without a better validation loss before stopping early; 0 never does.
    #[arg(long, allow_negative_numbers = true)]
    pub patience: Option<f64>,
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
            fine_tune: text(&self.fine_tune, defaults.fine_tune),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            backbone_learning_rate: self.backbone_learning_rate.unwrap_or(defaults.backbone_learning_rate),
            batch_size: self.batch_size.unwrap_or(defaults.batch_size),
            optimizer: text(&self.optimizer, defaults.optimizer),
            schedule: text(&self.schedule, defaults.schedule),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            label_smoothing: self.label_smoothing.unwrap_or(defaults.label_smoothing),
            dropout: self.dropout.unwrap_or(defaults.dropout),
            validation: self.validation.unwrap_or(defaults.validation),
            patience: self.patience.unwrap_or(defaults.patience),
            seed: self.seed.unwrap_or(defaults.seed),
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
