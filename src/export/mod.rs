//! A trained model in the formats of other programs, its preparation of pictures with it, so that it says there what it
//! says here.

mod onnx;
mod proto;

use crate::backbone::{Backbone, WeightStorage};
use crate::bundle::unique;
use crate::classifier::ModelClass;
use crate::error::{Error, Result};
use crate::head::Head;
use std::str::FromStr;

/// What a model is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts", rename_all = "lowercase"))]
pub enum ExportFormat {
    /// One file for ONNX Runtime and whatever else reads ONNX of opset 18.
    Onnx,
}

impl ExportFormat {
    /// Its name on the command line and in JavaScript.
    pub fn name(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
        }
    }

    /// The ending of the file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Onnx].into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| Error::FormatUnknown(text.to_string()))
    }
}

/// A trained model, wherever it is.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The classes, in the order of the logits.
    pub labels: &'a [ModelClass],
    /// The head, for features as they are.
    pub head: &'a Head,
    /// The backbone.
    pub backbone: &'a Backbone,
}

impl Model<'_> {
    /// The file that it becomes, with its weights stored in this form.
    ///
    /// # Errors
    /// [`Error::Internal`], never for a model that was checked.
    pub fn export(&self, format: ExportFormat, weights: WeightStorage) -> Result<Vec<u8>> {
        match format {
            ExportFormat::Onnx => onnx::file(self, weights),
        }
    }

    /// Names of the classes, none of them twice.
    fn names(&self) -> Vec<String> {
        unique(self.labels.iter().map(|label| label.name.clone()).collect())
    }
}
