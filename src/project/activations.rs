//! Cached activations at one cut of one backbone.

use crate::augment::Augment;
use crate::backbone::Backbone;
use crate::dataset::{Dataset, Split};
use crate::error::Result;
use crate::features::{Cut, FeatureCache, Row, View};
use crate::image::Crop;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Rows at one cut of one backbone, and what their random variants were made with.
pub(super) struct Activations {
    pub backbone: Arc<Backbone>,
    pub cut: Cut,
    pub rows: FeatureCache,
    /// Whether rows are kept at half precision.
    pub half: bool,
    variants: Option<(Augment, u32)>,
}

impl Activations {
    pub(super) fn new(backbone: &Arc<Backbone>, cut: Cut, half: bool) -> Self {
        Self { backbone: backbone.clone(), cut, rows: FeatureCache::default(), half, variants: None }
    }

    /// Whether these are the activations of another backbone at a cut too: all stages before it are the same.
    pub(super) fn serve(&self, backbone: &Arc<Backbone>, cut: Cut) -> bool {
        self.cut == cut
            && (Arc::ptr_eq(&self.backbone, backbone) || self.backbone.same_until(backbone, self.cut.boundary))
    }

    /// Forgets random variants that were made with other settings.
    pub(super) fn use_variants(&mut self, augment: &Augment, seed: u32) {
        let wanted = Some((*augment, seed));
        if self.variants != wanted {
            self.rows.retain(|_, view| !matches!(view, View::Variant(_)));
            self.variants = wanted;
        }
    }

    /// What is missing for a split: `views` of the training pictures and the held-out ones as they are.
    pub(super) fn missing(&self, split: &Split, views: &[View]) -> Vec<(u32, View)> {
        let train = split.train.iter().flat_map(|picture| views.iter().map(|view| (picture.id, *view)));
        let held_out = split.validation.iter().map(|picture| (picture.id, View::Plain));
        train.chain(held_out).filter(|(id, view)| self.rows.get(*id, *view).is_none()).collect()
    }

    pub(super) fn insert(&mut self, id: u32, view: View, values: Arc<[f32]>) {
        let row = if self.half { Row::halved(&values) } else { Row::Full(values) };
        self.rows.insert(id, view, row);
    }

    /// A picture in a view. Random variants depend on the seed, the picture's number and theirs, on nothing else.
    ///
    /// # Errors
    /// [`crate::Error::ImageUnknown`].
    pub(super) fn picture(&self, dataset: &Dataset, id: u32, view: View) -> Result<Crop> {
        let crop = &dataset.sample(id)?.crop;
        Ok(match (view, &self.variants) {
            (View::Mirrored, _) => crop.mirrored(),
            (View::Variant(number), Some((augment, seed))) => {
                let mut rng = ChaCha8Rng::seed_from_u64(u64::from(*seed) << 32 | u64::from(id));
                rng.set_stream(u64::from(number));
                augment.apply(crop, &mut rng)
            }
            _ => crop.clone(),
        })
    }
}
