//! Labelled activations of pictures, and the batches made of them.
//!
//! They come out of a cache or, where nothing is cached, straight from the pictures through the frozen prefix.

use crate::augment::Augment;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::features::{Embedder, Row};
use crate::head::{Features, Standardisation};
use crate::image::Crop;
use crate::nn::shaped_on_device;
use burn::tensor::Tensor;
use rand::{Rng, RngExt};
use std::sync::Arc;

/// Labelled pictures of one kind of activations.
pub struct Examples {
    source: Source,
    labels: Vec<usize>,
    /// All rows as they go in, on the engine, where they fit.
    table: Option<Tensor<2>>,
}

/// Bytes of rows that a GPU keeps at most: half of what every adapter lets a kernel bind; and the CPU, whose memory has them once more.
const LARGEST_TABLE: usize = 64 << 20;
const LARGEST_COPY: usize = 16 << 20;

enum Source {
    /// Pooled features, one row a picture and view.
    Pooled { rows: Vec<Row>, views: usize, width: usize, scaling: Option<Standardisation> },
    /// Feature maps, one row a picture and view.
    Maps { rows: Vec<Row>, views: usize, shape: [usize; 3] },
    /// Pictures that go through the prefix at every step, a fresh variant each time.
    Pictures { crops: Vec<Crop>, prefix: Arc<Embedder>, augment: Augment },
}

/// Activations of some pictures, outside the autodiff graph.
pub enum Batch {
    /// Standardised.
    Pooled(Features),
    /// `[batch, channels, height, width]`.
    Maps(Tensor<4>),
}

/// True with this probability.
pub(super) fn chance(rng: &mut impl Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

impl Examples {
    /// Pooled features of `width` values: the rows of each picture's views, one picture after the other.
    ///
    /// # Errors
    /// [`Error::Internal`] where a row is missing or of another width.
    pub fn pooled(rows: Vec<Row>, labels: Vec<usize>, views: usize, width: usize) -> Result<Self> {
        check(&rows, &labels, views, width)?;
        Ok(Self { source: Source::Pooled { rows, views, width, scaling: None }, labels, table: None })
    }

    /// Feature maps `[channels, height, width]`, likewise.
    ///
    /// # Errors
    /// [`Error::Internal`] where a row is missing or of another width.
    pub fn maps(rows: Vec<Row>, labels: Vec<usize>, views: usize, shape: [usize; 3]) -> Result<Self> {
        check(&rows, &labels, views, shape.iter().product())?;
        Ok(Self { source: Source::Maps { rows, views, shape }, labels, table: None })
    }

    /// Pictures that go through `prefix` at every step.
    pub fn pictures(crops: Vec<Crop>, labels: Vec<usize>, prefix: Arc<Embedder>, augment: Augment) -> Self {
        Self { source: Source::Pictures { crops, prefix, augment }, labels, table: None }
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many pictures go well through the network at once without gradients: many rows of pooled features, few
    /// feature maps, fewer pictures. On the CPU, where several may look at them, they fall into small parts.
    pub(super) fn at_once(&self, engine: &Engine) -> usize {
        match self.source {
            Source::Pooled { .. } => 256,
            Source::Maps { .. } if engine.is_gpu() => 32,
            Source::Maps { .. } | Source::Pictures { .. } => 8,
        }
    }

    /// The label of each picture.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Shift and scale of the pooled features over all views; `None` for other activations.
    pub fn measure(&self) -> Option<Standardisation> {
        let Source::Pooled { rows, width, .. } = &self.source else { return None };
        let values = rows.iter().map(|row| {
            let mut values = Vec::with_capacity(*width);
            row.write(&mut values);
            values
        });
        Some(Standardisation::measure(values, *width))
    }

    /// Has pooled features standardised in every batch.
    pub fn standardise(&mut self, by: &Standardisation) {
        if let Source::Pooled { scaling, .. } = &mut self.source {
            *scaling = Some(by.clone());
        }
    }

    /// Brings the rows to the engine, once for all batches, where they fit; what they are standardised by is settled before.
    pub(super) fn settle(&mut self, engine: &Engine) {
        let (rows, width) = match &self.source {
            Source::Pooled { rows, width, .. } => (rows, *width),
            Source::Maps { rows, shape, .. } if engine.is_gpu() => (rows, shape.iter().product()),
            // The CPU has maps as they are.
            Source::Maps { .. } | Source::Pictures { .. } => return,
        };
        let bytes = rows.len() * width * size_of::<f32>();
        let most = if engine.is_gpu() { LARGEST_TABLE } else { LARGEST_COPY };
        if (1..=most).contains(&bytes) {
            let values = self.values(0..rows.len(), rows, width);
            self.table = Some(shaped_on_device(values, [rows.len(), width], engine.device()));
        }
    }

    /// Some rows, one behind the other, standardised where they are to be.
    fn values(&self, which: impl IntoIterator<Item = usize>, rows: &[Row], width: usize) -> Vec<f32> {
        let which = which.into_iter();
        let mut values = Vec::with_capacity(which.size_hint().0 * width);
        which.for_each(|row| rows[row].write(&mut values));
        if let Source::Pooled { scaling: Some(scaling), .. } = &self.source {
            values.chunks_exact_mut(width).for_each(|row| scaling.apply(row));
        }
        values
    }

    /// Activations and labels of some pictures: of a random view each, or as they are without `rng`.
    pub fn batch<R: Rng>(&self, indices: &[usize], mut rng: Option<&mut R>, engine: &Engine) -> (Batch, Vec<usize>) {
        let labels = indices.iter().map(|index| self.labels[*index]).collect();
        let mut pick = |views: usize| -> Vec<usize> {
            let view = |index: &usize| match &mut rng {
                Some(rng) if views > 1 => index * views + rng.random_range(0..views),
                _ => index * views,
            };
            indices.iter().map(view).collect()
        };
        let bring = |which: Vec<usize>, rows: &[Row], width: usize| match &self.table {
            // No GPU has room for four thousand million rows.
            Some(table) => {
                Features::Rows { table: table.clone(), rows: which.into_iter().map(|row| row as u32).collect() }
            }
            None => {
                let values = self.values(which, rows, width);
                Features::Values(shaped_on_device(values, [indices.len(), width], engine.device()))
            }
        };
        let batch = match &self.source {
            Source::Pooled { rows, views, width, .. } => Batch::Pooled(bring(pick(*views), rows, *width)),
            Source::Maps { rows, views, shape } => {
                let x = bring(pick(*views), rows, shape.iter().product()).values(false);
                Batch::Maps(x.reshape([indices.len(), shape[0], shape[1], shape[2]]))
            }
            Source::Pictures { crops, prefix, augment } => {
                let crops = indices.iter().map(|index| match &mut rng {
                    Some(rng) => augment.apply(&crops[*index], rng),
                    None => crops[*index].clone(),
                });
                let crops: Vec<Crop> = crops.collect();
                Batch::Maps(prefix.forward(&crops))
            }
        };
        (batch, labels)
    }
}

fn check(rows: &[Row], labels: &[usize], views: usize, width: usize) -> Result<()> {
    if rows.len() == labels.len() * views && rows.iter().all(|row| row.width() == width) {
        return Ok(());
    }
    Err(Error::Internal(format!("{} pictures have {} rows in {views} views", labels.len(), rows.len())))
}
