//! The end of a training: the kept weights become a model, which is measured on the pictures of the training, from
//! whatever is kept of them.

use super::Project;
use super::model::{HeldOut, Model};
use super::prepare::Course;
use super::test_set::{Answer, Subject, TestSet, ValidationEvaluation, answer};
use super::training::Job;
use crate::activations::{Embedding, Place, Precision, Store, Views};
use crate::classifier::{Classifier, ModelClass};
use crate::dataset::{Labelled, Lineage, Warning};
use crate::engine::{Engine, EngineKind, Workload};
use crate::error::{Error, Result};
use crate::features::{Cut, View};
use crate::image::Picture;
use crate::metrics::Evaluation;
use crate::report::{ImageCounts, Seconds, TrainReport};
use crate::train::{EventKind, Outcome, Phase, Run, TrainEvent};
use std::sync::Arc;

/// Pictures in one forward pass.
const BATCH: usize = 16;

/// Computes what a model makes of pictures, from what is kept of them.
pub(super) struct Gauge {
    way: Embedding,
}

impl Gauge {
    pub(super) fn new(classifier: &Classifier, engine: &Engine) -> Self {
        Self { way: Embedding::of_head(&classifier.backbone, classifier.head.convolution.as_ref(), engine) }
    }

    /// Logits `[classes]` of each picture.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub(super) async fn logits(
        &mut self,
        classifier: &Classifier,
        store: &Store,
        views: &Views,
        pictures: &[&Picture],
    ) -> Result<Vec<Vec<f32>>> {
        let mut logits = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(BATCH) {
            let wanted: Vec<(&Picture, View)> = batch.iter().map(|picture| (*picture, View::Plain)).collect();
            let features = self.way.rows(store, views, &wanted).await?;
            logits.extend(features.iter().map(|row| classifier.head.logits(row)));
        }
        Ok(logits)
    }
}

/// A finished model whose pictures are still to be measured.
pub(super) struct Measuring {
    pub course: Course,
    /// What the model has seen.
    lineage: Lineage,
    /// The test set as it was when the training ended.
    test: TestSet,
    classifier: Classifier,
    outcome: Outcome,
    engine: EngineKind,
    trainable: usize,
    gauge: Gauge,
    /// Whether nothing has to be computed but the head: then there is no need to stop in between.
    at_once: bool,
    logits: Vec<Vec<f32>>,
    seconds: f64,
}

impl Measuring {
    /// How many pictures it is measured on: those of the training, then those of the test set.
    fn pictures(&self) -> usize {
        self.course.pictures() + self.test.len()
    }

    /// The next pictures. Test pictures never share a forward pass with others.
    fn next(&self) -> Vec<Picture> {
        let (own, done) = (self.course.pictures(), self.logits.len());
        let end = if done < own { own } else { self.pictures() };
        let end = if self.at_once { end } else { end.min(done + BATCH) };
        let picture = |index: usize| match index.checked_sub(own) {
            None => self.course.picture(index),
            Some(index) => &self.test.pictures[index],
        };
        // Their pixels are shared, not copied.
        (done..end).map(picture).cloned().collect()
    }

    /// What the classifier makes of the next pictures.
    async fn step(&mut self, store: &Store) -> Result<()> {
        let next = self.next();
        let next: Vec<&Picture> = next.iter().collect();
        let logits = self.gauge.logits(&self.classifier, store, &self.course.views, &next).await?;
        self.logits.extend(logits);
        Ok(())
    }
}

impl Project {
    /// A run that is over, as a model that is still to be measured.
    pub(super) async fn ended(&mut self, course: Course, run: Run) -> Result<Measuring> {
        if self.model.is_some() && !run.has_best() {
            return Err(Error::NothingLearned);
        }
        let (engine, trainable) = (run.engine().report().kind, run.trainable_parameters());
        let mut outcome = run.finish().await?;
        let mut backbone = course.backbone.clone();
        if !outcome.backbone.is_empty() {
            backbone = Arc::new(backbone.with_trained(std::mem::take(&mut outcome.backbone))?);
        }
        // Named when it is published: a class may be renamed until then.
        let labels = course.split.classes.iter().map(|id| ModelClass { id: Some(*id), name: id.to_string() }).collect();
        let classifier = self.classifier_of(labels, outcome.head.clone(), backbone)?;
        let contents = |pictures: &[Picture]| pictures.iter().map(|picture| picture.content).collect::<Vec<_>>();
        let lineage = course.before.after(contents(&course.train), contents(&course.held_out));
        let preparation = classifier.embedder.preprocess().preparation();
        let test = self.test_set(&Subject { labels: &classifier.labels, lineage: &lineage, preparation });
        let place = Place::new(&classifier.backbone, Cut::features(&classifier.backbone));
        let pictures = course.train.iter().chain(&course.held_out).chain(&test.pictures);
        let keys: Vec<_> = pictures.map(|picture| course.views.key(picture.content, View::Plain)).collect();
        let at_once =
            classifier.head.convolution.is_none() && self.store.count(place, Precision::Full, &keys) == keys.len();
        let gauge = Gauge::new(&classifier, self.engines.of(Workload::Embedding));
        let (logits, seconds) = (Vec::new(), 0.0);
        Ok(Measuring { course, lineage, test, classifier, outcome, engine, trainable, gauge, at_once, logits, seconds })
    }

    /// Measures some pictures; after the last the model and its report are there.
    pub(super) async fn measure(&mut self, mut job: Measuring) -> Result<TrainEvent> {
        let start = (self.clock)();
        let all = job.pictures();
        loop {
            if let Err(error) = job.step(&self.store).await {
                let Error::DeviceLost(reason) = error else { return Err(error) };
                self.go_on_without_gpu(&reason)?;
                let Classifier { labels, head, backbone, .. } = job.classifier;
                job.classifier = self.classifier_of(labels, head, backbone)?;
                job.gauge = Gauge::new(&job.classifier, self.engines.of(Workload::Embedding));
                job.step(&self.store).await?;
            }
            if !job.at_once || job.logits.len() == all {
                break;
            }
        }
        job.seconds += (self.clock)() - start;
        let done = job.logits.len();
        let left = job.seconds / done.max(1) as f64 * (all - done) as f64;
        let mut event = self.counting(Phase::Measure, (done, all), job.seconds, left);
        event.epoch = job.outcome.epochs_run;
        event.epochs = job.outcome.epochs_run;
        event.best_epoch = Some(job.outcome.best_epoch);
        if done < all {
            self.job = Some(Job::Measuring(Box::new(job)));
        } else {
            event.kind = EventKind::Done;
            self.publish(job)?;
        }
        Ok(event)
    }

    /// The model and its report take the place of the earlier ones.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a model that answers with what is no number; the earlier one stays.
    fn publish(&mut self, job: Measuring) -> Result<()> {
        let Measuring { course, lineage, test, mut classifier, outcome, engine, trainable, logits, seconds, .. } = job;
        let Course { config, split, .. } = &course;
        // Work may have moved to another engine meanwhile.
        if !classifier.embedder.is_on(self.engines.of(Workload::Prediction)) {
            let Classifier { labels, head, backbone, .. } = classifier;
            classifier = self.classifier_of(labels, head, backbone)?;
        }
        classifier.labels.iter_mut().zip(&split.classes).for_each(|(label, id)| label.name = self.dataset.name_of(*id));
        let names = classifier.names();
        let (own, tested) = logits.split_at(course.pictures());
        let (trained, held_out) = own.split_at(split.train.len());
        let evaluation = |logits: &[Vec<f32>], pictures: &[Labelled]| {
            let labels = pictures.iter().map(|picture| picture.label);
            Evaluation::measure(&names, logits.iter().map(Vec::as_slice).zip(labels))
        };
        let (trained, validated) = (evaluation(trained, &split.train), evaluation(held_out, &split.validation));
        let tested = test.evaluation(&names, tested);
        let warnings: Vec<Warning> =
            split.warnings.iter().cloned().chain(outcome.hint).chain(test.warnings()).collect();
        let shown = tested.as_ref().or(validated.as_ref());
        let report = TrainReport {
            class_ids: split.classes.iter().copied().map(Some).collect(),
            images: ImageCounts {
                train: split.train.len() as u32,
                validation: split.validation.len() as u32,
                test: test.len() as u32,
            },
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
            test_accuracy: tested.as_ref().map(|e| e.accuracy),
            confusion_matrix: shown.map(|e| e.confusion_matrix.clone()),
            per_class: shown.map(|e| e.per_class.clone()),
            seconds: Seconds { embed: self.timing.embedding, train: outcome.seconds, evaluate: seconds },
            seed: config.seed,
            engine,
            warnings,
            classes: names,
        };
        if !report.is_finite() {
            return Err(Error::NotFinite("what the model makes of the pictures".into()));
        }
        let held_out = course.split.validation.iter().zip(&course.held_out);
        let held_out = held_out.map(|(of, picture)| HeldOut { picture: *of, content: picture.content }).collect();
        self.runs.push(report.clone());
        self.model = Some(Model::new(classifier, Some(report), lineage, held_out));
        self.follow_classes();
        Ok(())
    }

    /// Measures the model on pictures that were held out from its training.
    pub(super) async fn evaluated(&self) -> Result<ValidationEvaluation> {
        let model = self.model.as_ref().ok_or(Error::NotTrained)?;
        // They may be prepared for another backbone by now.
        let preparation = model.preparation();
        let there = |picture: Labelled| Some((self.picture_for(picture.id, preparation)?, picture));
        let (pictures, labelled): (Vec<Picture>, Vec<Labelled>) = self.measurable().filter_map(there).unzip();
        let mut gauge = Gauge::new(&model.classifier, self.engines.of(Workload::Embedding));
        let pictures: Vec<&Picture> = pictures.iter().collect();
        let logits = gauge.logits(&model.classifier, &self.store, &Views::plain(), &pictures).await?;
        let rows = logits.iter().map(Vec::as_slice).zip(labelled.iter().map(|picture| picture.label));
        let figures = Evaluation::measure(&model.classifier.names(), rows).ok_or(Error::NothingHeldOut)?;
        let mut answers: Vec<Answer> =
            labelled.iter().zip(&logits).map(|(picture, logits)| answer(*picture, logits)).collect();
        answers.sort_by_key(|answer| answer.id);
        Ok(ValidationEvaluation { figures, answers })
    }
}
