//! What a training will need: which activations, where they go, and how long it takes.

use super::Project;
use crate::backbone::{Backbone, LayerReport};
use crate::error::{Error, Result};
use crate::features::{Cut, View};
use crate::head::{Head, HeadKind};
use crate::train::{FineTune, TrainConfig, ValidConfig};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::sync::Arc;

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
    /// Views of a training picture that there are.
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
    /// Where that is kept, where it is a map.
    pub head: Storage,
    head_bytes: f64,
    /// Views that the stages train on; none where nothing is fine-tuned.
    pub tail_views: Vec<View>,
    /// Where the activations in front of them are kept.
    pub tail: Storage,
    tail_bytes: f64,
}

/// A backward pass takes about twice as long as the forward pass that it belongs to: one product with the weights and
/// one with the activations.
const BACKWARD: f64 = 2.0;

impl Plan {
    /// Decides for so many pictures and so much memory.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] and [`crate::Error::NotFineTunable`] for stages that cannot train.
    pub(super) fn new(config: &ValidConfig, backbone: &Backbone, pictures: (usize, usize), limit: u64) -> Result<Self> {
        let boundary = config.fine_tune.boundary(backbone)?;
        let fine_tuned = boundary < backbone.depth();
        let views = config.views();
        // The head before fine-tuning only has to be good enough to start from: no variants are made for it.
        let lasting = |view: &View| !matches!(view, View::Variant(_));
        let head_views = if fine_tuned { views.iter().copied().filter(lasting).collect() } else { views.clone() };
        let wants_map = matches!(config.head, HeadKind::Conv { .. });
        let head_cut = if wants_map { Cut::map(backbone.depth()) } else { Cut::features(backbone) };
        let bytes = |views: &[View], cut: Cut| {
            ((pictures.0 * views.len() + pictures.1) * cut.width(backbone) * size_of::<f32>()) as f64
        };
        let tail_views = if fine_tuned { views } else { Vec::new() };
        let head_bytes = if wants_map { bytes(&head_views, head_cut) } else { 0.0 };
        let tail_bytes = if boundary > 0 { bytes(&tail_views, Cut::map(boundary)) } else { 0.0 };
        // The head takes more epochs, so its activations come first.
        let head = Storage::fitting(head_bytes, limit as f64);
        let left = limit as f64 - head.bytes_of(head_bytes);
        let tail = if boundary == 0 { Storage::Recompute } else { Storage::fitting(tail_bytes, left) };
        let every = config.unfreeze_every;
        if fine_tuned && every > 0 && 1 + (config.fine_tune_epochs - 1) / every < (backbone.depth() - boundary) as u32 {
            let blocks = (backbone.depth() - boundary) as u32;
            return Err(Error::ConfigInvalid {
                field: "unfreezeEvery",
                value: every.to_string(),
                expected: match (config.fine_tune_epochs - 1) / (blocks - 1).max(1) {
                    0 => format!("0, for {blocks} blocks cannot thaw one after the other in so few epochs"),
                    most => format!("at most {most}, so that all {blocks} blocks thaw"),
                },
            });
        }
        Ok(Self { boundary, head_views, head_cut, head, head_bytes, tail_views, tail, tail_bytes })
    }

    fn cache_bytes(&self) -> f64 {
        self.head.bytes_of(self.head_bytes) + self.tail.bytes_of(self.tail_bytes)
    }

    /// Where the activations that matter most are kept: those of the stages that train, or of the head.
    fn storage(&self) -> Storage {
        if self.tail_views.is_empty() { self.head } else { self.tail }
    }
}

impl Storage {
    /// The best storage in which activations of so many bytes fit into a limit.
    fn fitting(bytes: f64, limit: f64) -> Self {
        match bytes {
            _ if bytes <= limit => Self::Full,
            _ if bytes / 2.0 <= limit => Self::Half,
            _ => Self::Recompute,
        }
    }

    fn bytes_of(self, full: f64) -> f64 {
        match self {
            Self::Full => full,
            Self::Half => full / 2.0,
            Self::Recompute => 0.0,
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
            views: if plan.tail_views.is_empty() { plan.head_views.len() } else { plan.tail_views.len() },
            pictures: pictures.0,
            cache_bytes: plan.cache_bytes(),
            memory_limit: limit as f64,
            storage: plan.storage(),
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
        let boundary = config.fine_tune.boundary(&backbone)?;
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
        backbone: &Arc<Backbone>,
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
        let again = |storage: Storage, prefix: f64| if storage == Storage::Recompute { prefix } else { 0.0 };
        let ids: Vec<u32> = self.classes().into_iter().flat_map(|class| class.images).collect();
        let all = (train + held_out).max(1) as f64;
        let (train, held_out) = (train as f64, held_out as f64);
        let fine_tuned = plan.boundary < depth;
        let epoch =
            |forward: f64, backward: f64| train * seconds(forward + BACKWARD * backward) + held_out * seconds(forward);
        let head_epoch = epoch(again(plan.head, whole) + head, head);
        let tail_epoch = epoch(again(plan.tail, prefix) + tail + head, tail + head);
        // What is missing in the caches, taking it that pictures that are held out lack as much as the others.
        let missing = |cut: Cut, views: &[View]| -> f64 {
            let cache = self.caches.iter().find(|cache| cache.serve(backbone, cut));
            let lacking = |view: &View| {
                let pictures = if *view == View::Plain { all } else { train };
                let known = cache.map_or(0.0, |cache| cache.rows.count(&ids, *view) as f64 / all);
                pictures * (1.0 - known).max(0.0)
            };
            views.iter().map(lacking).sum()
        };
        let mut prepare = missing(Cut::features(backbone), &plan.head_views) * seconds(whole);
        if !plan.head_cut.pooled && plan.head != Storage::Recompute {
            prepare += missing(plan.head_cut, &plan.head_views) * seconds(whole);
        }
        if fine_tuned && plan.tail != Storage::Recompute {
            prepare += missing(Cut::map(plan.boundary), &plan.tail_views) * seconds(prefix);
        }
        let directly = config.warm_start && fine_tuned;
        let heads = if directly { 0.0 } else { head_epoch * f64::from(config.epochs) };
        let tails = if fine_tuned { tail_epoch * f64::from(config.fine_tune_epochs) } else { 0.0 };
        let measure = if fine_tuned { all * seconds(again(plan.tail, prefix) + tail) } else { 0.0 };
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
    let bytes = plan.head_bytes + plan.tail_bytes;
    match (config.fine_tune, plan.storage()) {
        (FineTune::None, _) if plan.head_cut.pooled => "The backbone stays as it is; only the head trains.".into(),
        _ if plan.boundary == 0 => {
            "The whole network trains, so every step starts from the pictures and nothing is cached.".into()
        }
        (_, Storage::Full) => format!(
            "What comes before the part that trains is computed once a picture and kept ({} MB).",
            megabytes(bytes)
        ),
        (_, Storage::Half) => format!(
            "What comes before the part that trains is kept at half precision ({} MB), because {} MB would not fit \
             into the {} MB there are.",
            megabytes(bytes / 2.0),
            megabytes(bytes),
            megabytes(limit)
        ),
        (_, Storage::Recompute) => format!(
            "What comes before the part that trains would take {} MB even at half precision and does not fit into \
             the {} MB there are, so it is computed again at every step: slower, but nothing fails.",
            megabytes(bytes / 2.0),
            megabytes(limit)
        ),
    }
}
