//! `inspect`: what a backbone, an architecture or a saved model is made of, and what of it can train; what a project holds.

use crate::commands::print;
use crate::models;
use crate::pictures::{self, BackboneFiles};
use crate::progress::clock;
use crate::project_file;
use anyhow::Result;
use headstart::Project;
use headstart::backbone::{Backbone, BackboneReport};
use headstart::bundle::Saved;
use headstart::dataset::ClassSummary;
use headstart::engine::EngineChoice;
use headstart::nn::LayerReport;
use headstart::train::FineTune;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection {
    backbone: BackboneReport,
    known_by: KnownBy,
    fine_tunable: bool,
    reason: String,
    classes: Option<Vec<String>>,
    /// Of a project file only.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectSummary>,
    total_parameters: usize,
    trainable_parameters: usize,
    layers: Vec<LayerReport>,
}

/// What says which architecture it is and how its pictures are prepared.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum KnownBy {
    Card,
    Tensors,
    Name,
}

impl KnownBy {
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Card => None,
            Self::Tensors => Some(
                "It is known by its tensors. Without a config.json pictures are prepared as they usually are for it, which \
                 may not be what these weights were trained with.",
            ),
            Self::Name => Some("It is an architecture without weights, for pictures as it is usually published."),
        }
    }
}

/// What a project file holds beside the model.
#[derive(Serialize)]
struct ProjectSummary {
    name: String,
    trained: bool,
    /// Classes with numbers of pictures.
    classes: Vec<ClassCount>,
}

#[derive(Serialize)]
struct ClassCount {
    name: String,
    images: usize,
    test: usize,
}

/// Shows a saved model, a project file, or a backbone by its name, folder or weights file, or an architecture by its name.
pub async fn inspect(what: &str, fine_tune: Option<&str>, json: bool) -> Result<()> {
    let path = Path::new(what);
    let mut inspection = if path.is_file() && project_file::is_one(path) {
        inspect_project(path, fine_tune).await?
    } else if path.is_file() && !pictures::is_weights(path) {
        inspect_model(models::load(path)?, fine_tune)?
    } else {
        let (backbone, known_by) = backbone(what)?;
        inspect_backbone(&backbone, known_by, fine_tune)?
    };
    inspection.trainable_parameters = inspection.layers.iter().filter(|l| l.trainable).map(|l| l.parameters).sum();
    print(json, &inspection, || {
        let backbone = &inspection.backbone;
        println!(
            "{} ({}): pictures of {size} × {size}, {} features, {:.0} million multiplications a picture, {} parameters",
            backbone.label,
            backbone.architecture,
            backbone.features,
            backbone.multiplications / 1e6,
            inspection.total_parameters,
            size = backbone.input_size,
        );
        if let Some(project) = &inspection.project {
            println!("Project “{}”, {}", project.name, if project.trained { "trained" } else { "not trained yet" });
            for ClassCount { name, images, test } in &project.classes {
                println!("{name}: {images} pictures to learn from, {test} to test with");
            }
        }
        for line in inspection.known_by.note().into_iter().chain([inspection.reason.as_str()]) {
            println!("{line}");
        }
        for layer in &inspection.layers {
            let mark = if layer.trainable { "can train" } else { "kept" };
            println!(
                "{:<44} {:<24} {:?} {} ({mark}: {})",
                layer.name, layer.kind, layer.shape, layer.parameters, layer.reason
            );
        }
    })
}

/// A model: its backbone with the head behind it.
fn inspect_model(saved: Saved, fine_tune: Option<&str>) -> Result<Inspection> {
    let mut inspection = inspect_backbone(&saved.backbone, KnownBy::Card, fine_tune)?;
    inspection.layers.extend(saved.head.layers());
    inspection.total_parameters += saved.head.parameters();
    inspection.classes = Some(saved.labels.into_iter().map(|label| label.name).collect());
    Ok(inspection)
}

/// A project: its model or, where it has none yet, its backbone.
async fn inspect_project(path: &Path, fine_tune: Option<&str>) -> Result<Inspection> {
    let mut opened = project_file::open(path)?;
    let written = opened.written()?;
    let saved = written.answering_model()?.map(|model| models::parse(&model, path)).transpose()?;
    let backbone = match &saved {
        Some(saved) => saved.backbone.clone(),
        None => project_file::backbone(&mut opened, path)?,
    };
    // Nothing is computed.
    let project = Project::open(EngineChoice::Cpu, backbone.clone(), &written, clock).await?;
    project_file::check_pictures(&project, &opened)?;
    let count =
        |class: ClassSummary| ClassCount { name: class.name, images: class.images.len(), test: class.test.len() };
    let classes = project.classes().into_iter().map(count).collect();
    let summary = ProjectSummary { name: opened.about().name.clone(), trained: saved.is_some(), classes };
    let inspection = match saved {
        Some(saved) => inspect_model(saved, fine_tune)?,
        None => inspect_backbone(&backbone, KnownBy::Card, fine_tune)?,
    };
    Ok(Inspection { project: Some(summary), ..inspection })
}

/// The backbone of a name, a folder or a file; an architecture's name is tried last.
fn backbone(what: &str) -> Result<(Backbone, KnownBy)> {
    match BackboneFiles::read(what) {
        Ok(files) => {
            let known_by = if files.config.is_some() { KnownBy::Card } else { KnownBy::Tensors };
            Ok((files.backbone()?, known_by))
        }
        Err(error) if Path::new(what).exists() => Err(error),
        Err(error) => Backbone::blank(what).map(|backbone| (backbone, KnownBy::Name)).map_err(|_| error),
    }
}

/// What trains in a backbone with a scope; without one, what can train.
fn inspect_backbone(backbone: &Backbone, known_by: KnownBy, fine_tune: Option<&str>) -> Result<Inspection> {
    let report = backbone.report();
    let boundary = match fine_tune {
        None => backbone.depth() - backbone.fine_tunable(),
        Some(scope) => scope.parse::<FineTune>()?.boundary(backbone)?,
    };
    let mut layers = backbone.layers(boundary, fine_tune.is_none());
    for layer in layers.iter_mut().filter(|_| fine_tune.is_none()) {
        layer.reason = match (layer.trainable, layer.kind.as_str()) {
            (true, "batch normalisation") => "trains with its stage where that is asked for".into(),
            (true, _) => "trains where its stage is fine-tuned".into(),
            (false, "batch normalisation") if layer.name.contains(".running_") => continue,
            (false, _) => "the backbone's card does not allow to fine-tune this stage".into(),
        };
    }
    Ok(Inspection {
        known_by,
        total_parameters: report.parameters,
        trainable_parameters: 0,
        fine_tunable: report.fine_tunable > 0,
        reason: report.fine_tune_reason.clone(),
        backbone: report,
        classes: None,
        project: None,
        layers,
    })
}
