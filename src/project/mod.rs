//! A whole session: pictures come in and are embedded, a head is trained on them, the model predicts.
//!
//! The command line and the browser are both thin layers over [`Project`], which wires its parts: the dataset, the store
//! of activations, the training under way and the model. Everything that a user made (pictures, labels, features,
//! trained weights) lies in system memory, so that a lost GPU loses nothing.

mod backbone;
mod estimate;
mod kept;
mod measure;
mod model;
mod plan;
mod prepare;
mod studied;
mod test_set;
mod training;
mod unpacked;
mod written;

pub use backbone::Unprepared;
pub use estimate::{Estimate, Readiness, Refusal};
pub use plan::Storage;
pub use test_set::{Answer, PictureAnswer, PictureRole, TestEvaluation, ValidationEvaluation};
pub use written::Written;

use crate::activations::{Place, Precision, Store, Views};
use crate::backbone::{Backbone, Reference};
use crate::bundle::{self, SavedBackbone};
use crate::classifier::{Classifier, ModelClass, Prediction};
use crate::crew::Crew;
use crate::dataset::{ClassId, ClassSummary, Dataset, Home, Labelled, Lineage, Part};
use crate::engine::{Clock, Engine, EngineChoice, EngineReport, Workload};
use crate::engines::Engines;
use crate::error::{Error, Result};
use crate::export::{self, ExportFormat, ExportOptions, Exported};
use crate::features::{Cut, Embedder, View};
use crate::head::Head;
use crate::identity::ContentHash;
use crate::image::{Crop, Picture, Preparation};
use crate::probe::{self, Tried};
use crate::report::TrainReport;
use crate::train::TrainConfig;
use model::{HeldOut, Model};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use training::Job;
use unpacked::Unpacked;

/// The view that a picture is embedded in when it is added.
const ADDED: View = View::Plain;

/// The views that most trainings want of a picture; see [`Project::embed_ahead`].
const USUAL_VIEWS: [View; 2] = [ADDED, View::Mirrored];

/// Bytes that cached activations may take where nobody says: a quarter of what a tab can have in 32-bit WebAssembly.
const DEFAULT_MEMORY: u64 = 1 << 30;

/// Whether rows of pictures are kept.
#[derive(Clone, Copy)]
enum Keep {
    /// Room was made for them.
    Expected,
    /// Only where there is room anyway.
    WhereThereIsRoom,
}

/// A session on its engines with one backbone.
pub struct Project {
    engines: Engines,
    clock: Clock,
    backbone: Arc<Backbone>,
    embedder: Arc<Embedder>,
    dataset: Dataset,
    store: Store,
    job: Option<Job>,
    model: Option<Model>,
    /// The settings of the latest training.
    settings: Option<TrainConfig>,
    /// The reports of all trainings that ended, in order.
    runs: Vec<TrainReport>,
    timing: Timing,
    /// Those of other backbones, by what these compute.
    timings: HashMap<ContentHash, Timing>,
    crew: Option<Rc<dyn Crew>>,
    /// Pictures of which not every view may be there that most trainings want; none where they are to be found out again.
    ahead: Option<VecDeque<u32>>,
    unpacked: Unpacked,
}

/// How long embedding took with one backbone, in seconds.
#[derive(Default)]
struct Timing {
    /// All of it.
    embedding: f64,
    /// The part of it for pictures that were added, and the views that were embedded in it.
    adding: f64,
    added: usize,
}

impl Timing {
    /// Seconds that embedding a picture took on average, where one was embedded.
    fn seconds_a_picture(&self) -> Option<f64> {
        (self.added > 0).then(|| self.adding / self.added as f64)
    }

    fn added(&mut self, views: usize, seconds: f64) {
        self.embedding += seconds;
        self.adding += seconds;
        self.added += views;
    }
}

impl Project {
    /// Opens an engine and puts the backbone on it. With `auto` that is the CPU, as long as the GPU is still to be tried: see
    /// [`Project::choose_engines`].
    ///
    /// # Errors
    /// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
    pub async fn new(choice: EngineChoice, backbone: Backbone, clock: Clock) -> Result<Self> {
        let engines = probe::open(choice, &backbone).await?;
        let backbone = Arc::new(backbone);
        let embedder = Embedder::new(&backbone, Cut::features(&backbone), engines.of(Workload::Embedding))?;
        Ok(Self {
            engines,
            clock,
            backbone,
            embedder: Arc::new(embedder),
            dataset: Dataset::default(),
            store: Store::new(DEFAULT_MEMORY),
            job: None,
            model: None,
            settings: None,
            runs: Vec::new(),
            timing: Timing::default(),
            timings: HashMap::new(),
            crew: None,
            ahead: None,
            unpacked: Unpacked::default(),
        })
    }

    /// Opens an engine with a saved model on its own backbone; `find` is asked for that where the file only refers
    /// to it.
    ///
    /// # Errors
    /// As [`Project::new`] and [`Project::load`].
    pub async fn of_model(
        choice: EngineChoice,
        file: &[u8],
        find: impl FnOnce(&Reference) -> Option<Backbone>,
        clock: Clock,
    ) -> Result<Self> {
        let saved = bundle::load_with(file, find)?;
        let mut project = Self::new(choice, saved.backbone.clone(), clock).await?;
        project.take_over(saved)?;
        Ok(project)
    }

    /// What runs where, and why.
    pub fn engine(&self) -> &EngineReport {
        self.engines.report()
    }

    /// Tries the GPU where that is still to be done, and has each kind of work done where it is faster.
    ///
    /// # Errors
    /// See [`Project::adopt`].
    pub async fn choose_engines(&mut self) -> Result<()> {
        if !self.engine().undecided {
            return Ok(());
        }
        let tried = Tried::new(&self.backbone, true, None).await;
        self.adopt(tried).await
    }

    /// Measures a GPU that was tried, where it is not decided yet what it is used for, and goes on with what is faster for each kind
    /// of work; a training keeps the engines that it has begun with. Where there is no such GPU the engines are given instead.
    ///
    /// # Errors
    /// See [`Embedder::new`]; the CPU goes on then.
    pub async fn adopt(&mut self, tried: std::result::Result<Tried, Engines>) -> Result<()> {
        if !self.engine().undecided {
            return Ok(());
        }
        let engines = probe::chosen(tried, &self.backbone, self.clock).await;
        if let Err(error) = self.move_to(engines) {
            self.move_to(probe::without_gpu(&error.to_string()))?;
        }
        let embedding = self.engines.of(Workload::Embedding);
        if embedding.is_gpu() {
            // What pictures took so far says nothing of what they take from now on. Of software only a part was measured.
            let measured = self.engine().milliseconds(Workload::Embedding).filter(|_| !embedding.is_software());
            (self.timing.adding, self.timing.added) = measured.map_or((0.0, 0), |[_, gpu]| (gpu / 1000.0, 1));
            self.timings.clear();
        }
        Ok(())
    }

    /// The backbone.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The same, for whoever computes with it beside the session.
    pub fn shared_backbone(&self) -> Arc<Backbone> {
        self.backbone.clone()
    }

    /// The classes with their pictures.
    pub fn classes(&self) -> Vec<ClassSummary> {
        self.dataset.classes()
    }

    /// Says who helps where a training computes on the CPU: they have the present backbone, and answer no more once that is another.
    pub fn set_crew(&mut self, crew: Rc<dyn Crew>) {
        self.crew = Some(crew);
    }

    /// Says how many bytes cached activations may take.
    pub fn set_memory(&mut self, bytes: u64) {
        self.store.set_limit(bytes);
    }

    /// The pictures and classes.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The pictures and classes, for changes that need no computation. A running training keeps its own split.
    pub fn dataset_mut(&mut self) -> &mut Dataset {
        self.ahead = None;
        &mut self.dataset
    }

    /// Renames a class, in the trained model too: the label changes, the weights need not.
    ///
    /// # Errors
    /// See [`Dataset::rename_class`].
    pub fn rename_class(&mut self, id: ClassId, to: &str) -> Result<()> {
        self.dataset.rename_class(id, to)?;
        let name = self.dataset.name_of(id);
        self.runs.iter_mut().for_each(|run| run.rename_class(id, &name));
        if let Some(model) = &mut self.model {
            model.rename_class(id, &name);
        }
        Ok(())
    }

    /// Removes a class with its pictures. A model that was trained on it here answers without it from then on, as long as it tells two
    /// others apart; its report stays what it was, and goes with no file of the model meanwhile.
    ///
    /// # Errors
    /// See [`Dataset::remove_class`].
    pub fn remove_class(&mut self, id: ClassId) -> Result<()> {
        self.dataset.remove_class(id)?;
        self.follow_classes();
        Ok(())
    }

    /// Brings a removed class back.
    ///
    /// # Errors
    /// See [`Dataset::restore_class`].
    pub fn restore_class(&mut self, id: ClassId) -> Result<()> {
        self.ahead = None;
        self.dataset.restore_class(id)?;
        self.follow_classes();
        Ok(())
    }

    /// Puts all pictures of a class into another one, and removes the first. The model goes on telling it apart, as long as the other is
    /// there: it could only guess what those pictures are.
    ///
    /// # Errors
    /// See [`Dataset::merge_classes`].
    pub fn merge_classes(&mut self, from: ClassId, into: ClassId) -> Result<()> {
        self.dataset.merge_classes(from, into)?;
        self.follow_classes();
        Ok(())
    }

    fn follow_classes(&mut self) {
        if let Some(model) = &mut self.model {
            model.follow(&self.dataset);
        }
    }

    /// Prepares and embeds an RGBA8 picture to learn from and adds it to a class, under a number of the caller's choice or
    /// the next free one; see [`Dataset::add_picture`].
    ///
    /// # Errors
    /// [`Error::ClassUnknown`], [`Error::PictureEmpty`], [`Error::IdTaken`]; nothing is added then.
    pub async fn add_image(
        &mut self,
        class: ClassId,
        rgba: &[u8],
        size: (u32, u32),
        group: Option<String>,
        id: Option<u32>,
    ) -> Result<u32> {
        self.add_image_at(Home::to_learn(class, group), rgba, size, id).await
    }

    /// The same for a picture that is to learn from or to test with.
    ///
    /// # Errors
    /// As [`Project::add_image`].
    pub async fn add_image_at(&mut self, home: Home, rgba: &[u8], size: (u32, u32), id: Option<u32>) -> Result<u32> {
        let picture = self.embedder.preprocess().picture(rgba, size.0, size.1)?;
        // What cannot be added is not worth embedding.
        let picture = self.admitted(&home, id, picture)?;
        self.embed_in(&[ADDED], std::slice::from_ref(&picture), Keep::WhereThereIsRoom).await?;
        self.keep(id, home, picture)
    }

    /// A picture that can be added: one that is known by its number is the picture that it was.
    fn admitted(&self, home: &Home, id: Option<u32>, picture: Picture) -> Result<Picture> {
        self.dataset.can_add(home.class, id)?;
        Ok(match id {
            Some(id) => self.dataset.known(id, picture),
            None => picture,
        })
    }

    /// Adds a picture of which everything is there.
    fn keep(&mut self, id: Option<u32>, home: Home, picture: Picture) -> Result<u32> {
        let bytes = picture.crop.bytes();
        let id = self.dataset.add_picture(id, home, picture)?;
        self.has_pixels(id, bytes);
        Ok(id)
    }

    /// Gives a picture that is known its pixels for the present backbone.
    fn give(&mut self, id: u32, crop: Crop) -> Result<()> {
        let (bytes, preparation) = (crop.bytes(), self.preparation());
        self.dataset.give_pixels(id, crop, preparation, preparation)?;
        self.has_pixels(id, bytes);
        Ok(())
    }

    /// A picture has so many bytes of pixels now: they are packed, and it is embedded in other views, once there is time.
    fn has_pixels(&mut self, id: u32, bytes: usize) {
        self.unpacked.add(&mut self.dataset, id, bytes);
        self.ahead = None;
    }

    /// Embeds prepared pictures to learn from and adds them to a class, in one go.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`]; nothing is added then.
    pub async fn add_pictures(
        &mut self,
        class: ClassId,
        pictures: Vec<Picture>,
        group: Option<String>,
    ) -> Result<Vec<u32>> {
        self.add_pictures_at(Home::to_learn(class, group), pictures).await
    }

    /// The same for pictures that are to learn from or to test with.
    ///
    /// # Errors
    /// As [`Project::add_pictures`].
    pub async fn add_pictures_at(&mut self, home: Home, pictures: Vec<Picture>) -> Result<Vec<u32>> {
        self.dataset.can_add(home.class, None)?;
        self.embed_in(&[ADDED], &pictures, Keep::WhereThereIsRoom).await?;
        pictures.into_iter().map(|picture| self.keep(None, home.clone(), picture)).collect()
    }

    /// Has the pixels of a picture take less memory where that was put off: to be called while there is nothing else to do.
    /// Tells whether there was one.
    pub fn pack_next(&mut self) -> bool {
        self.unpacked.pack_next(&mut self.dataset)
    }

    /// Embeds a picture or, on a GPU, some, in the views that most trainings want beside the one in which they were added: to be
    /// called while there is nothing else to do. What is still missing when a training starts is a part of that. Tells whether there
    /// may be more to do.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] where neither engine works.
    pub async fn embed_ahead(&mut self) -> Result<bool> {
        let most = if self.engines.of(Workload::Embedding).is_gpu() { prepare::BATCH } else { 1 };
        if !self.looks_ahead(most) {
            return Ok(false);
        }
        let mut left = self.ahead.take().unwrap_or_else(|| self.dataset.usable().into_values().flatten().collect());
        let mut pictures = Vec::new();
        while pictures.len() < most
            && let Some(id) = left.pop_front()
        {
            pictures.extend(self.lacking(id));
        }
        self.embed_in(&USUAL_VIEWS, &pictures, Keep::WhereThereIsRoom).await?;
        Ok(!self.ahead.insert(left).is_empty())
    }

    /// The same for one picture, whichever would be next.
    ///
    /// # Errors
    /// As [`Project::embed_ahead`].
    pub async fn embed_usual(&mut self, id: u32) -> Result<()> {
        let picture: Vec<Picture> = self.lacking(id).into_iter().filter(|_| self.looks_ahead(1)).collect();
        self.embed_in(&USUAL_VIEWS, &picture, Keep::WhereThereIsRoom).await
    }

    /// Whether so many more pictures are worth embedding in other views: where the latest training wanted none nobody does, and what
    /// there is no room for would be computed for nothing.
    fn looks_ahead(&self, pictures: usize) -> bool {
        let wanted = self.settings.as_ref().is_none_or(|settings| settings.flip);
        wanted && self.store.has_room(pictures * self.backbone.card().num_features * size_of::<f32>())
    }

    /// A picture that is to learn from, where not all of those views are there.
    fn lacking(&self, id: u32) -> Option<Picture> {
        let learns = self.dataset.place_of(id).is_some_and(|(_, part)| part == Part::Learn);
        let picture = self.picture(id).filter(|_| learns)?;
        let (views, place) = (Views::plain(), self.features_place());
        let keys = USUAL_VIEWS.map(|view| views.key(picture.content, view));
        (self.store.count(place, Precision::Full, &keys) < keys.len()).then_some(picture)
    }

    /// Where what the backbone makes of pictures is kept.
    fn features_place(&self) -> Place {
        Place::new(&self.backbone, Cut::features(&self.backbone))
    }

    /// Embeds pictures in some views; what is kept already is not computed again.
    async fn embed_in(&mut self, in_views: &[View], pictures: &[Picture], keep: Keep) -> Result<()> {
        let start = (self.clock)();
        let (views, place) = (Views::plain(), self.features_place());
        let wanted = pictures.iter().flat_map(|picture| in_views.iter().map(move |view| (picture, *view)));
        let new = |(picture, view): &(&Picture, View)| {
            self.store.get(place, Precision::Full, &views.key(picture.content, *view)).is_none()
        };
        let wanted: Vec<(&Picture, View)> = wanted.filter(new).collect();
        for batch in wanted.chunks(2 * prepare::BATCH) {
            let crops: Vec<Crop> = batch.iter().map(|(picture, view)| views.render(picture, *view)).collect();
            let rows = self.embedded(&crops.iter().collect::<Vec<_>>()).await?;
            for ((picture, view), row) in batch.iter().zip(rows) {
                let key = views.key(picture.content, *view);
                match keep {
                    Keep::Expected => self.store.insert(place, Precision::Full, key, row),
                    Keep::WhereThereIsRoom => self.store.offer(place, key, row),
                }
            }
        }
        self.timing.added(wanted.len(), (self.clock)() - start);
        Ok(())
    }

    /// Forgets removed pictures for good: their pixels and everything that was computed of them. That they were there is
    /// remembered, for they may have trained the model. Of numbers that no picture has there is nothing to forget.
    ///
    /// # Errors
    /// [`Error::ImageNotRemoved`] for one that is still shown; none is forgotten then.
    pub fn forget_images(&mut self, ids: &[u32]) -> Result<()> {
        if let Some(shown) = ids.iter().find(|id| self.dataset.class_of(**id).is_some()) {
            return Err(Error::ImageNotRemoved(*shown));
        }
        let mut gone: HashSet<_> = ids.iter().filter_map(|id| self.dataset.forget_image(*id)).collect();
        // The same picture may be there a second time.
        let there: HashSet<_> =
            self.dataset.samples().filter(|(_, s)| s.has_pixels()).map(|(_, sample)| sample.content).collect();
        // And a training under way still counts on what it found.
        let used: HashSet<_> = self.job.iter().flat_map(|job| job.course().contents()).collect();
        gone.retain(|content| !there.contains(content) && !used.contains(content));
        if !gone.is_empty() {
            self.store.forget(&gone);
        }
        Ok(())
    }

    /// Pooled features `[features]` of a picture that is not added.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`].
    pub async fn embed(&mut self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<f32>> {
        let crop = self.embedder.preprocess().crop(rgba, width, height)?;
        Ok(self.embedded(&[&crop]).await?[0].to_vec())
    }

    /// The report of the training that the model comes from.
    pub fn report(&self) -> Option<&TrainReport> {
        self.model.as_ref()?.report.as_ref()
    }

    /// The reports of all trainings that ended, in order.
    pub fn runs(&self) -> &[TrainReport] {
        &self.runs
    }

    /// The settings of the latest training.
    pub fn settings(&self) -> Option<&TrainConfig> {
        self.settings.as_ref()
    }

    /// The model, where there is one.
    pub fn classifier(&self) -> Option<&Classifier> {
        self.model.as_ref().map(Model::answering)
    }

    /// Which pictures the model has seen, where there is one.
    pub fn lineage(&self) -> Option<&Lineage> {
        self.model.as_ref().map(|model| &model.lineage)
    }

    /// Numbers of the pictures that were held out from the training of the model, as far as they are still those.
    pub fn held_out(&self) -> Vec<u32> {
        self.measurable().map(|picture| picture.id).collect()
    }

    /// Classifies an RGBA8 picture, most probable class first.
    ///
    /// # Errors
    /// [`Error::NotTrained`], [`Error::PictureEmpty`].
    pub async fn predict(&mut self, rgba: &[u8], width: u32, height: u32) -> Result<Vec<Prediction>> {
        let crop = self.classifier().ok_or(Error::NotTrained)?.embedder.preprocess().crop(rgba, width, height)?;
        self.classified(&crop).await
    }

    /// What the model makes of one of the project's own pictures.
    ///
    /// # Errors
    /// [`Error::NotTrained`], [`Error::ImageUnknown`].
    pub async fn answer(&mut self, id: u32) -> Result<PictureAnswer> {
        let model = self.model.as_ref().ok_or(Error::NotTrained)?;
        let sample = self.dataset.sample(id)?;
        let (class, part) = self.dataset.place_of(id).ok_or(Error::ImageUnknown(id))?;
        let role = match part {
            Part::Test => PictureRole::Test,
            Part::Learn if model.lineage.trained.contains(&sample.content) => PictureRole::Trained,
            Part::Learn if self.measurable().any(|held| held.id == id) => PictureRole::HeldOut,
            Part::Learn if model.lineage.unknown => PictureRole::Unknown,
            Part::Learn => PictureRole::New,
        };
        let picture = self.picture_for(id, model.preparation());
        let predictions = match picture {
            Some(Picture { crop, .. }) => self.classified(&crop).await?,
            None => Vec::new(),
        };
        Ok(PictureAnswer { id, class_id: class, role, predictions })
    }

    /// Classifies a crop; where the GPU is lost over it, the model moves to the CPU and does it there.
    async fn classified(&mut self, crop: &Crop) -> Result<Vec<Prediction>> {
        let ranked = self.classifier().ok_or(Error::NotTrained)?.classify(crop).await;
        let Err(Error::DeviceLost(reason)) = &ranked else {
            return ranked;
        };
        self.go_on_without_gpu(reason)?;
        self.classifier().ok_or(Error::NotTrained)?.classify(crop).await
    }

    /// Measures the model on the held-out pictures of its training, as far as they are still there.
    ///
    /// # Errors
    /// [`Error::NotTrained`] without a model, [`Error::NothingHeldOut`] where it was loaded or trained without
    /// held-out pictures.
    pub async fn evaluate(&mut self) -> Result<ValidationEvaluation> {
        match self.evaluated().await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                self.evaluated().await
            }
            evaluation => evaluation,
        }
    }

    /// The model as a zip file.
    ///
    /// # Errors
    /// [`Error::NotTrained`].
    pub fn save(&self) -> Result<Vec<u8>> {
        self.save_as(SavedBackbone::Whole)
    }

    /// The model as a zip file with so much of its backbone.
    ///
    /// # Errors
    /// [`Error::NotTrained`] and [`Error::ModelBackboneUnnamed`].
    pub fn save_as(&self, backbone: SavedBackbone) -> Result<Vec<u8>> {
        let model = self.model.as_ref().ok_or(Error::NotTrained)?;
        bundle::save_as(model.answering().model(), model.answering_report(), backbone)
    }

    /// The model in the format of another program.
    ///
    /// # Errors
    /// [`Error::NotTrained`], and those of [`export::export`].
    pub fn export(&self, format: ExportFormat, options: &ExportOptions) -> Result<Exported> {
        let model = self.model.as_ref().ok_or(Error::NotTrained)?;
        export::export(model.answering().model(), model.answering_report(), format, options)
    }

    /// Replaces the model by a saved one. Pictures and classes stay.
    ///
    /// # Errors
    /// [`Error::ModelFileInvalid`], [`Error::ModelNeedsBackbone`] and the `Backbone…` errors; [`Error::TrainingRunning`]
    /// while a training goes on from the present model. The model that there was stays then.
    pub fn load(&mut self, file: &[u8]) -> Result<()> {
        self.load_with(file, |_| None)
    }

    /// The same; `find` is asked for the backbone that a model refers to, where that is not the session's own.
    ///
    /// # Errors
    /// As [`Project::load`], and [`Error::ModelBackboneChanged`].
    pub fn load_with(&mut self, file: &[u8], find: impl FnOnce(&Reference) -> Option<Backbone>) -> Result<()> {
        if self.job.as_ref().is_some_and(Job::is_warm) {
            return Err(Error::TrainingRunning);
        }
        let own = |reference: &Reference| reference.hash == self.backbone.content();
        let found = |reference: &Reference| match own(reference) {
            true => Some((*self.backbone).clone()),
            false => find(reference),
        };
        self.take_over(bundle::load_with(file, found)?)
    }

    fn take_over(&mut self, saved: bundle::Saved) -> Result<()> {
        let backbone = Arc::new(saved.backbone.compared_with(&self.backbone));
        let classifier = self.classifier_of(saved.labels, saved.head, backbone)?;
        let (report, lineage) = (saved.report, Lineage::of_a_file());
        self.model = Some(Model::new(classifier, report, lineage, Vec::new()));
        Ok(())
    }

    /// A model on the engine that predicts. The usual case, one on its very backbone, needs no second copy on the device.
    fn classifier_of(&self, labels: Vec<ModelClass>, head: Head, backbone: Arc<Backbone>) -> Result<Classifier> {
        let engine = self.engines.of(Workload::Prediction);
        if self.embedder.is_on(engine) && head.convolution.is_none() && backbone.computes_as(&self.backbone) {
            let backbone = if *backbone == *self.backbone { self.backbone.clone() } else { backbone };
            return Ok(Classifier { labels, head, backbone, embedder: self.embedder.clone() });
        }
        Classifier::new(labels, head, backbone, engine)
    }

    /// Pictures that the model can be measured on: those that were held out from its training, unless another picture has
    /// their number now.
    fn measurable(&self) -> impl Iterator<Item = Labelled> {
        let held_out = self.model.iter().flat_map(|model| &model.held_out);
        let same = |held: &&HeldOut| self.dataset.sample(held.picture.id).is_ok_and(|s| s.content == held.content);
        held_out.filter(same).map(|held| held.picture)
    }

    /// A picture by its number, removed or not; none where it is unknown or without pixels.
    fn picture(&self, id: u32) -> Option<Picture> {
        self.picture_for(id, self.preparation())
    }

    /// The same as another backbone wants it.
    fn picture_for(&self, id: u32, preparation: Preparation) -> Option<Picture> {
        let sample = self.dataset.sample(id).ok()?;
        let crop = sample.prepared(preparation, self.preparation())?;
        Some(Picture { content: sample.content, crop: crop.clone() })
    }

    /// How the backbone wants its pictures.
    fn preparation(&self) -> Preparation {
        self.embedder.preprocess().preparation()
    }

    /// Embeds pictures; where the GPU is lost over it, moves to the CPU and does it there.
    async fn embedded(&mut self, pictures: &[&Crop]) -> Result<Vec<Arc<[f32]>>> {
        match self.embedder.embed(pictures).await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                self.embedder.embed(pictures).await
            }
            rows => rows,
        }
    }

    /// Moves everything to the CPU, for the GPU was lost.
    fn go_on_without_gpu(&mut self, reason: &str) -> Result<()> {
        self.move_to(Engines::all(Engine::after_loss(reason)))
    }

    fn move_to(&mut self, engines: Engines) -> Result<()> {
        let embedding = engines.of(Workload::Embedding);
        // Of two GPUs the one before is lost.
        if embedding.is_gpu() || !self.embedder.is_on(embedding) {
            self.embedder = Arc::new(Embedder::new(&self.backbone, Cut::features(&self.backbone), embedding)?);
        }
        self.engines = engines;
        if let Some(model) = &self.model {
            let Classifier { labels, head, backbone, .. } = model.classifier.clone();
            let classifier = self.classifier_of(labels, head, backbone)?;
            if let Some(model) = &mut self.model {
                model.classifier = classifier;
            }
            self.follow_classes();
        }
        Ok(())
    }
}
