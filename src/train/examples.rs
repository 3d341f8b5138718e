//! Rows of activations with their labels, in system memory, and the batches made of them.

use crate::dataset::Labelled;
use crate::error::{Error, Result};
use crate::features::{FeatureCache, View};
use crate::head::Standardisation;
use rand::{Rng, RngExt};

/// Labelled rows; each picture has one row a view.
#[derive(Debug, Clone)]
pub struct Examples {
    /// `[pictures, views, width]`.
    values: Vec<f32>,
    labels: Vec<usize>,
    views: usize,
    width: usize,
}

/// True with this probability.
pub(super) fn chance(rng: &mut impl Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

impl Examples {
    /// Gathers the rows of `pictures` in these views out of the cache.
    ///
    /// # Errors
    /// [`Error::Internal`] where a row was never embedded.
    pub fn gather(cache: &FeatureCache, pictures: &[Labelled], views: &[View], width: usize) -> Result<Self> {
        let mut values = Vec::with_capacity(pictures.len() * views.len() * width);
        for picture in pictures {
            for view in views {
                let row = cache.get(picture.id, *view).filter(|row| row.len() == width);
                values.extend_from_slice(
                    row.ok_or_else(|| Error::Internal(format!("picture {} has no features", picture.id)))?,
                );
            }
        }
        let labels = pictures.iter().map(|picture| picture.label).collect();
        Ok(Self { values, labels, views: views.len(), width })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Every row of every view.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// Standardises every row in place.
    pub fn standardise(&mut self, scaling: &Standardisation) {
        self.values.chunks_exact_mut(self.width).for_each(|row| scaling.apply(row));
    }

    /// The rows `[indices, width]` and labels of some pictures: of a random view each, or of the first without `rng`.
    pub fn batch<R: Rng>(&self, indices: &[usize], mut rng: Option<&mut R>) -> (Vec<f32>, Vec<usize>) {
        let mut rows = Vec::with_capacity(indices.len() * self.width);
        for index in indices {
            let view = match &mut rng {
                Some(rng) if self.views > 1 => rng.random_range(0..self.views),
                _ => 0,
            };
            let start = (index * self.views + view) * self.width;
            rows.extend_from_slice(&self.values[start..start + self.width]);
        }
        (rows, indices.iter().map(|index| self.labels[*index]).collect())
    }
}
