//! Computing rows, each from as near as there is something kept.

use super::{Place, Precision, Store, Views};
use crate::backbone::Backbone;
use crate::crew::{Answered, Crew, Task};
use crate::engine::Engine;
use crate::error::Result;
use crate::features::{Cut, Embedder, Row, View};
use crate::head::Convolution;
use crate::image::{Crop, Picture};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The way to activations at one cut of one backbone, from pictures or from activations in front of it.
pub struct Embedding {
    backbone: Arc<Backbone>,
    cut: Cut,
    /// A head's convolution behind the backbone, in front of the pooling.
    convolution: Option<Convolution>,
    engine: Engine,
    /// Who helps, where somebody does: all have this backbone.
    crew: Option<Rc<dyn Crew>>,
    /// The stages from a boundary on, made when they are first wanted.
    ways: BTreeMap<usize, Embedder>,
}

impl Embedding {
    /// To a cut of a backbone.
    pub fn new(backbone: &Arc<Backbone>, cut: Cut, engine: &Engine) -> Self {
        let (backbone, engine) = (backbone.clone(), engine.clone());
        Self { backbone, cut, convolution: None, engine, crew: None, ways: BTreeMap::new() }
    }

    /// The same with some who help.
    pub fn helped(self, crew: Option<Rc<dyn Crew>>) -> Self {
        Self { crew, ..self }
    }

    /// To the pooled features of a head: those of the backbone, or of the head's convolution where it has one.
    pub fn of_head(backbone: &Arc<Backbone>, convolution: Option<&Convolution>, engine: &Engine) -> Self {
        let to_the_end = Self::new(backbone, Cut::features(backbone), engine);
        Self { convolution: convolution.cloned(), ..to_the_end }
    }

    /// Rows of some pictures, each in a view.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn rows(&mut self, store: &Store, views: &Views, wanted: &[(&Picture, View)]) -> Result<Vec<Arc<[f32]>>> {
        let mut starts: BTreeMap<usize, Vec<(usize, Option<&Row>)>> = BTreeMap::new();
        let mut rows: Vec<Option<Arc<[f32]>>> = vec![None; wanted.len()];
        let end = Place::new(&self.backbone, self.cut);
        for (index, (picture, view)) in wanted.iter().enumerate() {
            let key = views.key(picture.content, *view);
            if self.convolution.is_none()
                && let Some(Row::Full(row)) = store.get(end, Precision::Full, &key)
            {
                rows[index] = Some(row.clone());
                continue;
            }
            let nearest = store.nearest(&self.backbone, self.cut.boundary, &key);
            let (boundary, row) = nearest.map_or((0, None), |(boundary, row)| (boundary, Some(row)));
            starts.entry(boundary).or_default().push((index, row));
        }
        for (boundary, from) in starts {
            let is_gpu = self.engine.is_gpu();
            let way = self.way(boundary)?;
            let kept: Vec<&Row> = from.iter().filter_map(|(_, row)| *row).collect();
            let made = if kept.is_empty() {
                let crops = from.iter().map(|(index, _)| views.render(wanted[*index].0, wanted[*index].1));
                let crops: Vec<Crop> = crops.collect();
                match is_gpu {
                    true => way.embed(&crops.iter().collect::<Vec<_>>()).await?,
                    false => {
                        let values = way.preprocess().batch(&crops);
                        self.made(boundary, from.len(), values).await?
                    }
                }
            } else {
                let mut values = Vec::with_capacity(kept.iter().map(|row| row.width()).sum());
                kept.iter().for_each(|row| row.write(&mut values));
                self.made(boundary, from.len(), values).await?
            };
            for ((index, _), row) in from.into_iter().zip(made) {
                rows[index] = Some(row);
            }
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// What so many pictures or maps at a boundary are at the cut, each part of them computed by who has time.
    async fn made(&mut self, boundary: usize, count: usize, values: Vec<f32>) -> Result<Vec<Arc<[f32]>>> {
        let Cut { boundary: end, pooled } = self.cut;
        let (width, each) = (self.cut.width(&self.backbone), values.len() / count.max(1));
        let crew = self.crew.clone().filter(|_| self.convolution.is_none());
        let hands = 1 + crew.as_ref().map_or(0, |crew| crew.members());
        let way = self.way(boundary)?;
        let parts: Vec<&[f32]> = values.chunks(count.div_ceil(hands).max(1) * each.max(1)).collect();
        let Some((own, others)) = parts.split_first() else { return Ok(Vec::new()) };
        let task = Task::Embed { from: boundary, boundary: end, pooled };
        let asked = others.iter().enumerate().filter_map(|(member, part)| {
            let crew = crew.as_ref()?;
            Some((*part, crew.ask(member, &task, &[part])))
        });
        let asked: Vec<(&[f32], Answered)> = asked.collect();
        let mut rows = way.embed_values(own).await?;
        for (part, answer) in asked {
            match answer.await.filter(|values| values.count() == part.len() / each * width) {
                Some(values) => rows.extend(values.all().chunks_exact(width).map(Arc::from)),
                None => rows.extend(way.embed_values(part).await?),
            }
        }
        Ok(rows)
    }

    fn way(&mut self, boundary: usize) -> Result<&Embedder> {
        if !self.ways.contains_key(&boundary) {
            let way = match &self.convolution {
                None => Embedder::between(&self.backbone, boundary, self.cut, &self.engine)?,
                convolution => Embedder::tail(&self.backbone, boundary, convolution.as_ref(), &self.engine)?,
            };
            self.ways.insert(boundary, way);
        }
        // Just inserted, where it was not there.
        self.ways.get(&boundary).ok_or_else(|| crate::Error::Internal("there is no way to a cut".into()))
    }
}
