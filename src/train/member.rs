//! One of a crew: it has the backbone of whoever asks, and makes what is asked for when it is.

use super::examples::Batch;
use super::hands::{Lesson, Share, learn};
use super::network::Network;
use crate::backbone::Backbone;
use crate::crew::{Numbers, Outline, Reader, Task};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder};
use crate::head::Standardisation;
use crate::nn::{Goal, on_device, read_all};
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

    /// Does what it is asked for; numbers one part behind the other.
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no task, or another's.
    pub async fn answer(&mut self, task: &str, values: &dyn Numbers) -> Result<Vec<Vec<f32>>> {
        match serde_json::from_str(task).map_err(|error| Error::Internal(format!("no task: {error}")))? {
            Task::Embed { from, boundary, pooled } => self.embed(from, Cut { boundary, pooled }, values).await,
            Task::Begin(outline) => self.begin(&outline, values),
            Task::Learn { goals, first_active, masked } => self.learn(goals, first_active, masked, values).await,
            Task::Look { pictures } => self.look(pictures, values).await,
        }
    }

    async fn embed(&mut self, from: usize, cut: Cut, values: &dyn Numbers) -> Result<Vec<Vec<f32>>> {
        let key = (from, cut.boundary, cut.pooled);
        if from > cut.boundary || cut.boundary > self.backbone.depth() {
            return Err(unfit());
        }
        if !self.ways.contains_key(&key) {
            self.ways.insert(key, Embedder::between(&self.backbone, from, cut, &self.engine)?);
        }
        let way = self.ways.get(&key).ok_or_else(unfit)?;
        let rows = way.embed_values(&values.all()).await?;
        Ok(rows.iter().map(|row| row.to_vec()).collect())
    }

    fn begin(&mut self, outline: &Outline, values: &dyn Numbers) -> Result<Vec<Vec<f32>>> {
        let (head, Outline { boundary, train_norms, .. }) = (outline.head()?, outline);
        let count = values.count();
        if *boundary > self.backbone.depth() || !count.is_multiple_of(2) {
            return Err(unfit());
        }
        let scaling = Standardisation { mean: values.part(0..count / 2), scale: values.part(count / 2..count) };
        let of = (&*self.backbone, *boundary, *train_norms);
        // That of an earlier training makes way first.
        self.network = None;
        let network = Network::fine_tuned(&head, false, &scaling, of, &self.engine)?;
        self.network = Some((network, self.backbone.shape_at(*boundary)));
        Ok(Vec::new())
    }

    /// Takes the parameters in; the network, the shape of its maps and the numbers behind.
    fn told<'a>(&mut self, values: &'a dyn Numbers) -> Result<(&Network, [usize; 3], Reader<'a>)> {
        let (network, shape) = self.network.as_mut().ok_or_else(unfit)?;
        let mut reader = Reader::new(values);
        network.recall(&mut reader).ok_or_else(unfit)?;
        Ok((network, *shape, reader))
    }

    async fn learn(
        &mut self,
        goals: Vec<Goal>,
        first_active: usize,
        masked: bool,
        values: &dyn Numbers,
    ) -> Result<Vec<Vec<f32>>> {
        let (network, shape, mut reader) = self.told(values)?;
        let rows = |goal: &Goal| goal.labels.len();
        let maps = goals.iter().map(|goal| maps_of(&mut reader, rows(goal), shape));
        let maps = maps.collect::<Option<Vec<_>>>().ok_or_else(unfit)?;
        let width = network.head.droppable();
        let mut mask_of = |goal: &Goal| match masked {
            true => {
                Some(Some(on_device(reader.take(rows(goal) * width)?, &Device::flex()).reshape([rows(goal), width])))
            }
            false => Some(None),
        };
        let masks = goals.iter().map(&mut mask_of).collect::<Option<Vec<_>>>().ok_or_else(unfit)?;
        if !reader.is_done() {
            return Err(unfit());
        }
        let shares = goals.into_iter().zip(maps).zip(masks);
        let mut shares: Vec<Option<Share>> =
            shares.map(|((goal, maps), mask)| Some(Share { maps, mask, goal })).collect();
        let lesson = Lesson { first_active, penalty: None };
        let (gradients, logits) = learn(network, &mut shares, false, lesson).ok_or_else(unfit)?;
        let logits = logits.into_iter().map(|logits| logits.flatten(0, 1));
        read_all(gradients.into_iter().flatten().chain(logits)).await
    }

    async fn look(&mut self, pictures: usize, values: &dyn Numbers) -> Result<Vec<Vec<f32>>> {
        let (network, shape, mut reader) = self.told(values)?;
        let maps = maps_of(&mut reader, pictures, shape).filter(|_| pictures > 0 && reader.is_done());
        let maps = Batch::Maps(maps.ok_or_else(unfit)?);
        let logits = network.logits(maps, &network.params.without_graph());
        read_all([logits.flatten(0, 1)]).await
    }
}

fn maps_of(reader: &mut Reader<'_>, rows: usize, [channels, height, width]: [usize; 3]) -> Option<Tensor<4>> {
    let values = reader.take(rows.checked_mul(channels * height * width)?)?;
    Some(on_device(values, &Device::flex()).reshape([rows, channels, height, width]))
}

fn unfit() -> Error {
    Error::Internal("what a helper is asked for does not fit what it has".into())
}
