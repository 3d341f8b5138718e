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
    /// Weights without a card whose tensors are those of no architecture that this library knows; one of their names.
    BackboneNotRecognised(String),
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
    /// A tensor with a NaN or an infinite value in it, or a negative variance or scale.
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
    /// Asked to measure a model on a test set in which there is nothing that it can be measured on.
    NoTestPictures,
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
    /// Asked to go on from a model on another backbone than the present one; its architecture.
    ModelBackboneDiffers(String),
    /// Asked to train while so many pictures are still to be prepared for another backbone.
    BackboneChanging(usize),
    /// A project file, or the written form of a project, that cannot be read.
    ProjectFileInvalid(String),
    /// A zip that is no project file.
    ProjectFileKind(String),
    /// A project file of a version that this library does not know.
    ProjectFileVersion(String),
    /// A project file that lacks this member.
    ProjectFileMemberMissing(String),
    /// A project file in which this member is not what was written.
    ProjectFileMemberChanged(String),
    /// A file that could not be written.
    FileNotWritten(String),
    /// A file that is no zip, or a damaged one.
    ZipInvalid(String),
    /// A zip with a file in it whose name leads out of it.
    ZipUnsafeName(String),
    /// A zip with a file in it whose name has so many letters.
    ZipNameTooLong(usize),
    /// A zip with so many files in it.
    ZipTooManyFiles(usize),
    /// A file in a zip that would be too long unpacked.
    ZipFileTooLarge {
        /// Its name.
        name: String,
        /// The bytes that it says it has.
        bytes: u64,
        /// The bytes that it may have.
        largest: u64,
    },
    /// A zip that would be of so many bytes unpacked.
    ZipTooLarge(u128),
    /// A saved model that cannot be read.
    ModelFileInvalid(String),
    /// A saved model without its backbone, which is known by this name and is not at hand.
    ModelNeedsBackbone(String),
    /// A saved model without its backbone, where the one of this name is another one now.
    ModelBackboneChanged(String),
    /// Asked to save a model without its backbone, which came from none with a name, as far as is known.
    ModelBackboneUnnamed,
    /// A format that no model is exported in.
    FormatUnknown(String),
    /// A model that a format has no way to write.
    ExportUnsupported {
        /// The format.
        format: &'static str,
        /// Why, in words that end a sentence.
        reason: String,
    },
    /// What was kept of a training that was cut short and cannot be read.
    CheckpointInvalid(String),
    /// A training that was cut short, and whose pictures, settings or backbone are other ones now.
    CheckpointDiffers,
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
            Self::BackboneNotRecognised(_) => "backbone_not_recognised",
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
            Self::NoTestPictures => "no_test_pictures",
            Self::NotTraining => "not_training",
            Self::TrainingRunning => "training_running",
            Self::IdTaken(_) => "id_taken",
            Self::ImageNotRemoved(_) => "image_not_removed",
            Self::ModelClassesDiffer(_) => "model_classes_differ",
            Self::ModelHeadDiffers(_) => "model_head_differs",
            Self::ModelPreparesOtherwise => "model_prepares_otherwise",
            Self::ModelBackboneDiffers(_) => "model_backbone_differs",
            Self::BackboneChanging(_) => "backbone_changing",
            Self::ProjectFileInvalid(_) => "project_file_invalid",
            Self::ProjectFileKind(_) => "project_file_kind",
            Self::ProjectFileVersion(_) => "project_file_version",
            Self::ProjectFileMemberMissing(_) => "project_file_member_missing",
            Self::ProjectFileMemberChanged(_) => "project_file_member_changed",
            Self::FileNotWritten(_) => "file_not_written",
            Self::ZipInvalid(_) => "zip_invalid",
            Self::ZipUnsafeName(_) => "zip_unsafe_name",
            Self::ZipNameTooLong(_) => "zip_name_too_long",
            Self::ZipTooManyFiles(_) => "zip_too_many_files",
            Self::ZipFileTooLarge { .. } => "zip_entry_too_large",
            Self::ZipTooLarge(_) => "zip_too_large",
            Self::ModelFileInvalid(_) => "model_file_invalid",
            Self::ModelNeedsBackbone(_) => "model_needs_backbone",
            Self::ModelBackboneChanged(_) => "model_backbone_changed",
            Self::ModelBackboneUnnamed => "model_backbone_unnamed",
            Self::FormatUnknown(_) => "format_unknown",
            Self::ExportUnsupported { .. } => "export_unsupported",
            Self::CheckpointInvalid(_) => "checkpoint_invalid",
            Self::CheckpointDiffers => "checkpoint_differs",
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
            | Self::NoTestPictures
            | Self::NotTraining
            | Self::TrainingRunning
            | Self::ModelPreparesOtherwise
            | Self::ModelBackboneUnnamed
            | Self::CheckpointDiffers => None,
            Self::ClassNameTaken(value)
            | Self::ClassUnknown(value)
            | Self::ClassWithoutPictures(value)
            | Self::BackboneConfigInvalid(value)
            | Self::BackboneUnsupported(value)
            | Self::BackboneNotRecognised(value)
            | Self::BackboneTruncated(value)
            | Self::BackboneTensorMissing(value)
            | Self::BackboneTensorUnknown(value)
            | Self::BackboneTensorNotFinite(value)
            | Self::EngineUnavailable(value)
            | Self::DeviceLost(value)
            | Self::ModelFileInvalid(value)
            | Self::FormatUnknown(value)
            | Self::CheckpointInvalid(value)
            | Self::ModelNeedsBackbone(value)
            | Self::ModelBackboneChanged(value)
            | Self::ModelClassesDiffer(value)
            | Self::ModelHeadDiffers(value)
            | Self::ModelBackboneDiffers(value)
            | Self::ProjectFileInvalid(value)
            | Self::ProjectFileKind(value)
            | Self::ProjectFileVersion(value)
            | Self::ProjectFileMemberMissing(value)
            | Self::ProjectFileMemberChanged(value)
            | Self::FileNotWritten(value)
            | Self::ZipInvalid(value)
            | Self::ZipUnsafeName(value)
            | Self::NotFinite(value)
            | Self::Internal(value) => Some(value.clone()),
            Self::ImageUnknown(id) | Self::IdTaken(id) | Self::ImageNotRemoved(id) => Some(id.to_string()),
            Self::NotFineTunable { blocks, .. } => Some(format!("last:{blocks}")),
            Self::ExportUnsupported { format, .. } => Some((*format).to_string()),
            Self::TooFewClasses(count)
            | Self::BackboneChanging(count)
            | Self::ZipNameTooLong(count)
            | Self::ZipTooManyFiles(count) => Some(count.to_string()),
            Self::ZipFileTooLarge { name, .. } => Some(name.clone()),
            Self::ZipTooLarge(bytes) => Some(bytes.to_string()),
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
            Self::BackboneNotRecognised(name) => write!(
                f,
                "The weights have tensors such as “{name}”, which are those of no backbone that is known here; a \
                 config.json beside them would say what they are."
            ),
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
                    "The backbone's tensor {name} holds values that are not finite numbers, or variances or scales below 0."
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
            Self::NoTestPictures => {
                write!(
                    f,
                    "There are no test pictures that this model can be measured on: add some that it has not seen."
                )
            }
            Self::NotTraining => write!(f, "No training is running."),
            Self::TrainingRunning => write!(f, "Training is already running."),
            Self::IdTaken(id) => write!(f, "The number {id} is given already: each is given once."),
            Self::ImageNotRemoved(id) => {
                write!(f, "The picture number {id} is still shown: remove it before it is forgotten.")
            }
            Self::ModelClassesDiffer(classes) => write!(
                f,
                "The present model tells apart {classes}. None of these is among the classes, so training cannot go on from it."
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
            Self::ModelBackboneDiffers(architecture) => write!(
                f,
                "The present model stands on another backbone ({architecture}), so training cannot go on from it with this one."
            ),
            Self::BackboneChanging(count) => write!(
                f,
                "{count} picture{} still to be prepared for the backbone that was chosen.",
                if *count == 1 { " is" } else { "s are" }
            ),
            Self::ProjectFileInvalid(reason) => write!(f, "This project cannot be opened: {reason}."),
            Self::ProjectFileKind(reason) => write!(f, "This file is no Headstart project: {reason}."),
            Self::ProjectFileVersion(version) => {
                write!(f, "This project is of version {version}, which this program does not know: it may be too old.")
            }
            Self::ProjectFileMemberMissing(name) => {
                write!(f, "This project file is damaged: “{name}” is missing.")
            }
            Self::ProjectFileMemberChanged(name) => {
                write!(f, "This project file is damaged: “{name}” was changed.")
            }
            Self::FileNotWritten(reason) => write!(f, "The file could not be written: {reason}."),
            Self::ZipInvalid(reason) => {
                write!(f, "This file is no zip, or it is damaged or was cut off on its way: {reason}.")
            }
            Self::ZipUnsafeName(name) => {
                write!(f, "This zip has a file in it whose name leads out of it, “{name}”.")
            }
            Self::ZipNameTooLong(letters) => {
                write!(f, "This zip has a file in it with a name of {letters} letters.")
            }
            Self::ZipTooManyFiles(count) => write!(f, "This zip has {count} files in it, which are too many."),
            Self::ZipFileTooLarge { name, bytes, largest } => {
                write!(
                    f,
                    "“{name}” in this zip is larger unpacked than it may be: {bytes} bytes, and at most {largest}."
                )
            }
            Self::ZipTooLarge(bytes) => write!(f, "This zip is larger unpacked than it may be: {bytes} bytes."),
            Self::ModelFileInvalid(reason) => {
                write!(f, "This file is not a saved Headstart model: {reason}.")
            }
            Self::ModelNeedsBackbone(name) => {
                write!(f, "This model was saved without its backbone “{name}”, which is not here.")
            }
            Self::ModelBackboneChanged(name) => write!(
                f,
                "This model was saved without its backbone “{name}”, and the one of that name here is another one by now."
            ),
            Self::ModelBackboneUnnamed => write!(
                f,
                "It is not known what this model's backbone came from, so the model has to be saved with all of it."
            ),
            Self::FormatUnknown(format) => {
                write!(
                    f,
                    "There is no format named “{format}”: a model is exported as onnx, tfjs, teachable-machine, timm or page."
                )
            }
            Self::ExportUnsupported { format, reason } => {
                write!(f, "This model cannot be exported as {format}: {reason}.")
            }
            Self::CheckpointInvalid(reason) => {
                write!(f, "What was kept of the training that was cut short cannot be used: {reason}.")
            }
            Self::CheckpointDiffers => write!(
                f,
                "The training that was cut short cannot go on: its pictures, settings or backbone are other ones now."
            ),
            Self::NotFineTunable { reason, .. } => write!(f, "{reason}"),
            Self::NotFinite(what) => {
                write!(f, "Training stopped because {what} is no longer a finite number; try a lower learning rate.")
            }
            Self::Internal(what) => write!(f, "Something went wrong inside Headstart: {what}."),
        }
    }
}

impl std::error::Error for Error {}
