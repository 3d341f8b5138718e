//! A training under way: activations are prepared, the network trains, the finished model is measured.

use super::Project;
use super::measure::Measuring;
use super::model::Onward;
use super::plan::Plan;
use super::prepare::{Course, Preparing};
use crate::activations::{Recipe, Views};
use crate::backbone::{Arithmetic, Backbone};
use crate::crew::Crew;
use crate::dataset::{Labelled, Lineage, Split};
use crate::engine::{Engine, Workload};
use crate::engines::Engines;
use crate::error::{Error, Result};
use crate::head::Head;
use crate::identity::{ContentHash, Hasher};
use crate::image::Picture;
use crate::probe::{WRONG, trains_alike};
use crate::train::{Checkpoint, EventKind, Phase, Run, TrainConfig, TrainEvent, ValidConfig, apart};
use std::rc::Rc;
use std::sync::Arc;

/// A training that can start.
pub(super) struct Checked {
    config: ValidConfig,
    backbone: Arc<Backbone>,
    head: Option<Head>,
    grown: bool,
    before: Lineage,
    split: Split,
    plan: Plan,
    memory_limit: u64,
}

/// A training under way.
pub(super) enum Job {
    Preparing(Box<Preparing>),
    Training(Box<(Course, Run)>),
    Measuring(Box<Measuring>),
}

impl Job {
    /// What it is about.
    pub(super) fn course(&self) -> &Course {
        match self {
            Self::Preparing(job) => &job.course,
            Self::Training(job) => &job.0,
            Self::Measuring(job) => &job.course,
        }
    }

    /// Whether it goes on from the model that there is.
    pub(super) fn is_warm(&self) -> bool {
        self.course().config.warm_start
    }
}

impl Project {
    /// Checks settings and pictures and prepares a training, which [`Project::step`] then runs.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`], [`Error::NotFineTunable`], [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`],
    /// [`Error::TrainingRunning`], [`Error::BackboneChanging`] and, going on from the model that there is,
    /// [`Error::NotTrained`], [`Error::ModelClassesDiffer`], [`Error::ModelHeadDiffers`],
    /// [`Error::ModelPreparesOtherwise`] and [`Error::ModelBackboneDiffers`]; the model that there was stays.
    pub fn start_training(&mut self, settings: &TrainConfig) -> Result<()> {
        self.begin_training(settings, None)
    }

    /// Prepares a training that was cut short to go on after the last epoch that [`Project::checkpoint`] gave.
    ///
    /// # Errors
    /// As [`Project::start_training`], and [`Error::CheckpointInvalid`] and [`Error::CheckpointDiffers`]: it can then only be
    /// begun anew.
    pub fn resume_training(&mut self, settings: &TrainConfig, checkpoint: &[u8]) -> Result<()> {
        self.begin_training(settings, Some(Checkpoint::read(checkpoint)?))
    }

    /// What the running training can go on from later, should it be cut short; none but between two epochs.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], and [`Error::Internal`] where writing fails.
    pub async fn checkpoint(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(Job::Training(job)) = &mut self.job else { return Ok(None) };
        let (course, run) = &mut **job;
        match &course.checkpoint {
            // It was made when the epoch ended.
            Some(kept) if run.gpu().is_some() && run.can_go_on_later() => kept.write().map(Some),
            _ => run.checkpoint(course.about).await?.map(|checkpoint| checkpoint.write()).transpose(),
        }
    }

    fn begin_training(&mut self, settings: &TrainConfig, checkpoint: Option<Checkpoint>) -> Result<()> {
        if self.job.is_some() {
            return Err(Error::TrainingRunning);
        }
        let mut course = self.course(self.checked(settings)?, settings)?;
        if checkpoint.as_ref().is_some_and(|checkpoint| !checkpoint.is_about(course.about)) {
            return Err(Error::CheckpointDiffers);
        }
        course.checkpoint = checkpoint;
        let preparing = Preparing::new(course, &mut self.store);
        self.proceed(preparing)?;
        self.settings = Some(settings.clone());
        Ok(())
    }

    /// What decides whether a training with these settings can start, or why it cannot.
    pub(super) fn checked(&self, settings: &TrainConfig) -> Result<Checked> {
        let config = settings.check()?;
        let backbone = self.base(&config);
        let (classes, before, head, grown) = match &self.model {
            _ if !config.warm_start => {
                (self.dataset.live_classes().map(|c| c.id).collect(), Lineage::default(), None, false)
            }
            None => return Err(Error::NotTrained),
            Some(model) => {
                let Onward { classes, head, grown } = model.can_go_on(&self.dataset, config.head, &self.backbone)?;
                (classes, model.lineage.clone(), Some(head), grown)
            }
        };
        match self.dataset.awaited() {
            0 => {}
            count => return Err(Error::BackboneChanging(count)),
        }
        let split = self.dataset.split_after(&classes, config.validation, u64::from(config.seed), &before)?;
        let pictures = (split.train.len(), split.validation.len());
        let memory_limit = config.memory_limit.unwrap_or(self.store.limit());
        let plan = Plan::new(&config, &backbone, pictures, memory_limit)?;
        Ok(Checked { config, backbone, head, grown, before, split, plan, memory_limit })
    }

    /// All that a training will be.
    fn course(&self, checked: Checked, settings: &TrainConfig) -> Result<Course> {
        let Checked { config, backbone, head, grown, before, split, plan, memory_limit } = checked;
        let expected = self.expected(&config, &plan, &backbone, (split.train.len(), split.validation.len()));
        let (train, held_out) = (self.pictures(&split.train)?, self.pictures(&split.validation)?);
        Ok(Course {
            about: about(
                settings,
                (&backbone, head.as_ref()),
                [(&split.train, &train), (&split.validation, &held_out)],
            )?,
            checkpoint: None,
            train,
            held_out,
            views: Views::new(Recipe { augment: config.augment, seed: config.seed }),
            config,
            split,
            backbone,
            head,
            grown,
            before,
            plan,
            memory_limit,
            epoch_seconds: expected.epoch,
            later_seconds: expected.total.unwrap_or(0.0) - expected.prepare.unwrap_or(0.0),
        })
    }

    /// The backbone that a training starts from: the model's own where it goes on from that.
    pub(super) fn base(&self, config: &ValidConfig) -> Arc<Backbone> {
        match &self.model {
            Some(model) if config.warm_start => model.backbone().clone(),
            _ => self.backbone.clone(),
        }
    }

    fn pictures(&self, of: &[Labelled]) -> Result<Vec<Picture>> {
        of.iter().map(|picture| self.picture(picture.id).ok_or(Error::ImageUnknown(picture.id))).collect()
    }

    /// One step of the running training: some pictures prepared, an optimiser step, or some pictures measured. With
    /// the event `done` the model and the report are there.
    ///
    /// # Errors
    /// [`Error::NotTraining`]; [`Error::NotFinite`] where that ended the training before there was anything to keep. Otherwise
    /// the best weights so far are measured and the report says why it ended. A training whose GPU is lost goes on on the CPU.
    pub async fn step(&mut self) -> Result<TrainEvent> {
        match self.job.take().ok_or(Error::NotTraining)? {
            Job::Preparing(job) => apart(self.prepare(*job)).await,
            Job::Training(job) => self.train(*job).await,
            Job::Measuring(job) => apart(self.measure(*job)).await,
        }
    }

    /// Embeds a few pictures.
    async fn prepare(&mut self, mut job: Preparing) -> Result<TrainEvent> {
        let start = (self.clock)();
        let crew = self.crew_for(&job.course.backbone);
        match job.step(&mut self.store, self.engines.of(Workload::Embedding), &crew).await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                job.step(&mut self.store, self.engines.of(Workload::Embedding), &crew).await?;
            }
            result => result?,
        }
        let seconds = (self.clock)() - start;
        job.seconds += seconds;
        self.timing.embedding += seconds;
        let (done, all) = job.progress();
        let left = job.seconds / done.max(1) as f64 * (all - done) as f64 + job.course.later_seconds;
        let event = self.counting(Phase::Prepare, (done, all), job.seconds, left);
        self.proceed(job)?;
        Ok(event)
    }

    /// Goes on with a training on the engine that there is now, after the last epoch of which something is kept.
    async fn again(&mut self, course: Course) -> Result<TrainEvent> {
        let preparing = Preparing::new(course, &mut self.store);
        self.proceed(preparing)?;
        Box::pin(self.step()).await
    }

    /// Begins to train where everything is there.
    fn proceed(&mut self, job: Preparing) -> Result<()> {
        self.job = Some(if job.is_done() {
            let crew = self.crew_for(&job.course.backbone);
            Job::Training(Box::new(job.begin(&self.store, &self.engines, self.clock, crew)?))
        } else {
            Job::Preparing(Box::new(job))
        });
        Ok(())
    }

    /// Who helps with what this backbone computes: they have the project's own.
    pub(super) fn crew_for(&self, backbone: &Backbone) -> Option<Rc<dyn Crew>> {
        self.crew.clone().filter(|_| backbone.is_same(&self.backbone))
    }

    /// One optimiser step.
    async fn train(&mut self, (mut course, mut run): (Course, Run)) -> Result<TrainEvent> {
        // One that comes later is asked before it has anything to lose.
        let gpu = run.gpu().cloned();
        let alike = match &gpu {
            Some(gpu) => apart(trains_alike(gpu)).await,
            None => Ok(true),
        };
        let mut result = match alike {
            Ok(true) => run.step().await,
            Ok(false) => {
                self.move_to(Engines::all(Engine::instead_of_gpu(WRONG)))?;
                return apart(self.again(course)).await;
            }
            Err(lost) => Err(lost),
        };
        if gpu.is_some() && matches!(&result, Ok(event) if event.kind == EventKind::Epoch) {
            // Before the epoch is told of, so that none is told of twice should the GPU be lost.
            match apart(run.checkpoint(course.about)).await {
                Ok(kept) => course.checkpoint = kept.or(course.checkpoint),
                Err(error) => result = Err(error),
            }
        }
        match result {
            Ok(event) if event.kind == EventKind::Done => {
                let job = apart(self.ended(course, run)).await?;
                apart(self.measure(job)).await
            }
            Ok(event) => {
                self.job = Some(Job::Training(Box::new((course, run))));
                Ok(TrainEvent { memory: self.store.bytes() as f64, ..event })
            }
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                apart(self.again(course)).await
            }
            Err(error) => {
                // Where not one epoch ended there is nothing to keep, and the error itself says so. Otherwise the
                // best weights are the model, and its report says why training stopped.
                match apart(self.ended(course, run)).await {
                    Ok(job) => apart(self.measure(job)).await,
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
            Job::Preparing(_) if self.model.is_some() => Err(Error::NothingLearned),
            Job::Preparing(_) => Err(Error::NotTrained),
            Job::Training(job) => {
                let (course, mut run) = *job;
                run.cancel();
                let ended = self.ended(course, run).await;
                if let Err(Error::DeviceLost(reason)) = &ended {
                    self.go_on_without_gpu(reason)?;
                }
                self.job = Some(Job::Measuring(Box::new(ended?)));
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
    /// nothing was learned and there is a model already, which stays; [`Error::DeviceLost`] where what was learned before
    /// the first epoch ended is lost with the GPU.
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
            memory: self.store.bytes() as f64,
            hint: None,
        }
    }
}

/// What tells one training from another: its settings, what it starts from, and the pictures of each part with their
/// labels.
fn about(
    settings: &TrainConfig,
    (backbone, head): (&Backbone, Option<&Head>),
    parts: [(&Vec<Labelled>, &Vec<Picture>); 2],
) -> Result<ContentHash> {
    let mut hasher = Hasher::new();
    let settings = serde_json::to_vec(settings).map_err(|error| Error::Internal(error.to_string()))?;
    hasher.hash(ContentHash::of(&settings));
    hasher.hash(backbone.content());
    if backbone.card().arithmetic != Arithmetic::Float {
        // What it computes in is no part of its content.
        hasher.hash(backbone.prefix(backbone.depth()));
    }
    for (_, _, values) in head.iter().flat_map(|head| head.tensors()) {
        hasher.floats(values);
    }
    for (labelled, pictures) in parts {
        hasher.bytes(&(labelled.len() as u64).to_le_bytes());
        for (picture, of) in pictures.iter().zip(labelled) {
            hasher.hash(picture.content);
            hasher.bytes(&(of.label as u64).to_le_bytes());
        }
    }
    Ok(hasher.end())
}
