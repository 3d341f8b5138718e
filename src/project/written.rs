//! A project's one written form: everything that it is, as plain data with a version.
//!
//! Changing the engine, coming back after a crash and carrying a project elsewhere are all the same: write it, read it,
//! go on. What is computed of pictures is not part of it, for it can be computed again; nor is a training under way,
//! which is begun anew.

use super::model::{HeldOut, Model};
use super::{Project, prepare};
use crate::backbone::Backbone;
use crate::bundle;
use crate::classifier::ModelClass;
use crate::dataset::{Dataset, Lineage};
use crate::engine::{Clock, EngineChoice};
use crate::error::{Error, Result};
use crate::identity::ContentHash;
use crate::image::Crop;
use crate::report::TrainReport;
use crate::train::TrainConfig;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Version of the form, raised when an older reader would misread a newer one.
const VERSION: u32 = 1;

/// A project in its written form.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// JSON: classes, pictures with their labels, groups and contents, which of them the model has seen, settings,
    /// reports.
    pub project: String,
    /// The model as a saved one ([`crate::bundle`]), where there is one.
    pub model: Option<Vec<u8>>,
    /// The pictures as they were prepared: safetensors, a tensor `[size, size, 3]` of bytes for each content, under its
    /// hash. None where whoever keeps this has the files that they came from; see [`Project::add_image`].
    pub pictures: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    headstart_project: u32,
    /// How pictures are prepared for the backbone that it is about.
    preparation: ContentHash,
    dataset: Dataset,
    /// Pictures that are not forgotten: only these have pixels.
    pixels: Vec<u32>,
    settings: Option<TrainConfig>,
    runs: Vec<TrainReport>,
    model: Option<ModelRecord>,
}

/// What a saved model does not say of itself.
#[derive(Serialize, Deserialize)]
struct ModelRecord {
    labels: Vec<ModelClass>,
    report: Option<TrainReport>,
    lineage: Lineage,
    held_out: Vec<HeldOut>,
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
        let record = Record {
            headstart_project: VERSION,
            preparation: self.backbone.prefix(0),
            dataset: self.dataset.clone(),
            pixels: self.dataset.samples().filter(|(_, s)| s.crop.is_some()).map(|(id, _)| id).collect(),
            settings: self.settings.clone(),
            runs: self.runs.clone(),
            model,
        };
        Ok(Written {
            project: serde_json::to_string(&record).map_err(internal)?,
            model: self.model.as_ref().map(|_| self.save()).transpose()?,
            pictures: if pictures { Some(write_pictures(&self.dataset)?) } else { None },
        })
    }

    /// Opens an engine with a project in its written form, which goes on as if it had never been closed.
    ///
    /// Where it comes without pictures, each is listed and takes part again once [`Project::add_image`] has given it
    /// its pixels; the model predicts at once.
    ///
    /// # Errors
    /// [`Error::ProjectFileInvalid`], and those of [`Project::new`] and [`Project::load`].
    pub async fn open(choice: EngineChoice, backbone: Backbone, written: &Written, clock: Clock) -> Result<Self> {
        let record = Record::read(&written.project)?;
        let crops = match &written.pictures {
            Some(bytes) if record.preparation == backbone.prefix(0) => {
                read_pictures(bytes, backbone.card().input_size)?
            }
            Some(_) => return Err(invalid("its pictures are prepared for another backbone")),
            None => BTreeMap::new(),
        };
        let mut project = Self::new(choice, backbone, clock).await?;
        project.dataset = record.dataset;
        project.dataset.give_pixels(&record.pixels, |content| crops.get(&content).cloned());
        (project.settings, project.runs) = (record.settings, record.runs);
        match (record.model, &written.model) {
            (Some(model), Some(file)) => project.model = Some(project.read_model(model, file)?),
            (None, None) => {}
            _ => return Err(invalid("its model is missing or belongs to another one")),
        }
        project.try_out().await?;
        Ok(project)
    }

    fn read_model(&self, record: ModelRecord, file: &[u8]) -> Result<Model> {
        let saved = bundle::load(file)?;
        let ModelRecord { labels, report, lineage, held_out } = record;
        let names = |labels: &[ModelClass]| labels.iter().map(|label| label.name.clone()).collect::<Vec<_>>();
        if bundle::unique(names(&labels)) != names(&saved.labels) {
            return Err(invalid("its model tells other classes apart than it says"));
        }
        if held_out.iter().any(|HeldOut { picture, .. }| picture.label >= labels.len()) {
            return Err(invalid("its model was measured on pictures of classes that it does not tell apart"));
        }
        let classifier = self.classifier_of(labels, saved.head, Arc::new(saved.backbone))?;
        Ok(Model { classifier, report, lineage, held_out })
    }

    /// Embeds a few pictures, so that it is known how long it takes here.
    async fn try_out(&mut self) -> Result<()> {
        let ids = self.dataset.usable().into_values().flatten().take(prepare::BATCH / 2);
        let crops: Vec<Crop> = ids.filter_map(|id| self.picture(id)).map(|picture| picture.crop).collect();
        self.embed_added(&crops).await
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
        if version != VERSION {
            return Err(invalid(format!("it is of version {version}, this program reads {VERSION}")));
        }
        let record: Self = serde_json::from_str(text).map_err(invalid)?;
        record.dataset.check().map_err(invalid)?;
        Ok(record)
    }
}

/// The pixels of all pictures, each once, however often it is there.
fn write_pictures(dataset: &Dataset) -> Result<Vec<u8>> {
    let crops: BTreeMap<String, &Crop> =
        dataset.samples().filter_map(|(_, sample)| Some((sample.content.to_string(), sample.crop.as_ref()?))).collect();
    let mut views = Vec::with_capacity(crops.len());
    for (name, crop) in crops {
        views.push((name, TensorView::new(Dtype::U8, vec![crop.size, crop.size, 3], &crop.rgb).map_err(internal)?));
    }
    safetensors::serialize(views, None).map_err(internal)
}

fn read_pictures(bytes: &[u8], size: usize) -> Result<BTreeMap<ContentHash, Crop>> {
    let file = SafeTensors::deserialize(bytes).map_err(invalid)?;
    let one = |(name, view): (&str, TensorView<'_>)| {
        if view.dtype() != Dtype::U8 || view.shape() != [size, size, 3] {
            return Err(invalid(format!("the picture {name} is not of the size that its backbone takes")));
        }
        let crop = Crop { size, rgb: Arc::from(view.data()) };
        match crop.content() {
            content if content.to_string() == name => Ok((content, crop)),
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
