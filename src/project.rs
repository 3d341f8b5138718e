//! A whole session: pictures come in and are embedded, a head is trained on them, the model predicts.
//!
//! The command line and the browser are both thin layers over [`Project`]. Everything that a user made (pictures,
//! labels, features, trained weights) lies in system memory, so that a lost GPU loses nothing.

use crate::backbone::Backbone;
use crate::bundle;
use crate::classifier::{Classifier, Prediction};
use crate::dataset::{ClassSummary, Dataset, Labelled, Split, rename};
use crate::engine::{Clock, Engine, EngineChoice, EngineReport};
use crate::error::{Error, Result};
use crate::features::{Embedder, FeatureCache, View};
use crate::image::Crop;
use crate::metrics::Evaluation;
use crate::report::{ImageCounts, Seconds, TrainReport};
use crate::train::{EventKind, Examples, FineTune, Run, TrainConfig, TrainEvent};
use std::sync::Arc;

/// Pictures in one forward pass when many are embedded at once.
const EMBED_BATCH: usize = 8;

/// The views that a head trains on.
const TRAIN_VIEWS: [View; 2] = [View::Plain, View::Mirrored];

/// A session on one engine with one backbone.
pub struct Project {
    engine: Engine,
    clock: Clock,
    backbone: Arc<Backbone>,
    embedder: Arc<Embedder>,
    dataset: Dataset,
    cache: FeatureCache,
    run: Option<Run>,
    /// The split of the latest run, for [`Project::evaluate`].
    split: Option<Split>,
    classifier: Option<Classifier>,
    report: Option<TrainReport>,
    embed_seconds: f64,
}

impl Project {
    /// Opens an engine and puts the backbone on it.
    ///
    /// # Errors
    /// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
    pub async fn new(choice: EngineChoice, backbone: Backbone, clock: Clock) -> Result<Self> {
        let engine = Engine::open(choice, &backbone, clock).await?;
        let backbone = Arc::new(backbone);
        let embedder = Arc::new(Embedder::new(&backbone, backbone.depth(), &engine)?);
        Ok(Self {
            engine,
            clock,
            backbone,
            embedder,
            dataset: Dataset::default(),
            cache: FeatureCache::default(),
            run: None,
            split: None,
            classifier: None,
            report: None,
            embed_seconds: 0.0,
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
        if let Some(run) = &mut self.run {
            run.rename_class(name, to);
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
        let mut rows = Vec::with_capacity(crops.len() * TRAIN_VIEWS.len());
        for batch in crops.chunks(EMBED_BATCH) {
            let views = batch.iter().flat_map(|crop| TRAIN_VIEWS.map(|view| (crop, view)));
            rows.extend(self.embedded(&views.collect::<Vec<_>>()).await?);
        }
        self.embed_seconds += (self.clock)() - start;
        let ids: Vec<u32> =
            crops.into_iter().map(|crop| self.dataset.add_image(class, crop, group.clone())).collect::<Result<_>>()?;
        let keys = ids.iter().flat_map(|id| TRAIN_VIEWS.map(|view| (*id, view)));
        for ((id, view), row) in keys.zip(rows) {
            self.cache.insert(id, view, row);
        }
        Ok(ids)
    }

    /// Pooled features `[features]` of a picture that is not added.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`].
    pub async fn embed(&mut self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<f32>> {
        let crop = self.embedder.preprocess().crop(rgba, width, height)?;
        Ok(self.embedded(&[(&crop, View::Plain)]).await?[0].to_vec())
    }

    /// Checks settings and pictures and prepares a training, which [`Project::step`] then runs.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`], [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`],
    /// [`Error::TrainingRunning`]; the model that there was stays.
    pub fn start_training(&mut self, config: &TrainConfig) -> Result<()> {
        if self.run.is_some() {
            return Err(Error::TrainingRunning);
        }
        let config = config.check()?;
        if config.fine_tune != FineTune::None {
            return Err(Error::NotBuiltYet("Fine-tuning the backbone".into()));
        }
        let split = self.dataset.split(config.validation, u64::from(config.seed))?;
        let width = self.backbone.card().num_features;
        let train = Examples::gather(&self.cache, &split.train, &TRAIN_VIEWS, width)?;
        let validation = Examples::gather(&self.cache, &split.validation, &[View::Plain], width)?;
        self.run = Some(Run::new(config, split, train, validation, &self.engine, self.clock));
        Ok(())
    }

    /// One step of the running training. With the event `done` the model and the report are there.
    ///
    /// # Errors
    /// [`Error::NotTraining`]; [`Error::DeviceLost`] and [`Error::NotFinite`], after which the training is over and
    /// the best weights so far are the model.
    pub async fn step(&mut self) -> Result<TrainEvent> {
        let run = self.run.as_mut().ok_or(Error::NotTraining)?;
        let event = run.step().await;
        match &event {
            Ok(event) if event.kind != EventKind::Done => {}
            Ok(_) => self.end_training().await?,
            Err(_) => {
                if let Err(Error::DeviceLost(reason)) = &event {
                    self.go_on_without_gpu(&reason.clone())?;
                }
                // Where not one epoch ended there is nothing to keep, and the error itself says so.
                match self.end_training().await {
                    Ok(()) | Err(Error::NotTrained | Error::NothingLearned) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        event
    }

    /// Stops the running training and keeps the best weights so far as the model.
    ///
    /// # Errors
    /// [`Error::NotTraining`]; [`Error::NotTrained`] where not one step was done; [`Error::NothingLearned`] where not
    /// one epoch ended and there is a model already, which stays.
    pub async fn cancel_training(&mut self) -> Result<()> {
        self.run.as_mut().ok_or(Error::NotTraining)?.cancel();
        self.end_training().await
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
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        let split = self.split.as_ref().ok_or(Error::NothingHeldOut)?;
        self.evaluate_on(classifier, &split.validation)?.ok_or(Error::NothingHeldOut)
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
    /// [`Error::ModelFileInvalid`] and the `Backbone…` errors; the model that there was stays then.
    pub fn load(&mut self, file: &[u8]) -> Result<()> {
        let saved = bundle::load(file)?;
        // The usual case, a model on this very backbone, needs no second copy of it on the device.
        let classifier = if saved.backbone == *self.backbone {
            Classifier {
                labels: saved.labels,
                head: saved.head,
                backbone: self.backbone.clone(),
                embedder: self.embedder.clone(),
            }
        } else {
            Classifier::new(saved.labels, saved.head, Arc::new(saved.backbone), &self.engine)?
        };
        self.classifier = Some(classifier);
        self.report = saved.report;
        self.split = None;
        Ok(())
    }

    /// Turns a finished run into the model and its report.
    async fn end_training(&mut self) -> Result<()> {
        let run = self.run.take().ok_or(Error::NotTraining)?;
        if self.classifier.is_some() && !run.has_best() {
            return Err(Error::NothingLearned);
        }
        let engine = run.engine();
        let (config, split) = (run.config().clone(), run.split().clone());
        let trainable = run.trainable_parameters();
        let outcome = run.finish().await?;
        let classifier = Classifier {
            labels: split.classes.clone(),
            head: outcome.head,
            backbone: self.backbone.clone(),
            embedder: self.embedder.clone(),
        };
        let start = (self.clock)();
        let trained = self.evaluate_on(&classifier, &split.train)?;
        let validated = self.evaluate_on(&classifier, &split.validation)?;
        let seconds = Seconds { embed: self.embed_seconds, train: outcome.seconds, evaluate: (self.clock)() - start };
        self.report = Some(TrainReport {
            classes: split.classes.clone(),
            images: ImageCounts { train: split.train.len() as u32, validation: split.validation.len() as u32, test: 0 },
            backbone: self.backbone.card().architecture.clone(),
            head: config.head.to_string(),
            fine_tune: config.fine_tune.to_string(),
            trainable_parameters: trainable,
            total_parameters: classifier.parameters(),
            epochs_run: outcome.epochs_run,
            best_epoch: outcome.best_epoch,
            stopped: outcome.stopped,
            train_loss: trained.as_ref().map_or(0.0, |e| e.loss),
            train_accuracy: trained.as_ref().map_or(0.0, |e| e.accuracy),
            validation_loss: validated.as_ref().map(|e| e.loss),
            validation_accuracy: validated.as_ref().map(|e| e.accuracy),
            test_accuracy: None,
            confusion_matrix: validated.as_ref().map(|e| e.confusion_matrix.clone()),
            per_class: validated.map(|e| e.per_class),
            seconds,
            seed: config.seed,
            engine,
            warnings: split.warnings.clone(),
        });
        self.classifier = Some(classifier);
        self.split = Some(split);
        Ok(())
    }

    /// Measures a model on pictures of the dataset by their cached features.
    fn evaluate_on(&self, classifier: &Classifier, pictures: &[Labelled]) -> Result<Option<Evaluation>> {
        let logits = pictures.iter().map(|picture| {
            let row = self.cache.get(picture.id, View::Plain).ok_or(Error::ImageUnknown(picture.id))?;
            Ok((classifier.head.logits(row), picture.label))
        });
        let logits: Vec<(Vec<f32>, usize)> = logits.collect::<Result<_>>()?;
        let rows = logits.iter().map(|(row, label)| (row.as_slice(), *label));
        Ok(Evaluation::measure(&classifier.labels, rows))
    }

    /// Embeds pictures; where the GPU is lost over it, moves to the CPU and does it there.
    async fn embedded(&mut self, pictures: &[(&Crop, View)]) -> Result<Vec<Arc<[f32]>>> {
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
        self.embedder = Arc::new(Embedder::new(&self.backbone, self.backbone.depth(), &self.engine)?);
        if let Some(classifier) = &mut self.classifier {
            classifier.embedder = if *classifier.backbone == *self.backbone {
                self.embedder.clone()
            } else {
                Arc::new(Embedder::new(&classifier.backbone, classifier.backbone.depth(), &self.engine)?)
            };
        }
        Ok(())
    }
}
