//! Logits of the dataset's own pictures, from whatever is cached of them.

use super::Project;
use super::activations::Activations;
use crate::classifier::Classifier;
use crate::dataset::Labelled;
use crate::error::Result;
use crate::features::{Embedder, Row, View};
use crate::image::Crop;

/// Pictures in one forward pass.
pub(super) const BATCH: usize = 16;

/// What a model's logits are computed from.
pub(super) enum Source {
    /// Pooled features in the cache of this index.
    Features(usize),
    /// Feature maps in the cache of this index, through the stages after them.
    Maps(usize, Box<Embedder>),
    /// The pictures.
    Pictures,
}

impl Project {
    /// What costs least for a model: a cache of its own activations at full precision, as near to its end as there is.
    pub(super) fn source(&self, classifier: &Classifier) -> Result<Source> {
        let convolution = classifier.head.convolution.as_ref();
        let fits = |cache: &Activations| {
            let before_the_pooling = !cache.cut.pooled || convolution.is_none();
            !cache.half && before_the_pooling && cache.serve(&classifier.backbone, cache.cut)
        };
        let caches = self.caches.iter().enumerate().filter(|(_, cache)| fits(cache));
        let Some((index, cache)) = caches.max_by_key(|(_, cache)| (cache.cut.boundary, cache.cut.pooled)) else {
            return Ok(Source::Pictures);
        };
        if cache.cut.pooled {
            return Ok(Source::Features(index));
        }
        let tail = Embedder::tail(&classifier.backbone, cache.cut.boundary, convolution, &self.engine)?;
        Ok(Source::Maps(index, Box::new(tail)))
    }

    /// Logits `[classes]` of each picture; the pictures themselves are used where they are not in the cache.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`], [`crate::Error::ImageUnknown`].
    pub(super) async fn logits(
        &self,
        classifier: &Classifier,
        source: &Source,
        pictures: &[Labelled],
    ) -> Result<Vec<Vec<f32>>> {
        let cached = |index: usize| -> Option<Vec<&Row>> {
            let rows = &self.caches[index].rows;
            pictures.iter().map(|picture| rows.get(picture.id, View::Plain)).collect()
        };
        match source {
            Source::Features(index) => {
                if let Some(rows) = cached(*index) {
                    let logits = rows.into_iter().map(|row| {
                        let mut features = Vec::with_capacity(row.width());
                        row.write(&mut features);
                        classifier.head.logits(&features)
                    });
                    return Ok(logits.collect());
                }
            }
            Source::Maps(index, tail) => {
                if let Some(rows) = cached(*index) {
                    let shape = classifier.backbone.shape_at(self.caches[*index].cut.boundary);
                    let features = tail.embed_rows(&rows, shape).await?;
                    return Ok(features.iter().map(|row| classifier.head.logits(row)).collect());
                }
            }
            Source::Pictures => {}
        }
        let crops = pictures.iter().map(|picture| Ok(&self.dataset.sample(picture.id)?.crop));
        classifier.logits(&crops.collect::<Result<Vec<&Crop>>>()?).await
    }
}
