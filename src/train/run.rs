//! One training, pulled step by step: whoever calls [`Run::step`] decides when, so that pause is not calling and
//! cancel is dropping in between.

use super::event::{EventKind, Phase, TrainEvent};
use super::examples::{Examples, chance};
use super::optimizer::{Optimizer, OptimizerSettings};
use super::schedule::{Pace, Schedule};
use super::{Objective, ValidConfig, argmax, cross_entropy_of};
use crate::dataset::Split;
use crate::engine::{Clock, Engine, EngineKind};
use crate::error::{Error, Result};
use crate::head::{Head, Standardisation, TrainableHead};
use crate::params::{Params, Snapshot, read};
use burn::tensor::{Tensor, TensorData};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Steps between two reads of the loss from a GPU: often enough that its queue does not grow without bound, seldom
/// enough that it does not wait for us.
const GPU_READ_EVERY: usize = 8;

/// Pictures in one forward pass of validation.
const VALIDATION_BATCH: usize = 256;

/// SGD's momentum.
const MOMENTUM: f64 = 0.9;

/// Share of the steps over which a cosine warms up.
const WARM_UP: f64 = 0.05;

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// All epochs ran.
    Finished,
    /// The validation loss did not get better for `patience` epochs.
    Early,
    /// The user stopped it.
    Cancelled,
    /// The GPU stopped answering.
    DeviceLost,
    /// The loss was no number any more.
    NotFinite,
}

/// The best weights so far and where they came from.
struct Best {
    epoch: u32,
    loss: f64,
    values: Snapshot,
}

/// A training of a head on cached features.
pub struct Run {
    config: ValidConfig,
    split: Split,
    engine: Engine,
    clock: Clock,
    head: TrainableHead,
    params: Params,
    optimizer: Optimizer,
    pace: Pace,
    scaling: Standardisation,
    train: Examples,
    validation: Examples,
    rng: ChaCha8Rng,
    order: Vec<usize>,
    epoch: u32,
    steps_done: u32,
    pending: Vec<(Tensor<2>, Vec<usize>)>,
    tally: Tally,
    best: Option<Best>,
    seconds: f64,
    stopped: Option<Stopped>,
}

/// Loss and hits summed over an epoch.
#[derive(Default, Clone, Copy)]
struct Tally {
    loss: f64,
    hits: usize,
    seen: usize,
}

/// What is left of a run: the trained head and how it came about.
pub struct Outcome {
    /// The best head, for features as they are.
    pub head: Head,
    /// Epochs that ran to their end.
    pub epochs_run: u32,
    /// The epoch whose weights these are, from 1; 0 where not one epoch ended.
    pub best_epoch: u32,
    /// Why it ended.
    pub stopped: Stopped,
    /// Seconds spent in steps.
    pub seconds: f64,
}

impl Run {
    /// Prepares a training on pooled features.
    ///
    /// `train` and `validation` hold the rows of the split's pictures, in its order.
    pub fn new(
        config: ValidConfig,
        split: Split,
        mut train: Examples,
        mut validation: Examples,
        engine: &Engine,
        clock: Clock,
    ) -> Self {
        let features = train.width();
        let scaling = Standardisation::measure(train.rows(), features);
        train.standardise(&scaling);
        validation.standardise(&scaling);
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(config.seed));
        let mut params = Params::new(engine.device());
        let head = TrainableHead::new(config.head, features, split.classes.len(), &mut params, &mut rng);
        let optimizer = Optimizer::new(OptimizerSettings {
            kind: config.optimizer,
            weight_decay: config.weight_decay,
            momentum: MOMENTUM,
            clip_norm: None,
        });
        let warm_up = if config.schedule == Schedule::Cosine { WARM_UP } else { 0.0 };
        let pace = Pace::new(config.schedule, warm_up, config.epochs, train.len().div_ceil(config.batch_size));
        let order = (0..train.len()).collect();
        Self {
            config,
            split,
            engine: engine.clone(),
            clock,
            head,
            params,
            optimizer,
            pace,
            scaling,
            train,
            validation,
            rng,
            order,
            epoch: 0,
            steps_done: 0,
            pending: Vec::new(),
            tally: Tally::default(),
            best: None,
            seconds: 0.0,
            stopped: None,
        }
    }

    /// The split that this run was given.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// Gives a class another name: the report and the model of this run will carry it.
    pub fn rename_class(&mut self, name: &str, to: &str) {
        self.split.rename_class(name, to);
    }

    /// The settings that this run was given.
    pub fn config(&self) -> &ValidConfig {
        &self.config
    }

    /// Number of values that train.
    pub fn trainable_parameters(&self) -> usize {
        self.params.count()
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
        self.seconds += (self.clock)() - before;
        result.inspect_err(|error| {
            self.stopped = Some(match error {
                Error::NotFinite(_) => Stopped::NotFinite,
                _ => Stopped::DeviceLost,
            });
        })
    }

    async fn step_inner(&mut self) -> Result<TrainEvent> {
        let cursor = self.step_in_epoch() * self.config.batch_size;
        if cursor == 0 {
            self.order.shuffle(&mut self.rng);
            self.tally = Tally::default();
            self.epoch += 1;
        }
        let end = (cursor + self.config.batch_size).min(self.order.len());
        let batch = self.order[cursor..end].to_vec();
        self.optimise(&batch);
        self.steps_done += 1;
        let epoch_ends = end == self.order.len();
        let read_every = if self.engine.is_gpu() { GPU_READ_EVERY } else { 1 };
        if epoch_ends || self.pending.len() >= read_every {
            self.read_pending().await?;
        }
        if !epoch_ends {
            return Ok(self.event(EventKind::Step, None, false));
        }
        let validated = self.validate().await?;
        let improved = self.keep_if_best(validated).await?;
        self.stop_if_over();
        Ok(self.event(EventKind::Epoch, validated, improved))
    }

    /// Whether an epoch ended, so that there are best weights.
    pub fn has_best(&self) -> bool {
        self.best.is_some()
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> EngineKind {
        self.engine.report().kind
    }

    /// Stops it; the best weights so far stay.
    pub fn cancel(&mut self) {
        self.stopped.get_or_insert(Stopped::Cancelled);
    }

    /// The best head so far.
    ///
    /// Where not one epoch ended the weights are those of the last step, if the device still gives them.
    ///
    /// # Errors
    /// [`Error::NotTrained`] where there are no weights worth keeping.
    pub async fn finish(self) -> Result<Outcome> {
        let stopped = self.stopped.unwrap_or(Stopped::Cancelled);
        let (values, best_epoch) = match self.best {
            Some(best) => (best.values, best.epoch),
            None if self.steps_done > 0 && stopped == Stopped::Cancelled => (self.params.snapshot().await?, 0),
            None => return Err(Error::NotTrained),
        };
        let head = self.head.trained(&values).fold_standardisation(&self.scaling);
        let steps_an_epoch = self.train.len().div_ceil(self.config.batch_size) as u32;
        let epochs_run = self.steps_done / steps_an_epoch;
        Ok(Outcome { head, epochs_run, best_epoch, stopped, seconds: self.seconds })
    }

    fn optimise(&mut self, batch: &[usize]) {
        let device = self.engine.device().clone();
        let (rows, labels) = self.train.batch(batch, Some(&mut self.rng));
        let x = TensorData::new(rows, [batch.len(), self.train.width()]);
        let x = Tensor::<2>::from_data(x, &device).autodiff();
        let (share, rng) = (self.config.dropout, &mut self.rng);
        let logits = self.head.forward(x, &self.params, |shape| {
            (share > 0.0).then(|| {
                let keep = (1.0 / (1.0 - share)) as f32;
                let mask = (0..shape[0] * shape[1]).map(|_| if chance(rng, share) { 0.0 } else { keep }).collect();
                Tensor::from_data(TensorData::new::<f32, _>(mask, shape), &device).autodiff()
            })
        });
        self.pending.push((logits.clone().inner(), labels.clone()));
        let objective = Objective::CrossEntropy { smoothing: self.config.label_smoothing, weights: None };
        let loss = objective.loss(logits, &labels, &device);
        let mut gradients = loss.backward();
        let rate = self.rate(self.steps_done);
        self.optimizer.step(&mut self.params, &mut gradients, |_| rate);
    }

    /// Reads the logits of the steps since the last read and adds them to the epoch's tally.
    async fn read_pending(&mut self) -> Result<()> {
        let (logits, labels): (Vec<_>, Vec<_>) = self.pending.drain(..).unzip();
        let values = read(Tensor::cat(logits, 0)).await?;
        for (row, label) in values.chunks_exact(self.split.classes.len()).zip(labels.into_iter().flatten()) {
            let loss = cross_entropy_of(row, label, self.config.label_smoothing);
            self.tally.add(row, label, loss);
        }
        if self.tally.loss.is_finite() { Ok(()) } else { Err(Error::NotFinite("the training loss".into())) }
    }

    /// Mean loss (without smoothing) and accuracy on the held-out pictures.
    async fn validate(&self) -> Result<Option<(f64, f64)>> {
        let mut tally = Tally::default();
        let params = self.params.without_graph();
        let indices: Vec<usize> = (0..self.validation.len()).collect();
        for batch in indices.chunks(VALIDATION_BATCH) {
            let (rows, labels) = self.validation.batch::<ChaCha8Rng>(batch, None);
            let x = TensorData::new(rows, [batch.len(), self.validation.width()]);
            let x = Tensor::<2>::from_data(x, self.engine.device());
            let logits = read(self.head.forward(x, &params, |_| None)).await?;
            for (row, label) in logits.chunks_exact(self.split.classes.len()).zip(labels) {
                tally.add(row, label, cross_entropy_of(row, label, 0.0));
            }
        }
        Ok((tally.seen > 0).then(|| (tally.mean_loss(), tally.accuracy())))
    }

    /// Keeps the weights where they are the best so far: by validation loss, or the latest without validation.
    async fn keep_if_best(&mut self, validated: Option<(f64, f64)>) -> Result<bool> {
        let loss = validated.map_or(f64::NEG_INFINITY, |(loss, _)| loss);
        let better = self.best.as_ref().is_none_or(|best| validated.is_none() || loss < best.loss);
        if better {
            self.best = Some(Best { epoch: self.epoch, loss, values: self.params.snapshot().await? });
        }
        Ok(better)
    }

    fn stop_if_over(&mut self) {
        let since_best = self.best.as_ref().map_or(0, |best| self.epoch - best.epoch);
        if self.epoch >= self.config.epochs {
            self.stopped = Some(Stopped::Finished);
        } else if self.config.patience > 0 && since_best >= self.config.patience {
            self.stopped = Some(Stopped::Early);
        }
    }

    fn steps_an_epoch(&self) -> usize {
        self.order.len().div_ceil(self.config.batch_size)
    }

    fn step_in_epoch(&self) -> usize {
        self.steps_done as usize % self.steps_an_epoch()
    }

    /// Learning rate of a step, counted from 0.
    fn rate(&self, step: u32) -> f64 {
        self.config.learning_rate * self.pace.factor(step as usize)
    }

    fn event(&self, kind: EventKind, validated: Option<(f64, f64)>, improved: bool) -> TrainEvent {
        let steps = self.steps_an_epoch() as u32 * self.config.epochs;
        let done = self.steps_done.max(1);
        let pictures = f64::from(done) * self.order.len() as f64 / self.steps_an_epoch() as f64;
        let seconds_a_step = self.seconds / f64::from(done);
        TrainEvent {
            kind,
            phase: Phase::Head,
            epoch: self.epoch,
            epochs: self.config.epochs,
            step: self.steps_done,
            steps,
            loss: self.tally.mean_loss(),
            accuracy: self.tally.accuracy(),
            validation_loss: validated.map(|v| v.0),
            validation_accuracy: validated.map(|v| v.1),
            learning_rate: self.rate(self.steps_done.saturating_sub(1)),
            best_epoch: self.best.as_ref().map(|best| best.epoch),
            improved,
            images_per_second: if self.seconds > 0.0 { pictures / self.seconds } else { 0.0 },
            eta: if kind == EventKind::Done { 0.0 } else { seconds_a_step * f64::from(steps - self.steps_done) },
        }
    }
}

impl Tally {
    fn add(&mut self, logits: &[f32], label: usize, loss: f64) {
        self.loss += loss;
        self.hits += usize::from(argmax(logits) == label);
        self.seen += 1;
    }

    fn mean_loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    fn accuracy(&self) -> f64 {
        self.hits as f64 / self.seen.max(1) as f64
    }
}
