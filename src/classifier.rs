//! A trained model: picture → labelled probabilities.

use crate::backbone::Backbone;
use crate::engine::Engine;
use crate::error::Result;
use crate::features::Embedder;
use crate::head::Head;
use crate::image::Crop;
use crate::metrics::Evaluation;
use crate::train::softmax;
use serde::Serialize;
use std::sync::Arc;

/// Pictures in one forward pass when many are classified.
const BATCH: usize = 16;

/// One class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The class.
    pub class_name: String,
    /// Its probability, 0 to 1; those of all classes add up to 1.
    pub probability: f64,
}

/// Backbone, head and labels, ready to predict.
#[derive(Clone)]
pub struct Classifier {
    /// Names of the classes, in the order of the logits.
    pub labels: Vec<String>,
    /// The head, for features as they are.
    pub head: Head,
    /// The backbone.
    pub backbone: Arc<Backbone>,
    /// Its stages on an engine, with the head's convolution behind them where it has one.
    pub embedder: Arc<Embedder>,
}

impl Classifier {
    /// A model on an engine.
    ///
    /// # Errors
    /// See [`Embedder::tail`].
    pub fn new(labels: Vec<String>, head: Head, backbone: Arc<Backbone>, engine: &Engine) -> Result<Self> {
        let embedder = Arc::new(Embedder::tail(&backbone, 0, head.convolution.as_ref(), engine)?);
        Ok(Self { labels, head, backbone, embedder })
    }

    /// Prepares a picture and classifies it, most probable class first.
    ///
    /// # Errors
    /// [`crate::Error::PictureEmpty`], [`crate::Error::DeviceLost`].
    pub async fn predict(&self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<Prediction>> {
        let crop = self.embedder.preprocess().crop(rgba, width, height)?;
        let features = self.embedder.embed(&[&crop]).await?;
        Ok(self.ranked(&features[0]))
    }

    /// Probabilities for pooled features, most probable class first.
    pub fn ranked(&self, features: &[f32]) -> Vec<Prediction> {
        let probabilities = softmax(&self.head.logits(features));
        let mut ranked: Vec<Prediction> = self
            .labels
            .iter()
            .zip(probabilities)
            .map(|(label, probability)| Prediction { class_name: label.clone(), probability })
            .collect();
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        ranked
    }

    /// Logits `[classes]` of each crop.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn logits(&self, crops: &[&Crop]) -> Result<Vec<Vec<f32>>> {
        let mut logits = Vec::with_capacity(crops.len());
        for batch in crops.chunks(BATCH) {
            let features = self.embedder.embed(batch).await?;
            logits.extend(features.iter().map(|row| self.head.logits(row)));
        }
        Ok(logits)
    }

    /// Measures the model on labelled pictures; `None` where there are none.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn evaluate(&self, crops: &[&Crop], labels: &[usize]) -> Result<Option<Evaluation>> {
        let logits = self.logits(crops).await?;
        Ok(Evaluation::measure(&self.labels, logits.iter().map(Vec::as_slice).zip(labels.iter().copied())))
    }

    /// Number of weights and biases of backbone and head together.
    pub fn parameters(&self) -> usize {
        self.backbone.parameters() + self.head.parameters()
    }
}
