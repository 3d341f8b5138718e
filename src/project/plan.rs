//! What a training needs: which activations, in which views, and where they are kept.

use crate::activations::{Need, Precision};
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::features::{Cut, View};
use crate::head::HeadKind;
use crate::train::ValidConfig;
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

/// Activations that a part of a training works on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub cut: Cut,
    /// Views of the training pictures; held-out ones are only needed as they are.
    pub views: Vec<View>,
    pub storage: Storage,
    /// Bytes that they would take as 32-bit floats.
    pub full_bytes: f64,
}

/// What a training's settings, its backbone and its number of pictures make it need.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Where the backbone is cut; its depth where nothing is fine-tuned.
    pub boundary: usize,
    /// Pooled features: they say how to standardise, and a head without a convolution trains on them.
    pub pooled: Part,
    /// The feature map that a convolutional head trains on.
    pub map: Option<Part>,
    /// What the stages that train begin with; none where nothing is fine-tuned.
    pub tail: Option<Part>,
}

impl Plan {
    /// Decides for so many pictures, to train and held out, and so much memory.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] and [`crate::Error::NotFineTunable`] for stages that cannot train.
    pub(super) fn new(config: &ValidConfig, backbone: &Backbone, pictures: (usize, usize), limit: u64) -> Result<Self> {
        let boundary = config.fine_tune.boundary(backbone)?;
        let depth = backbone.depth();
        check_unfreezing(config, depth - boundary)?;
        let fine_tuned = boundary < depth;
        let views = config.views();
        // The head before fine-tuning only has to be good enough to start from: no variants are made for it.
        let lasting = |view: &View| !matches!(view, View::Variant(_));
        let head_views = if fine_tuned { views.iter().copied().filter(lasting).collect() } else { views.clone() };
        let mut left = limit as f64;
        let mut part = |cut: Cut, views: Vec<View>| {
            // Not as whole numbers: in a tab those end at four gigabytes, and many views of many pictures are more.
            let rows = pictures.0 as f64 * views.len() as f64 + pictures.1 as f64;
            let full_bytes = rows * cut.width(backbone) as f64 * size_of::<f32>() as f64;
            // At boundary 0 these are the pictures, which are there in any case.
            let storage = if cut.boundary == 0 { Storage::Recompute } else { Storage::fitting(full_bytes, left) };
            let part = Part { cut, views, storage, full_bytes };
            left -= part.bytes();
            part
        };
        // The head takes more epochs than the stages do, so its activations come first.
        let pooled = part(Cut::features(backbone), head_views.clone());
        // Where training goes on from a model the head does not train alone before the stages do.
        let alone = !(config.warm_start && fine_tuned);
        let wants_map = alone && matches!(config.head, HeadKind::Conv { .. });
        let map = wants_map.then(|| part(Cut::map(depth), head_views));
        let tail = fine_tuned.then(|| part(Cut::map(boundary), views));
        Ok(Self { boundary, pooled, map, tail })
    }

    /// What the head trains on alone.
    pub(super) fn head(&self) -> &Part {
        self.map.as_ref().unwrap_or(&self.pooled)
    }

    /// Everything that is to be kept: the one list that preparing, estimating and making room go by.
    pub(super) fn needs(&self) -> Vec<Need> {
        self.parts().filter_map(Part::need).collect()
    }

    /// Bytes that all of it takes.
    pub(super) fn bytes(&self) -> f64 {
        self.parts().map(Part::bytes).sum()
    }

    /// The activations that matter most: those in front of the stages that train, or of the head.
    pub(super) fn main(&self) -> &Part {
        self.tail.as_ref().unwrap_or(self.head())
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        [Some(&self.pooled), self.map.as_ref(), self.tail.as_ref()].into_iter().flatten()
    }
}

impl Part {
    /// What the store has to keep of it.
    pub(super) fn need(&self) -> Option<Need> {
        let precision = match self.storage {
            Storage::Full => Precision::Full,
            Storage::Half => Precision::Half,
            Storage::Recompute => return None,
        };
        Some(Need { cut: self.cut, precision, views: self.views.clone() })
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> f64 {
        match self.storage {
            Storage::Full => self.full_bytes,
            Storage::Half => self.full_bytes / 2.0,
            Storage::Recompute => 0.0,
        }
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
}

/// Refuses an unfreezing that is too slow for all of so many blocks to thaw.
fn check_unfreezing(config: &ValidConfig, blocks: usize) -> Result<()> {
    let (every, blocks) = (config.unfreeze_every, blocks as u32);
    if blocks == 0 || every == 0 || 1 + (config.fine_tune_epochs - 1) / every >= blocks {
        return Ok(());
    }
    Err(Error::ConfigInvalid {
        field: "unfreezeEvery",
        value: every.to_string(),
        expected: match (config.fine_tune_epochs - 1) / (blocks - 1).max(1) {
            0 => format!("0, for {blocks} blocks cannot thaw one after the other in so few epochs"),
            most => format!("at most {most}, so that all {blocks} blocks thaw"),
        },
    })
}
