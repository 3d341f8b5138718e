//! A trained model in the formats of other programs, its preparation of pictures with it, so that it says there what it
//! says here. An export is a folder, as a zip: the model, how to use it, and golden pictures to check it with.

mod filter;
mod golden;
mod keras;
mod network;
mod onnx;
mod page;
mod papers;
mod proto;
mod tensorflow;
mod tfjs_weights;
mod timm;

use crate::archive::{Packed, pack};
use crate::backbone::WeightStorage;
use crate::classifier::Model;
use crate::error::{Error, Result};
use crate::report::TrainReport;
use golden::Sizes;
use serde::Serialize;
use std::str::FromStr;

/// What a model is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts", rename_all = "kebab-case"))]
pub enum ExportFormat {
    /// For ONNX Runtime and whatever else reads ONNX of opset 18.
    Onnx,
    /// A graph for TensorFlow.js.
    Tfjs,
    /// A model of layers for Teachable Machine's library and ml5.
    TeachableMachine,
    /// For timm and transformers.
    Timm,
    /// A folder with a page of its own, to be put on any server.
    Page,
}

impl ExportFormat {
    /// All that there are.
    pub const ALL: [Self; 5] = [Self::Onnx, Self::Tfjs, Self::TeachableMachine, Self::Timm, Self::Page];

    /// Its name on the command line and in JavaScript.
    pub fn name(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Tfjs => "tfjs",
            Self::TeachableMachine => "teachable-machine",
            Self::Timm => "timm",
            Self::Page => "page",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| Error::FormatUnknown(text.to_string()))
    }
}

/// How a model is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// How its weights are stored.
    pub weights: WeightStorage,
    /// Whether the model's own files are enough: no explanation, no golden pictures.
    pub bare: bool,
    /// What the model is called.
    pub name: String,
    /// The files of the page, by their names, which only [`ExportFormat::Page`] asks for.
    pub page: Vec<(String, Vec<u8>)>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { weights: WeightStorage::F32, bare: false, name: "model".into(), page: Vec::new() }
    }
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, with its folder.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl File {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    fn json(name: &str, value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(value).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Self::new(name, text))
    }
}

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The ending of the file that it is written to.
    pub extension: &'static str,
    /// That file.
    pub bytes: Vec<u8>,
}

/// A model in a format: a zip or, bare and of one file alone, that file.
///
/// # Errors
/// [`Error::ExportUnsupported`] where the format has no way to write this model, or the page's files are missing;
/// [`Error::Internal`] where packing fails.
pub fn export(
    model: Model<'_>,
    report: Option<&TrainReport>,
    format: ExportFormat,
    options: &ExportOptions,
) -> Result<Exported> {
    let mut files = files(model, report, format, options)?;
    if options.bare && format == ExportFormat::Onnx {
        let bytes = files.pop().map(|file| file.bytes).unwrap_or_default();
        return Ok(Exported { extension: "onnx", bytes });
    }
    if !options.bare {
        files.extend(papers::files(model, format, options)?);
        if let Some((sizes, bound)) = golden_of(format, options.weights) {
            files.extend(golden::files(model, sizes, bound)?);
        }
    }
    let packed = |name: &str| {
        let shrunk = [".png", ".bin", ".safetensors", ".onnx", ".zip"].iter().any(|ending| name.ends_with(ending));
        if shrunk { Packed::Stored } else { Packed::Deflated }
    };
    let bytes = pack(files.iter().map(|file| (file.name.as_str(), packed(&file.name), file.bytes.as_slice())))?;
    Ok(Exported { extension: "zip", bytes })
}

/// The model's own files.
fn files(
    model: Model<'_>,
    report: Option<&TrainReport>,
    format: ExportFormat,
    ExportOptions { weights, name, page, .. }: &ExportOptions,
) -> Result<Vec<File>> {
    match format {
        ExportFormat::Onnx => Ok(vec![File::new("model.onnx", onnx::file(model, *weights)?)]),
        ExportFormat::Tfjs => tensorflow::files(model, *weights),
        ExportFormat::TeachableMachine => keras::files(model, name, *weights),
        ExportFormat::Timm => timm::files(model, *weights),
        ExportFormat::Page => page::files(model, report, name, *weights, page),
    }
}

/// The golden pictures that a format can be held to, and how far its probabilities may be from those here.
fn golden_of(format: ExportFormat, weights: WeightStorage) -> Option<(Sizes, f64)> {
    let bound = match weights {
        WeightStorage::F32 => 0.001,
        WeightStorage::F16 => 0.02,
        WeightStorage::Int8 => 0.1,
    };
    match format {
        ExportFormat::Onnx | ExportFormat::Tfjs | ExportFormat::Timm => Some((Sizes::Any, bound)),
        ExportFormat::TeachableMachine => Some((Sizes::Square(keras::SIDE as u32), bound)),
        ExportFormat::Page => None,
    }
}

fn unsupported(format: &'static str, reason: impl Into<String>) -> Error {
    Error::ExportUnsupported { format, reason: reason.into() }
}
