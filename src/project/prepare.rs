//! The first part of a training: the activations that it needs are computed, as far as they are not kept already.

use super::plan::{Part, Plan, Storage};
use crate::activations::{Embedding, Key, Need, Place, Store, Views};
use crate::backbone::Backbone;
use crate::crew::Crew;
use crate::dataset::{Labelled, Lineage, Split};
use crate::engine::{Clock, Engine, Workload};
use crate::engines::Engines;
use crate::error::{Error, Result};
use crate::features::{Cut, Embedder, Row, View};
use crate::head::{Head, HeadKind, Moments};
use crate::identity::ContentHash;
use crate::image::Picture;
use crate::train::{Checkpoint, Examples, Run, Start, Tail, ValidConfig};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

/// Pictures in one forward pass when many are embedded at once.
pub(super) const BATCH: usize = 8;

/// A training from its start to its report: what it was asked for and the pictures that it is about. It holds these
/// itself, so that whatever becomes of the project's pictures meanwhile does not concern it.
pub(super) struct Course {
    pub config: ValidConfig,
    pub split: Split,
    /// The pictures of the split's two parts, in its order.
    pub train: Vec<Picture>,
    pub held_out: Vec<Picture>,
    pub views: Views,
    /// The backbone that it starts from: the model's own where it goes on from that.
    pub backbone: Arc<Backbone>,
    /// The head that it goes on with.
    pub head: Option<Head>,
    /// Whether that has outputs for classes that the model did not know.
    pub grown: bool,
    /// What the model that it goes on from has seen.
    pub before: Lineage,
    pub plan: Plan,
    pub memory_limit: u64,
    /// What it is about: the pictures in their split, the settings, the backbone.
    pub about: ContentHash,
    /// What it goes on from: where it was cut short before or, on a GPU, should that be lost.
    pub checkpoint: Option<Checkpoint>,
    /// Expected seconds of an epoch of fine-tuning.
    pub epoch_seconds: Option<f64>,
    /// Expected seconds of everything after the preparation.
    pub later_seconds: f64,
}

/// One row that is still to be computed.
#[derive(Clone, Copy)]
struct Work {
    /// Index of the need that it is for; none where it only says how to standardise.
    need: Option<usize>,
    /// Index among the training pictures and then the held-out ones.
    picture: usize,
    view: View,
}

/// The preparation of a training.
pub(super) struct Preparing {
    pub course: Course,
    needs: Vec<Need>,
    missing: Vec<Work>,
    done: usize,
    pub seconds: f64,
    /// Of pooled features that are not kept.
    moments: Option<Moments>,
    /// The way to the rows of the need that is worked on.
    way: Option<(Option<usize>, Embedding)>,
}

impl Course {
    /// A picture by its index among the training pictures and then the held-out ones.
    pub(super) fn picture(&self, index: usize) -> &Picture {
        self.train.get(index).unwrap_or_else(|| &self.held_out[index - self.train.len()])
    }

    /// What the pictures are, to train and held out.
    pub(super) fn contents(&self) -> impl Iterator<Item = ContentHash> {
        self.train.iter().chain(&self.held_out).map(|picture| picture.content)
    }

    /// How many pictures take part.
    pub(super) fn pictures(&self) -> usize {
        self.train.len() + self.held_out.len()
    }
}

impl Preparing {
    /// Makes room in the store and finds out what is missing in it.
    pub(super) fn new(course: Course, store: &mut Store) -> Self {
        let needs = course.plan.needs();
        let keyed: Vec<(Need, Vec<Key>)> = needs
            .iter()
            .map(|need| (need.clone(), need.keys(&course.views, &course.train, &course.held_out)))
            .collect();
        store.make_room(&course.backbone, &keyed, course.memory_limit);
        let mut missing = Vec::new();
        for (index, (need, keys)) in keyed.iter().enumerate() {
            let place = Place::new(&course.backbone, need.cut);
            let views = need.views.len();
            let trained = course.train.len() * views;
            // A picture that is there several times is computed once.
            let mut listed = HashSet::new();
            missing.extend(keys.iter().enumerate().filter_map(|(at, key)| {
                let (picture, view) = if at < trained {
                    (at / views, need.views[at % views])
                } else {
                    (at - trained + course.train.len(), View::Plain)
                };
                let there = store.get(place, need.precision, key).is_some();
                (!there && listed.insert(*key)).then_some(Work { need: Some(index), picture, view })
            }));
        }
        let moments = (course.plan.pooled.storage == Storage::Recompute)
            .then(|| Moments::new(course.backbone.card().num_features));
        if moments.is_some() {
            missing.extend((0..course.train.len()).map(|picture| Work { need: None, picture, view: View::Plain }));
        }
        Self { course, needs, missing, done: 0, seconds: 0.0, moments, way: None }
    }

    /// Rows computed and rows in all.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.done, self.missing.len())
    }

    /// Whether everything is there.
    pub(super) fn is_done(&self) -> bool {
        self.done == self.missing.len()
    }

    /// Computes a few rows.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]; nothing is lost then, and the same rows are computed next time, on whichever engine there is.
    pub(super) async fn step(&mut self, store: &mut Store, engine: &Engine, crew: &Option<Rc<dyn Crew>>) -> Result<()> {
        let Some(first) = self.missing.get(self.done).copied() else { return Ok(()) };
        let left = self.missing[self.done..].iter();
        let crew = crew.clone().filter(|_| !engine.is_gpu());
        let at_once = BATCH * (1 + crew.as_ref().map_or(0, |crew| crew.members()));
        let next: Vec<Work> = left.take_while(|work| work.need == first.need).take(at_once).copied().collect();
        let Course { backbone, views, .. } = &self.course;
        let cut = first.need.map_or(Cut::features(backbone), |need| self.needs[need].cut);
        let mut way = match self.way.take() {
            Some((of, way)) if of == first.need => way,
            _ => Embedding::new(backbone, cut, engine).helped(crew),
        };
        let pictures: Vec<(&Picture, View)> =
            next.iter().map(|work| (self.course.picture(work.picture), work.view)).collect();
        let rows = way.rows(store, views, &pictures).await?;
        for ((picture, view), row) in pictures.iter().zip(rows) {
            match (first.need, &mut self.moments) {
                (Some(need), _) => {
                    let precision = self.needs[need].precision;
                    store.insert(Place::new(backbone, cut), precision, views.key(picture.content, *view), row);
                }
                (None, Some(moments)) => moments.add(&row),
                (None, None) => {}
            }
        }
        self.way = Some((first.need, way));
        self.done += next.len();
        Ok(())
    }

    /// Everything is there: the run can begin.
    pub(super) fn begin(
        self,
        store: &Store,
        engines: &Engines,
        clock: Clock,
        crew: Option<Rc<dyn Crew>>,
    ) -> Result<(Course, Run)> {
        let Self { mut course, moments, .. } = self;
        let [head_engine, tail_engine] = [Workload::Head, Workload::FineTuning].map(|workload| engines.of(workload));
        // A GPU may be lost before there is another.
        let on_gpu = head_engine.is_gpu() || tail_engine.is_gpu();
        let checkpoint = if on_gpu { course.checkpoint.clone() } else { course.checkpoint.take() };
        let [material, of_tail] = [head_engine, tail_engine].map(|engine| Material { course: &course, store, engine });
        let Plan { boundary, pooled, map, tail } = &course.plan;
        let features = match moments {
            Some(_) => None,
            None => Some(material.of(pooled)?),
        };
        let scaling = match (&features, moments) {
            (Some((train, _)), _) => train.measure(),
            (None, moments) => moments.map(|moments| moments.standardisation()),
        };
        let scaling = scaling.ok_or_else(|| Error::Internal("there are no features".into()))?;
        // In front of a convolution that pads with zeros there is no shift.
        let convolves = matches!(course.config.head, HeadKind::Conv { .. });
        let scaling = if convolves { scaling.without_shift() } else { scaling };
        let features = match (map, features) {
            (Some(map), _) => Some(material.of(map)?),
            // Going on from a model, where it is the stages that train, the head does not train alone.
            (None, _) if convolves => None,
            (None, Some(features)) => Some(features),
            (None, None) => Some(material.of(pooled)?),
        };
        let tail = match tail {
            Some(part) => {
                let (train, validation) = of_tail.of(part)?;
                let (backbone, epoch_seconds) = (course.backbone.clone(), course.epoch_seconds);
                let engine = tail_engine.clone();
                let crew = crew.filter(|_| !engine.is_gpu());
                Some(Tail { backbone, boundary: *boundary, engine, train, validation, epoch_seconds, crew })
            }
            None => None,
        };
        let (config, classes, head) = (course.config.clone(), course.split.classes.len(), course.head.clone());
        let start = Start { config, classes, scaling, head, grown: course.grown, features, tail };
        let run = match checkpoint {
            Some(checkpoint) => Run::resume(start, checkpoint, head_engine, clock)?,
            None => Run::new(start, head_engine, clock)?,
        };
        Ok((course, run))
    }
}

/// Makes examples of what was prepared.
struct Material<'a> {
    course: &'a Course,
    store: &'a Store,
    engine: &'a Engine,
}

impl Material<'_> {
    /// Those of a part: to train, and held out.
    fn of(&self, part: &Part) -> Result<(Examples, Examples)> {
        let Course { split, train, held_out, .. } = self.course;
        let labels = |part: &[Labelled]| part.iter().map(|picture| picture.label).collect::<Vec<_>>();
        let (to_train, to_hold_out) = (labels(&split.train), labels(&split.validation));
        let Some(need) = part.need() else {
            // Through the map and not to the pooled features: these examples are pooled in the network.
            let prefix = Embedder::new(&self.course.backbone, Cut::map(part.cut.boundary), self.engine)?;
            let (prefix, augment) = (Arc::new(prefix), self.course.config.augment);
            let crops = |pictures: &[Picture]| pictures.iter().map(|picture| picture.crop.clone()).collect();
            return Ok((
                Examples::pictures(crops(train), to_train, prefix.clone(), augment),
                Examples::pictures(crops(held_out), to_hold_out, prefix, augment),
            ));
        };
        let trained = self.rows(&need, &need.keys(&self.course.views, train, &[]))?;
        let validated = self.rows(&need, &need.keys(&self.course.views, &[], held_out))?;
        let views = need.views.len();
        if need.cut.pooled {
            let width = need.cut.width(&self.course.backbone);
            Ok((
                Examples::pooled(trained, to_train, views, width)?,
                Examples::pooled(validated, to_hold_out, 1, width)?,
            ))
        } else {
            let shape = self.course.backbone.shape_at(need.cut.boundary);
            Ok((Examples::maps(trained, to_train, views, shape)?, Examples::maps(validated, to_hold_out, 1, shape)?))
        }
    }

    fn rows(&self, need: &Need, keys: &[Key]) -> Result<Vec<Row>> {
        let place = Place::new(&self.course.backbone, need.cut);
        let row = |key: &Key| self.store.get(place, need.precision, key).cloned();
        let rows: Option<Vec<Row>> = keys.iter().map(row).collect();
        rows.ok_or_else(|| Error::Internal("activations are missing".into()))
    }
}
