//! Activations at the freeze boundary, computed once a picture.
//!
//! The embedder runs the frozen prefix; the cache keeps what it made, keyed by picture and view, for one backbone and
//! one boundary. Adding a picture costs one forward pass, changing a hyper-parameter none.

use crate::backbone::{Backbone, FrozenStages, global_average};
use crate::engine::Engine;
use crate::error::Result;
use crate::image::{Crop, Preprocess};
use crate::params::read;
use burn::tensor::{Tensor, TensorData};
use std::collections::HashMap;
use std::sync::Arc;

/// Which way round a picture was embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// As it is.
    Plain,
    /// Mirrored left to right, the one augmentation that keeps almost every class what it is.
    Mirrored,
}

/// The frozen prefix on an engine, with the preparation of pictures in front of it.
pub struct Embedder {
    preprocess: Preprocess,
    stages: FrozenStages,
    pooled: bool,
    engine: Engine,
}

impl Embedder {
    /// The prefix up to `boundary`. At [`Backbone::depth`] its output is pooled, below it is the feature map.
    ///
    /// # Errors
    /// See [`FrozenStages::new`].
    pub fn new(backbone: &Backbone, boundary: usize, engine: &Engine) -> Result<Self> {
        Ok(Self {
            preprocess: Preprocess::of(backbone.card()),
            stages: FrozenStages::new(backbone, 0..boundary, engine)?,
            pooled: boundary == backbone.depth(),
            engine: engine.clone(),
        })
    }

    /// How it prepares pictures.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Activations of each picture in one view, flattened: `[features]` where pooled, else
    /// `[channels, height, width]`. All pictures go through the network in one batch.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn embed(&self, pictures: &[(&Crop, View)]) -> Result<Vec<Arc<[f32]>>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let size = self.preprocess.size;
        let mut pixels = self.preprocess.batch(pictures.iter().map(|(crop, _)| *crop));
        for (picture, (_, view)) in pixels.chunks_exact_mut(3 * size * size).zip(pictures) {
            if *view == View::Mirrored {
                picture.chunks_exact_mut(size).for_each(<[f32]>::reverse);
            }
        }
        let x = TensorData::new(pixels, [pictures.len(), 3, size, size]);
        let y = self.stages.forward(Tensor::<4>::from_data(x, self.engine.device()));
        let values = if self.pooled { read(global_average(y)).await? } else { read(y).await? };
        Ok(values.chunks_exact(values.len() / pictures.len()).map(Arc::from).collect())
    }
}

/// What the embedder made, by picture and view.
#[derive(Default, Clone)]
pub struct FeatureCache {
    rows: HashMap<(u32, View), Arc<[f32]>>,
}

impl FeatureCache {
    /// Keeps a row.
    pub fn insert(&mut self, id: u32, view: View, row: Arc<[f32]>) {
        self.rows.insert((id, view), row);
    }

    /// The row of a picture, where it was made already.
    pub fn get(&self, id: u32, view: View) -> Option<&Arc<[f32]>> {
        self.rows.get(&(id, view))
    }

    /// Memory that the rows take, in bytes.
    pub fn bytes(&self) -> usize {
        self.rows.values().map(|row| row.len() * size_of::<f32>()).sum()
    }
}
