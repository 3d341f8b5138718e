//! One phase of a training: a network, its examples and an optimiser, pulled step by step.

use super::apart;
use super::checkpoint::{FitMemory, FitRecord, invalid};
use super::examples::{Batch, Examples, chance};
use super::hands::{Hands, Lesson, Share, shares};
use super::network::{Network, Trained};
use super::optimizer::{Memory, Optimizer};
use super::schedule::Pace;
use super::{GroupRate, Objective, Phase, ValidConfig, argmax, cross_entropy_of};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::nn::{read_all, shaped_on_device};
use crate::params::{Group, Snapshot};
use burn::tensor::Tensor;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Seconds after which a GPU is waited for, for the losses and so that it is never far behind: someone may cancel, or it may be lost.
const READ_AFTER: f64 = 0.05;

/// Steps after which it is waited for in any case.
const MOST_PENDING: usize = 64;

/// Chunks of pictures that are measured at a time.
const CHUNKS: usize = 4;

/// Pictures that are looked at where none are held out: enough to see that a training has gone astray.
const LOOK_BACK: usize = 64;

/// How the held-out pictures fared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Validated {
    /// Mean cross-entropy without smoothing.
    pub loss: f64,
    /// Pictures right.
    pub hits: usize,
    /// Pictures in all, never 0.
    pub seen: usize,
}

/// How some of the pictures that train fared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LookBack {
    /// Mean cross-entropy without smoothing.
    pub loss: f64,
    /// That of one who guesses: the logarithm of the number of classes.
    pub guessing: f64,
}

impl Validated {
    pub(super) fn accuracy(self) -> f64 {
        self.hits as f64 / self.seen as f64
    }
}

/// Loss and hits summed over an epoch.
#[derive(Default, Clone, Copy)]
struct Tally {
    loss: f64,
    weight: f64,
    hits: usize,
    seen: usize,
}

/// One phase under way.
pub(super) struct Fit {
    pub phase: Phase,
    pub engine: Engine,
    pub network: Network,
    pub epochs: u32,
    pub epoch: u32,
    pub step: u32,
    /// Seconds spent in steps, validation included.
    pub seconds: f64,
    train: Examples,
    validation: Examples,
    objective: Objective,
    penalty: Option<f64>,
    stages: Vec<String>,
    boundary: usize,
    optimizer: Optimizer,
    pace: Pace,
    /// Shuffles the pictures. It has its own numbers, so that the order does not depend on what else is random.
    shuffling: ChaCha8Rng,
    /// Draws views, variants and dropout.
    rng: ChaCha8Rng,
    order: Vec<usize>,
    pending: Vec<(Tensor<2>, Vec<usize>)>,
    tally: Tally,
    latest: Option<Latest>,
    hands: Hands,
}

/// What was on a GPU after a step.
struct Latest {
    step: u32,
    values: Snapshot,
    optimizer: Vec<Memory>,
}

/// What a phase trains on, and with whom.
pub(super) struct Material {
    pub train: Examples,
    pub validation: Examples,
    pub hands: Hands,
}

impl Fit {
    /// A phase before its first step; `stages` names the stages of the backbone that train, from `boundary` on.
    pub(super) fn new(
        (phase, engine): (Phase, &Engine),
        config: &ValidConfig,
        network: Network,
        material: Material,
        objective: Objective,
        (boundary, stages): (usize, Vec<String>),
    ) -> Self {
        let Material { train, validation, hands } = material;
        let epochs = if phase == Phase::FineTune { config.fine_tune_epochs } else { config.epochs };
        let steps_an_epoch = train.len().div_ceil(config.batch_size);
        // The penalty of an SVM takes the place of weight decay in its head.
        let penalty = config.svm_penalty(train.len());
        // Each phase draws its own numbers, so that the second does not depend on when the first stopped.
        let seed = u64::from(config.seed) | u64::from(phase == Phase::FineTune) << 32;
        Self {
            phase,
            engine: engine.clone(),
            network,
            epochs,
            epoch: 0,
            step: 0,
            seconds: 0.0,
            objective,
            penalty,
            stages,
            boundary,
            optimizer: Optimizer::new(config.optimizer),
            pace: Pace::new(config.schedule, config.warm_up, epochs, steps_an_epoch),
            shuffling: ChaCha8Rng::seed_from_u64(seed | 1 << 33),
            rng: ChaCha8Rng::seed_from_u64(seed),
            order: (0..train.len()).collect(),
            pending: Vec::new(),
            tally: Tally::default(),
            latest: None,
            train,
            validation,
            hands,
        }
    }

    /// What the network is now.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub(super) async fn trained(&self) -> Result<Trained> {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.step == self.step) {
            return Ok(self.network.trained(&latest.values));
        }
        Ok(self.network.trained(&self.network.params.snapshot().await?))
    }

    /// All that a training goes on from, on its engine.
    fn state(&self) -> Vec<Tensor<1>> {
        self.network.params.values().chain(self.optimizer.moments().cloned()).collect()
    }

    /// The same in system memory, out of its values.
    fn latest(&self, mut values: Vec<Vec<f32>>) -> Latest {
        let moments = values.split_off(self.network.params.iter().count());
        Latest { step: self.step, values: Snapshot::of(values), optimizer: self.optimizer.memory(moments) }
    }

    /// What a checkpoint says of it; it is between two epochs.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub(super) async fn memory(&mut self) -> Result<FitMemory> {
        let latest = match self.latest.take().filter(|latest| latest.step == self.step) {
            Some(latest) => latest,
            None => self.latest(read_all(self.state()).await?),
        };
        let Latest { values, optimizer, .. } = latest;
        let values = values.iter().map(<[f32]>::to_vec).collect();
        let record = FitRecord {
            phase: self.phase,
            epoch: self.epoch,
            seconds: self.seconds,
            plateau: self.pace.plateau().clone(),
            // No training draws 2⁶⁴ numbers.
            drawn: [&self.shuffling, &self.rng].map(|rng| rng.get_word_pos() as u64),
            order: self.order.clone(),
            steps: optimizer.iter().map(|memory| memory.steps).collect(),
        };
        Ok(FitMemory { record, values, optimizer })
    }

    /// Goes on from there; the values are of the parameters' lengths.
    ///
    /// # Errors
    /// [`Error::CheckpointInvalid`].
    pub(super) fn recall(&mut self, memory: FitMemory, config: &ValidConfig) -> Result<()> {
        let FitMemory { record, values, optimizer } = memory;
        let FitRecord { phase, epoch, seconds, plateau, drawn, order, .. } = record;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let is_order = sorted.into_iter().eq(0..self.order.len());
        if phase != self.phase || epoch == 0 || epoch > self.epochs || !is_order || !seconds.is_finite() {
            return Err(invalid("it is not of this training"));
        }
        (self.epoch, self.seconds, self.order) = (epoch, seconds, order);
        self.step = epoch * self.steps_an_epoch(config) as u32;
        let taken = 0..=i64::from(self.step);
        if !optimizer.iter().all(|memory| taken.contains(&i64::from(memory.steps))) {
            return Err(invalid("it has taken more steps than there are"));
        }
        self.pace.recall(plateau);
        self.shuffling.set_word_pos(u128::from(drawn[0]));
        self.rng.set_word_pos(u128::from(drawn[1]));
        self.network.params.recall(values);
        self.optimizer.recall(optimizer, self.engine.device());
        Ok(())
    }

    /// One optimiser step. At the end of an epoch the answer is the validation, where pictures are held out.
    pub(super) async fn step(&mut self, config: &ValidConfig) -> Result<Option<Option<Validated>>> {
        let cursor = self.step as usize % self.steps_an_epoch(config) * config.batch_size;
        if cursor == 0 {
            self.order.shuffle(&mut self.shuffling);
            self.tally = Tally::default();
            self.epoch += 1;
        }
        let end = (cursor + config.batch_size).min(self.order.len());
        let batch = self.order[cursor..end].to_vec();
        self.optimise(&batch, config).await?;
        self.step += 1;
        if cursor == 0 && self.engine.is_gpu() {
            // It begins, and does not wait for the rest of the epoch. What is wrong with it shows where something is read.
            let _ = self.engine.device().flush();
        }
        if end < self.order.len() {
            if self.pending.len() >= self.pending_at_most() {
                let (logits, labels) = self.take_pending();
                self.add_up(read_all(logits).await?, labels)?;
            }
            return Ok(None);
        }
        // A GPU is waited for once, for these, for what is held out and for what the training would go on from.
        let (mut with, labels) = self.take_pending();
        if self.engine.is_gpu() {
            self.latest = None;
            with.extend(self.state());
        }
        let all: Vec<usize> = (0..self.validation.len()).collect();
        let (validated, mut read) = apart(self.measure(&self.validation, &all, with)).await?;
        let state = read.split_off(labels.len());
        self.add_up(read, labels)?;
        if self.engine.is_gpu() {
            self.latest = Some(self.latest(state));
        }
        let validated = finite(validated)?;
        self.pace.epoch_ended(validated.map_or(self.loss(), |v| v.loss));
        Ok(Some(validated))
    }

    /// Steps whose logits may be waiting on the engine.
    fn pending_at_most(&self) -> usize {
        let each = self.seconds / f64::from(self.step.max(1));
        if self.engine.is_gpu() && self.seconds > 0.0 {
            ((READ_AFTER / each) as usize).clamp(1, MOST_PENDING)
        } else {
            1
        }
    }

    async fn optimise(&mut self, batch: &[usize], config: &ValidConfig) -> Result<()> {
        let (activations, labels) = self.train.batch(batch, Some(&mut self.rng), &self.engine);
        let mask = self.mask(labels.len(), config.dropout);
        let first_active = first_active(self.stages.len(), self.epoch, config.unfreeze_every);
        let classes = self.network.head.classes();
        let goal = |rows: Range<usize>| self.objective.goal(&labels[rows], &labels, classes);
        let lesson = Lesson { first_active, penalty: self.penalty };
        let rate = self.rate(config, self.step);
        let (gradients, logits) = match activations {
            Batch::Pooled(features) if self.needs_no_graph() => {
                let goal = goal(0..labels.len());
                let (Network { head, params, .. }, optimizer) = (&mut self.network, &mut self.optimizer);
                let logits = head.learn(features, params, mask, goal, |params, layer, by| {
                    optimizer.learn(params, layer, by, &rate);
                });
                self.pending.push((logits, labels));
                return Ok(());
            }
            // In shares even where nobody helps: the sums are the same whoever does.
            Batch::Maps(maps) if !self.engine.is_gpu() => {
                let share = |rows: Range<usize>| Share {
                    maps: maps.clone().slice([rows.clone()]),
                    mask: mask.clone().map(|mask| mask.slice([rows.clone()])),
                    goal: goal(rows),
                };
                apart(self.hands.learn(&self.network, shares(labels.len()).map(share).collect(), lesson)).await?
            }
            activations => {
                let (gradients, logits) = self.network.gradients(activations, goal(0..labels.len()), mask, lesson);
                (gradients, vec![logits])
            }
        };
        let mut labels = labels.into_iter();
        let of_rows = logits.into_iter().map(|logits| {
            let labels = labels.by_ref().take(logits.dims()[0]).collect();
            (logits, labels)
        });
        self.pending.extend(of_rows);
        self.optimizer.apply(&mut self.network.params, gradients, rate);
        Ok(())
    }

    /// Whether the features of a head alone need no autodiff graph to train it.
    fn needs_no_graph(&self) -> bool {
        self.penalty.is_none() && self.optimizer.takes_factors() && self.network.head.needs_no_graph()
    }

    /// What dropout multiplies a batch with.
    fn mask(&mut self, rows: usize, share: f64) -> Option<Tensor<2>> {
        let (keep, shape) = ((1.0 / (1.0 - share)) as f32, [rows, self.network.head.droppable()]);
        (share > 0.0).then(|| {
            let rng = &mut self.rng;
            let mask = (0..shape[0] * shape[1]).map(|_| if chance(rng, share) { 0.0 } else { keep }).collect();
            shaped_on_device(mask, shape, self.engine.device())
        })
    }

    /// The learning rate of each group in a step, counted from 0.
    fn rate(&self, config: &ValidConfig, step: u32) -> impl Fn(Group) -> f64 + use<> {
        let factor = self.pace.factor(step as usize);
        let head = if self.phase == Phase::FineTune { config.head_learning_rate } else { config.learning_rate };
        let (backbone, decay) = (config.backbone_learning_rate, config.depth_decay);
        let last = self.boundary + self.stages.len();
        move |group| match group {
            Group::Head => head * factor,
            Group::Stage(index) => backbone * factor * decay.powi(last as i32 - 1 - index as i32),
        }
    }

    /// The rates of the latest step, the head's first and then those of the stages from the last one on.
    pub(super) fn rates(&self, config: &ValidConfig) -> Vec<GroupRate> {
        let rate = self.rate(config, self.step.saturating_sub(1));
        let active = first_active(self.stages.len(), self.epoch, config.unfreeze_every);
        let stages = self.stages.iter().enumerate().skip(active).rev();
        let stages = stages.map(|(index, name)| (name.clone(), Group::Stage(self.boundary + index)));
        let groups = std::iter::once(("head".to_string(), Group::Head)).chain(stages);
        groups.map(|(group, of)| GroupRate { group, rate: rate(of) }).collect()
    }

    /// The logits of the steps since the last read, and their labels.
    fn take_pending(&mut self) -> (Vec<Tensor<1>>, Vec<Vec<usize>>) {
        self.pending.drain(..).map(|(logits, labels)| (logits.flatten(0, 1), labels)).unzip()
    }

    /// Adds steps to the epoch's tally.
    fn add_up(&mut self, logits: Vec<Vec<f32>>, labels: Vec<Vec<usize>>) -> Result<()> {
        for (logits, labels) in logits.iter().zip(labels) {
            for (row, label) in logits.chunks_exact(logits.len() / labels.len()).zip(labels) {
                let (loss, weight) = self.objective.of_row(row, label);
                self.tally.loss += loss;
                self.tally.weight += weight;
                self.tally.hits += usize::from(argmax(row) == label);
                self.tally.seen += 1;
            }
        }
        if self.tally.loss.is_finite() { Ok(()) } else { Err(Error::NotFinite("the training loss".into())) }
    }

    /// Cross-entropy and hits on the held-out pictures; `None` where there are none.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::DeviceLost`].
    pub(super) async fn validate(&self) -> Result<Option<Validated>> {
        let all: Vec<usize> = (0..self.validation.len()).collect();
        finite(self.measure(&self.validation, &all, Vec::new()).await?.0)
    }

    /// A look at a few pictures that train, evenly chosen, of so many classes.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::DeviceLost`].
    pub(super) async fn look_back(&self, classes: usize) -> Result<Option<LookBack>> {
        let every = self.train.len().div_ceil(LOOK_BACK).max(1);
        let some: Vec<usize> = (0..self.train.len()).step_by(every).collect();
        let measured = finite(self.measure(&self.train, &some, Vec::new()).await?.0)?;
        Ok(measured.map(|measured| LookBack { loss: measured.loss, guessing: (classes as f64).ln() }))
    }

    /// How some pictures fare, and the values of tensors that are read on the way.
    async fn measure(
        &self,
        examples: &Examples,
        indices: &[usize],
        with: Vec<Tensor<1>>,
    ) -> Result<(Option<Validated>, Vec<Vec<f32>>)> {
        let params = self.network.params.without_graph();
        let (mut loss, mut hits) = (0.0, 0);
        let (mut with, mut read) = (Some(with), Vec::new());
        let hands = self.hands.at_once();
        // Few pictures fall into a part for everybody.
        let each = indices.len().div_ceil(hands).clamp(1, examples.at_once(&self.engine));
        let chunks: Vec<&[usize]> = indices.chunks(each).collect();
        // A GPU is waited for once for several of them.
        for some in chunks.chunks(if self.engine.is_gpu() { CHUNKS } else { hands }) {
            let mut all = with.take().unwrap_or_default();
            let others = all.len();
            let batches = some.iter().map(|batch| examples.batch::<ChaCha8Rng>(batch, None, &self.engine));
            let (batches, labels): (Vec<_>, Vec<_>) = batches.unzip();
            let mut values = if self.engine.is_gpu() {
                let logits = batches.into_iter().map(|batch| self.network.logits(batch, &params));
                all.extend(logits.map(|logits| logits.flatten(0, 1)));
                read_all(all).await?
            } else {
                let mut values = read_all(all).await?;
                values.extend(self.hands.look(&self.network, batches).await?);
                values
            };
            for (logits, labels) in values.split_off(others).iter().zip(labels) {
                for (row, label) in logits.chunks_exact(logits.len() / labels.len()).zip(labels) {
                    loss += cross_entropy_of(row, label, 0.0);
                    hits += usize::from(argmax(row) == label);
                }
            }
            read.extend(values);
        }
        if let Some(left) = with {
            read = read_all(left).await?;
        }
        let seen = indices.len();
        Ok(((seen > 0).then(|| Validated { loss: loss / seen as f64, hits, seen }), read))
    }

    /// Mean training loss over the epoch so far.
    pub(super) fn loss(&self) -> f64 {
        if self.tally.weight > 0.0 { self.tally.loss / self.tally.weight } else { 0.0 }
    }

    /// Training accuracy over the epoch so far.
    pub(super) fn accuracy(&self) -> f64 {
        self.tally.hits as f64 / self.tally.seen.max(1) as f64
    }

    /// Whether the latest step was the last of its epoch.
    pub(super) fn between_epochs(&self, config: &ValidConfig) -> bool {
        self.step > 0 && (self.step as usize).is_multiple_of(self.steps_an_epoch(config))
    }

    /// Training pictures.
    pub(super) fn pictures(&self) -> usize {
        self.order.len()
    }

    pub(super) fn steps_an_epoch(&self, config: &ValidConfig) -> usize {
        self.order.len().div_ceil(config.batch_size)
    }

    /// Steps planned.
    pub(super) fn steps(&self, config: &ValidConfig) -> u32 {
        self.steps_an_epoch(config) as u32 * self.epochs
    }
}

fn finite(measured: Option<Validated>) -> Result<Option<Validated>> {
    match measured {
        Some(Validated { loss, .. }) if !loss.is_finite() => Err(Error::NotFinite("the loss".into())),
        measured => Ok(measured),
    }
}

/// The first stage of a tail that trains in an epoch, counted from 1: all of them, or with gradual unfreezing the last
/// one first and one more every so many epochs.
fn first_active(stages: usize, epoch: u32, unfreeze_every: u32) -> usize {
    if unfreeze_every == 0 {
        return 0;
    }
    let unfrozen = 1 + (epoch.max(1) - 1) / unfreeze_every;
    stages.saturating_sub(unfrozen as usize)
}

#[cfg(test)]
mod tests {
    use super::first_active;

    #[test]
    fn stages_are_unfrozen_from_the_last_one_on() {
        let at = |every| (1..=8).map(|epoch| first_active(3, epoch, every)).collect::<Vec<_>>();
        assert_eq!(at(0), [0; 8]);
        assert_eq!(at(1), [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(at(3), [2, 2, 2, 1, 1, 1, 0, 0]);
    }
}
