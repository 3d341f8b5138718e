//! `export`: a saved model for another program.

use crate::args::Export;
use crate::commands::print;
use crate::models;
use anyhow::{Context, Result};
use headstart::Error;
use headstart::export::Model;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    format: &'static str,
    weights: &'static str,
    bytes: usize,
}

/// Writes the model beside the file that it comes from, or where it was asked for.
pub fn export(args: &Export) -> Result<()> {
    let saved = models::load(&args.file)?;
    let model = Model { labels: &saved.labels, head: &saved.head, backbone: &saved.backbone };
    let bytes = model.export(args.to, args.weights)?;
    let file = args.out.clone().unwrap_or_else(|| args.file.with_extension(args.to.extension()));
    let same = |file: &Path| Some(fs::canonicalize(file).ok()? == fs::canonicalize(&args.file).ok()?);
    if file == args.file || same(&file) == Some(true) {
        let reason = format!("{} is the model itself: name another file with --out", file.display());
        return Err(Error::FileNotWritten(reason).into());
    }
    // Under another name first: a disk may be full.
    let part = file.with_extension("part");
    let written = fs::write(&part, &bytes).and_then(|()| fs::rename(&part, &file));
    if written.is_err() {
        // It may not have come to be.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| file.display().to_string())?;
    let report = Exported { file, format: args.to.name(), weights: args.weights.name(), bytes: bytes.len() };
    print(args.json, &report, || {
        println!("Written to {}: {} bytes, weights as {}", report.file.display(), report.bytes, report.weights);
        println!(
            "In: picture, uint8 [batch, height, width, 3], RGB and upright, of any size. Out: probabilities and label."
        );
    })
}
