//! The end of a training: the kept weights become a model, which is measured on the dataset's own pictures, from
//! whatever is cached of them.

use super::Project;
use super::activations::Activations;
use super::job::Job;
use crate::classifier::Classifier;
use crate::dataset::{Labelled, Split, Warning};
use crate::engine::EngineKind;
use crate::error::{Error, Result};
use crate::features::{Embedder, Row, View};
use crate::image::Crop;
use crate::metrics::Evaluation;
use crate::report::{ImageCounts, Seconds, TrainReport};
use crate::train::{EventKind, Outcome, Phase, Run, TrainEvent, ValidConfig};
use std::sync::Arc;

/// Pictures in one forward pass.
pub(super) const BATCH: usize = 16;

/// What a model's logits are computed from.
pub(super) enum Source {
    /// Pooled features in the cache of this index.
    Features(usize),
    /// Feature maps in the cache of this index, through the stages after them.
    Maps(usize, Box<Embedder>),
    /// The pictures.
    Pictures,
}

/// A finished model whose pictures are still to be measured.
pub(super) struct Measuring {
    pub classifier: Classifier,
    pub config: ValidConfig,
    pub split: Split,
    outcome: Outcome,
    engine: EngineKind,
    trainable: usize,
    source: Source,
    logits: Vec<Vec<f32>>,
    seconds: f64,
}

impl Project {
    /// A run that is over, as a model that is still to be measured.
    pub(super) async fn ended(&mut self, run: Run) -> Result<Measuring> {
        if self.classifier.is_some() && !run.has_best() {
            return Err(Error::NothingLearned);
        }
        let (engine, trainable) = (run.engine(), run.trainable_parameters());
        let (config, split) = (run.config().clone(), run.split().clone());
        let mut outcome = run.finish().await?;
        let mut backbone = self.base(&config);
        if !outcome.backbone.is_empty() {
            backbone = Arc::new(backbone.with_trained(std::mem::take(&mut outcome.backbone))?);
        }
        let (labels, head) = (split.classes.clone(), outcome.head.clone());
        let classifier = self.classifier_of(labels, head, backbone)?;
        let source = self.source(&classifier)?;
        let logits = Vec::new();
        Ok(Measuring { classifier, config, split, outcome, engine, trainable, source, logits, seconds: 0.0 })
    }

    /// Measures some pictures; after the last the model and its report are there.
    pub(super) async fn measure(&mut self, mut job: Measuring) -> Result<TrainEvent> {
        let start = (self.clock)();
        let pictures: Vec<Labelled> = job.split.train.iter().chain(&job.split.validation).copied().collect();
        let next = &pictures[job.logits.len()..];
        // Cached features cost nothing, so there is no need to stop in between.
        let at_once = matches!(job.source, Source::Features(_));
        let next = if at_once { next } else { &next[..next.len().min(BATCH)] };
        let logits = match self.logits(&job.classifier, &job.source, next).await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                let Classifier { labels, head, backbone, .. } = job.classifier;
                job.classifier = self.classifier_of(labels, head, backbone)?;
                job.source = self.source(&job.classifier)?;
                self.logits(&job.classifier, &job.source, next).await?
            }
            logits => logits?,
        };
        job.logits.extend(logits);
        job.seconds += (self.clock)() - start;
        let (done, all) = (job.logits.len(), pictures.len());
        let left = job.seconds / done.max(1) as f64 * (all - done) as f64;
        let mut event = self.counting(Phase::Measure, (done, all), job.seconds, left);
        event.epoch = job.outcome.epochs_run;
        event.epochs = job.outcome.epochs_run;
        event.best_epoch = Some(job.outcome.best_epoch);
        if done < all {
            self.job = Some(Job::Measuring(Box::new(job)));
        } else {
            event.kind = EventKind::Done;
            self.publish(job);
        }
        Ok(event)
    }

    /// The model and its report take the place of the earlier ones.
    fn publish(&mut self, job: Measuring) {
        let Measuring { classifier, config, split, outcome, engine, trainable, logits, seconds, .. } = job;
        let (trained, held_out) = logits.split_at(split.train.len());
        let evaluation = |logits: &[Vec<f32>], pictures: &[Labelled]| {
            let labels = pictures.iter().map(|picture| picture.label);
            Evaluation::measure(&split.classes, logits.iter().map(Vec::as_slice).zip(labels))
        };
        let (trained, validated) = (evaluation(trained, &split.train), evaluation(held_out, &split.validation));
        let warnings: Vec<Warning> = split.warnings.iter().cloned().chain(outcome.hint).collect();
        self.report = Some(TrainReport {
            classes: split.classes.clone(),
            images: ImageCounts { train: split.train.len() as u32, validation: split.validation.len() as u32, test: 0 },
            backbone: classifier.backbone.card().architecture.clone(),
            head: config.head.to_string(),
            fine_tune: config.fine_tune.to_string(),
            phase: outcome.phase,
            trainable_parameters: trainable,
            total_parameters: classifier.parameters(),
            epochs_run: outcome.epochs_run,
            head_epochs: outcome.head_epochs,
            best_epoch: outcome.best_epoch,
            stopped: outcome.stopped,
            train_loss: trained.as_ref().map_or(0.0, |e| e.loss),
            train_accuracy: trained.as_ref().map_or(0.0, |e| e.accuracy),
            validation_loss: validated.as_ref().map(|e| e.loss),
            validation_accuracy: validated.as_ref().map(|e| e.accuracy),
            test_accuracy: None,
            confusion_matrix: validated.as_ref().map(|e| e.confusion_matrix.clone()),
            per_class: validated.map(|e| e.per_class),
            seconds: Seconds { embed: self.embed_seconds, train: outcome.seconds, evaluate: seconds },
            seed: config.seed,
            engine,
            warnings,
        });
        self.classifier = Some(classifier);
        self.split = Some(split);
    }

    /// What costs least for a model: a cache of its own activations at full precision, as near to its end as there is.
    pub(super) fn source(&self, classifier: &Classifier) -> Result<Source> {
        let convolution = classifier.head.convolution.as_ref();
        let fits = |cache: &Activations| {
            let before_the_pooling = !cache.cut.pooled || convolution.is_none();
            !cache.half && before_the_pooling && cache.serve(&classifier.backbone, cache.cut)
        };
        let caches = self.caches.iter().enumerate().filter(|(_, cache)| fits(cache));
        let Some((index, cache)) = caches.max_by_key(|(_, cache)| (cache.cut.boundary, cache.cut.pooled)) else {
            return Ok(Source::Pictures);
        };
        if cache.cut.pooled {
            return Ok(Source::Features(index));
        }
        let tail = Embedder::tail(&classifier.backbone, cache.cut.boundary, convolution, &self.engine)?;
        Ok(Source::Maps(index, Box::new(tail)))
    }

    /// Logits `[classes]` of each picture; the pictures themselves are used where they are not in the cache.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`], [`crate::Error::ImageUnknown`].
    pub(super) async fn logits(
        &self,
        classifier: &Classifier,
        source: &Source,
        pictures: &[Labelled],
    ) -> Result<Vec<Vec<f32>>> {
        let cached = |index: usize| -> Option<Vec<&Row>> {
            let rows = &self.caches[index].rows;
            pictures.iter().map(|picture| rows.get(picture.id, View::Plain)).collect()
        };
        match source {
            Source::Features(index) => {
                if let Some(rows) = cached(*index) {
                    let logits = rows.into_iter().map(|row| {
                        let mut features = Vec::with_capacity(row.width());
                        row.write(&mut features);
                        classifier.head.logits(&features)
                    });
                    return Ok(logits.collect());
                }
            }
            Source::Maps(index, tail) => {
                if let Some(rows) = cached(*index) {
                    let shape = classifier.backbone.shape_at(self.caches[*index].cut.boundary);
                    let features = tail.embed_rows(&rows, shape).await?;
                    return Ok(features.iter().map(|row| classifier.head.logits(row)).collect());
                }
            }
            Source::Pictures => {}
        }
        let crops = pictures.iter().map(|picture| Ok(&self.dataset.sample(picture.id)?.crop));
        classifier.logits(&crops.collect::<Result<Vec<&Crop>>>()?).await
    }
}
