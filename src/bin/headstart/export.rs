//! `export`: a saved model for another program.

use crate::args::Export;
use crate::commands::print;
use crate::models;
use anyhow::{Context, Result};
use headstart::Error;
use headstart::classifier::Model;
use headstart::export::{self, ExportFormat, ExportOptions};
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
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let page = if args.to == ExportFormat::Page { player(&args.player)? } else { Vec::new() };
    let name = args.name.clone().unwrap_or_else(|| stem.to_string());
    let options = ExportOptions { weights: args.weights, bare: args.bare, name, page };
    let exported = export::export(model, saved.report.as_ref(), args.to, &options)?;
    let usual = match exported.extension {
        "zip" => format!("{stem}-{}.zip", args.to.name()),
        alone => format!("{stem}.{alone}"),
    };
    let file = args.out.clone().unwrap_or_else(|| args.file.with_file_name(usual));
    let same = |file: &Path| Some(fs::canonicalize(file).ok()? == fs::canonicalize(&args.file).ok()?);
    if file == args.file || same(&file) == Some(true) {
        let reason = format!("{} is the model itself: name another file with --out", file.display());
        return Err(Error::FileNotWritten(reason).into());
    }
    // Under another name first: a disk may be full.
    let part = file.with_extension("part");
    let written = fs::write(&part, &exported.bytes).and_then(|()| fs::rename(&part, &file));
    if written.is_err() {
        // It may not have come to be.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| file.display().to_string())?;
    let (format, weights) = (args.to.name(), args.weights.name());
    let report = Exported { file, format, weights, bytes: exported.bytes.len() };
    print(args.json, &report, || {
        println!("Written to {}: {} bytes, weights as {}", report.file.display(), report.bytes, report.weights);
        if !args.bare {
            println!("Its README.md says how to use it.");
        }
    })
}

/// The files of the page, which the site's build makes.
fn player(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let missing =
        || format!("{}: the page's files; ./build.sh build makes them, --player names their folder", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(missing)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Their list, and a model that somebody tried the page with.
        if entry.file_type()?.is_file() && !matches!(name.as_str(), "files.json" | "model.zip") {
            files.push((name, fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}
