//! Backbones: a list of stages that can be cut at any boundary, their weights and their card.
//!
//! Boundary `b` means: stages `0..b` are frozen, stages `b..` train. Boundary [`Backbone::depth`] freezes everything;
//! boundary 0 is the picture itself.

mod architectures;
mod array;
mod card;
mod fold;
mod origin;
mod quantise;
mod stages;
mod weights;

pub use crate::nn::Arithmetic;
pub use array::{Array, Stored};
pub use card::{Card, FineTuneLimit};
pub use origin::Reference;
pub use quantise::WeightStorage;
pub use stages::{FrozenStages, TrainableStages};
pub use weights::Weights;

pub(crate) use architectures::timm_names;
pub(crate) use array::{array, is_scale, write};
pub(crate) use card::CardFile;

use crate::error::{Error, Result};
use crate::identity::{ContentHash, Hasher};
use crate::nn::{LayerReport, Op, StageSpec, TensorSpec};
use architectures::Architecture;
use safetensors::SafeTensors;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// A pretrained backbone in system memory, complete and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Backbone {
    card: Card,
    stages: Vec<StageSpec>,
    /// Shape `[channels, height, width]` at each boundary.
    shapes: Vec<[usize; 3]>,
    weights: Weights,
    /// What the stages before each boundary compute, by content; see [`Backbone::prefix`].
    prefixes: Vec<ContentHash>,
    content: ContentHash,
    origin: Option<origin::Origin>,
}

/// A summary of a backbone for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BackboneReport {
    /// Name of the architecture, as its card gives it.
    pub architecture: String,
    /// What a person calls the architecture.
    pub label: String,
    /// Side of the input in pixels.
    pub input_size: usize,
    /// Length of the pooled feature vector.
    pub features: usize,
    /// Number of weights and biases, BatchNorm's affine included.
    pub parameters: usize,
    /// Multiplications of one picture's forward pass.
    pub multiplications: f64,
    /// Number of stages.
    pub stages: usize,
    /// What frozen stages compute in, on the CPU.
    pub arithmetic: Arithmetic,
    /// `present`, `folded` or `none`.
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

/// What a backbone computes, without its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Its stages in order, each with the shape `[channels, height, width]` of what goes in.
    pub stages: Vec<(StageSpec, [usize; 3])>,
    /// How many of the first compute in eight bits, on the CPU.
    pub in_eight_bits: usize,
}

impl Outline {
    /// Of the backbone that the text of a `config.json` describes.
    ///
    /// # Errors
    /// [`Error::BackboneConfigInvalid`], [`Error::BackboneUnsupported`].
    pub fn parse(config: &str) -> Result<Self> {
        let file = CardFile::parse(config)?;
        let stages = architectures::of(&file)?.stages;
        let (card, shapes) = fitted(&file, &stages)?;
        let in_eight_bits = eight_bit_stages(&card, stages.len());
        Ok(Self { stages: stages.into_iter().zip(shapes).collect(), in_eight_bits })
    }

    /// What a stage computes in on the CPU.
    pub fn arithmetic(&self, stage: usize) -> Arithmetic {
        of_stage(stage, self.in_eight_bits)
    }

    /// The same where all stages compute in this.
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        let in_eight_bits = if arithmetic == Arithmetic::Int8 { self.stages.len() } else { 0 };
        Self { in_eight_bits, ..self }
    }
}

impl Backbone {
    /// Reads a backbone from the text of its `config.json` and the bytes of its `model.safetensors`.
    ///
    /// # Errors
    /// The `Backbone…` errors; each names the tensor or the field.
    pub fn parse(config: &str, weights: &[u8]) -> Result<Self> {
        let file = CardFile::parse(config)?;
        Self::built(&file, architectures::of(&file)?, weights)
    }

    /// Reads a backbone from the bytes of a `model.safetensors` that came without a card: its architecture is told by the
    /// names and shapes of its tensors, and how its pictures are prepared is taken to be as it is usually published.
    ///
    /// # Errors
    /// [`Error::BackboneTruncated`], [`Error::BackboneNotRecognised`] and what [`Backbone::parse`] says of the values.
    pub fn recognise(weights: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(weights).map_err(|e| Error::BackboneTruncated(e.to_string()))?;
        let fits = |card: &CardFile| architectures::of(card).is_ok_and(|known| Weights::fit(&file, &known));
        let card = architectures::known().map(CardFile::of).find(fits).ok_or_else(|| {
            let first = file.names().into_iter().min().unwrap_or_default().to_string();
            Error::BackboneNotRecognised(first)
        })?;
        Self::built(&card, architectures::of(&card)?, weights)
    }

    /// A network of the caller's own stages, whose tensors have the names that the stages say. What is saved of it can be
    /// read again only where its card names a known architecture of the same tensors.
    ///
    /// # Errors
    /// As [`Backbone::parse`].
    pub fn of_stages(config: &str, stages: Vec<StageSpec>, weights: &[u8]) -> Result<Self> {
        let architecture = Architecture { stages, foreign: |_| None, ignored: |_| false };
        Self::built(&CardFile::parse(config)?, architecture, weights)
    }

    /// An architecture by its name, every weight 0: to look at, not to predict with.
    ///
    /// # Errors
    /// [`Error::BackboneUnsupported`].
    pub fn blank(architecture: &str) -> Result<Self> {
        let file = CardFile::named(architecture)?;
        let architecture = architectures::of(&file)?;
        Self::built_with(&file, architecture, |architecture| Ok(Weights::blank(architecture)))
    }

    fn built(file: &CardFile, architecture: Architecture, weights: &[u8]) -> Result<Self> {
        Self::built_with(file, architecture, |architecture| Weights::parse(weights, architecture))
    }

    fn built_with(
        file: &CardFile,
        architecture: Architecture,
        weights: impl FnOnce(&Architecture) -> Result<Weights>,
    ) -> Result<Self> {
        let (card, shapes) = fitted(file, &architecture.stages)?;
        let weights = weights(&architecture)?;
        Self::of(card, architecture.stages, shapes, weights)
    }

    fn of(card: Card, stages: Vec<StageSpec>, shapes: Vec<[usize; 3]>, weights: Weights) -> Result<Self> {
        let (preparation, tensors) = (origin::preparation(&card), origin::tensors(&weights));
        let content = origin::content(preparation, &tensors);
        let in_eight_bits = eight_bit_stages(&card, stages.len());
        let prefixes = prefixes(preparation, &stages, in_eight_bits, weights.folded(), &tensors)?;
        Ok(Self { card, stages, shapes, weights, prefixes, content, origin: None })
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
            _ if !self.has_norms() => {
                format!("All {} blocks can be trained. It has no batch normalisation.", self.depth())
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

    fn has_norms(&self) -> bool {
        let mut nodes = self.stages.iter().flat_map(StageSpec::nodes);
        nodes.any(|node| matches!(node.op, Op::Norm(_)))
    }

    /// The backbone with some of its tensors replaced, as training made them.
    ///
    /// # Errors
    /// [`Error::BackboneTensorMissing`] for a tensor that it has not, or not of this length.
    pub fn with_trained(&self, tensors: impl IntoIterator<Item = (String, Vec<f32>)>) -> Result<Self> {
        let (mut weights, mut names) = (self.weights.clone(), Vec::new());
        for (name, values) in tensors {
            weights.replace(&name, values)?;
            names.push(name);
        }
        let trained = Self::of(self.card_of_trained(&names), self.stages.clone(), self.shapes.clone(), weights)?;
        Ok(Self { origin: self.origin.clone().map(|origin| origin.change(names)), ..trained })
    }

    /// The card of what training has made of it: stages that it changed were computed in floats, and so they stay.
    fn card_of_trained(&self, names: &[String]) -> Card {
        let holds = |stage: &StageSpec| stage.tensors(self.weights.folded()).iter().any(|it| names.contains(&it.name));
        let first = self.stages.iter().position(holds).unwrap_or(self.depth());
        let float_stages = match self.card.arithmetic {
            Arithmetic::Float => 0,
            Arithmetic::Int8 => self.card.float_stages.max(self.depth() - first),
        };
        Card { float_stages, ..self.card.clone() }
    }

    /// The same backbone, whose frozen stages compute in this; those that training changed in any case in floats.
    ///
    /// # Errors
    /// [`Error::BackboneTensorMissing`] where the weights are not those of the architecture.
    pub fn with_arithmetic(&self, arithmetic: Arithmetic) -> Result<Self> {
        self.computing_in(arithmetic, self.card.float_stages)
    }

    /// The same with so many of the last stages in floats.
    pub(crate) fn computing_in(&self, arithmetic: Arithmetic, float_stages: usize) -> Result<Self> {
        if (arithmetic, float_stages) == (self.card.arithmetic, self.card.float_stages) {
            return Ok(self.clone());
        }
        let card = Card { arithmetic, float_stages, ..self.card.clone() };
        let same = Self::of(card, self.stages.clone(), self.shapes.clone(), self.weights.clone())?;
        Ok(Self { origin: self.origin.clone(), ..same })
    }

    /// Whether another one has the same weights and computes the same with them.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.content == other.content && self.computes_as(other)
    }

    /// What a stage computes in where it is frozen and on the CPU.
    pub fn arithmetic(&self, stage: usize) -> Arithmetic {
        of_stage(stage, eight_bit_stages(&self.card, self.depth()))
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
        stages.map(|stage| self.stages[stage].multiplications([self.shapes[stage][1], self.shapes[stage][2]])).sum()
    }

    /// Shape `[channels, height, width]` of the activations at a boundary.
    pub fn shape_at(&self, boundary: usize) -> [usize; 3] {
        self.shapes[boundary.min(self.depth())]
    }

    /// What it computes, without its weights.
    pub fn outline(&self) -> Outline {
        let stages = self.stages.iter().cloned().zip(self.shapes.iter().copied()).collect();
        Outline { stages, in_eight_bits: eight_bit_stages(&self.card, self.depth()) }
    }

    /// Number of weights and biases; BatchNorm's statistics are no parameters.
    pub fn parameters(&self) -> usize {
        let tensors = self.stages.iter().flat_map(|stage| stage.tensors(self.weights.folded()));
        tensors.filter(|it| !it.role.is_statistic()).map(|it| it.shape.iter().product::<usize>()).sum()
    }

    /// A summary.
    pub fn report(&self) -> BackboneReport {
        BackboneReport {
            architecture: self.card.architecture.clone(),
            label: architectures::label(&self.card.architecture).to_string(),
            input_size: self.card.input_size,
            features: self.card.num_features,
            parameters: self.parameters(),
            multiplications: self.multiplications(0..self.depth()),
            stages: self.depth(),
            arithmetic: self.card.arithmetic,
            batch_norm: match (self.has_norms(), self.weights.folded()) {
                (false, _) => "none",
                (true, true) => "folded",
                (true, false) => "present",
            },
            fine_tunable: self.fine_tunable(),
            fine_tune_reason: self.fine_tune_reason(),
            license: self.card.license.clone(),
            source: self.card.source.clone(),
        }
    }

    /// Every tensor in the order of computation, with its state when stages from `boundary` on train, with
    /// BatchNorm's scale and shift or without.
    pub fn layers(&self, boundary: usize, train_norms: bool) -> Vec<LayerReport> {
        let of_stage = |(index, stage): (usize, &StageSpec)| {
            let report = |tensor: TensorSpec| {
                let fixed = tensor.role.is_norm() && !train_norms;
                let (trainable, reason) = state(tensor.role.is_statistic(), index >= boundary, fixed);
                LayerReport {
                    parameters: tensor.shape.iter().product(),
                    name: tensor.name,
                    stage: stage.name.clone(),
                    kind: tensor.kind.to_string(),
                    shape: tensor.shape,
                    trainable,
                    reason: reason.to_string(),
                }
            };
            stage.tensors(self.weights.folded()).into_iter().map(report).collect::<Vec<_>>()
        };
        self.stages.iter().enumerate().flat_map(of_stage).collect()
    }
}

/// The checked card of these stages, and the shapes at all boundaries.
fn fitted(file: &CardFile, stages: &[StageSpec]) -> Result<(Card, Vec<[usize; 3]>)> {
    let card = Card::check(file, stages.last().map_or(0, |stage| stage.outputs))?;
    let mut at = [3, card.input_size, card.input_size];
    let mut shapes = vec![at];
    for stage in stages {
        let of_stage = stage.shapes([at[1], at[2]]).ok().filter(|_| stage.inputs == at[0]);
        at = of_stage.and_then(|shapes| shapes.last().copied()).ok_or_else(|| {
            let size = card.input_size;
            Error::BackboneConfigInvalid(format!("pictures of {size} × {size} are too small for its {}", stage.name))
        })?;
        shapes.push(at);
    }
    Ok((card, shapes))
}

/// How many stages compute in eight bits: the first, up to those that were trained.
fn eight_bit_stages(card: &Card, depth: usize) -> usize {
    match card.arithmetic {
        Arithmetic::Float => 0,
        Arithmetic::Int8 => depth.saturating_sub(card.float_stages),
    }
}

/// What a stage computes in where so many of the first do in eight bits.
fn of_stage(stage: usize, in_eight_bits: usize) -> Arithmetic {
    if stage < in_eight_bits { Arithmetic::Int8 } else { Arithmetic::Float }
}

/// The identity of what comes before each boundary: each stage's is made of that before it and of the stage's own
/// shape and tensors, and of what it computes in.
fn prefixes(
    preparation: ContentHash,
    stages: &[StageSpec],
    in_eight_bits: usize,
    folded: bool,
    tensors: &BTreeMap<&str, ContentHash>,
) -> Result<Vec<ContentHash>> {
    let mut prefixes = vec![preparation];
    for (index, stage) in stages.iter().enumerate() {
        let mut hasher = Hasher::new();
        hasher.hash(prefixes[prefixes.len() - 1]);
        stage.identify(&mut hasher);
        if index < in_eight_bits {
            hasher.bytes(b"int8");
        }
        for TensorSpec { name, .. } in stage.tensors(folded) {
            hasher.hash(*tensors.get(name.as_str()).ok_or(Error::BackboneTensorMissing(name))?);
        }
        prefixes.push(hasher.end());
    }
    Ok(prefixes)
}

fn state(statistic: bool, unfrozen: bool, fixed: bool) -> (bool, &'static str) {
    match (statistic, unfrozen, fixed) {
        (true, _, _) => (false, "a statistic of the pretraining pictures, always kept"),
        (false, false, _) => (false, "this stage is frozen"),
        (false, true, true) => (false, "batch normalisation is kept while its stage is fine-tuned"),
        (false, true, false) => (true, "this stage is fine-tuned"),
    }
}
