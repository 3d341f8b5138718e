//! Another backbone in the place of the present one, while classes, pictures and the model stay.
//!
//! Pictures keep their pixels as they were for the backbone before, and the store its rows as long as there is room: going
//! back costs nothing. What the new one lacks comes picture by picture from whoever has the files.

use super::{ADDED, Keep, Project};
use crate::activations::{Need, Precision, Views};
use crate::backbone::{Arithmetic, Backbone, Outline};
use crate::engine::{Engine, Workload};
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder};
use crate::image::Picture;
use crate::probe;
use serde::Serialize;
use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

/// A picture that the present backbone has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Unprepared {
    /// Its number.
    pub id: u32,
    /// Whether its pixels are there ([`Project::prepare_image`]) or have to be given again ([`Project::give_pixels`]).
    pub pixels: bool,
}

impl Project {
    /// Puts another backbone in the place of the present one. Classes and pictures stay, and so does the model, which
    /// goes on with the backbone that it was trained on.
    ///
    /// Where the engines were measured they are undecided again: see [`Project::choose_engines`]. What the new one has not
    /// seen yet is told by [`Project::unprepared`]; as long as pixels are to come, training is refused.
    ///
    /// # Errors
    /// [`Error::TrainingRunning`], and see [`Embedder::new`]; nothing has changed then.
    pub fn set_backbone(&mut self, backbone: Backbone) -> Result<()> {
        if self.job.is_some() {
            return Err(Error::TrainingRunning);
        }
        let engines = self.engines.for_another_backbone();
        let (backbone, embedder) = self.on_engine(backbone, engines.of(Workload::Embedding))?;
        self.engines = engines;
        self.dataset.prepare_for(embedder.preprocess().preparation(), self.preparation());
        let before = mem::replace(&mut self.backbone, backbone);
        self.embedder = embedder;
        self.ahead = None;
        self.timings.insert(before.prefix(before.depth()), mem::take(&mut self.timing));
        self.timing = self.timings.remove(&self.backbone.prefix(self.backbone.depth())).unwrap_or_default();
        self.make_room();
        Ok(())
    }

    /// Has the present backbone compute in this: another backbone, as far as pictures go; see [`Project::set_backbone`].
    ///
    /// # Errors
    /// As there.
    pub fn set_arithmetic(&mut self, arithmetic: Arithmetic) -> Result<()> {
        if self.backbone.card().arithmetic == arithmetic {
            return Ok(());
        }
        self.set_backbone(self.backbone.with_arithmetic(arithmetic)?)
    }

    /// What the pictures will be embedded as has its place in the store; it would be embedded for nothing where maps of
    /// an earlier training fill that.
    fn make_room(&mut self) {
        let (views, cut) = (Views::plain(), Cut::features(&self.backbone));
        let there = self.dataset.samples().filter(|(_, sample)| !sample.removed && sample.has_pixels());
        let keys = there.map(|(_, sample)| views.key(sample.content, ADDED)).collect();
        let need = Need { cut, precision: Precision::Full, views: vec![ADDED] };
        let limit = self.store.limit();
        self.store.make_room(&self.backbone, &[(need, keys)], limit);
    }

    /// A backbone on the engine; the model may have it there already.
    fn on_engine(&self, backbone: Backbone, engine: &Engine) -> Result<(Arc<Backbone>, Arc<Embedder>)> {
        let backbone = Arc::new(backbone);
        let there = self.classifier().filter(|it| it.head.convolution.is_none() && it.backbone.computes_as(&backbone));
        let there = there.filter(|it| it.embedder.is_on(engine));
        let embedder = match there {
            Some(classifier) => classifier.embedder.clone(),
            None => Arc::new(Embedder::new(&backbone, Cut::features(&backbone), engine)?),
        };
        Ok((backbone, embedder))
    }

    /// Pictures that the present backbone has not seen: those that are shown, and then those that are removed and may come
    /// back.
    pub fn unprepared(&self) -> Vec<Unprepared> {
        let mut unprepared: Vec<Unprepared> =
            self.dataset.awaiting().into_iter().map(|id| Unprepared { id, pixels: false }).collect();
        let (views, place) = (Views::plain(), self.features_place());
        let mut listed = HashSet::new();
        let to_learn = self.dataset.usable().into_values().flatten();
        for id in to_learn.chain(self.dataset.test_pictures().map(|(id, _)| id)) {
            let Ok(sample) = self.dataset.sample(id) else { continue };
            if sample.crop.is_none() {
                continue;
            }
            let seen = self.store.get(place, Precision::Full, &views.key(sample.content, ADDED)).is_some();
            // A picture that is there several times is embedded once.
            if !seen && listed.insert(sample.content) {
                unprepared.push(Unprepared { id, pixels: true });
            }
        }
        unprepared
    }

    /// Prepares and embeds an RGBA8 picture for the present backbone that is known by its number: it stays the picture
    /// that it was, in its class, shown or not. One that has its pixels, or was forgotten meanwhile, is left as it is.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`], [`Error::PictureEmpty`].
    pub async fn give_pixels(&mut self, id: u32, rgba: &[u8], size: (u32, u32)) -> Result<()> {
        let sample = self.dataset.sample(id)?;
        if sample.crop.is_some() || !sample.has_pixels() {
            return Ok(());
        }
        let content = sample.content;
        let crop = self.embedder.preprocess().crop(rgba, size.0, size.1)?;
        self.embed_in(&[ADDED], &[Picture { content, crop: crop.clone() }], Keep::Expected).await?;
        self.give(id, crop)
    }

    /// Embeds a picture whose pixels are there; does nothing where they are not.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] where neither engine works.
    pub async fn prepare_image(&mut self, id: u32) -> Result<()> {
        let Some(picture) = self.picture(id) else { return Ok(()) };
        self.embed_in(&[ADDED], &[picture], Keep::Expected).await
    }

    /// Milliseconds that a picture takes on a backbone, here and now, whatever its weights are.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub async fn measure_backbone(&self, outline: &Outline) -> Result<f64> {
        probe::measure(outline, self.engines.of(Workload::Embedding), self.clock).await
    }

    /// Says that a picture's pixels cannot be had for the present backbone: nobody waits for them, and it takes no part
    /// until they are given after all or the backbone is another.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn leave_out(&mut self, id: u32) -> Result<()> {
        self.dataset.leave_out(id)
    }
}
