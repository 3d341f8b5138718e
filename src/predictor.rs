//! A saved model that only predicts, on the CPU: what a page of its own needs, and nothing of training or of burn.

use crate::backbone::{Arithmetic, Backbone, BackboneReport, Reference};
use crate::bundle::{self, Saved};
use crate::classifier::{ModelClass, Prediction, ranked};
use crate::error::Result;
use crate::head::Head;
use crate::image::Preprocess;
use crate::nn::{CpuStages, Lowering};
use crate::report::TrainReport;
use crate::train::softmax;
use headstart_kernels::Input;
use serde::Serialize;

/// A model on the kernels of the CPU. It says what [`crate::classifier::Classifier`] says on the CPU engine, to the bit where
/// both are built with relaxed SIMD or both without.
pub struct Predictor {
    labels: Vec<ModelClass>,
    head: Head,
    backbone: BackboneReport,
    report: Option<TrainReport>,
    preprocess: Preprocess,
    stages: CpuStages,
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Names of its classes, in the order of the logits.
    pub classes: Vec<String>,
    /// Side of what the network sees, in pixels.
    pub input_size: usize,
    /// Name of its backbone's architecture.
    pub architecture: String,
}

impl Predictor {
    /// Reads a saved model that holds its backbone.
    ///
    /// # Errors
    /// Those of [`bundle::load`].
    pub fn load(file: &[u8]) -> Result<Self> {
        Self::load_with(file, |_| None)
    }

    /// Reads a saved model; `find` is asked for its backbone where the file does not hold it.
    ///
    /// # Errors
    /// Those of [`bundle::load_with`].
    pub fn load_with(file: &[u8], find: impl FnOnce(&Reference) -> Option<Backbone>) -> Result<Self> {
        let Saved { labels, head, backbone, report } = bundle::load_with(file, find)?;
        Ok(Self { report, ..Self::of(labels, head, &backbone)? })
    }

    /// A model that is there.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn of(labels: Vec<ModelClass>, head: Head, backbone: &Backbone) -> Result<Self> {
        let mut layers = Lowering::new(backbone.shape_at(0));
        let mut numbers = backbone.folded();
        for (index, stage) in backbone.stages().iter().enumerate() {
            layers.push(stage, &mut numbers, backbone.arithmetic(index))?;
        }
        if let Some(mut convolution) = head.convolution.as_ref() {
            layers.push(&convolution.stage(), &mut convolution, Arithmetic::Float)?;
        }
        let (preprocess, stages) = (backbone.card().preprocess(), CpuStages::new(layers)?);
        Ok(Self { labels, head, backbone: backbone.report(), report: None, preprocess, stages })
    }

    /// What it is.
    pub fn about(&self) -> About {
        About {
            classes: self.labels.iter().map(|label| label.name.clone()).collect(),
            input_size: self.preprocess.size,
            architecture: self.backbone.architecture.clone(),
        }
    }

    /// The classes that it tells apart, in the order of the logits.
    pub fn labels(&self) -> &[ModelClass] {
        &self.labels
    }

    /// Its backbone.
    pub fn backbone(&self) -> &BackboneReport {
        &self.backbone
    }

    /// The report of its training, where the file came with one.
    pub fn report(&self) -> Option<&TrainReport> {
        self.report.as_ref()
    }

    /// Prepares an RGBA8 picture and classifies it, most probable class first.
    ///
    /// # Errors
    /// [`crate::Error::PictureEmpty`].
    pub fn predict(&self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<Prediction>> {
        Ok(ranked(&self.labels, &self.head, &self.features(rgba, width, height)?))
    }

    /// The probability of each class, in the order of the logits.
    ///
    /// # Errors
    /// [`crate::Error::PictureEmpty`].
    pub fn probabilities(&self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<f64>> {
        Ok(softmax(&self.head.logits(&self.features(rgba, width, height)?)))
    }

    fn features(&self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<f32>> {
        let crop = self.preprocess.crop(rgba, width, height)?;
        let input = Input::Picture { rgb: &crop.rgb(), by: self.preprocess.normalisation() };
        Ok(self.stages.rows(&[input], true).concat())
    }
}
