//! What each command does.

use crate::args::{Args, Command, Common, Train};
use crate::pictures;
use crate::progress::{self, Progress, clock};
use anyhow::{Context, Result};
use headstart::backbone::Backbone;
use headstart::bundle;
use headstart::classifier::Classifier;
use headstart::image::{Crop, Preprocess};
use headstart::nn::LayerReport;
use headstart::probe;
use headstart::report::TrainReport;
use headstart::train::{EventKind, FineTune, Phase};
use headstart::{Error, Project};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs a command to its end.
pub async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Train(train) => self::train(&train).await,
        Command::Evaluate { file, dir, common } => evaluate(&file, &dir, &common).await,
        Command::Predict { file, images, common } => predict(&file, &images, &common).await,
        Command::Inspect { what, fine_tune, json } => inspect(&what, fine_tune.as_deref(), json),
    }
}

async fn train(args: &Train) -> Result<()> {
    let config = args.config();
    // Bad settings are told before minutes of embedding.
    config.check()?;
    let folders = pictures::folders(&args.dir)?;
    check_folders(args, &folders)?;
    let model = args.from.as_deref().map(pictures::read).transpose()?;
    let backbone = match &model {
        Some(file) => bundle::load(file)?.backbone,
        None => pictures::backbone(&args.backbone)?,
    };
    let preprocess = backbone.card().preprocess();
    let mut project = Project::new(args.common.engine, backbone, clock).await?;
    if let Some(file) = &model {
        project.load(file)?;
    }
    // So are stages that this backbone cannot train.
    project.estimate(&config)?;
    let mut progress = Progress::new();
    progress.done(&format!("Engine: {}", project.engine().reason));
    let start = clock();
    let total: usize = folders.iter().map(|(_, files)| files.len()).sum();
    let mut seen = 0;
    for (name, files) in &folders {
        let class = project.dataset_mut().add_class(name)?;
        for files in files.chunks(32) {
            let crops = decode(files, &preprocess, &mut progress);
            project.add_crops(class, crops, None).await?;
            seen += files.len();
            progress.show(&format!("Embedding: {seen} of {total} pictures"));
        }
    }
    let embed_seconds = clock() - start;
    let estimate = project.estimate(&config)?;
    if !estimate.trainable_stages.is_empty() {
        let stages = estimate.trainable_stages.len();
        let seconds = estimate.total_seconds.map_or(String::new(), |s| format!(" About {s:.0} s."));
        progress.done(&format!(
            "Fine-tuning: {stages} stages, {} parameters. {}{seconds}",
            estimate.trainable_parameters, estimate.note
        ));
    }
    project.start_training(&config)?;
    let interrupted = progress::interruption();
    loop {
        if interrupted() {
            progress.done("Stopping; the best so far is kept.");
            project.cancel_training().await?;
            break;
        }
        let event = project.step().await?;
        match event.kind {
            EventKind::Done => break,
            _ => progress.event(&event),
        }
    }
    let mut report = project.report().context("training ended without a report")?.clone();
    report.seconds.embed = embed_seconds;
    // Saved before the test pictures are read, so that nothing about those can lose it, and again with their figures.
    save(args, &project, &report)?;
    if let Some(test) = &args.test {
        let start = clock();
        let classifier = project.classifier().ok_or(Error::NotTrained)?;
        let evaluation = measure(classifier, test, &mut progress).await?;
        report.images.test = evaluation.images;
        report.test_accuracy = Some(evaluation.accuracy);
        report.confusion_matrix = Some(evaluation.confusion_matrix);
        report.per_class = Some(evaluation.per_class);
        report.seconds.evaluate += clock() - start;
        save(args, &project, &report)?;
    }
    let share = |value: Option<f64>| value.map_or("unknown".into(), |v| format!("{:.1} %", v * 100.0));
    print(args.common.json, &report, || {
        println!("Classes: {}", report.classes.join(", "));
        println!(
            "Pictures: {} to train, {} to validate, {} to test",
            report.images.train, report.images.validation, report.images.test
        );
        println!("Best epoch: {} of {}", report.best_epoch, report.epochs_run);
        if report.fine_tune != "none" && report.phase == Phase::Head {
            println!("Kept: the head alone, for fine-tuning was no better on the held-out pictures");
        }
        println!("Validation accuracy: {}", share(report.validation_accuracy));
        println!("Test accuracy: {}", share(report.test_accuracy));
        for warning in &report.warnings {
            println!("Note: {}", warning.message);
        }
    })
}

/// What can be wrong with the folders is told before minutes of embedding.
fn check_folders(args: &Train, folders: &[(String, Vec<PathBuf>)]) -> Result<()> {
    if folders.len() < 2 {
        return Err(Error::TooFewClasses(folders.len()).into());
    }
    if let Some((name, _)) = folders.iter().find(|(_, files)| files.is_empty()) {
        return Err(Error::ClassWithoutPictures(name.clone()).into());
    }
    for (name, _) in args.test.as_deref().map(pictures::folders).transpose()?.unwrap_or_default() {
        if !folders.iter().any(|(known, _)| *known == name) {
            return Err(Error::ClassUnknown(name).into());
        }
    }
    match args.out.as_deref().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            anyhow::bail!("{}: there is no such folder to save the model in", folder.display())
        }
        _ => Ok(()),
    }
}

/// Writes the model where `--out` says.
fn save(args: &Train, project: &Project, report: &TrainReport) -> Result<()> {
    let Some(out) = &args.out else { return Ok(()) };
    let classifier = project.classifier().ok_or(Error::NotTrained)?;
    fs::write(out, bundle::save(classifier, Some(report))?).with_context(|| out.display().to_string())
}

async fn evaluate(file: &Path, dir: &Path, common: &Common) -> Result<()> {
    let classifier = load(file, common).await?;
    let evaluation = measure(&classifier, dir, &mut Progress::new()).await?;
    print(common.json, &evaluation, || {
        println!("Accuracy: {:.1} % of {} pictures", evaluation.accuracy * 100.0, evaluation.images);
        for class in &evaluation.per_class {
            let share = |value: Option<f64>| value.map_or("none".into(), |v| format!("{:.1} %", v * 100.0));
            println!("{}: precision {}, recall {}", class.class, share(class.precision), share(class.recall));
        }
    })
}

#[derive(Serialize)]
struct Predicted {
    image: PathBuf,
    predictions: Vec<headstart::classifier::Prediction>,
}

async fn predict(file: &Path, images: &[PathBuf], common: &Common) -> Result<()> {
    let classifier = load(file, common).await?;
    let preprocess = classifier.backbone.card().preprocess();
    let mut predicted = Vec::new();
    for image in images {
        let crop = pictures::crop(image, &preprocess)?;
        let features = classifier.embedder.embed(&[&crop]).await?;
        predicted.push(Predicted { image: image.clone(), predictions: classifier.ranked(&features[0]) });
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

#[derive(Serialize)]
struct Inspection {
    backbone: headstart::backbone::BackboneReport,
    fine_tunable: bool,
    reason: String,
    classes: Option<Vec<String>>,
    total_parameters: usize,
    trainable_parameters: usize,
    layers: Vec<LayerReport>,
}

fn inspect(what: &str, fine_tune: Option<&str>, json: bool) -> Result<()> {
    let mut inspection = if Path::new(what).is_file() {
        let saved = bundle::load(&pictures::read(Path::new(what))?)?;
        let mut inspection = inspect_backbone(&saved.backbone, fine_tune)?;
        inspection.layers.extend(saved.head.layers());
        inspection.total_parameters += saved.head.parameters();
        inspection.classes = Some(saved.labels.into_iter().map(|label| label.name).collect());
        inspection
    } else {
        inspect_backbone(&pictures::backbone(what)?, fine_tune)?
    };
    inspection.trainable_parameters = inspection.layers.iter().filter(|l| l.trainable).map(|l| l.parameters).sum();
    print(json, &inspection, || {
        println!("{}, {} parameters", inspection.backbone.architecture, inspection.total_parameters);
        println!("{}", inspection.reason);
        for layer in &inspection.layers {
            let mark = if layer.trainable { "can train" } else { "kept" };
            println!(
                "{:<44} {:<24} {:?} {} ({mark}: {})",
                layer.name, layer.kind, layer.shape, layer.parameters, layer.reason
            );
        }
    })
}

/// What trains in a backbone with a scope; without one, what can train.
fn inspect_backbone(backbone: &Backbone, fine_tune: Option<&str>) -> Result<Inspection> {
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
        total_parameters: report.parameters,
        trainable_parameters: 0,
        fine_tunable: report.fine_tunable > 0,
        reason: report.fine_tune_reason.clone(),
        backbone: report,
        classes: None,
        layers,
    })
}

async fn load(file: &Path, common: &Common) -> Result<Classifier> {
    let saved = bundle::load(&pictures::read(file)?)?;
    let engine = probe::open(common.engine, &saved.backbone, clock).await?;
    Ok(Classifier::new(saved.labels, saved.head, Arc::new(saved.backbone), &engine)?)
}

/// Measures a model on a folder whose sub-folders are named like its classes.
async fn measure(
    classifier: &Classifier,
    dir: &Path,
    progress: &mut Progress,
) -> Result<headstart::metrics::Evaluation> {
    let preprocess = classifier.backbone.card().preprocess();
    let (mut crops, mut labels) = (Vec::new(), Vec::new());
    for (name, files) in pictures::folders(dir)? {
        let label = classifier.labels.iter().position(|label| label.name == name);
        let label = label.ok_or(Error::ClassUnknown(name))?;
        let of_class = decode(&files, &preprocess, progress);
        labels.extend(std::iter::repeat_n(label, of_class.len()));
        crops.extend(of_class);
        progress.show(&format!("Decoding: {} pictures", crops.len()));
    }
    let crops: Vec<&Crop> = crops.iter().collect();
    let evaluation = classifier.evaluate(&crops, &labels).await?;
    evaluation.with_context(|| format!("{} holds no pictures", dir.display()))
}

/// Prepares pictures; a file that is no picture is named and left out, as in the browser.
fn decode(files: &[PathBuf], preprocess: &Preprocess, progress: &mut Progress) -> Vec<Crop> {
    let mut crops = Vec::with_capacity(files.len());
    for file in files {
        match pictures::crop(file, preprocess) {
            Ok(crop) => crops.push(crop),
            Err(error) => progress.done(&format!("Left out: {error}")),
        }
    }
    crops
}

/// Prints one JSON object, or lines for a person.
fn print(json: bool, value: &impl Serialize, lines: impl FnOnce()) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(value)?);
    } else {
        lines();
    }
    Ok(())
}
