//! A project's one written form: everything that it is, as plain data with a version.
//!
//! Changing the engine, coming back after a crash and carrying a project elsewhere are all the same: write it, read it,
//! go on. What is computed of pictures is not part of it, for it can be computed again; nor is a training under way,
//! which is begun anew.

use super::model::{HeldOut, Model, left, reduced};
use super::{ADDED, Keep, Project, prepare};
use crate::backbone::{Arithmetic, Backbone};
use crate::bundle::{self, Saved};
use crate::classifier::{self, ModelClass, unique};
use crate::dataset::{Dataset, Lineage};
use crate::engine::{Clock, EngineChoice};
use crate::error::{Error, Result};
use crate::identity::ContentHash;
use crate::image::{Crop, Picture, Preparation};
use crate::report::TrainReport;
use crate::train::TrainConfig;
use safetensors::{Dtype, SafeTensors, View, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Version of the form, raised when an older reader would misread a newer one.
const VERSION: u32 = 4;

/// The version before reports were spelled in camelCase; a project without any is still written in an earlier one.
const VERSION_WITHOUT_REPORT: u32 = 3;

/// The version before there were test sets. Who knows only this one would learn from a test set's pictures; a project
/// without any is still written in it.
const VERSION_WITHOUT_TEST_SET: u32 = 2;

/// A project in its written form.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// JSON: classes, pictures with their labels, groups and contents, which of them the model has seen, settings,
    /// reports.
    pub project: String,
    /// The model as a saved one ([`crate::bundle`]), where there is one.
    pub model: Option<Vec<u8>>,
    /// The pictures as they were prepared: safetensors, a tensor `[size, size, 3]` of bytes for each crop, under its
    /// hash. None where whoever keeps this has the files that they came from; see [`Project::add_image`].
    pub pictures: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    headstart_project: u32,
    /// How pictures are prepared for the backbone that it was on.
    preparation: Preparation,
    dataset: Dataset,
    /// Whose pixels are written with it, in which preparations.
    pixels: Vec<Pixels>,
    /// What its backbone computed in; none before there was a choice.
    #[serde(default)]
    arithmetic: Option<Arithmetic>,
    settings: Option<TrainConfig>,
    runs: Vec<TrainReport>,
    model: Option<ModelRecord>,
}

/// Pictures that are prepared in one way.
#[derive(Serialize, Deserialize)]
struct Pixels {
    preparation: Preparation,
    /// The hash of each one's crop, by its number.
    crops: BTreeMap<u32, ContentHash>,
}

/// What a saved model does not say of itself.
#[derive(Serialize, Deserialize)]
struct ModelRecord {
    labels: Vec<ModelClass>,
    report: Option<TrainReport>,
    lineage: Lineage,
    held_out: Vec<HeldOut>,
}

impl Written {
    /// The model, where there is one, as it answers: without what it says of classes that were removed; as a zip file.
    ///
    /// # Errors
    /// [`Error::ProjectFileInvalid`], and those of [`bundle::load`].
    pub fn answering_model(&self) -> Result<Option<Vec<u8>>> {
        let Some(file) = &self.model else { return Ok(None) };
        let Record { dataset, model, .. } = Record::read(&self.project)?;
        let labels = model.map(|model| model.labels).unwrap_or_default();
        let Some(kept) = left(&labels, &dataset) else { return Ok(Some(file.clone())) };
        let Saved { labels, head, backbone, .. } = bundle::load(file)?;
        if kept.iter().any(|at| *at >= labels.len()) {
            return Err(invalid("its model tells other classes apart than it says"));
        }
        let (labels, head) = reduced(&labels, &head, &kept);
        bundle::save(classifier::Model { labels: &labels, head: &head, backbone: &backbone }, None).map(Some)
    }
}

impl Project {
    /// The project in its written form, with its pictures or without. A training under way is not part of it.
    ///
    /// # Errors
    /// [`Error::Internal`] where writing fails.
    pub fn write(&self, pictures: bool) -> Result<Written> {
        let model = self.model.as_ref().map(|model| ModelRecord {
            labels: model.classifier.labels.clone(),
            report: model.report.clone(),
            lineage: model.lineage.clone(),
            held_out: model.held_out.clone(),
        });
        let prepared = if pictures { self.prepared() } else { Vec::new() };
        let record = Record {
            headstart_project: version_of(&self.dataset, !self.runs.is_empty() || self.report().is_some()),
            preparation: self.preparation(),
            dataset: self.dataset.clone(),
            pixels: hashed(&prepared),
            arithmetic: Some(self.backbone.card().arithmetic),
            settings: self.settings.clone(),
            runs: self.runs.clone(),
            model,
        };
        Ok(Written {
            project: serde_json::to_string(&record).map_err(internal)?,
            model: self.model.as_ref().map(Model::written).transpose()?,
            pictures: if pictures { Some(write_pictures(&prepared)?) } else { None },
        })
    }

    /// All pixels that there are, by how they are prepared and of which picture they are.
    fn prepared(&self) -> Vec<(Preparation, BTreeMap<u32, &Crop>)> {
        let mut prepared: Vec<(Preparation, BTreeMap<u32, &Crop>)> = Vec::new();
        for (id, sample) in self.dataset.samples() {
            let present = sample.crop.as_ref().map(|crop| (self.preparation(), crop));
            let earlier = sample.earlier.as_ref().map(|(of, crop)| (*of, crop));
            for (preparation, crop) in present.into_iter().chain(earlier) {
                match prepared.iter_mut().find(|(of, _)| *of == preparation) {
                    Some((_, crops)) => drop(crops.insert(id, crop)),
                    None => prepared.push((preparation, BTreeMap::from([(id, crop)]))),
                }
            }
        }
        prepared
    }

    /// Opens an engine with a project in its written form, which goes on as if it had never been closed.
    ///
    /// With another backbone than it was on, that was changed: see [`Project::set_backbone`]. It computes in what the project's did.
    /// Where it comes without
    /// pictures, each is listed and takes part again once [`Project::add_image`] or [`Project::restore_pixels`] has given it
    /// its pixels; the model predicts at once.
    ///
    /// # Errors
    /// [`Error::ProjectFileInvalid`], and those of [`Project::new`] and [`Project::load`].
    pub async fn open(choice: EngineChoice, backbone: Backbone, written: &Written, clock: Clock) -> Result<Self> {
        let record = Record::read(&written.project)?;
        let crops = written.pictures.as_deref().map(read_pictures).transpose()?;
        let backbone = match record.arithmetic {
            Some(arithmetic) => backbone.with_arithmetic(arithmetic)?,
            None => backbone,
        };
        let mut project = Self::new(choice, backbone, clock).await?;
        project.dataset = record.dataset;
        if let Some(crops) = &crops {
            project.read_pixels(record.pixels, record.preparation, crops)?;
        }
        (project.settings, project.runs) = (record.settings, record.runs);
        match (record.model, &written.model) {
            (Some(model), Some(file)) => project.model = Some(project.read_model(model, file)?),
            (None, None) => {}
            _ => return Err(invalid("its model is missing or belongs to another one")),
        }
        project.try_out().await?;
        Ok(project)
    }

    /// Gives pictures of a project that was opened without them their pixels, prepared for the present backbone. Each stays
    /// the picture that it was, whatever another decoder makes of its file; see [`Project::add_image`] for a picture that
    /// may be another one.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`], and [`Error::PictureEmpty`] for one that is prepared in another way; none has its pixels
    /// then.
    pub async fn restore_pixels(&mut self, crops: Vec<(u32, Crop)>) -> Result<()> {
        let preparation = self.preparation();
        let mut pictures = Vec::with_capacity(crops.len());
        for (id, crop) in &crops {
            let (sample, side) = (self.dataset.sample(*id)?, crop.size() as u32);
            if crop.size() != preparation.size {
                return Err(Error::PictureEmpty { width: side, height: side, bytes: crop.rgb().len() });
            }
            pictures.push(Picture { content: sample.content, crop: crop.clone() });
        }
        self.embed_in(&[ADDED], &pictures, Keep::WhereThereIsRoom).await?;
        crops.into_iter().try_for_each(|(id, crop)| self.give(id, crop))
    }

    /// Gives the pictures their pixels; where they come in several preparations, those of the backbone that the project
    /// was on count for more than others.
    fn read_pixels(
        &mut self,
        mut pixels: Vec<Pixels>,
        last: Preparation,
        crops: &BTreeMap<ContentHash, Crop>,
    ) -> Result<()> {
        let present = self.preparation();
        pixels.sort_by_key(|of| of.preparation == last);
        for Pixels { preparation, crops: hashes } in pixels {
            for (id, hash) in hashes {
                let crop = crops.get(&hash).filter(|crop| crop.size() == preparation.size);
                let crop = crop.ok_or_else(|| invalid(format!("what is on the picture number {id} is missing")))?;
                let given = self.dataset.give_pixels(id, crop.clone(), preparation, present);
                given.map_err(|_| invalid(format!("there is no picture number {id}")))?;
            }
        }
        Ok(())
    }

    fn read_model(&self, record: ModelRecord, file: &[u8]) -> Result<Model> {
        let saved = bundle::load(file)?;
        let ModelRecord { labels, report, lineage, held_out } = record;
        if unique(&labels) != saved.labels.iter().map(|label| label.name.clone()).collect::<Vec<_>>() {
            return Err(invalid("its model tells other classes apart than it says"));
        }
        if held_out.iter().any(|HeldOut { picture, .. }| picture.label >= labels.len()) {
            return Err(invalid("its model was measured on pictures of classes that it does not tell apart"));
        }
        let backbone = Arc::new(saved.backbone.compared_with(&self.backbone));
        let classifier = self.classifier_of(labels, saved.head, backbone)?;
        let mut model = Model::new(classifier, report, lineage, held_out);
        model.follow(&self.dataset);
        Ok(model)
    }

    /// Embeds a few pictures, so that it is known how long it takes here.
    async fn try_out(&mut self) -> Result<()> {
        let ids = self.dataset.usable().into_values().flatten().take(prepare::BATCH);
        let pictures: Vec<Picture> = ids.filter_map(|id| self.picture(id)).collect();
        self.embed_in(&[ADDED], &pictures, Keep::WhereThereIsRoom).await
    }
}

impl Record {
    fn read(text: &str) -> Result<Self> {
        // Asked first: what else there is depends on it.
        #[derive(Deserialize)]
        struct Version {
            headstart_project: u32,
        }
        let Version { headstart_project: version } = serde_json::from_str(text).map_err(invalid)?;
        if !(VERSION_WITHOUT_TEST_SET..=VERSION).contains(&version) {
            return Err(invalid(format!(
                "it is of version {version}, this program reads {VERSION_WITHOUT_TEST_SET} to {VERSION}"
            )));
        }
        let record: Self = serde_json::from_str(text).map_err(invalid)?;
        record.dataset.check().map_err(invalid)?;
        Ok(record)
    }
}

/// The oldest version in which a project can be written. One that has been through a test set stays what it is.
fn version_of(dataset: &Dataset, has_report: bool) -> u32 {
    let has_test_set = dataset.samples().any(|(_, sample)| !sample.part.is_learn());
    match (has_report, has_test_set) {
        (true, _) => VERSION,
        (false, true) => VERSION_WITHOUT_REPORT,
        (false, false) => VERSION_WITHOUT_TEST_SET,
    }
}

fn hashed(prepared: &[(Preparation, BTreeMap<u32, &Crop>)]) -> Vec<Pixels> {
    let of = |crops: &BTreeMap<u32, &Crop>| crops.iter().map(|(id, crop)| (*id, crop.hash())).collect();
    prepared.iter().map(|(preparation, crops)| Pixels { preparation: *preparation, crops: of(crops) }).collect()
}

/// The crops of all pictures, each once, however often it is there.
fn write_pictures(prepared: &[(Preparation, BTreeMap<u32, &Crop>)]) -> Result<Vec<u8>> {
    let crops = prepared.iter().flat_map(|(_, crops)| crops.values());
    let crops: BTreeMap<String, &Crop> = crops.map(|crop| (crop.hash().to_string(), *crop)).collect();
    let views = crops.into_iter().map(|(name, crop)| (name, Unpacked { crop, shape: [crop.size(), crop.size(), 3] }));
    safetensors::serialize(views, None).map_err(internal)
}

/// A crop as a tensor; its bytes are unpacked when its turn comes to be written.
struct Unpacked<'a> {
    crop: &'a Crop,
    shape: [usize; 3],
}

impl View for Unpacked<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::U8
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.crop.rgb().to_vec())
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product()
    }
}

fn read_pictures(bytes: &[u8]) -> Result<BTreeMap<ContentHash, Crop>> {
    let file = SafeTensors::deserialize(bytes).map_err(invalid)?;
    let one = |(name, view): (&str, TensorView<'_>)| {
        let size = match (view.dtype(), view.shape()) {
            (Dtype::U8, [height, width, 3]) if height == width => *height,
            _ => return Err(invalid(format!("the picture {name} is no square of RGB bytes"))),
        };
        let crop = Crop::new(size, view.data())?;
        match crop.hash() {
            hash if hash.to_string() == name => Ok((hash, crop.packed())),
            _ => Err(invalid(format!("the picture {name} is damaged"))),
        }
    };
    file.iter().map(one).collect()
}

fn invalid(reason: impl ToString) -> Error {
    Error::ProjectFileInvalid(reason.to_string())
}

fn internal(reason: impl ToString) -> Error {
    Error::Internal(reason.to_string())
}
