//! One of a crew: it has the backbone of whoever asks, and makes what is asked for when it is.

use super::examples::Batch;
use super::hands::{Lesson, Share, learn};
use super::network::Network;
use crate::backbone::Backbone;
use crate::crew::{Outline, Task};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder};
use crate::head::Standardisation;
use crate::nn::{Goal, on_device, read_behind};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One of a crew, where it is.
pub struct Member {
    backbone: Arc<Backbone>,
    engine: Engine,
    network: Option<(Network, [usize; 3])>,
    ways: BTreeMap<(usize, usize, bool), Embedder>,
}

impl Member {
    /// With the backbone of whoever asks.
    pub fn new(backbone: Arc<Backbone>) -> Self {
        Self { backbone, engine: Engine::cpu(""), network: None, ways: BTreeMap::new() }
    }

    /// Does what it is asked for.
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no task, or another's.
    pub async fn answer(&mut self, task: &str, values: &[f32]) -> Result<Vec<f32>> {
        match serde_json::from_str(task).map_err(|error| Error::Internal(format!("no task: {error}")))? {
            Task::Embed { from, boundary, pooled } => self.embed(from, Cut { boundary, pooled }, values).await,
            Task::Begin(outline) => self.begin(&outline, values),
            Task::Learn { goals, first_active, masked } => self.learn(goals, first_active, masked, values).await,
            Task::Look { pictures } => self.look(pictures, values).await,
        }
    }

    async fn embed(&mut self, from: usize, cut: Cut, values: &[f32]) -> Result<Vec<f32>> {
        let key = (from, cut.boundary, cut.pooled);
        if from > cut.boundary || cut.boundary > self.backbone.depth() {
            return Err(unfit());
        }
        if !self.ways.contains_key(&key) {
            self.ways.insert(key, Embedder::between(&self.backbone, from, cut, &self.engine)?);
        }
        let way = self.ways.get(&key).ok_or_else(unfit)?;
        Ok(way.embed_values(values).await?.concat())
    }

    fn begin(&mut self, outline: &Outline, values: &[f32]) -> Result<Vec<f32>> {
        let (head, Outline { boundary, train_norms, .. }) = (outline.head()?, outline);
        if *boundary > self.backbone.depth() || !values.len().is_multiple_of(2) {
            return Err(unfit());
        }
        let (mean, scale) = values.split_at(values.len() / 2);
        let scaling = Standardisation { mean: mean.to_vec(), scale: scale.to_vec() };
        let of = (&*self.backbone, *boundary, *train_norms);
        // That of an earlier training makes way first.
        self.network = None;
        let network = Network::fine_tuned(&head, false, &scaling, of, &self.engine)?;
        self.network = Some((network, self.backbone.shape_at(*boundary)));
        Ok(Vec::new())
    }

    /// Takes the parameters in; the network, the shape of its maps and the numbers behind.
    fn told<'a>(&mut self, values: &'a [f32]) -> Result<(&Network, [usize; 3], &'a [f32])> {
        let (network, shape) = self.network.as_mut().ok_or_else(unfit)?;
        let (params, rest) = values.split_at_checked(network.params.count()).ok_or_else(unfit)?;
        network.recall(params);
        Ok((network, *shape, rest))
    }

    async fn learn(&mut self, goals: Vec<Goal>, first_active: usize, masked: bool, values: &[f32]) -> Result<Vec<f32>> {
        let (network, shape, values) = self.told(values)?;
        let (area, width) = (shape.iter().product::<usize>(), if masked { network.head.droppable() } else { 0 });
        let rows: usize = goals.iter().map(|goal| goal.labels.len()).sum();
        let (mut maps, mut masks) = values.split_at_checked(rows * area).ok_or_else(unfit)?;
        if goals.is_empty() || masks.len() != rows * width {
            return Err(unfit());
        }
        let mut take = |goal: Goal| {
            let rows = goal.labels.len();
            let (of_maps, of_masks);
            (of_maps, maps) = maps.split_at(rows * area);
            (of_masks, masks) = masks.split_at(rows * width);
            let mask = masked.then(|| on_device(of_masks.to_vec(), &Device::flex()).reshape([rows, width]));
            Some(Share { maps: maps_of(of_maps, rows, shape), mask, goal })
        };
        let mut shares: Vec<Option<Share>> = goals.into_iter().map(&mut take).collect();
        let lesson = Lesson { first_active, penalty: None };
        let (gradients, logits) = learn(network, &mut shares, false, lesson).ok_or_else(unfit)?;
        let logits = logits.into_iter().map(|logits| logits.flatten(0, 1));
        read_behind(Vec::new(), gradients.into_iter().flatten().chain(logits)).await
    }

    async fn look(&mut self, pictures: usize, values: &[f32]) -> Result<Vec<f32>> {
        let (network, shape, values) = self.told(values)?;
        if pictures == 0 || values.len() != pictures * shape.iter().product::<usize>() {
            return Err(unfit());
        }
        let maps = Batch::Maps(maps_of(values, pictures, shape));
        let logits = network.logits(maps, &network.params.without_graph(), 0, |_| None);
        read_behind(Vec::new(), [logits.flatten(0, 1)]).await
    }
}

fn maps_of(values: &[f32], rows: usize, [channels, height, width]: [usize; 3]) -> Tensor<4> {
    on_device(values.to_vec(), &Device::flex()).reshape([rows, channels, height, width])
}

fn unfit() -> Error {
    Error::Internal("what a helper is asked for does not fit what it has".into())
}
