//! Activations at the freeze boundary: where the network is cut, and the frozen stages that compute what is there.
//!
//! [`crate::activations`] keeps what they made, so that adding a picture costs one forward pass and changing a
//! hyper-parameter none.

use crate::backbone::{Backbone, FrozenStages};
use crate::engine::Engine;
use crate::error::Result;
use crate::head::Convolution;
use crate::image::{Crop, Preprocess};
use burn::tensor::Tensor;
use half::f16;
use std::ops::Range;
use std::sync::Arc;

/// Which rendering of a picture was embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// As it is.
    Plain,
    /// Mirrored left to right, the one augmentation that keeps almost every class what it is.
    Mirrored,
    /// A random variant, by its number.
    Variant(u32),
}

/// Where the network is cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Stages before it belong to the prefix.
    pub boundary: usize,
    /// Whether the activations are averaged over height and width, which only the end of the backbone allows.
    pub pooled: bool,
}

impl Cut {
    /// The pooled features at the end of a backbone.
    pub fn features(backbone: &Backbone) -> Self {
        Self { boundary: backbone.depth(), pooled: true }
    }

    /// The feature map at a boundary.
    pub fn map(boundary: usize) -> Self {
        Self { boundary, pooled: false }
    }

    /// Number of values at this cut.
    pub fn width(self, backbone: &Backbone) -> usize {
        let [channels, height, width] = backbone.shape_at(self.boundary);
        if self.pooled { channels } else { channels * height * width }
    }
}

/// Frozen stages on an engine, with the preparation of pictures in front of them.
pub struct Embedder {
    preprocess: Preprocess,
    stages: FrozenStages,
    pooled: bool,
}

impl Embedder {
    /// The prefix up to a cut.
    ///
    /// # Errors
    /// See [`FrozenStages::new`].
    pub fn new(backbone: &Backbone, cut: Cut, engine: &Engine) -> Result<Self> {
        Self::between(backbone, 0, cut, engine)
    }

    /// What turns activations at `boundary` into those at a later cut.
    ///
    /// # Errors
    /// See [`FrozenStages::new`].
    pub fn between(backbone: &Backbone, boundary: usize, cut: Cut, engine: &Engine) -> Result<Self> {
        Self::of_stages(backbone, boundary..cut.boundary, cut.pooled, None, engine)
    }

    /// What turns activations at `boundary` into the features of a head's dense layers: the stages from there on, the
    /// head's convolution, where it has one, and the pooling. At boundary 0 these activations are pictures.
    ///
    /// # Errors
    /// See [`FrozenStages::new`].
    pub fn tail(
        backbone: &Backbone,
        boundary: usize,
        convolution: Option<&Convolution>,
        engine: &Engine,
    ) -> Result<Self> {
        Self::of_stages(backbone, boundary..backbone.depth(), true, convolution, engine)
    }

    fn of_stages(
        backbone: &Backbone,
        stages: Range<usize>,
        pooled: bool,
        convolution: Option<&Convolution>,
        engine: &Engine,
    ) -> Result<Self> {
        let stages = match convolution {
            Some(mut convolution) => {
                let stage = convolution.stage();
                FrozenStages::followed(backbone, stages, Some((&stage, &mut convolution)), engine)?
            }
            None => FrozenStages::new(backbone, stages, engine)?,
        };
        Ok(Self { preprocess: backbone.card().preprocess(), stages, pooled })
    }

    /// Whether it was made for such an engine.
    pub(crate) fn is_on(&self, engine: &Engine) -> bool {
        self.stages.is_for(engine)
    }

    /// The preparation that pictures go through.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Pictures as a tensor `[pictures, 3, size, size]` on the engine, through the stages and not pooled.
    pub fn forward<'a>(&self, pictures: impl IntoIterator<Item = &'a Crop>) -> Tensor<4> {
        self.stages.forward(&self.preprocess.batch(pictures))
    }

    /// Activations of each picture, row-major: pooled `[features]` or `[channels, height, width]`. All pictures go
    /// through the network in one batch.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn embed(&self, pictures: &[&Crop]) -> Result<Vec<Arc<[f32]>>> {
        let pictures: Vec<Arc<[u8]>> = pictures.iter().map(|crop| crop.rgb()).collect();
        self.stages.picture_rows(&pictures, self.preprocess.normalisation(), self.pooled).await
    }

    /// The same from values at the boundary where these stages begin, one picture's or map's behind the other's.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn embed_values(&self, values: &[f32]) -> Result<Vec<Arc<[f32]>>> {
        self.stages.rows(values, self.pooled).await
    }
}

/// Activations of one picture in one view.
#[derive(Debug, Clone)]
pub enum Row {
    /// At full precision.
    Full(Arc<[f32]>),
    /// At half of it, where memory is short: 11 significant bits.
    Half(Arc<[f16]>),
}

impl Row {
    /// The row in half the memory. Activations stay far below the 65,504 that f16 holds; should one not, it is as large
    /// as can be held and not infinite.
    pub fn half(values: &[f32]) -> Self {
        let largest = f16::MAX.to_f32();
        Self::Half(values.iter().map(|x| f16::from_f32(x.clamp(-largest, largest))).collect())
    }

    /// Number of values.
    pub fn width(&self) -> usize {
        match self {
            Self::Full(values) => values.len(),
            Self::Half(values) => values.len(),
        }
    }

    /// Appends the values.
    pub fn write(&self, out: &mut Vec<f32>) {
        match self {
            Self::Full(values) => out.extend_from_slice(values),
            Self::Half(values) => out.extend(values.iter().map(|x| x.to_f32())),
        }
    }

    /// Memory that the values take, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Full(values) => size_of_val(values.as_ref()),
            Self::Half(values) => size_of_val(values.as_ref()),
        }
    }
}
