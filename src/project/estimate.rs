//! What a training will need and whether it can start: told before it does.

use super::Project;
use super::plan::{Part, Plan, Storage};
use crate::activations::{Need, Place, Precision, Recipe, Views};
use crate::backbone::Backbone;
use crate::engine::Workload;
use crate::error::{Error, Result};
use crate::features::View;
use crate::head::{Head, HeadKind};
use crate::identity::ContentHash;
use crate::nn::LayerReport;
use crate::train::{FineTune, TrainConfig, ValidConfig};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::sync::Arc;

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

/// Why a training would be refused: a stable code, the offending value and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Refusal {
    /// Stable name for programs.
    pub code: String,
    /// The offending value, where there is one.
    pub value: Option<String>,
    /// One sentence for a person.
    pub message: String,
}

/// Whether a training with some settings could start now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Readiness {
    /// What a training from scratch would be refused for.
    pub train: Option<Refusal>,
    /// What one that goes on from the present model would be refused for.
    pub further: Option<Refusal>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { code: error.code().into(), value: error.value(), message: error.to_string() }
    }
}

/// A backward pass takes about twice as long as the forward pass that it belongs to: one product with the weights and
/// one with the activations.
const BACKWARD: f64 = 2.0;

/// On the CPU what trains takes so much longer for a multiplication than the frozen stages do: 1.1 to 1.6 times in V8, for the
/// last stage of the bundled backbone and for its last six (`./build.sh bench estimates`).
const TRAINED_ON_CPU: f64 = 1.35;

/// Seconds of a step that are not of its multiplications, on the CPU and on a GPU, which is told what to do a dozen times; and of
/// an epoch, at whose end there is something to look at and to tell.
const STEP: [f64; 2] = [0.000_15, 0.001];
const EPOCH: [f64; 2] = [0.001_7, 0.01];

/// What a helper adds to one core, of fine-tuning and of preparing (`./build.sh bench cores`).
const HELPER: f64 = 0.7;

/// Seconds of preparing before a head trains, all together, for which helpers come: `www/worker/server.ts` calls them.
const WORTH_HELP: f64 = 0.5;

/// Expected durations; unknown before a picture was embedded.
#[derive(Default, Clone, Copy)]
pub(super) struct Expected {
    pub prepare: Option<f64>,
    pub epoch: Option<f64>,
    pub total: Option<f64>,
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
        let counts = self.dataset.usable().into_values().map(|images| images.len()).filter(|count| *count > 0);
        let pictures = counts.fold((0, 0), |(train, held_out), count| {
            let out = ((count as f64 * config.validation).round() as usize).min(count - 1);
            (train + count - out, held_out + out)
        });
        let limit = config.memory_limit.unwrap_or(self.store.limit());
        let plan = Plan::new(&config, &backbone, pictures, limit)?;
        let Expected { prepare, epoch, total } = self.expected(&config, &plan, &backbone, pictures);
        let stages = &backbone.stages()[plan.boundary..];
        let layers = self.layers_of(&config, &backbone, plan.boundary);
        let trainable = layers.iter().filter(|layer| layer.trainable).map(|layer| layer.parameters).sum();
        Ok(Estimate {
            boundary: plan.boundary,
            trainable_stages: stages.iter().map(|stage| stage.name.clone()).collect(),
            trainable_parameters: trainable,
            cache_shape: backbone.shape_at(plan.boundary),
            views: plan.main().views.len(),
            pictures: pictures.0,
            cache_bytes: plan.bytes(),
            memory_limit: limit as f64,
            storage: plan.main().storage,
            prepare_seconds: prepare,
            epoch_seconds: epoch,
            total_seconds: total,
            note: note(&plan, &config, limit as f64),
        })
    }

    /// Whether a training with these settings could start now, from scratch and going on from the present model, and
    /// why not.
    pub fn readiness(&self, config: &TrainConfig) -> Readiness {
        let refusal = |warm_start: bool| {
            let config = TrainConfig { warm_start, ..config.clone() };
            self.checked(&config).err().map(Refusal::from)
        };
        Readiness { train: refusal(false), further: refusal(true) }
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
        let classes = self.dataset.live_classes().count().max(2);
        // Only named and counted: the numbers in it do not matter.
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let head = Head::fresh(config.head, backbone.card().num_features, classes, &mut rng);
        let mut layers = backbone.layers(boundary, config.train_norms);
        layers.extend(head.layers());
        layers
    }

    /// Seconds that the phases take, by what embedding a picture took so far.
    pub(super) fn expected(
        &self,
        config: &ValidConfig,
        plan: &Plan,
        backbone: &Arc<Backbone>,
        (train, held_out): (usize, usize),
    ) -> Expected {
        let depth = backbone.depth();
        let whole = backbone.multiplications(0..depth);
        let Some(picture) = self.timing.seconds_a_picture() else { return Expected::default() };
        let seconds = |multiplications: f64| picture * multiplications / whole;
        let (prefix, tail) =
            (backbone.multiplications(0..plan.boundary), backbone.multiplications(plan.boundary..depth));
        let [_, height, width] = backbone.shape_at(depth);
        let features = backbone.card().num_features;
        let head = match config.head {
            HeadKind::Conv { channels } => (9 * features * channels * height * width) as f64,
            HeadKind::Mlp { hidden, .. } => (features * hidden) as f64,
            HeadKind::Linear | HeadKind::Svm { .. } => (features * self.dataset.live_classes().count()) as f64,
        };
        let again = |part: &Part, prefix: f64| if part.storage == Storage::Recompute { prefix } else { 0.0 };
        let all = (train + held_out) as f64;
        let (train, held_out) = (train as f64, held_out as f64);
        let epoch = |workload: Workload, frozen: f64, trained: f64, hands: f64| {
            let (on, slower) = if self.engines.of(workload).is_gpu() { (1, 1.0) } else { (0, TRAINED_ON_CPU) };
            let by = self.engines.against([workload, Workload::Embedding]);
            let (frozen, slower) = (by * frozen, by * slower);
            let steps = (train / config.batch_size as f64).ceil() * STEP[on] + EPOCH[on];
            // What is computed again at every step is so by who trains, alone.
            let passes = train * (1.0 + BACKWARD) + held_out;
            all * seconds(frozen) + passes * seconds(slower * trained) / hands + steps
        };
        let head_epoch = epoch(Workload::Head, again(plan.head(), whole), head, 1.0);
        let missing = Missing::new(self, config, (train, all));
        let mut prepare: f64 = plan.needs().iter().map(|need| missing.seconds(need, backbone, seconds)).sum();
        if plan.pooled.storage == Storage::Recompute {
            prepare += train * seconds(whole);
        }
        let heads = head_epoch * f64::from(config.epochs);
        let hands = |workload: Workload| {
            let crew = self.crew_for(backbone).filter(|_| !self.engines.of(workload).is_gpu());
            1.0 + HELPER * crew.map_or(0, |crew| crew.most()) as f64
        };
        let shared = prepare / hands(Workload::Embedding);
        if plan.tail.is_some() || shared >= WORTH_HELP {
            prepare = shared;
        }
        let Some(part) = &plan.tail else {
            return Expected { prepare: Some(prepare), epoch: Some(head_epoch), total: Some(prepare + heads) };
        };
        let tail_epoch = epoch(Workload::FineTuning, again(part, prefix), tail + head, hands(Workload::FineTuning));
        let heads = if config.warm_start { 0.0 } else { heads };
        let measure = all * seconds(again(part, prefix) + tail);
        let total = prepare + heads + tail_epoch * f64::from(config.fine_tune_epochs) + measure;
        Expected { prepare: Some(prepare), epoch: Some(tail_epoch), total: Some(total) }
    }
}

/// What is missing in the store for pictures of which is not decided yet which are held out: those are taken to lack as
/// much as the others.
struct Missing<'a> {
    project: &'a Project,
    views: Views,
    contents: Vec<ContentHash>,
    /// How many train, and how many there are.
    pictures: (f64, f64),
}

impl<'a> Missing<'a> {
    fn new(project: &'a Project, config: &ValidConfig, pictures: (f64, f64)) -> Self {
        let ids = project.dataset.usable().into_values().flatten();
        let contents = ids.filter_map(|id| project.dataset.sample(id).ok().map(|sample| sample.content)).collect();
        let views = Views::new(Recipe { augment: config.augment, seed: config.seed });
        Self { project, views, contents, pictures }
    }

    /// Seconds that computing a need's rows takes.
    fn seconds(&self, need: &Need, backbone: &Backbone, seconds: impl Fn(f64) -> f64) -> f64 {
        let store = &self.project.store;
        let place = Place::new(backbone, need.cut);
        let of = |view: &View| {
            let pictures = if *view == View::Plain { self.pictures.1 } else { self.pictures.0 };
            let keys: Vec<_> = self.contents.iter().map(|content| self.views.key(*content, *view)).collect();
            let is_there =
                |key: &&_| store.get(place, need.precision, key).or(store.get(place, Precision::Full, key)).is_some();
            let Some(absent) = keys.iter().find(|key| !is_there(key)) else { return 0.0 };
            let known = keys.iter().filter(is_there).count() as f64 / keys.len() as f64;
            let from = store.nearest(backbone, need.cut.boundary, absent).map_or(0, |(boundary, _)| boundary);
            pictures * (1.0 - known) * seconds(backbone.multiplications(from..need.cut.boundary))
        };
        need.views.iter().map(of).sum()
    }
}

fn note(plan: &Plan, config: &ValidConfig, limit: f64) -> String {
    let megabytes = |bytes: f64| (bytes / f64::from(1 << 20)).ceil();
    let part = plan.main();
    // What is kept beside it takes its share.
    let room = limit - (plan.bytes() - part.bytes());
    match (config.fine_tune, part.storage) {
        (FineTune::None, Storage::Full) if plan.map.is_none() => {
            "The backbone stays as it is; only the head trains.".into()
        }
        _ if plan.boundary == 0 => {
            "The whole network trains, so every step starts from the pictures and nothing is cached.".into()
        }
        (_, Storage::Full) => format!(
            "What comes before the part that trains is computed once a picture and kept ({} MB).",
            megabytes(plan.bytes())
        ),
        (_, Storage::Half) => format!(
            "What comes before the part that trains is kept at half precision ({} MB), because {} MB would not fit \
             into the {} MB there are.",
            megabytes(part.bytes()),
            megabytes(part.full_bytes),
            megabytes(room)
        ),
        (_, Storage::Recompute) => format!(
            "What comes before the part that trains would take {} MB even at half precision and does not fit into \
             the {} MB there are, so it is computed again at every step: slower, but nothing fails.",
            megabytes(part.full_bytes / 2.0),
            megabytes(room)
        ),
    }
}
