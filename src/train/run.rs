//! One training, pulled step by step: whoever calls [`Run::step`] decides when, so that pause is not calling and
//! cancel is dropping in between.
//!
//! The head trains first; where stages of the backbone are to be fine-tuned, they follow in a second phase that starts
//! from the best head.

use super::best::{Best, Judge};
use super::checkpoint::{Checkpoint, RunMemory, RunRecord, invalid};
use super::event::{EventKind, Phase, TrainEvent};
use super::examples::Examples;
use super::fit::{Fit, LookBack, Material, Validated};
use super::hands::Hands;
use super::hint::Watch;
use super::network::{Network, Trained};
use super::{FineTune, ValidConfig, apart};
use crate::backbone::Backbone;
use crate::crew::{Crew, Outline};
use crate::dataset::Warning;
use crate::engine::{Clock, Engine};
use crate::error::{Error, Result};
use crate::head::{Head, Standardisation};
use crate::identity::ContentHash;
use crate::params::Group;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// All epochs ran.
    Finished,
    /// The validation figure did not get better for `patience` epochs.
    Early,
    /// The user stopped it.
    Cancelled,
    /// The GPU stopped answering; a project goes on on the CPU then.
    DeviceLost,
    /// The loss was no number any more.
    NotFinite,
}

/// What a training starts from.
pub struct Start {
    /// The checked settings.
    pub config: ValidConfig,
    /// Number of classes.
    pub classes: usize,
    /// Shift and scale of the features of the training pictures.
    pub scaling: Standardisation,
    /// The head to go on with, for features as they are; `None` starts a new one, and trains it alone first.
    pub head: Option<Head>,
    /// Whether that head has outputs that nothing has trained yet: it is then nothing to fall back on.
    pub grown: bool,
    /// What the head trains on, training and held-out pictures; not used where it starts from a given one and the
    /// backbone is fine-tuned.
    pub features: Option<(Examples, Examples)>,
    /// What the backbone trains on, where it is fine-tuned.
    pub tail: Option<Tail>,
}

/// Stages to fine-tune with activations in front of them.
pub struct Tail {
    /// The backbone as it is before training.
    pub backbone: Arc<Backbone>,
    /// Stages from here on train.
    pub boundary: usize,
    /// What they train on.
    pub engine: Engine,
    /// Training pictures.
    pub train: Examples,
    /// Held-out pictures.
    pub validation: Examples,
    /// Seconds that an epoch is expected to take, where that is known.
    pub epoch_seconds: Option<f64>,
    /// Who helps, where somebody does: all have this backbone.
    pub crew: Option<Rc<dyn Crew>>,
}

/// A training of a head, and of stages of the backbone.
pub struct Run {
    config: ValidConfig,
    classes: usize,
    /// Whether what it goes on from has outputs that nothing has trained.
    grown: bool,
    clock: Clock,
    scaling: Standardisation,
    fit: Fit,
    tail: Option<Tail>,
    judge: Judge,
    watch: Watch,
    best: Option<Best>,
    /// The best before the phase, which takes its place again where the early epochs of the phase do not count.
    settled: Option<Best>,
    /// Epochs of phases that are over.
    epochs_before: u32,
    /// Epochs of this one that ended, validation included.
    ended: u32,
    seconds_before: f64,
    trainable: usize,
    hint: Option<Warning>,
    stopped: Option<Stopped>,
}

/// What is left of a run: the trained weights and how they came about.
pub struct Outcome {
    /// The best head, for features as they are.
    pub head: Head,
    /// Tensors of the backbone that were fine-tuned, by name; empty where the best weights are those of the head phase.
    pub backbone: Vec<(String, Vec<f32>)>,
    /// The phase that the weights come from.
    pub phase: Phase,
    /// Epochs that ran to their end, in all phases.
    pub epochs_run: u32,
    /// How many of them the head trained alone.
    pub head_epochs: u32,
    /// The epoch whose weights these are, counted from 1 through all phases; 0 where not one epoch ended, or where
    /// none was better than the model that a warm start began with.
    pub best_epoch: u32,
    /// Why it ended.
    pub stopped: Stopped,
    /// Seconds spent in steps.
    pub seconds: f64,
    /// The latest remark on overfitting or forgetting.
    pub hint: Option<Warning>,
}

impl Run {
    /// Prepares a training, whose head trains on `engine`.
    ///
    /// # Errors
    /// [`Error::Internal`] where `start` holds nothing to train on, and the errors of
    /// [`crate::backbone::TrainableStages::new`].
    pub fn new(start: Start, engine: &Engine, clock: Clock) -> Result<Self> {
        let Start { config, classes, scaling, head, grown, features, mut tail } = start;
        let given = head.map(|head| scaling.unfold(head));
        let first = given.clone().unwrap_or_else(|| {
            let mut rng = ChaCha8Rng::seed_from_u64(u64::from(config.seed));
            Head::fresh(config.head, scaling.scale.len(), classes, &mut rng)
        });
        let directly = given.is_some() && tail.is_some();
        let fit = match (features, tail.take_if(|_| directly)) {
            (_, Some(tail)) => fine_tune(&config, &first, &scaling, tail, classes, clock)?,
            (Some((mut train, mut validation)), None) => {
                for examples in [&mut train, &mut validation] {
                    examples.standardise(&scaling);
                    examples.settle(engine);
                }
                let network = Network::of_head(&first, config.head_decays(), &scaling, engine)?;
                let objective = config.objective(train.labels(), classes);
                let hands = Hands::new(None, Outline::of(&first, 0, false), &scaling, clock);
                let material = Material { train, validation, hands };
                Fit::new((Phase::Head, engine), &config, network, material, objective, (0, Vec::new()))
            }
            (None, None) => return Err(Error::Internal("there is nothing to train on".into())),
        };
        Ok(Self {
            judge: Judge::new(config.monitor, fit.phase, fit.epochs, None),
            watch: Watch::new(fit.phase, None),
            trainable: fit.network.params.count(),
            config,
            classes,
            clock,
            scaling,
            fit,
            tail,
            grown,
            best: None,
            settled: None,
            epochs_before: 0,
            ended: 0,
            seconds_before: 0.0,
            hint: None,
            stopped: None,
        })
    }

    /// Prepares a training that goes on from a checkpoint of it: `start` is what that began with.
    ///
    /// # Errors
    /// [`Error::CheckpointInvalid`], and those of [`Run::new`].
    pub fn resume(mut start: Start, mut checkpoint: Checkpoint, engine: &Engine, clock: Clock) -> Result<Self> {
        let (config, classes, features) = (start.config.clone(), start.classes, start.scaling.scale.len());
        start.scaling = checkpoint.scaling(features)?;
        // Only its shapes matter.
        let head = Head::fresh(config.head, features, classes, &mut ChaCha8Rng::seed_from_u64(0));
        let mut run = Self::new(start, engine, clock)?;
        let fine_tuning = checkpoint.phase() == Phase::FineTune;
        if fine_tuning && run.fit.phase == Phase::Head {
            let tail = run.tail.take().ok_or_else(|| invalid("it fine-tunes more than there is"))?;
            run.fit = fine_tune(&config, &head, &run.scaling, tail, classes, clock)?;
            run.trainable = run.fit.network.params.count();
        }
        let params = &run.fit.network.params;
        let sizes: Vec<usize> = params.iter().map(|param| param.shape.iter().product()).collect();
        let named = params.iter().zip(sizes.iter().copied()).filter(|(param, _)| param.group != Group::Head);
        let named: HashMap<&str, usize> = named.map(|(param, size)| (&*param.name, size)).collect();
        let RunMemory { record, fit, best, settled } = checkpoint.into_memory(&head, &named, &sizes)?;
        run.fit.recall(fit, &config)?;
        let RunRecord { figures, watch, epochs_before, seconds_before, hint } = record;
        if epochs_before > if fine_tuning { config.epochs } else { 0 } {
            return Err(invalid("it has had more epochs than there are"));
        }
        run.judge = Judge::new(config.monitor, run.fit.phase, run.fit.epochs, None).recalling(figures);
        (run.watch, run.hint) = (watch, hint);
        (run.best, run.settled) = (best, settled);
        (run.epochs_before, run.ended, run.seconds_before) = (epochs_before, run.fit.epoch, seconds_before);
        if run.phase_is_over() && (run.tail.is_none() || run.best.is_none()) {
            return Err(invalid("nothing of it is left to do"));
        }
        Ok(run)
    }

    /// Whether there is a checkpoint of it now.
    pub fn can_go_on_later(&self) -> bool {
        self.stopped.is_none() && self.fit.between_epochs(&self.config)
    }

    /// What it can go on from later, about pictures and settings that `about` names; none but between two epochs.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub async fn checkpoint(&mut self, about: ContentHash) -> Result<Option<Checkpoint>> {
        if !self.can_go_on_later() {
            return Ok(None);
        }
        let record = RunRecord {
            figures: self.judge.figures().clone(),
            watch: self.watch.clone(),
            epochs_before: self.epochs_before,
            seconds_before: self.seconds_before,
            hint: self.hint.clone(),
        };
        let (best, settled) = (self.best.clone(), self.settled.clone());
        let memory = RunMemory { record, fit: self.fit.memory().await?, best, settled };
        Ok(Some(Checkpoint::of(about, &self.scaling, memory)))
    }

    /// Number of values that train, or will.
    pub fn trainable_parameters(&self) -> usize {
        self.trainable
    }

    /// One optimiser step; at the end of an epoch also validation. After the last it only reports the end.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] and [`Error::NotFinite`]; the run is over then, and [`Run::finish`] gives the best
    /// weights that there were.
    pub async fn step(&mut self) -> Result<TrainEvent> {
        if self.stopped.is_some() {
            return Ok(self.event(EventKind::Done, None, false));
        }
        let before = (self.clock)();
        let result = self.step_inner().await;
        self.fit.seconds += (self.clock)() - before;
        result.inspect_err(|error| {
            self.stopped = Some(match error {
                Error::NotFinite(_) => Stopped::NotFinite,
                _ => Stopped::DeviceLost,
            });
        })
    }

    async fn step_inner(&mut self) -> Result<TrainEvent> {
        if self.fit.step == 0 && self.config.warm_start && self.best.is_none() && !self.grown {
            apart(self.begin_with_what_there_is()).await?;
        }
        if self.phase_is_over() {
            apart(self.begin_fine_tuning()).await?;
        }
        let Some(validated) = self.fit.step(&self.config).await? else {
            return Ok(self.event(EventKind::Step, None, false));
        };
        if self.judge.starts_anew(self.fit.epoch) {
            self.best = self.settled.take();
        }
        let seen = apart(self.seen(validated)).await?;
        let improved = self.judge.improves(self.fit.epoch, validated, seen);
        if improved {
            let values = apart(self.fit.trained()).await?;
            if !values.are_finite() {
                return Err(Error::NotFinite("a weight".into()));
            }
            let epoch = self.epochs_before + self.fit.epoch;
            self.best = Some(Best { phase: self.fit.phase, epoch, validated, values });
        }
        self.ended = self.fit.epoch;
        self.hint = self.watch.epoch(self.fit.accuracy(), validated);
        if self.phase_is_over() && self.tail.is_none() {
            let planned = self.fit.epoch >= self.fit.epochs;
            self.stopped = Some(if planned { Stopped::Finished } else { Stopped::Early });
        }
        Ok(self.event(EventKind::Epoch, validated, improved))
    }

    /// How the pictures that train fare at the end of an epoch, where none are held out that could tell whether the
    /// training goes astray: of some of them, for it need not be known exactly.
    async fn seen(&self, validated: Option<Validated>) -> Result<Option<LookBack>> {
        match validated {
            Some(_) => Ok(None),
            None => self.fit.look_back(self.classes).await,
        }
    }

    /// A warm start is only worth it where it ends better than it began.
    async fn begin_with_what_there_is(&mut self) -> Result<()> {
        let validated = self.fit.validate().await?;
        // The backbone is there already, and stays the very one.
        let values = Trained { backbone: Vec::new(), ..self.fit.trained().await? };
        let seen = self.seen(validated).await?;
        self.judge = Judge::new(self.config.monitor, self.fit.phase, self.fit.epochs, validated)
            .having_seen(seen.map(|s| s.loss));
        self.watch = Watch::new(self.fit.phase, validated);
        let best = Best { phase: Phase::Head, epoch: 0, validated, values };
        self.settled = Some(best.clone());
        self.best = Some(best);
        Ok(())
    }

    /// Whether all epochs of the phase ran, or `patience` of them in a row brought nothing better.
    fn phase_is_over(&self) -> bool {
        if !self.fit.between_epochs(&self.config) {
            return false;
        }
        // Epochs that could not have been better do not count as epochs without a better figure.
        let best = self.best.as_ref().map_or(0, |best| best.epoch.saturating_sub(self.epochs_before));
        let best = best.max(self.judge.first() - 1);
        let patience = self.config.patience;
        self.fit.epoch >= self.fit.epochs || (patience > 0 && self.fit.epoch.saturating_sub(best) >= patience)
    }

    /// The second phase starts from the best head of the first.
    async fn begin_fine_tuning(&mut self) -> Result<()> {
        let (Some(tail), Some(best)) = (self.tail.take(), &self.best) else {
            return Err(Error::Internal("there is nothing to fine-tune".into()));
        };
        let head = &best.values.head;
        let fit = fine_tune(&self.config, head, &self.scaling, tail, self.classes, self.clock)?;
        self.judge = Judge::new(self.config.monitor, Phase::FineTune, fit.epochs, best.validated)
            .having_seen(self.judge.lowest());
        self.watch = Watch::new(Phase::FineTune, best.validated);
        self.settled = self.best.clone();
        (self.epochs_before, self.ended) = (self.fit.epoch, 0);
        self.seconds_before += self.fit.seconds;
        self.trainable = fit.network.params.count();
        self.fit = fit;
        Ok(())
    }

    /// Whether there are weights worth keeping: an epoch ended, or the start was a model already.
    pub fn has_best(&self) -> bool {
        self.best.is_some()
    }

    /// The GPU that it runs on, or a later phase of it.
    pub fn gpu(&self) -> Option<&Engine> {
        let later = self.tail.as_ref().map(|tail| &tail.engine);
        std::iter::once(&self.fit.engine).chain(later).find(|engine| engine.is_gpu())
    }

    /// Which engine its present phase runs on.
    pub fn engine(&self) -> &Engine {
        &self.fit.engine
    }

    /// Stops it; the best weights so far stay.
    pub fn cancel(&mut self) {
        self.stopped.get_or_insert(Stopped::Cancelled);
    }

    /// The best weights so far.
    ///
    /// Where not one epoch ended they are those of the last step, if the device still gives them.
    ///
    /// # Errors
    /// [`Error::NotTrained`] where there are no weights worth keeping.
    pub async fn finish(self) -> Result<Outcome> {
        let stopped = self.stopped.unwrap_or(Stopped::Cancelled);
        let best = match self.best {
            Some(best) => best,
            None if self.fit.step > 0 && stopped == Stopped::Cancelled => {
                Best { phase: self.fit.phase, epoch: 0, validated: None, values: self.fit.trained().await? }
            }
            None => return Err(Error::NotTrained),
        };
        let ended = self.ended;
        let fine_tuning = self.fit.phase == Phase::FineTune;
        Ok(Outcome {
            head: self.scaling.fold(best.values.head),
            backbone: best.values.backbone,
            phase: best.phase,
            epochs_run: self.epochs_before + ended,
            head_epochs: if fine_tuning { self.epochs_before } else { ended },
            best_epoch: best.epoch,
            stopped,
            seconds: self.seconds_before + self.fit.seconds,
            hint: self.hint,
        })
    }

    fn event(&self, kind: EventKind, validated: Option<Validated>, improved: bool) -> TrainEvent {
        let fit = &self.fit;
        let (steps, done) = (fit.steps(&self.config), fit.step.max(1));
        let pictures = f64::from(done) * fit.pictures() as f64 / fit.steps_an_epoch(&self.config) as f64;
        let next = self.tail.as_ref().map_or(0, |_| self.config.fine_tune_epochs);
        let later = self.tail.as_ref().and_then(|tail| tail.epoch_seconds).unwrap_or(0.0) * f64::from(next);
        let left = fit.seconds / f64::from(done) * f64::from(steps - fit.step) + later;
        TrainEvent {
            kind,
            phase: fit.phase,
            epoch: self.epochs_before + fit.epoch,
            epochs: self.epochs_before + fit.epochs + next,
            step: fit.step,
            steps,
            loss: fit.loss(),
            accuracy: fit.accuracy(),
            validation_loss: validated.map(|v| v.loss),
            validation_accuracy: validated.map(Validated::accuracy),
            learning_rates: fit.rates(&self.config),
            best_epoch: self.best.as_ref().map(|best| best.epoch),
            improved,
            images_per_second: if fit.seconds > 0.0 { pictures / fit.seconds } else { 0.0 },
            eta: if kind == EventKind::Done { 0.0 } else { left },
            memory: 0.0,
            hint: if kind == EventKind::Epoch { self.hint.clone() } else { None },
        }
    }
}

/// The phase in which the stages of `tail` train with a head.
fn fine_tune(
    config: &ValidConfig,
    head: &Head,
    scaling: &Standardisation,
    tail: Tail,
    classes: usize,
    clock: Clock,
) -> Result<Fit> {
    debug_assert_ne!(config.fine_tune, FineTune::None);
    let Tail { backbone, boundary, engine, mut train, mut validation, crew, .. } = tail;
    [&mut train, &mut validation].into_iter().for_each(|examples| examples.settle(&engine));
    let stages = (&*backbone, boundary, config.train_norms);
    let network = Network::fine_tuned(head, config.head_decays(), scaling, stages, &engine)?;
    let objective = config.objective(train.labels(), classes);
    let names = backbone.stages()[boundary..].iter().map(|stage| stage.name.clone()).collect();
    let phase = (Phase::FineTune, &engine);
    let hands = Hands::new(crew, Outline::of(head, boundary, config.train_norms), scaling, clock);
    let material = Material { train, validation, hands };
    Ok(Fit::new(phase, config, network, material, objective, (boundary, names)))
}
