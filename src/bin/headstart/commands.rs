//! What each command does.

use crate::args::{Args, Command, Common};
use crate::convert::convert;
use crate::export::export;
use crate::inspect::inspect;
use crate::models;
use crate::pictures;
use crate::progress::{Progress, clock};
use crate::project_file;
use crate::train::train;
use anyhow::{Context, Result, bail};
use headstart::classifier::Classifier;
use headstart::dataset::Warning;
use headstart::engine::Workload;
use headstart::image::Crop;
use headstart::metrics::Evaluation;
use headstart::probe;
use headstart::project::TestEvaluation;
use headstart::{Error, Project};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs a command to its end.
pub async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Train(args) => train(&args).await,
        Command::Evaluate { file, dir, common } => evaluate(&file, dir.as_deref(), &common).await,
        Command::Predict { file, images, csv, common } => predict(&file, &images, csv.as_deref(), &common).await,
        Command::Inspect { what, fine_tune, json } => inspect(&what, fine_tune.as_deref(), json).await,
        Command::Convert(args) => convert(&args).await,
        Command::Export(args) => export(&args),
    }
}

async fn evaluate(file: &Path, dir: Option<&Path>, common: &Common) -> Result<()> {
    let mut progress = Progress::new();
    match dir {
        Some(dir) => {
            let classifier = load(file, common).await?;
            let evaluation = measure(&classifier, dir, &mut progress).await?;
            print(common.json, &evaluation, || describe(&evaluation))
        }
        None if project_file::is_one(file) => {
            let measured = measure_project(file, common, &mut progress).await?;
            print(common.json, &measured, || {
                println!("Measured on the {}", measured.part.describe());
                describe(&measured.figures);
                for warning in &measured.warnings {
                    println!("Note: {}", warning.message);
                }
            })
        }
        None => bail!("{}: a saved model has no pictures to measure it on: name a folder too", file.display()),
    }
}

/// Figures for a person.
fn describe(evaluation: &Evaluation) {
    println!("Accuracy: {:.1} % of {} pictures", evaluation.accuracy * 100.0, evaluation.images);
    for class in &evaluation.per_class {
        let share = |value: Option<f64>| value.map_or("none".into(), |v| format!("{:.1} %", v * 100.0));
        println!("{}: precision {}, recall {}", class.class, share(class.precision), share(class.recall));
    }
}

/// The model of a project measured on pictures of it.
#[derive(Serialize)]
struct Measured {
    part: MeasuredOn,
    #[serde(flatten)]
    figures: Evaluation,
    warnings: Vec<Warning>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum MeasuredOn {
    Test,
    Validation,
}

impl MeasuredOn {
    fn describe(self) -> &'static str {
        match self {
            Self::Test => "project's test set",
            Self::Validation => "pictures that were held out",
        }
    }
}

/// Measures the model of a project on its test set or, where it has none, on what was held out.
async fn measure_project(file: &Path, common: &Common, progress: &mut Progress) -> Result<Measured> {
    let mut opened = project_file::open(file)?;
    let written = opened.written()?;
    // The model's own backbone is all that it takes.
    let saved = models::parse(written.model.as_deref().ok_or(Error::NotTrained)?, file)?;
    let mut project = Project::open(common.engine, saved.backbone, &written, clock).await?;
    project.choose_engines().await?;
    project_file::check_pictures(&project, &opened)?;
    let test: BTreeSet<u32> = project.dataset().test_pictures().map(|(id, _)| id).collect();
    let (part, wanted) = match test.is_empty() {
        true => (MeasuredOn::Validation, project.held_out().into_iter().collect()),
        false => (MeasuredOn::Test, test),
    };
    project_file::restore(&mut project, &mut opened, |_, id| wanted.contains(&id), progress).await?;
    Ok(match part {
        MeasuredOn::Validation => Measured { part, figures: project.evaluate().await?.figures, warnings: Vec::new() },
        MeasuredOn::Test => {
            let TestEvaluation { figures, warnings, .. } = project.evaluate_on_test().await?;
            Measured { part, figures, warnings }
        }
    })
}

#[derive(Serialize)]
struct Predicted {
    image: PathBuf,
    predictions: Vec<headstart::classifier::Prediction>,
}

async fn predict(file: &Path, images: &[PathBuf], table: Option<&Path>, common: &Common) -> Result<()> {
    let classifier = load(file, common).await?;
    let preprocess = classifier.backbone.card().preprocess();
    let mut predicted = Vec::new();
    for image in images {
        let crop = pictures::crop(image, &preprocess)?;
        predicted.push(Predicted { image: image.clone(), predictions: classifier.classify(&crop).await? });
    }
    if let Some(file) = table {
        write_table(file, &classifier.names(), &predicted).with_context(|| file.display().to_string())?;
    }
    #[derive(Serialize)]
    struct All<'a> {
        images: &'a [Predicted],
    }
    print(common.json, &All { images: &predicted }, || {
        for one in &predicted {
            let best = &one.predictions[0];
            println!("{}: {} ({:.1} %)", one.image.display(), best.class_name, best.probability * 100.0);
        }
    })
}

/// A row a picture, a column a class, as the page has it.
fn write_table(file: &Path, classes: &[String], predicted: &[Predicted]) -> Result<()> {
    let mut table = csv::Writer::from_path(file)?;
    let head = ["file", "predicted class", "probability"].into_iter().chain(classes.iter().map(String::as_str));
    table.write_record(head.map(harmless))?;
    for Predicted { image, predictions } in predicted {
        let figure = |probability: f64| format!("{probability:.6}");
        let share =
            |class: &String| predictions.iter().find(|one| one.class_name == *class).map_or(0.0, |one| one.probability);
        let best = predictions.first().context("the model has no classes")?;
        let name = harmless(&image.to_string_lossy());
        let row = [name, harmless(&best.class_name), figure(best.probability)];
        table.write_record(row.into_iter().chain(classes.iter().map(|class| figure(share(class)))))?;
    }
    Ok(table.flush()?)
}

/// A cell that no spreadsheet takes for a formula: names are other people's.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("{}{cell}", if formula { "'" } else { "" })
}

async fn load(file: &Path, common: &Common) -> Result<Classifier> {
    let saved = models::load(file)?;
    let engines = probe::decide(common.engine, &saved.backbone, clock).await?;
    let engine = engines.of(Workload::Prediction);
    Ok(Classifier::new(saved.labels, saved.head, Arc::new(saved.backbone), engine)?)
}

/// Measures a model on a folder whose sub-folders are named like its classes.
async fn measure(classifier: &Classifier, dir: &Path, progress: &mut Progress) -> Result<Evaluation> {
    let preprocess = classifier.backbone.card().preprocess();
    let (mut crops, mut labels) = (Vec::new(), Vec::new());
    for (name, files) in pictures::folders(dir)? {
        let label = classifier.labels.iter().position(|label| label.name == name);
        let label = label.ok_or(Error::ClassUnknown(name))?;
        let of_class = readable(&files, |file| pictures::crop(file, &preprocess), progress);
        labels.extend(std::iter::repeat_n(label, of_class.len()));
        crops.extend(of_class);
        progress.show(&format!("Decoding: {} pictures", crops.len()));
    }
    let crops: Vec<&Crop> = crops.iter().collect();
    let evaluation = classifier.evaluate(&crops, &labels).await?;
    evaluation.with_context(|| format!("{} holds no pictures", dir.display()))
}

/// What can be read; a file that is no picture is named and left out, as in the browser.
pub fn readable<T>(files: &[PathBuf], read: impl Fn(&Path) -> headstart::Result<T>, progress: &mut Progress) -> Vec<T> {
    let mut pictures = Vec::with_capacity(files.len());
    for file in files {
        match read(file) {
            Ok(picture) => pictures.push(picture),
            Err(error) => progress.done(&format!("Left out: {error}")),
        }
    }
    pictures
}

/// Prints one JSON object, or lines for a person.
pub fn print(json: bool, value: &impl Serialize, lines: impl FnOnce()) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(value)?);
    } else {
        lines();
    }
    Ok(())
}
