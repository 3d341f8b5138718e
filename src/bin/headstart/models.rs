//! Saved models, by themselves or in a project file.

use crate::{pictures, project_file};
use anyhow::Result;
use headstart::Error;
use headstart::bundle::{self, Saved};
use std::path::Path;

/// Loads the model of a file.
pub fn load(file: &Path) -> Result<Saved> {
    parse(&read(file)?, file)
}

/// The bytes of the model of a file.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    match project_file::is_one(file) {
        true => Ok(project_file::open(file)?.written()?.answering_model()?.ok_or(Error::NotTrained)?),
        false => pictures::read(file),
    }
}

/// What the bytes hold; the backbone that they may refer to is looked for beside the file.
pub fn parse(model: &[u8], file: &Path) -> Result<Saved> {
    Ok(bundle::load_with(model, pictures::served(file))?)
}
