//! What can be typed.

use clap::{Args as ClapArgs, Parser, Subcommand};
use headstart::backbone::{Arithmetic, WeightStorage};
use headstart::engine::EngineChoice;
use headstart::export::ExportFormat;
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
    /// Train on a folder that holds one folder of pictures a class, or on a project file of the page.
    Train(Box<Train>),
    /// Measure a saved model on a folder that holds one folder of pictures a class, or a project's on its own pictures.
    Evaluate {
        /// A saved model, or a project file with one in it.
        file: PathBuf,
        /// The folder. Without one, the model of a project file is measured on the project's test set or, where it has
        /// none, on the pictures that were held out.
        dir: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Classify pictures with a saved model.
    Predict {
        /// A saved model, or a project file with one in it.
        file: PathBuf,
        /// The pictures.
        #[arg(required = true)]
        images: Vec<PathBuf>,
        /// Write a table too: a row a picture, a column a class.
        #[arg(long, value_name = "FILE.csv")]
        csv: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// List the layers of a backbone or a saved model: shapes, parameters, what can train and why; and what a project holds.
    Inspect {
        /// A backbone folder, a weights file (safetensors), the name of the bundled backbone or of an architecture, a
        /// saved model, or a project file.
        what: String,
        /// Show what trains with this scope, none, last:N or all, instead of what can train.
        #[arg(long)]
        fine_tune: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Store a backbone's weights in another form, for fewer bytes to load.
    Convert(Convert),
    /// Write a saved model in the format of another program, its preparation of pictures with it.
    Export(Export),
}

#[derive(ClapArgs)]
pub struct Convert {
    /// A backbone folder, a weights file (safetensors) or the name of the bundled backbone.
    pub backbone: String,
    /// f32, f16, or int8: 8-bit integers with a scale for each output channel.
    #[arg(long)]
    pub to: WeightStorage,
    /// The folder to write; it is made where it is missing.
    #[arg(long)]
    pub out: PathBuf,
    /// Measure what it costs on the pictures of a folder with train and test in it, each with one folder a class.
    #[arg(long, num_args = 1.., value_name = "TASK")]
    pub measure: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct Export {
    /// A saved model, or a project file with one in it.
    pub file: PathBuf,
    /// onnx, tfjs (TensorFlow.js), teachable-machine (its library and ml5), timm (and transformers), or page (a site of its own).
    #[arg(long)]
    pub to: ExportFormat,
    /// How weights are stored: f32, f16, or int8 with a scale for each output channel.
    #[arg(long, default_value = "f32")]
    pub weights: WeightStorage,
    /// The file to write; beside the model where nothing is said.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// What the model is called there; the name of its file where nothing is said.
    #[arg(long)]
    pub name: Option<String>,
    /// The model's own files alone, without README and golden pictures; of ONNX that is the one file.
    #[arg(long)]
    pub bare: bool,
    /// The folder with the page's files, which ./build.sh build makes.
    #[arg(long, default_value = "dist/player", value_name = "DIR")]
    pub player: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
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
    /// Folder with one folder of pictures a class, or a project file (.headstart) as the page saves it: its pictures,
    /// recordings, test set and settings, of which what is typed here takes the place.
    #[arg(value_name = "DIR|PROJECT")]
    pub what: PathBuf,
    /// A CSV file that says which pictures of the folder belong to one recording, in columns such as file and group: they
    /// stay on one side of the split.
    #[arg(long, value_name = "FILE.csv")]
    pub groups: Option<PathBuf>,
    /// A folder of the same classes to test the finished model on; copies of training pictures in it are left out and told.
    #[arg(long)]
    pub test: Option<PathBuf>,
    /// A backbone folder (config.json and model.safetensors), a weights file or the name of the bundled backbone; without
    /// it the bundled one, or that of the project.
    #[arg(long)]
    pub backbone: Option<String>,
    /// What frozen stages compute in: float, or int8, which is faster in browsers and slightly less exact; without it as the
    /// project does, and else float. A model that is gone on from keeps its own.
    #[arg(long, conflicts_with_all = ["from", "further"])]
    pub arithmetic: Option<Arithmetic>,
    /// A saved model to go on from, with its backbone and its head.
    #[arg(long, conflicts_with = "backbone")]
    pub from: Option<PathBuf>,
    /// Go on from the model of the project instead of training anew.
    #[arg(long, conflicts_with = "from")]
    pub further: bool,
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
    #[arg(long, overrides_with = "no_train_norms")]
    pub train_norms: bool,
    /// Do not, where the project's settings ask for it.
    #[arg(long, overrides_with = "train_norms")]
    pub no_train_norms: bool,
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
    #[arg(long, overrides_with = "flip")]
    pub no_flip: bool,
    /// Mirror them, where the project's settings say not to.
    #[arg(long, overrides_with = "no_flip")]
    pub flip: bool,
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
    /// Where to save all of it, pictures included, as a project file (.headstart) that the page opens; it may be the one
    /// that was read.
    #[arg(long, value_name = "PROJECT")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

impl Train {
    /// The settings: those that there are with what was typed put over them.
    pub fn config(&self, before: TrainConfig) -> TrainConfig {
        let text = |typed: &Option<String>, before: String| typed.clone().unwrap_or(before);
        TrainConfig {
            head: text(&self.head, before.head),
            activation: text(&self.activation, before.activation),
            fine_tune: text(&self.fine_tune, before.fine_tune),
            epochs: self.epochs.unwrap_or(before.epochs),
            fine_tune_epochs: self.fine_tune_epochs.unwrap_or(before.fine_tune_epochs),
            learning_rate: self.learning_rate.unwrap_or(before.learning_rate),
            backbone_learning_rate: self.backbone_learning_rate.unwrap_or(before.backbone_learning_rate),
            head_learning_rate: self.head_learning_rate.unwrap_or(before.head_learning_rate),
            depth_decay: self.depth_decay.unwrap_or(before.depth_decay),
            unfreeze_every: self.unfreeze_every.unwrap_or(before.unfreeze_every),
            train_norms: self.train_norms || before.train_norms && !self.no_train_norms,
            batch_size: self.batch_size.unwrap_or(before.batch_size),
            optimizer: text(&self.optimizer, before.optimizer),
            momentum: self.momentum.unwrap_or(before.momentum),
            clip_norm: self.clip_norm.unwrap_or(before.clip_norm),
            schedule: text(&self.schedule, before.schedule),
            warm_up: self.warm_up.unwrap_or(before.warm_up),
            step_every: self.step_every.unwrap_or(before.step_every),
            step_factor: self.step_factor.unwrap_or(before.step_factor),
            weight_decay: self.weight_decay.unwrap_or(before.weight_decay),
            label_smoothing: self.label_smoothing.unwrap_or(before.label_smoothing),
            class_weights: text(&self.class_weights, before.class_weights),
            dropout: self.dropout.unwrap_or(before.dropout),
            flip: self.flip || before.flip && !self.no_flip,
            zoom: self.zoom.unwrap_or(before.zoom),
            rotation: self.rotation.unwrap_or(before.rotation),
            brightness: self.brightness.unwrap_or(before.brightness),
            contrast: self.contrast.unwrap_or(before.contrast),
            variants: self.variants.unwrap_or(before.variants),
            validation: self.validation.unwrap_or(before.validation),
            patience: self.patience.unwrap_or(before.patience),
            monitor: text(&self.monitor, before.monitor),
            memory_limit: self.memory_limit.unwrap_or(before.memory_limit),
            seed: self.seed.unwrap_or(before.seed),
            // Not what the training before was: whoever wants that says so.
            warm_start: self.from.is_some() || self.further,
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
