//! A folder with a page of its own: the site's player, which only predicts, with the model beside it.

use super::{File, unsupported};
use crate::backbone::WeightStorage;
use crate::bundle;
use crate::classifier::Model;
use crate::error::{Error, Result};
use crate::identity::Hasher;
use crate::report::TrainReport;

/// What a page cannot do without.
const PLAYER: [&str; 2] = ["index.html", "headstart_bg.wasm"];
const MANIFEST: &str = "manifest.webmanifest";
const SERVICE_WORKER: &str = "sw.js";
/// What stands there for the version (`www/player/sw.ts`).
const UNSTAMPED: &str = "as built";

/// The player's files and `model.zip`; the page is called what the model is.
pub(super) fn files(
    model: Model<'_>,
    report: Option<&TrainReport>,
    name: &str,
    weights: WeightStorage,
    player: &[(String, Vec<u8>)],
) -> Result<Vec<File>> {
    if let Some(missing) = PLAYER.into_iter().find(|needed| !player.iter().any(|(name, _)| name == needed)) {
        return Err(unsupported("page", format!("the files of the page are not there ({missing} is missing)")));
    }
    let mut files: Vec<File> = player.iter().map(|(name, bytes)| File::new(name.as_str(), bytes.as_slice())).collect();
    for file in files.iter_mut().filter(|file| file.name == MANIFEST) {
        file.bytes = named(&file.bytes, name)?;
    }
    // As it was trained on where nothing else is asked for: storing it in more bits adds nothing.
    let stored = if weights == WeightStorage::F32 { None } else { Some(model.backbone.stored_as(weights)?) };
    let model = Model { backbone: stored.as_ref().unwrap_or(model.backbone), ..model };
    files.push(File::new("model.zip", bundle::save(model, report)?));
    stamp(&mut files);
    Ok(files)
}

/// Tells the page's service worker which export this is: it keeps all files of one, never some of one and some of another.
fn stamp(files: &mut [File]) {
    let mut hasher = Hasher::new();
    files.iter().for_each(|file| hasher.bytes(&file.bytes));
    let version = hasher.end().to_string();
    for file in files.iter_mut().filter(|file| file.name == SERVICE_WORKER) {
        file.bytes = String::from_utf8_lossy(&file.bytes).replace(UNSTAMPED, &version).into_bytes();
    }
}

/// A manifest with another name in it.
fn named(manifest: &[u8], name: &str) -> Result<Vec<u8>> {
    let internal = |e: serde_json::Error| Error::Internal(format!("the page's manifest: {e}"));
    let mut manifest: serde_json::Value = serde_json::from_slice(manifest).map_err(internal)?;
    for field in ["name", "short_name"] {
        manifest[field] = name.into();
    }
    serde_json::to_vec_pretty(&manifest).map_err(internal)
}
