//! A training under way: activations are prepared, the network trains, the finished model is measured.

use super::activations::Activations;
use super::measure::Measuring;
use super::plan::{Plan, Storage};
use super::{ADDED_VIEWS, EMBED_BATCH, Project};
use crate::augment::Augment;
use crate::backbone::Backbone;
use crate::dataset::{Labelled, Split, Warning};
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder, View};
use crate::image::Preprocess;
use crate::train::{EventKind, Examples, Phase, Run, Start, Tail, TrainConfig, TrainEvent, ValidConfig};
use std::collections::HashSet;
use std::sync::Arc;

/// A training under way.
pub(super) enum Job {
    Preparing(Box<Preparing>),
    Training(Box<Run>),
    Measuring(Box<Measuring>),
}

/// Activations that are still to be computed.
pub(super) struct Preparing {
    config: ValidConfig,
    split: Split,
    backbone: Arc<Backbone>,
    plan: Plan,
    /// Index of the cache, picture and view, one cache after the other.
    missing: Vec<(usize, u32, View)>,
    done: usize,
    seconds: f64,
    /// Expected seconds of an epoch of fine-tuning, and of everything after the preparation.
    expected: (Option<f64>, f64),
    /// The prefix in use and the cache that it is for.
    prefix: Option<(usize, Embedder)>,
}

impl Job {
    /// Whether it goes on from the model that there is.
    pub(super) fn is_warm(&self) -> bool {
        match self {
            Self::Preparing(job) => job.config.warm_start,
            Self::Training(run) => run.config().warm_start,
            Self::Measuring(job) => job.config.warm_start,
        }
    }

    /// Gives a class another name in what is to come of this training.
    pub(super) fn rename_class(&mut self, name: &str, to: &str) {
        match self {
            Self::Preparing(job) => job.split.rename_class(name, to),
            Self::Training(run) => run.rename_class(name, to),
            Self::Measuring(job) => {
                job.split.rename_class(name, to);
                job.classifier.labels.clone_from(&job.split.classes);
            }
        }
    }
}

impl Project {
    /// Checks settings and pictures and prepares a training, which [`Project::step`] then runs.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`], [`Error::NotFineTunable`], [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`],
    /// [`Error::TrainingRunning`]; the model that there was stays.
    pub fn start_training(&mut self, config: &TrainConfig) -> Result<()> {
        if self.job.is_some() {
            return Err(Error::TrainingRunning);
        }
        let config = config.check()?;
        let backbone = self.base(&config);
        let before = self.split.as_ref().filter(|_| config.warm_start);
        let mut split = self.dataset.split_after(config.validation, u64::from(config.seed), before)?;
        self.check_warm_start(&config, &split)?;
        if config.warm_start && before.is_none() && !split.validation.is_empty() {
            split.warnings.push(Warning {
                code: "held_out_may_have_trained".into(),
                message: "The model that training went on from came from a file, so some of the held-out pictures may \
                          be ones that it was trained on: the validation figures may flatter."
                    .into(),
            });
        }
        let pictures = (split.train.len(), split.validation.len());
        let limit = config.memory_limit.unwrap_or(self.memory);
        let plan = Plan::new(&config, &backbone, pictures, limit)?;
        let missing = self.provide(&config, &plan, &backbone, &split);
        let seconds = self.seconds(&config, &plan, &backbone, pictures);
        let later = seconds.total.unwrap_or(0.0) - seconds.prepare.unwrap_or(0.0);
        let expected = (seconds.epoch, later);
        let preparing =
            Preparing { config, split, backbone, plan, missing, done: 0, seconds: 0.0, expected, prefix: None };
        self.job = Some(if preparing.missing.is_empty() {
            Job::Training(Box::new(self.begin(preparing)?))
        } else {
            Job::Preparing(Box::new(preparing))
        });
        Ok(())
    }

    /// The backbone that a training starts from: the model's own where it goes on from that.
    pub(super) fn base(&self, config: &ValidConfig) -> Arc<Backbone> {
        match &self.classifier {
            Some(classifier) if config.warm_start => classifier.backbone.clone(),
            _ => self.backbone.clone(),
        }
    }

    /// A training can go on from the present model only with its classes and its kind of head.
    fn check_warm_start(&self, config: &ValidConfig, split: &Split) -> Result<()> {
        if !config.warm_start {
            return Ok(());
        }
        let classifier = self.classifier.as_ref().ok_or(Error::NotTrained)?;
        let invalid = |field, value: String, expected: String| Err(Error::ConfigInvalid { field, value, expected });
        if classifier.labels != split.classes {
            let expected = format!("false unless the classes are those of the model: {}", classifier.labels.join(", "));
            return invalid("warmStart", "true".into(), expected);
        }
        let features = classifier.backbone.card().num_features;
        if !classifier.head.is_of(config.head, features, split.classes.len()) {
            return invalid("head", config.head.to_string(), "the head of the model that training goes on from".into());
        }
        if Preprocess::of(classifier.backbone.card()).crops() != self.embedder.preprocess().crops() {
            let expected = "false, for the model wants its pictures cropped or scaled in another way";
            return invalid("warmStart", "true".into(), expected.into());
        }
        Ok(())
    }

    /// Sees to it that there is a cache for every cut that the plan needs, drops those that nobody needs now, and says
    /// what is missing in them.
    fn provide(
        &mut self,
        config: &ValidConfig,
        plan: &Plan,
        backbone: &Arc<Backbone>,
        split: &Split,
    ) -> Vec<(usize, u32, View)> {
        let fine_tuned = plan.boundary < backbone.depth();
        // Pooled features are always needed: they say how to standardise.
        let pooled = Cut::features(backbone);
        let mut needs = vec![(pooled, plan.head_views.clone(), false)];
        if !plan.head_cut.pooled && plan.head != Storage::Recompute {
            needs.push((plan.head_cut, plan.head_views.clone(), plan.head == Storage::Half));
        }
        if fine_tuned && plan.tail != Storage::Recompute {
            needs.push((Cut::map(plan.boundary), plan.tail_views.clone(), plan.tail == Storage::Half));
        }
        let needed = |cache: &Activations| {
            needs.iter().any(|(cut, _, half)| cache.serve(backbone, *cut) && (cut.pooled || cache.half == *half))
        };
        // The first cache is that of the session's own backbone, which every picture is added to.
        let mut index = 0;
        self.caches.retain(|cache| {
            index += 1;
            index == 1 || needed(cache)
        });
        let ids = |part: &[Labelled]| part.iter().map(|picture| picture.id).collect::<HashSet<u32>>();
        let (trained, held_out) = (ids(&split.train), ids(&split.validation));
        let mut missing = Vec::new();
        for (cut, views, half) in needs {
            let found = self.caches.iter().position(|cache| cache.serve(backbone, cut));
            let at = found.unwrap_or_else(|| {
                self.caches.push(Activations::new(backbone, cut, half));
                self.caches.len() - 1
            });
            if views.iter().any(|view| matches!(view, View::Variant(_))) {
                self.caches[at].use_variants(&config.augment, config.seed);
            }
            // Pictures and views that nobody needs now make room; what is added with a picture stays in the first.
            let cache = &mut self.caches[at];
            cache.rows.retain(|id, view| {
                (at == 0 && ADDED_VIEWS.contains(&view))
                    || (trained.contains(&id) && views.contains(&view))
                    || (held_out.contains(&id) && view == View::Plain)
            });
            missing.extend(self.caches[at].missing(split, &views).into_iter().map(|(id, view)| (at, id, view)));
        }
        missing
    }

    /// Everything is cached: the run can begin.
    fn begin(&self, job: Preparing) -> Result<Run> {
        let Preparing { config, split, backbone, plan, expected, .. } = job;
        let cache = |cut: Cut| {
            let found = self.caches.iter().find(|cache| cache.serve(&backbone, cut));
            found.map(|cache| &cache.rows).ok_or_else(|| Error::Internal("activations are missing".into()))
        };
        let depth = backbone.depth();
        let width = backbone.card().num_features;
        let pooled = cache(Cut::features(&backbone))?;
        let features = |pictures: &[Labelled], views: &[View]| Examples::pooled(pooled, pictures, views, width);
        let train = features(&split.train, &plan.head_views)?;
        let scaling = train.measure().ok_or_else(|| Error::Internal("there are no features".into()))?;
        let scaling = if plan.head_cut.pooled { scaling } else { scaling.without_shift() };
        let maps = |boundary: usize, views: &[View], storage: Storage| -> Result<(Examples, Examples)> {
            if storage == Storage::Recompute {
                let prefix = Arc::new(Embedder::new(&backbone, Cut::map(boundary), &self.engine)?);
                return Ok((
                    self.pictures(&split.train, &prefix, &config.augment)?,
                    self.pictures(&split.validation, &prefix, &config.augment)?,
                ));
            }
            let (rows, shape) = (cache(Cut::map(boundary))?, backbone.shape_at(boundary));
            Ok((
                Examples::maps(rows, &split.train, views, shape)?,
                Examples::maps(rows, &split.validation, &[View::Plain], shape)?,
            ))
        };
        let tail = if plan.boundary < depth {
            let (train, validation) = maps(plan.boundary, &plan.tail_views, plan.tail)?;
            let (backbone, boundary, epoch_seconds) = (backbone.clone(), plan.boundary, expected.0);
            Some(Tail { backbone, boundary, train, validation, epoch_seconds })
        } else {
            None
        };
        let features = if plan.head_cut.pooled {
            (train, features(&split.validation, &[View::Plain])?)
        } else {
            maps(depth, &plan.head_views, plan.head)?
        };
        let model = self.classifier.as_ref().filter(|_| config.warm_start);
        let head = model.map(|classifier| classifier.head.clone());
        Run::new(Start { config, split, scaling, head, features: Some(features), tail }, &self.engine, self.clock)
    }

    fn pictures(&self, pictures: &[Labelled], prefix: &Arc<Embedder>, augment: &Augment) -> Result<Examples> {
        let crops = pictures.iter().map(|picture| Ok(self.dataset.sample(picture.id)?.crop.clone()));
        Ok(Examples::pictures(crops.collect::<Result<_>>()?, pictures, prefix.clone(), *augment))
    }

    /// One step of the running training: some pictures prepared, an optimiser step, or some pictures measured. With
    /// the event `done` the model and the report are there.
    ///
    /// # Errors
    /// [`Error::NotTraining`]; [`Error::DeviceLost`] and [`Error::NotFinite`] where that ended the training before
    /// there was anything to keep. Otherwise the best weights so far are measured and the report says why it ended.
    pub async fn step(&mut self) -> Result<TrainEvent> {
        match self.job.take().ok_or(Error::NotTraining)? {
            Job::Preparing(job) => self.prepare(*job).await,
            Job::Training(run) => self.train(*run).await,
            Job::Measuring(job) => self.measure(*job).await,
        }
    }

    /// Embeds a few pictures.
    async fn prepare(&mut self, mut job: Preparing) -> Result<TrainEvent> {
        let start = (self.clock)();
        let (at, _, _) = job.missing[job.done];
        let next: Vec<_> =
            job.missing[job.done..].iter().take_while(|key| key.0 == at).take(EMBED_BATCH).copied().collect();
        let cache = &self.caches[at];
        let crops: Vec<_> =
            next.iter().map(|(_, id, view)| cache.picture(&self.dataset, *id, *view)).collect::<Result<_>>()?;
        let crops: Vec<_> = crops.iter().collect();
        let (backbone, cut) = (cache.backbone.clone(), cache.cut);
        if job.prefix.as_ref().is_none_or(|(of, _)| *of != at) {
            job.prefix = Some((at, Embedder::new(&backbone, cut, &self.engine)?));
        }
        let embedded = match &job.prefix {
            Some((_, prefix)) => prefix.embed(&crops).await,
            None => return Err(Error::Internal("there is no prefix".into())),
        };
        let rows = match embedded {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                let prefix = Embedder::new(&backbone, cut, &self.engine)?;
                let rows = prefix.embed(&crops).await?;
                job.prefix = Some((at, prefix));
                rows
            }
            rows => rows?,
        };
        for ((_, id, view), row) in next.iter().zip(rows) {
            self.caches[at].insert(*id, *view, row);
        }
        job.done += next.len();
        let seconds = (self.clock)() - start;
        job.seconds += seconds;
        self.embed_seconds += seconds;
        let (done, all) = (job.done, job.missing.len());
        let left = job.seconds / done as f64 * (all - done) as f64 + job.expected.1;
        let event = self.counting(Phase::Prepare, (done, all), job.seconds, left);
        self.job =
            Some(if done < all { Job::Preparing(Box::new(job)) } else { Job::Training(Box::new(self.begin(job)?)) });
        Ok(event)
    }

    /// One optimiser step.
    async fn train(&mut self, mut run: Run) -> Result<TrainEvent> {
        let event = run.step().await;
        match event {
            Ok(event) if event.kind == EventKind::Done => {
                let job = self.ended(run).await?;
                self.measure(job).await
            }
            Ok(event) => {
                self.job = Some(Job::Training(Box::new(run)));
                Ok(TrainEvent { memory: self.memory_in_use(), ..event })
            }
            Err(error) => {
                if let Error::DeviceLost(reason) = &error {
                    self.go_on_without_gpu(reason)?;
                }
                // Where not one epoch ended there is nothing to keep, and the error itself says so. Otherwise the
                // best weights are the model, and its report says why training stopped.
                match self.ended(run).await {
                    Ok(job) => self.measure(job).await,
                    Err(Error::NotTrained | Error::NothingLearned) => Err(error),
                    Err(other) => Err(other),
                }
            }
        }
    }

    /// Stops the running training. The best weights so far become the model once they are measured, which the
    /// following calls of [`Project::step`] do.
    ///
    /// # Errors
    /// As [`Project::cancel_training`].
    pub async fn stop_training(&mut self) -> Result<()> {
        match self.job.take().ok_or(Error::NotTraining)? {
            Job::Preparing(_) if self.classifier.is_some() => Err(Error::NothingLearned),
            Job::Preparing(_) => Err(Error::NotTrained),
            Job::Training(mut run) => {
                run.cancel();
                self.job = Some(Job::Measuring(Box::new(self.ended(*run).await?)));
                Ok(())
            }
            measuring @ Job::Measuring(_) => {
                self.job = Some(measuring);
                Ok(())
            }
        }
    }

    /// Stops the running training and makes the best weights so far the model, all at once.
    ///
    /// # Errors
    /// [`Error::NotTraining`]; [`Error::NotTrained`] where nothing was learned yet; [`Error::NothingLearned`] where
    /// nothing was learned and there is a model already, which stays.
    pub async fn cancel_training(&mut self) -> Result<()> {
        self.stop_training().await?;
        while let Some(Job::Measuring(job)) = self.job.take() {
            self.measure(*job).await?;
        }
        Ok(())
    }

    /// The event of a phase that counts pictures.
    pub(super) fn counting(&self, phase: Phase, (done, all): (usize, usize), seconds: f64, left: f64) -> TrainEvent {
        TrainEvent {
            kind: EventKind::Step,
            phase,
            epoch: 0,
            epochs: 0,
            step: done as u32,
            steps: all as u32,
            loss: 0.0,
            accuracy: 0.0,
            validation_loss: None,
            validation_accuracy: None,
            learning_rates: Vec::new(),
            best_epoch: None,
            improved: false,
            images_per_second: if seconds > 0.0 { done as f64 / seconds } else { 0.0 },
            eta: left,
            memory: self.memory_in_use(),
            hint: None,
        }
    }
}
