//! One error type for the whole library: a stable code, the offending value and a sentence for a person.

use std::fmt;

/// Everything that can go wrong, one variant for each cause.
///
/// [`Error::code`] is stable and meant for programs, [`fmt::Display`] is one clear sentence meant for people.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// A class name with nothing but white space in it.
    ClassNameEmpty,
    /// A second class of the same name.
    ClassNameTaken(String),
    /// No class of this name.
    ClassUnknown(String),
    /// No picture with this number.
    ImageUnknown(u32),
    /// A picture without pixels, or whose buffer does not match its size.
    PictureEmpty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Length of the RGBA buffer in bytes.
        bytes: usize,
    },
    /// A picture file that cannot be decoded (native command line only: in the browser the browser decodes).
    PictureUnreadable {
        /// The file's name.
        name: String,
        /// What the decoder said.
        reason: String,
    },
    /// Training needs two classes at least.
    TooFewClasses(usize),
    /// A class without a single picture.
    ClassWithoutPictures(String),
    /// A setting outside its range.
    ConfigInvalid {
        /// The setting, as it is written in the configuration.
        field: &'static str,
        /// The value that was given.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// `config.json` of a backbone is not what it should be.
    BackboneConfigInvalid(String),
    /// An architecture that this library does not know.
    BackboneUnsupported(String),
    /// The weights end before their header says, or are no safetensors file.
    BackboneTruncated(String),
    /// A tensor that the architecture needs and the file lacks.
    BackboneTensorMissing(String),
    /// A tensor that the architecture has no place for.
    BackboneTensorUnknown(String),
    /// A tensor of another shape than the architecture's.
    BackboneTensorShape {
        /// Name of the tensor in the file.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape that the architecture asks for.
        expected: Vec<usize>,
    },
    /// A tensor with a NaN or an infinite value in it, or a negative variance.
    BackboneTensorNotFinite(String),
    /// The engine that was asked for is not to be had.
    EngineUnavailable(String),
    /// The GPU went away.
    DeviceLost(String),
    /// Asked for something that needs a trained model.
    NotTrained,
    /// A training that ended before its first epoch did, while there was a model to keep.
    NothingLearned,
    /// Asked to measure a model on held-out pictures where none are held out.
    NothingHeldOut,
    /// Asked for a training step while no training runs.
    NotTraining,
    /// Asked to start while training runs.
    TrainingRunning,
    /// A number for a class or a picture that is given already.
    IdTaken(u32),
    /// Asked to forget a picture that is still shown.
    ImageNotRemoved(u32),
    /// Asked to go on from a model of other classes; it tells these apart.
    ModelClassesDiffer(String),
    /// Asked to go on from a model with another head, which is this.
    ModelHeadDiffers(String),
    /// Asked to go on from a model whose pictures are cropped or scaled in another way.
    ModelPreparesOtherwise,
    /// The written form of a project that cannot be read.
    ProjectFileInvalid(String),
    /// A saved model that cannot be read.
    ModelFileInvalid(String),
    /// More stages to fine-tune than the backbone's card allows.
    NotFineTunable {
        /// Stages that were asked for.
        blocks: usize,
        /// How far it can be fine-tuned and why.
        reason: String,
    },
    /// A loss that is not a number any more.
    NotFinite(String),
    /// A bug: something that should not be possible.
    Internal(String),
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A stable name for programs, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClassNameEmpty => "class_name_empty",
            Self::ClassNameTaken(_) => "class_name_taken",
            Self::ClassUnknown(_) => "class_unknown",
            Self::ImageUnknown(_) => "image_unknown",
            Self::PictureEmpty { .. } => "picture_empty",
            Self::PictureUnreadable { .. } => "picture_unreadable",
            Self::TooFewClasses(_) => "too_few_classes",
            Self::ClassWithoutPictures(_) => "class_without_pictures",
            Self::ConfigInvalid { .. } => "config_invalid",
            Self::BackboneConfigInvalid(_) => "backbone_config_invalid",
            Self::BackboneUnsupported(_) => "backbone_unsupported",
            Self::BackboneTruncated(_) => "backbone_truncated",
            Self::BackboneTensorMissing(_) => "backbone_tensor_missing",
            Self::BackboneTensorUnknown(_) => "backbone_tensor_unknown",
            Self::BackboneTensorShape { .. } => "backbone_tensor_shape",
            Self::BackboneTensorNotFinite(_) => "backbone_tensor_not_finite",
            Self::EngineUnavailable(_) => "engine_unavailable",
            Self::DeviceLost(_) => "device_lost",
            Self::NotTrained => "not_trained",
            Self::NothingLearned => "nothing_learned",
            Self::NothingHeldOut => "nothing_held_out",
            Self::NotTraining => "not_training",
            Self::TrainingRunning => "training_running",
            Self::IdTaken(_) => "id_taken",
            Self::ImageNotRemoved(_) => "image_not_removed",
            Self::ModelClassesDiffer(_) => "model_classes_differ",
            Self::ModelHeadDiffers(_) => "model_head_differs",
            Self::ModelPreparesOtherwise => "model_prepares_otherwise",
            Self::ProjectFileInvalid(_) => "project_file_invalid",
            Self::ModelFileInvalid(_) => "model_file_invalid",
            Self::NotFineTunable { .. } => "not_fine_tunable",
            Self::NotFinite(_) => "not_finite",
            Self::Internal(_) => "internal",
        }
    }

    /// The offending value as text, where there is one.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::ClassNameEmpty
            | Self::NotTrained
            | Self::NothingLearned
            | Self::NothingHeldOut
            | Self::NotTraining
            | Self::TrainingRunning
            | Self::ModelPreparesOtherwise => None,
            Self::ClassNameTaken(value)
            | Self::ClassUnknown(value)
            | Self::ClassWithoutPictures(value)
            | Self::BackboneConfigInvalid(value)
            | Self::BackboneUnsupported(value)
            | Self::BackboneTruncated(value)
            | Self::BackboneTensorMissing(value)
            | Self::BackboneTensorUnknown(value)
            | Self::BackboneTensorNotFinite(value)
            | Self::EngineUnavailable(value)
            | Self::DeviceLost(value)
            | Self::ModelFileInvalid(value)
            | Self::ModelClassesDiffer(value)
            | Self::ModelHeadDiffers(value)
            | Self::ProjectFileInvalid(value)
            | Self::NotFinite(value)
            | Self::Internal(value) => Some(value.clone()),
            Self::ImageUnknown(id) | Self::IdTaken(id) | Self::ImageNotRemoved(id) => Some(id.to_string()),
            Self::NotFineTunable { blocks, .. } => Some(format!("last:{blocks}")),
            Self::TooFewClasses(count) => Some(count.to_string()),
            Self::PictureEmpty { width, height, .. } => Some(format!("{width}x{height}")),
            Self::PictureUnreadable { name, .. } => Some(name.clone()),
            Self::ConfigInvalid { field, value, .. } => Some(format!("{field}={value}")),
            Self::BackboneTensorShape { name, .. } => Some(name.clone()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClassNameEmpty => write!(f, "A class needs a name."),
            Self::ClassNameTaken(name) => write!(f, "There is already a class named “{name}”."),
            Self::ClassUnknown(name) => write!(f, "There is no class named “{name}”."),
            Self::ImageUnknown(id) => write!(f, "There is no picture number {id}."),
            Self::PictureEmpty { width, height, bytes } => {
                write!(f, "This picture has no usable pixels ({width} × {height} with {bytes} bytes of RGBA).")
            }
            Self::PictureUnreadable { name, reason } => {
                write!(f, "“{name}” is not a picture that can be read: {reason}.")
            }
            Self::TooFewClasses(count) => write!(
                f,
                "Training needs at least two classes with pictures; there {} {count}.",
                if *count == 1 { "is" } else { "are" }
            ),
            Self::ClassWithoutPictures(name) => {
                write!(f, "The class “{name}” has no pictures yet: add some or delete the class.")
            }
            Self::ConfigInvalid { field, value, expected } => {
                write!(f, "The setting {field} cannot be {value}: it must be {expected}.")
            }
            Self::BackboneConfigInvalid(reason) => {
                write!(f, "The backbone's config.json cannot be used: {reason}.")
            }
            Self::BackboneUnsupported(name) => {
                write!(f, "Backbones of the architecture “{name}” are not supported.")
            }
            Self::BackboneTruncated(reason) => {
                write!(f, "The backbone's weights are damaged or not a safetensors file: {reason}.")
            }
            Self::BackboneTensorMissing(name) => {
                write!(f, "The backbone's weights lack the tensor {name}.")
            }
            Self::BackboneTensorUnknown(name) => {
                write!(f, "The backbone's weights hold a tensor of no known place, {name}.")
            }
            Self::BackboneTensorShape { name, found, expected } => {
                write!(f, "The backbone's tensor {name} has the shape {found:?} and should have {expected:?}.")
            }
            Self::BackboneTensorNotFinite(name) => {
                write!(
                    f,
                    "The backbone's tensor {name} holds values that are not finite numbers, or variances below 0."
                )
            }
            Self::EngineUnavailable(reason) => write!(f, "This engine cannot be used: {reason}."),
            Self::DeviceLost(reason) => {
                write!(f, "The GPU stopped answering ({reason}). Nothing is lost: Headstart goes on with the CPU.")
            }
            Self::NotTrained => write!(f, "There is no trained model yet: train one or load one."),
            Self::NothingLearned => {
                write!(f, "Training ended before its first epoch did; the model that there was is kept.")
            }
            Self::NothingHeldOut => {
                write!(f, "This model was trained without holding pictures out, so there is nothing to measure it on.")
            }
            Self::NotTraining => write!(f, "No training is running."),
            Self::TrainingRunning => write!(f, "Training is already running."),
            Self::IdTaken(id) => write!(f, "The number {id} is given already: each is given once."),
            Self::ImageNotRemoved(id) => {
                write!(f, "The picture number {id} is still shown: remove it before it is forgotten.")
            }
            Self::ModelClassesDiffer(classes) => write!(
                f,
                "The present model tells apart {classes}. The classes are other ones, so training cannot go on from it."
            ),
            Self::ModelHeadDiffers(head) => {
                write!(
                    f,
                    "The present model has another head ({head}), so training can go on from it with that head only."
                )
            }
            Self::ModelPreparesOtherwise => write!(
                f,
                "The present model wants its pictures cropped or scaled in another way, so training cannot go on from it."
            ),
            Self::ProjectFileInvalid(reason) => write!(f, "This project cannot be opened: {reason}."),
            Self::ModelFileInvalid(reason) => {
                write!(f, "This file is not a saved Headstart model: {reason}.")
            }
            Self::NotFineTunable { reason, .. } => write!(f, "{reason}"),
            Self::NotFinite(what) => {
                write!(f, "Training stopped because {what} is no longer a finite number; try a lower learning rate.")
            }
            Self::Internal(what) => write!(f, "Something went wrong inside Headstart: {what}."),
        }
    }
}

impl std::error::Error for Error {}
