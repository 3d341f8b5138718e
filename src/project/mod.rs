//! A whole session: pictures come in and are embedded, a head is trained on them, the model predicts.
//!
//! The command line and the browser are both thin layers over [`Project`]. Everything that a user made (pictures,
//! labels, features, trained weights) lies in system memory, so that a lost GPU loses nothing.

mod activations;
mod job;
mod measure;
mod plan;

pub use plan::{Estimate, Storage};

use crate::backbone::Backbone;
use crate::bundle;
use crate::classifier::{Classifier, Prediction};
use crate::dataset::{ClassSummary, Dataset, Split, rename};
use crate::engine::{Clock, Engine, EngineChoice, EngineReport};
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder, View};
use crate::head::Head;
use crate::image::Crop;
use crate::metrics::Evaluation;
use crate::report::TrainReport;
use activations::Activations;
use job::Job;
use std::sync::Arc;

/// Pictures in one forward pass when many are embedded at once.
const EMBED_BATCH: usize = 8;

/// The views that a picture is embedded in when it is added.
const ADDED_VIEWS: [View; 2] = [View::Plain, View::Mirrored];

/// Bytes that cached activations may take where nobody says: a quarter of what a tab can have in 32-bit WebAssembly.
const DEFAULT_MEMORY: u64 = 1 << 30;

/// A session on one engine with one backbone.
pub struct Project {
    engine: Engine,
    clock: Clock,
    backbone: Arc<Backbone>,
    embedder: Arc<Embedder>,
    dataset: Dataset,
    /// Cached activations; the first are the pooled features of the session's backbone.
    caches: Vec<Activations>,
    /// Bytes that cached activations may take.
    memory: u64,
    job: Option<Job>,
    /// The split of the latest run, for [`Project::evaluate`].
    split: Option<Split>,
    classifier: Option<Classifier>,
    report: Option<TrainReport>,
    embed_seconds: f64,
    /// The part of it for pictures that were added, and the views that were embedded in it.
    added_seconds: f64,
    embedded: usize,
}

impl Project {
    /// Opens an engine and puts the backbone on it.
    ///
    /// # Errors
    /// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
    pub async fn new(choice: EngineChoice, backbone: Backbone, clock: Clock) -> Result<Self> {
        let engine = Engine::open(choice, &backbone, clock).await?;
        let backbone = Arc::new(backbone);
        let cut = Cut::features(&backbone);
        let embedder = Arc::new(Embedder::new(&backbone, cut, &engine)?);
        let pooled = Activations::new(&backbone, cut, false);
        Ok(Self {
            engine,
            clock,
            backbone,
            embedder,
            dataset: Dataset::default(),
            caches: vec![pooled],
            memory: DEFAULT_MEMORY,
            job: None,
            split: None,
            classifier: None,
            report: None,
            embed_seconds: 0.0,
            added_seconds: 0.0,
            embedded: 0,
        })
    }

    /// Which engine runs and why.
    pub fn engine(&self) -> &EngineReport {
        self.engine.report()
    }

    /// The backbone.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The classes with their pictures.
    pub fn classes(&self) -> Vec<ClassSummary> {
        self.dataset.classes()
    }

    /// Says how many bytes cached activations may take.
    pub fn set_memory(&mut self, bytes: u64) {
        self.memory = bytes;
    }

    /// The pictures and classes, for changes that need no computation. A running training keeps its own split.
    pub fn dataset_mut(&mut self) -> &mut Dataset {
        &mut self.dataset
    }

    /// Renames a class, in the running training and the trained model too: the label changes, the weights need not.
    ///
    /// # Errors
    /// See [`Dataset::rename_class`].
    pub fn rename_class(&mut self, name: &str, to: &str) -> Result<()> {
        self.dataset.rename_class(name, to)?;
        let (name, to) = (name.trim(), to.trim());
        if let Some(job) = &mut self.job {
            job.rename_class(name, to);
        }
        // A loaded model has no split here: its labels are its own, whatever the classes beside it are called.
        if let Some(split) = &mut self.split {
            split.rename_class(name, to);
            if let Some(classifier) = &mut self.classifier {
                rename(&mut classifier.labels, name, to);
            }
            if let Some(report) = &mut self.report {
                report.rename_class(name, to);
            }
        }
        Ok(())
    }

    /// Prepares and embeds an RGBA8 picture and adds it to a class.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`], [`Error::PictureEmpty`]; nothing is added then.
    pub async fn add_image(
        &mut self,
        class: &str,
        rgba: &[u8],
        size: (u32, u32),
        group: Option<String>,
    ) -> Result<u32> {
        let crop = self.embedder.preprocess().crop(rgba, size.0, size.1)?;
        self.add_crops(class, vec![crop], group).await.map(|ids| ids[0])
    }

    /// Embeds prepared pictures and adds them to a class, in one go.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`]; nothing is added then.
    pub async fn add_crops(&mut self, class: &str, crops: Vec<Crop>, group: Option<String>) -> Result<Vec<u32>> {
        if !self.dataset.classes().iter().any(|known| known.name == class.trim()) {
            return Err(Error::ClassUnknown(class.to_string()));
        }
        let start = (self.clock)();
        let mut rows = Vec::with_capacity(crops.len() * ADDED_VIEWS.len());
        for batch in crops.chunks(EMBED_BATCH) {
            let views: Vec<Crop> = batch.iter().flat_map(|crop| [crop.clone(), crop.mirrored()]).collect();
            rows.extend(self.embedded(&views.iter().collect::<Vec<_>>()).await?);
        }
        let seconds = (self.clock)() - start;
        self.embed_seconds += seconds;
        self.added_seconds += seconds;
        self.embedded += rows.len();
        let ids: Vec<u32> =
            crops.into_iter().map(|crop| self.dataset.add_image(class, crop, group.clone())).collect::<Result<_>>()?;
        let keys = ids.iter().flat_map(|id| ADDED_VIEWS.map(|view| (*id, view)));
        for ((id, view), row) in keys.zip(rows) {
            self.caches[0].insert(id, view, row);
        }
        Ok(ids)
    }

    /// Pooled features `[features]` of a picture that is not added.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`].
    pub async fn embed(&mut self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<f32>> {
        let crop = self.embedder.preprocess().crop(rgba, width, height)?;
        Ok(self.embedded(&[&crop]).await?[0].to_vec())
    }

    /// The report of the latest training that ended.
    pub fn report(&self) -> Option<&TrainReport> {
        self.report.as_ref()
    }

    /// The model, where there is one.
    pub fn classifier(&self) -> Option<&Classifier> {
        self.classifier.as_ref()
    }

    /// Classifies an RGBA8 picture, most probable class first.
    ///
    /// # Errors
    /// [`Error::NotTrained`], [`Error::PictureEmpty`].
    pub async fn predict(&mut self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<Prediction>> {
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        let ranked = classifier.predict(rgba, width, height).await;
        let Err(Error::DeviceLost(reason)) = &ranked else {
            return ranked;
        };
        self.go_on_without_gpu(reason)?;
        // go_on_without_gpu keeps the model, on the CPU.
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        classifier.predict(rgba, width, height).await
    }

    /// Measures the model on the held-out pictures of the latest training.
    ///
    /// # Errors
    /// [`Error::NotTrained`] without a model, [`Error::NothingHeldOut`] where it was loaded or trained without
    /// held-out pictures.
    pub async fn evaluate(&mut self) -> Result<Evaluation> {
        match self.evaluated().await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                self.evaluated().await
            }
            evaluation => evaluation,
        }
    }

    async fn evaluated(&self) -> Result<Evaluation> {
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        let split = self.split.as_ref().ok_or(Error::NothingHeldOut)?;
        let mut logits = Vec::with_capacity(split.validation.len());
        let source = self.source(classifier)?;
        for pictures in split.validation.chunks(measure::BATCH) {
            logits.extend(self.logits(classifier, &source, pictures).await?);
        }
        let labels = split.validation.iter().map(|picture| picture.label);
        Evaluation::measure(&classifier.labels, logits.iter().map(Vec::as_slice).zip(labels))
            .ok_or(Error::NothingHeldOut)
    }

    /// The model as a zip file.
    ///
    /// # Errors
    /// [`Error::NotTrained`].
    pub fn save(&self) -> Result<Vec<u8>> {
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        bundle::save(classifier, self.report.as_ref())
    }

    /// Replaces the model by a saved one. Pictures and classes stay.
    ///
    /// # Errors
    /// [`Error::ModelFileInvalid`] and the `Backbone…` errors; [`Error::TrainingRunning`] while a training goes on from
    /// the present model. The model that there was stays then.
    pub fn load(&mut self, file: &[u8]) -> Result<()> {
        if self.job.as_ref().is_some_and(Job::is_warm) {
            return Err(Error::TrainingRunning);
        }
        let saved = bundle::load(file)?;
        let classifier = self.classifier_of(saved.labels, saved.head, Arc::new(saved.backbone))?;
        self.classifier = Some(classifier);
        self.report = saved.report;
        self.split = None;
        Ok(())
    }

    /// A model on the session's engine. The usual case, one on its very backbone, needs no second copy on the device.
    fn classifier_of(&self, labels: Vec<String>, head: Head, backbone: Arc<Backbone>) -> Result<Classifier> {
        if head.convolution.is_none() && *backbone == *self.backbone {
            let (backbone, embedder) = (self.backbone.clone(), self.embedder.clone());
            return Ok(Classifier { labels, head, backbone, embedder });
        }
        Classifier::new(labels, head, backbone, &self.engine)
    }

    /// Seconds that embedding a picture took on average, where one was embedded.
    fn seconds_a_picture(&self) -> Option<f64> {
        (self.embedded > 0).then(|| self.added_seconds / self.embedded as f64)
    }

    /// Bytes that cached activations take now.
    fn memory_in_use(&self) -> f64 {
        self.caches.iter().map(|cache| cache.rows.bytes()).sum::<usize>() as f64
    }

    /// Embeds pictures; where the GPU is lost over it, moves to the CPU and does it there.
    async fn embedded(&mut self, pictures: &[&Crop]) -> Result<Vec<Arc<[f32]>>> {
        match self.embedder.embed(pictures).await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                self.embedder.embed(pictures).await
            }
            rows => rows,
        }
    }

    /// Moves everything to the CPU.
    fn go_on_without_gpu(&mut self, reason: &str) -> Result<()> {
        self.engine = Engine::after_loss(reason);
        self.embedder = Arc::new(Embedder::new(&self.backbone, Cut::features(&self.backbone), &self.engine)?);
        if let Some(Classifier { labels, head, backbone, .. }) = self.classifier.take() {
            self.classifier = Some(self.classifier_of(labels, head, backbone)?);
        }
        Ok(())
    }
}
