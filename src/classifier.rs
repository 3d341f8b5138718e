//! A trained model: picture → labelled probabilities.

use crate::backbone::Backbone;
use crate::dataset::ClassId;
use crate::engine::Engine;
use crate::error::Result;
use crate::features::Embedder;
use crate::head::Head;
use crate::image::Crop;
use crate::metrics::Evaluation;
use crate::train::softmax;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Pictures in one forward pass when many are classified.
const BATCH: usize = 16;

/// A class that a model tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ModelClass {
    /// The class that it was trained on; none where the model came from a file, which knows names only.
    pub id: Option<ClassId>,
    /// Its name.
    pub name: String,
}

impl ModelClass {
    /// A class of a model from a file.
    pub fn named(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into() }
    }
}

/// One class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The class that the model was trained on; none where the model came from a file.
    pub class_id: Option<ClassId>,
    /// Its name.
    pub class_name: String,
    /// Its probability, 0 to 1; those of all classes add up to 1.
    pub probability: f64,
}

/// A trained model, wherever it is and whatever it runs on.
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
    /// Names of the classes in the order of the logits, none of them twice.
    pub fn names(&self) -> Vec<String> {
        unique(self.labels)
    }
}

/// Names of classes of which none is there twice, as those of a deleted class and of one that was made since may be.
pub(crate) fn unique(labels: &[ModelClass]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(labels.len());
    for ModelClass { name, .. } in labels {
        let free = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(free).find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

/// Backbone, head and labels, ready to predict.
#[derive(Clone)]
pub struct Classifier {
    /// The classes, in the order of the logits.
    pub labels: Vec<ModelClass>,
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
    pub fn new(labels: Vec<ModelClass>, head: Head, backbone: Arc<Backbone>, engine: &Engine) -> Result<Self> {
        let embedder = Arc::new(Embedder::tail(&backbone, 0, head.convolution.as_ref(), engine)?);
        Ok(Self { labels, head, backbone, embedder })
    }

    /// The model itself.
    pub fn model(&self) -> Model<'_> {
        Model { labels: &self.labels, head: &self.head, backbone: &self.backbone }
    }

    /// Prepares a picture and classifies it, most probable class first.
    ///
    /// # Errors
    /// [`crate::Error::PictureEmpty`], [`crate::Error::DeviceLost`].
    pub async fn predict(&self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<Prediction>> {
        self.classify(&self.embedder.preprocess().crop(rgba, width, height)?).await
    }

    /// Classifies a crop, most probable class first.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn classify(&self, crop: &Crop) -> Result<Vec<Prediction>> {
        let features = self.embedder.embed(&[crop]).await?;
        Ok(self.ranked(&features[0]))
    }

    /// Probabilities for pooled features, most probable class first.
    pub fn ranked(&self, features: &[f32]) -> Vec<Prediction> {
        ranked(&self.labels, &self.head, features)
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
        Ok(Evaluation::measure(&self.names(), logits.iter().map(Vec::as_slice).zip(labels.iter().copied())))
    }

    /// Names of the classes, in the order of the logits.
    pub fn names(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.name.clone()).collect()
    }

    /// Number of weights and biases of backbone and head together.
    pub fn parameters(&self) -> usize {
        self.backbone.parameters() + self.head.parameters()
    }
}

/// Probabilities of classes for the features of a head's dense layers, most probable class first.
pub(crate) fn ranked(labels: &[ModelClass], head: &Head, features: &[f32]) -> Vec<Prediction> {
    let classes = labels.iter().zip(softmax(&head.logits(features)));
    let told = |(label, probability): (&ModelClass, f64)| Prediction {
        class_id: label.id,
        class_name: label.name.clone(),
        probability,
    };
    let mut ranked: Vec<Prediction> = classes.map(told).collect();
    ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    ranked
}
