//! What a training will need: which activations, where they go, and how long it takes.

use super::Project;
use crate::backbone::{Backbone, LayerReport};
use crate::error::Result;
use crate::features::{Cut, View};
use crate::head::{Head, HeadKind};
use crate::train::{FineTune, TrainConfig, ValidConfig};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Where the activations at the freeze boundary are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Cached as 32-bit floats.
    Full,
    /// Cached as 16-bit floats, because they would not fit otherwise.
    Half,
    /// Computed again at every step, because they do not fit or because the whole network trains.
    Recompute,
}

/// What a training is expected to need, before it starts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Stages of the backbone before this one are frozen.
    pub boundary: usize,
    /// Names of the stages that train.
    pub trainable_stages: Vec<String>,
    /// Number of values that train, those of the head included.
    pub trainable_parameters: usize,
    /// Shape `[channels, height, width]` of the activations of one picture.
    pub cache_shape: [usize; 3],
    /// Views of a training picture that are cached.
    pub views: usize,
    /// Pictures that train.
    pub pictures: usize,
    /// Bytes that the cache will take.
    pub cache_bytes: f64,
    /// Bytes that it may take.
    pub memory_limit: f64,
    /// Where the activations are kept.
    pub storage: Storage,
    /// Seconds until training begins; unknown before a picture was embedded.
    pub prepare_seconds: Option<f64>,
    /// Seconds of an epoch of fine-tuning, or of the head where nothing is fine-tuned.
    pub epoch_seconds: Option<f64>,
    /// Seconds in all.
    pub total_seconds: Option<f64>,
    /// The same in one sentence.
    pub note: String,
}

/// The part of a training's needs that its settings and backbone decide.
pub(super) struct Plan {
    /// Where the backbone is cut; its depth where nothing is fine-tuned.
    pub boundary: usize,
    /// Views of training pictures that the head trains on.
    pub head_views: Vec<View>,
    /// What the head trains on alone.
    pub head_cut: Cut,
    /// Views that the stages train on.
    pub tail_views: Vec<View>,
    pub storage: Storage,
    bytes: f64,
}

/// A backward pass takes about twice as long as the forward pass that it belongs to: one product with the weights and
/// one with the activations.
const BACKWARD: f64 = 2.0;

/// The first stage that trains; the backbone's depth where none does.
fn boundary(config: &ValidConfig, backbone: &Backbone) -> Result<usize> {
    match config.fine_tune {
        FineTune::None => Ok(backbone.depth()),
        FineTune::Last(blocks) => backbone.boundary_before_last(blocks),
        FineTune::All => backbone.boundary_before_last(backbone.depth()),
    }
}

impl Plan {
    /// Decides for so many pictures and so much memory.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] and [`crate::Error::NotFineTunable`] for stages that cannot train.
    pub(super) fn new(config: &ValidConfig, backbone: &Backbone, pictures: (usize, usize), limit: u64) -> Result<Self> {
        let boundary = boundary(config, backbone)?;
        let fine_tuned = boundary < backbone.depth();
        let views = config.views();
        // The head before fine-tuning only has to be good enough to start from: no variants are made for it.
        let lasting = |view: &View| !matches!(view, View::Variant(_));
        let head_views = if fine_tuned { views.iter().copied().filter(lasting).collect() } else { views.clone() };
        let wants_map = matches!(config.head, HeadKind::Conv { .. });
        let head_cut = if wants_map { Cut::map(backbone.depth()) } else { Cut::features(backbone) };
        let rows = |views: &[View]| (pictures.0 * views.len() + pictures.1) as f64;
        let mut values = 0.0;
        if fine_tuned {
            values += rows(&views) * Cut::map(boundary).width(backbone) as f64;
        }
        if wants_map {
            values += rows(&head_views) * head_cut.width(backbone) as f64;
        }
        let bytes = 4.0 * values;
        let limit = limit as f64;
        let storage = match bytes {
            _ if boundary == 0 || bytes / 2.0 > limit => Storage::Recompute,
            _ if bytes > limit => Storage::Half,
            _ => Storage::Full,
        };
        Ok(Self { boundary, head_views, head_cut, tail_views: views, storage, bytes })
    }

    fn cache_bytes(&self) -> f64 {
        match self.storage {
            Storage::Full => self.bytes,
            Storage::Half => self.bytes / 2.0,
            Storage::Recompute => 0.0,
        }
    }
}

impl Project {
    /// What a training with these settings would need. Works before there are pictures, too.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`], [`crate::Error::NotFineTunable`].
    pub fn estimate(&self, config: &TrainConfig) -> Result<Estimate> {
        let config = config.check()?;
        let backbone = self.base(&config);
        // Counted as the split will count them, without asking that there be enough for one.
        let counts = self.classes().into_iter().map(|class| class.images.len()).filter(|count| *count > 0);
        let pictures = counts.fold((0, 0), |(train, held_out), count| {
            let out = ((count as f64 * config.validation).round() as usize).min(count - 1);
            (train + count - out, held_out + out)
        });
        let limit = config.memory_limit.unwrap_or(self.memory);
        let plan = Plan::new(&config, &backbone, pictures, limit)?;
        let Seconds { prepare, epoch, total } = self.seconds(&config, &plan, &backbone, pictures);
        let stages = &backbone.stages()[plan.boundary..];
        let layers = self.layers_of(&config, &backbone, plan.boundary);
        let trainable = layers.iter().filter(|layer| layer.trainable).map(|layer| layer.parameters).sum();
        Ok(Estimate {
            boundary: plan.boundary,
            trainable_stages: stages.iter().map(|stage| stage.name.clone()).collect(),
            trainable_parameters: trainable,
            cache_shape: backbone.shape_at(plan.boundary),
            views: plan.tail_views.len(),
            pictures: pictures.0,
            cache_bytes: plan.cache_bytes(),
            memory_limit: limit as f64,
            storage: plan.storage,
            prepare_seconds: prepare,
            epoch_seconds: epoch,
            total_seconds: total,
            note: note(&plan, &config, limit as f64),
        })
    }

    /// Every tensor of backbone and head in the state that a training with these settings would have it in.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`], [`crate::Error::NotFineTunable`].
    pub fn layers(&self, config: &TrainConfig) -> Result<Vec<LayerReport>> {
        let config = config.check()?;
        let backbone = self.base(&config);
        let boundary = boundary(&config, &backbone)?;
        Ok(self.layers_of(&config, &backbone, boundary))
    }

    fn layers_of(&self, config: &ValidConfig, backbone: &Backbone, boundary: usize) -> Vec<LayerReport> {
        let classes = self.classes().len().max(2);
        // Only named and counted: the numbers in it do not matter.
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let head = Head::fresh(config.head, backbone.card().num_features, classes, &mut rng);
        let mut layers = backbone.layers(boundary, config.train_norms);
        layers.extend(head.layers());
        layers
    }

    /// Seconds that the phases take, by what embedding a picture took so far.
    pub(super) fn seconds(
        &self,
        config: &ValidConfig,
        plan: &Plan,
        backbone: &Backbone,
        (train, held_out): (usize, usize),
    ) -> Seconds {
        let depth = backbone.depth();
        let whole = backbone.multiplications(0..depth);
        let Some(picture) = self.seconds_a_picture() else { return Seconds::default() };
        let seconds = |multiplications: f64| picture * multiplications / whole;
        let (prefix, tail) =
            (backbone.multiplications(0..plan.boundary), backbone.multiplications(plan.boundary..depth));
        let [_, height, width] = backbone.shape_at(depth);
        let features = backbone.card().num_features;
        let head = match config.head {
            HeadKind::Conv { channels } => (9 * features * channels * height * width) as f64,
            HeadKind::Mlp { hidden, .. } => (features * hidden) as f64,
            HeadKind::Linear | HeadKind::Svm { .. } => features as f64,
        };
        let cached = plan.storage != Storage::Recompute;
        let again = if cached { 0.0 } else { prefix };
        let (train, held_out) = (train as f64, held_out as f64);
        let fine_tuned = plan.boundary < depth;
        let epoch =
            |forward: f64, backward: f64| train * seconds(forward + BACKWARD * backward) + held_out * seconds(forward);
        let head_epoch = epoch(head, head);
        let tail_epoch = epoch(again + tail + head, tail + head);
        // What the pooled features need is there from when pictures were added.
        let prepared = |views: &[View], through: f64| (train * views.len() as f64 + held_out) * seconds(through);
        let mut prepare = 0.0;
        if cached && fine_tuned {
            prepare += prepared(&plan.tail_views, prefix);
        }
        if cached && !plan.head_cut.pooled {
            prepare += prepared(&plan.head_views, whole);
        }
        if !fine_tuned && plan.head_cut.pooled {
            let variants = plan.head_views.iter().filter(|view| matches!(view, View::Variant(_))).count();
            prepare += train * variants as f64 * seconds(whole);
        }
        let directly = config.warm_start && fine_tuned;
        let heads = if directly { 0.0 } else { head_epoch * f64::from(config.epochs) };
        let tails = if fine_tuned { tail_epoch * f64::from(config.fine_tune_epochs) } else { 0.0 };
        let measure = if fine_tuned { (train + held_out) * seconds(again + tail) } else { 0.0 };
        Seconds {
            prepare: Some(prepare),
            epoch: Some(if fine_tuned { tail_epoch } else { head_epoch }),
            total: Some(prepare + heads + tails + measure),
        }
    }
}

/// Expected durations; unknown before a picture was embedded.
#[derive(Default, Clone, Copy)]
pub(super) struct Seconds {
    pub prepare: Option<f64>,
    pub epoch: Option<f64>,
    pub total: Option<f64>,
}

fn note(plan: &Plan, config: &ValidConfig, limit: f64) -> String {
    let megabytes = |bytes: f64| (bytes / f64::from(1 << 20)).ceil();
    match (config.fine_tune, plan.storage) {
        (FineTune::None, _) if plan.head_cut.pooled => "The backbone stays as it is; only the head trains.".into(),
        _ if plan.boundary == 0 => {
            "The whole network trains, so every step starts from the pictures and nothing is cached.".into()
        }
        (_, Storage::Full) => format!(
            "What comes before the part that trains is computed once a picture and kept ({} MB).",
            megabytes(plan.bytes)
        ),
        (_, Storage::Half) => format!(
            "What comes before the part that trains is kept at half precision ({} MB), because {} MB would not fit \
             into the {} MB there are.",
            megabytes(plan.bytes / 2.0),
            megabytes(plan.bytes),
            megabytes(limit)
        ),
        (_, Storage::Recompute) => format!(
            "What comes before the part that trains would take {} MB even at half precision and does not fit into \
             the {} MB there are, so it is computed again at every step: slower, but nothing fails.",
            megabytes(plan.bytes / 2.0),
            megabytes(limit)
        ),
    }
}
