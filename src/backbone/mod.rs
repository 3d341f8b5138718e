//! Backbones: a list of stages that can be cut at any boundary, their weights and their card.
//!
//! Boundary `b` means: stages `0..b` are frozen, stages `b..` train. Boundary [`Backbone::depth`] freezes everything;
//! boundary 0 is the picture itself.

mod card;
mod fold;
mod frozen;
mod mobilenet_v2;
mod trainable;
mod weights;

pub use card::{Card, FineTuneLimit};
pub use frozen::FrozenStages;
pub use trainable::TrainableStages;
pub use weights::{Array, Weights};

pub(crate) use card::CardFile;
pub(crate) use weights::array;

use crate::error::{Error, Result};
use crate::identity::{ContentHash, Hasher};
use crate::nn::{LayerReport, StageSpec};
use serde::Serialize;
use std::ops::Range;

/// A pretrained backbone in system memory, complete and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Backbone {
    card: Card,
    stages: Vec<StageSpec>,
    weights: Weights,
    /// What the stages before each boundary compute, by content; see [`Backbone::prefix`].
    prefixes: Vec<ContentHash>,
}

/// A summary of a backbone for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BackboneReport {
    /// Name of the architecture.
    pub architecture: String,
    /// Side of the input in pixels.
    pub input_size: usize,
    /// Length of the pooled feature vector.
    pub features: usize,
    /// Number of weights and biases, BatchNorm's affine included.
    pub parameters: usize,
    /// Number of stages.
    pub stages: usize,
    /// `present` or `folded`.
    pub batch_norm: &'static str,
    /// How many of its last stages can be trained at most; 0 is the head only.
    pub fine_tunable: usize,
    /// How far it can be fine-tuned and why, in plain words.
    pub fine_tune_reason: String,
    /// Licence of the weights.
    pub license: String,
    /// Where the weights come from.
    pub source: String,
}

impl Backbone {
    /// Reads a backbone from the text of its `config.json` and the bytes of its `model.safetensors`.
    ///
    /// # Errors
    /// The `Backbone…` errors; each names the tensor or the field.
    pub fn parse(config: &str, weights: &[u8]) -> Result<Self> {
        let card = Card::parse(config)?;
        let stages = mobilenet_v2::stages(card.width, card.expand_first, card.num_features);
        let weights = Weights::parse(weights, &stages, card.expand_first)?;
        Self::of(card, stages, weights)
    }

    fn of(card: Card, stages: Vec<StageSpec>, weights: Weights) -> Result<Self> {
        let prefixes = prefixes(&card, &stages, &weights)?;
        Ok(Self { card, stages, weights, prefixes })
    }

    /// Its card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Its stages, in order.
    pub fn stages(&self) -> &[StageSpec] {
        &self.stages
    }

    /// Number of stages, which is the boundary that freezes everything.
    pub fn depth(&self) -> usize {
        self.stages.len()
    }

    /// Its weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The boundary that leaves the last `blocks` stages trainable.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] for more stages than there are, [`Error::NotFineTunable`] for more than the card allows.
    pub fn boundary_before_last(&self, blocks: usize) -> Result<usize> {
        let boundary = self.depth().checked_sub(blocks).ok_or_else(|| Error::ConfigInvalid {
            field: "fineTune",
            value: format!("last:{blocks}"),
            expected: format!("none, last:1 to last:{}, or all", self.depth()),
        })?;
        if blocks > self.fine_tunable() {
            return Err(Error::NotFineTunable { blocks, reason: self.fine_tune_reason() });
        }
        Ok(boundary)
    }

    /// How many of its last stages can be trained at most.
    pub fn fine_tunable(&self) -> usize {
        self.card.fine_tune.as_ref().map_or(self.depth(), |limit| limit.last.min(self.depth()))
    }

    /// How far it can be fine-tuned and why, in plain words.
    pub fn fine_tune_reason(&self) -> String {
        match &self.card.fine_tune {
            Some(limit) if limit.last == 0 => format!("Only a head can be trained on this backbone: {}.", limit.reason),
            Some(limit) if limit.last < self.depth() => {
                format!("Only the last {} of its {} blocks can be trained: {}.", limit.last, self.depth(), limit.reason)
            }
            _ if self.weights.folded() => format!(
                "All {} blocks can be trained. Batch normalisation is folded into the weights, so weights and biases \
                 train and there are no statistics to keep.",
                self.depth()
            ),
            _ => format!(
                "All {} blocks can be trained. The statistics of batch normalisation are kept as they are.",
                self.depth()
            ),
        }
    }

    /// The backbone with some of its tensors replaced, as training made them.
    ///
    /// # Errors
    /// [`Error::BackboneTensorMissing`] for a tensor that it has not, or not of this length.
    pub fn with_trained(&self, tensors: impl IntoIterator<Item = (String, Vec<f32>)>) -> Result<Self> {
        let mut weights = self.weights.clone();
        for (name, values) in tensors {
            weights.replace(&name, values)?;
        }
        Self::of(self.card.clone(), self.stages.clone(), weights)
    }

    /// What the stages before a boundary, at most the depth, compute of a crop: equal where the normalisation, the
    /// stages and their weights are, whatever the backbone is called.
    pub fn prefix(&self, boundary: usize) -> ContentHash {
        self.prefixes[boundary.min(self.depth())]
    }

    /// Whether two backbones compute the same.
    pub fn computes_as(&self, other: &Self) -> bool {
        self.prefixes.last() == other.prefixes.last()
    }

    /// Multiplications of one picture's forward pass through some stages.
    pub fn multiplications(&self, stages: Range<usize>) -> f64 {
        let mut at = self.shape_at(stages.start);
        let mut sum = 0.0;
        for conv in self.stages[stages].iter().flat_map(|stage| &stage.convs) {
            at = [conv.outputs, at[1].div_ceil(conv.stride), at[2].div_ceil(conv.stride)];
            sum += (conv.weight_shape().iter().product::<usize>() * at[1] * at[2]) as f64;
        }
        sum
    }

    /// Shape `[channels, height, width]` of the activations at a boundary.
    pub fn shape_at(&self, boundary: usize) -> [usize; 3] {
        let size = self.card.input_size;
        self.stages[..boundary.min(self.depth())]
            .iter()
            .flat_map(|stage| &stage.convs)
            .fold([3, size, size], |[_, height, width], conv| {
                [conv.outputs, height.div_ceil(conv.stride), width.div_ceil(conv.stride)]
            })
    }

    /// Number of weights and biases; BatchNorm's statistics are no parameters.
    pub fn parameters(&self) -> usize {
        self.weights.iter().filter(|(name, _)| !is_statistic(name)).map(|(_, array)| array.data.len()).sum()
    }

    /// A summary.
    pub fn report(&self) -> BackboneReport {
        BackboneReport {
            architecture: self.card.architecture.clone(),
            input_size: self.card.input_size,
            features: self.card.num_features,
            parameters: self.parameters(),
            stages: self.depth(),
            batch_norm: if self.weights.folded() { "folded" } else { "present" },
            fine_tunable: self.fine_tunable(),
            fine_tune_reason: self.fine_tune_reason(),
            license: self.card.license.clone(),
            source: self.card.source.clone(),
        }
    }

    /// Every tensor in the order of computation, with its state when stages from `boundary` on train, with
    /// BatchNorm's scale and shift or without.
    pub fn layers(&self, boundary: usize, train_norms: bool) -> Vec<LayerReport> {
        let mut layers = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            for conv in &stage.convs {
                let parts = [format!("{}.", conv.name), format!("{}.", conv.norm)];
                let of_conv = self.weights.iter().filter(|(name, _)| {
                    parts.iter().any(|part| name.strip_prefix(part).is_some_and(|rest| !rest.contains('.')))
                });
                layers.extend(of_conv.map(|(name, array)| {
                    let norm = !self.weights.folded() && name.starts_with(&parts[1]);
                    let fixed = norm && !train_norms;
                    let (trainable, reason) = state(is_statistic(name), index >= boundary, fixed);
                    LayerReport {
                        name: name.to_string(),
                        stage: stage.name.clone(),
                        kind: if norm { "batch normalisation" } else { conv.kind() }.to_string(),
                        shape: array.shape.clone(),
                        parameters: array.data.len(),
                        trainable,
                        reason: reason.to_string(),
                    }
                }));
            }
        }
        layers
    }
}

/// The identity of what comes before each boundary: each stage's is made of that before it and of the stage's own
/// shape and tensors.
fn prefixes(card: &Card, stages: &[StageSpec], weights: &Weights) -> Result<Vec<ContentHash>> {
    let mut start = Hasher::new();
    start.bytes(format!("{} {:?}", card.input_size, card.interpolation).as_bytes());
    start.floats(&card.mean);
    start.floats(&card.std);
    start.bytes(&card.crop_pct.to_le_bytes());
    let mut prefixes = vec![start.end()];
    for stage in stages {
        let mut hasher = Hasher::new();
        hasher.hash(prefixes[prefixes.len() - 1]);
        hasher.bytes(format!("{stage:?}").as_bytes());
        for conv in &stage.convs {
            for array in weights.of_conv(conv)? {
                hasher.floats(&array.data);
            }
        }
        prefixes.push(hasher.end());
    }
    Ok(prefixes)
}

fn is_statistic(name: &str) -> bool {
    name.ends_with(".running_mean") || name.ends_with(".running_var")
}

fn state(statistic: bool, unfrozen: bool, fixed: bool) -> (bool, &'static str) {
    match (statistic, unfrozen, fixed) {
        (true, _, _) => (false, "a statistic of the pretraining pictures, always kept"),
        (false, false, _) => (false, "this stage is frozen"),
        (false, true, true) => (false, "batch normalisation is kept while its stage is fine-tuned"),
        (false, true, false) => (true, "this stage is fine-tuned"),
    }
}
