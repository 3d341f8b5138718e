//! `convert`: the same backbone in fewer bytes, and what that costs.

use crate::args::Convert;
use crate::commands::{print, readable};
use crate::pictures::{self, BackboneFiles};
use crate::progress::{Progress, clock};
use anyhow::{Context, Result};
use headstart::backbone::{Backbone, WeightStorage};
use headstart::engine::EngineChoice;
use headstart::image::Crop;
use headstart::metrics::Evaluation;
use headstart::train::{EventKind, TrainConfig};
use headstart::{Error, Project};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Heads that are trained on each backbone to measure it: one for each of these seeds.
const SEEDS: [f64; 3] = [1.0, 2.0, 3.0];

/// Pictures of which features are computed at once.
const BATCH: usize = 32;

#[derive(Serialize)]
struct Converted {
    from: &'static str,
    to: &'static str,
    /// Bytes of `model.safetensors` before and after.
    bytes: [usize; 2],
    /// What a person has to know of it.
    notes: Vec<String>,
    measured: Vec<Measured>,
}

/// A linear head on the original and on the converted backbone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    task: String,
    pictures: usize,
    /// Test accuracy, 0 to 1, with each seed.
    original: Vec<f64>,
    converted: Vec<f64>,
    /// Of all features of the test pictures, as a share of the largest feature.
    largest_feature_difference: f64,
}

/// Converts a backbone, writes it and measures what it cost.
pub async fn convert(args: &Convert) -> Result<()> {
    let files = BackboneFiles::read(&args.backbone)?;
    let original = files.backbone()?;
    let converted = original.stored_as(args.to)?;
    let mut progress = Progress::new();
    let mut notes = Vec::new();
    if original.stored() == "int8" && args.to != WeightStorage::Int8 {
        notes.push(format!(
            "The weights were int8 and are no more precise as {}: what rounding took does not come back.",
            args.to.name()
        ));
    }
    let card = card(&files, &original, args.to)?;
    let bytes = converted.to_safetensors()?;
    // What is written has to be what was made.
    let again = Backbone::parse(&card, &bytes)?;
    if !again.computes_as(&converted) {
        return Err(Error::Internal("the converted weights do not read as they were made".into()).into());
    }
    let mut measured = Vec::new();
    for task in &args.measure {
        measured.push(measure(task, [&original, &converted], &mut progress).await?);
    }
    write(&args.out, &card, &bytes)?;
    let report = Converted {
        from: original.stored(),
        to: args.to.name(),
        bytes: [files.weights.len(), bytes.len()],
        notes,
        measured,
    };
    print(args.json, &report, || {
        println!("{} → {}: {} → {} bytes", report.from, report.to, report.bytes[0], report.bytes[1]);
        for note in &report.notes {
            println!("Note: {note}");
        }
        for task in &report.measured {
            println!(
                "{}: a linear head gets {:.1} % of {} test pictures right, {:.1} % before; the largest difference of a \
                 feature is {:.2} % of the largest feature",
                task.task,
                mean(&task.converted) * 100.0,
                task.pictures,
                mean(&task.original) * 100.0,
                task.largest_feature_difference * 100.0
            );
        }
        println!("Written to {}", args.out.display());
    })
}

/// The card with what became of the weights; all else that it says stays.
fn card(files: &BackboneFiles, original: &Backbone, to: WeightStorage) -> Result<String> {
    let mut card: Value = match &files.config {
        Some(config) => serde_json::from_str(config)?,
        None => serde_json::from_str(&original.config()?)?,
    };
    let fields = card.as_object_mut().context("config.json is no object")?;
    fields.insert("stored".into(), json!({ "as": to.name(), "from": original.stored(), "how": to.description() }));
    Ok(serde_json::to_string_pretty(&card)? + "\n")
}

/// Writes both files into a folder, or neither: each under another name first, for a disk may be full.
fn write(folder: &Path, card: &str, weights: &[u8]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let files = [("model.safetensors", weights), ("config.json", card.as_bytes())];
    let part = |name: &str| folder.join(format!(".{name}.part"));
    let written = files.iter().try_for_each(|(name, bytes)| fs::write(part(name), bytes));
    let moved = written.and_then(|()| files.iter().try_for_each(|(name, _)| fs::rename(part(name), folder.join(name))));
    if moved.is_err() {
        for (name, _) in files {
            // It may not have come to be.
            let _ = fs::remove_file(part(name));
        }
    }
    moved.with_context(|| folder.display().to_string())
}

/// Trains heads with the default settings on `train` of a folder and measures them on `test`.
async fn measure(task: &Path, backbones: [&Backbone; 2], progress: &mut Progress) -> Result<Measured> {
    let name = task.file_name().unwrap_or(task.as_os_str()).to_string_lossy().into_owned();
    let [train, test] = ["train", "test"].map(|part| pictures::folders(&task.join(part)));
    let (train, test) = (train?, test?);
    let preprocess = backbones[0].card().preprocess();
    let mut labelled = Vec::new();
    for (name, files) in &test {
        let class = train.iter().position(|(class, _)| class == name);
        let class = class.ok_or_else(|| Error::ClassUnknown(name.clone()))?;
        let crops = readable(files, |file| pictures::crop(file, &preprocess), progress);
        labelled.extend(crops.into_iter().map(|crop| (class, crop)));
    }
    let mut results = Vec::new();
    for backbone in backbones {
        let mut project = Project::new(EngineChoice::Cpu, backbone.clone(), clock).await?;
        for (name, files) in &train {
            let class = project.dataset_mut().add_class(name)?;
            for files in files.chunks(BATCH) {
                let read = readable(files, |file| pictures::picture(file, &preprocess), progress);
                project.add_pictures(class, read, None).await?;
            }
        }
        results.push(probe(&mut project, &labelled, &name, progress).await?);
    }
    let [(original, before), (converted, after)] = results.try_into().map_err(|_| Error::Internal("two".into()))?;
    Ok(Measured {
        task: name,
        pictures: labelled.len(),
        original,
        converted,
        largest_feature_difference: difference(&before, &after),
    })
}

/// Accuracies of heads with each seed, and the features of the test pictures.
async fn probe(
    project: &mut Project,
    test: &[(usize, Crop)],
    task: &str,
    progress: &mut Progress,
) -> Result<(Vec<f64>, Vec<Vec<f32>>)> {
    let (mut accuracies, mut features) = (Vec::new(), Vec::new());
    for seed in SEEDS {
        progress.show(&format!("Measuring {task}: seed {seed}"));
        project.start_training(&TrainConfig { seed, ..TrainConfig::default() })?;
        while project.step().await?.kind != EventKind::Done {}
        let classifier = project.classifier().ok_or(Error::NotTrained)?;
        if features.is_empty() {
            for batch in test.chunks(BATCH) {
                let crops: Vec<&Crop> = batch.iter().map(|(_, crop)| crop).collect();
                features.extend(classifier.embedder.embed(&crops).await?.iter().map(|row| row.to_vec()));
            }
        }
        let logits: Vec<Vec<f32>> = features.iter().map(|row| classifier.head.logits(row)).collect();
        let labels = test.iter().map(|(label, _)| *label);
        let evaluation = Evaluation::measure(&classifier.names(), logits.iter().map(Vec::as_slice).zip(labels));
        accuracies.push(evaluation.with_context(|| format!("{task}/test holds no pictures"))?.accuracy);
    }
    Ok((accuracies, features))
}

fn difference(before: &[Vec<f32>], after: &[Vec<f32>]) -> f64 {
    let pairs = before.iter().zip(after).flat_map(|(before, after)| before.iter().zip(after));
    let largest = before.iter().flatten().fold(0.0_f32, |most, x| most.max(x.abs()));
    let difference = pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    f64::from(difference) / f64::from(largest)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
