//! Project files on disk.

use crate::pictures::{self, BackboneFiles};
use crate::progress::Progress;
use anyhow::{Context, Result};
use headstart::backbone::Backbone;
use headstart::image::Preprocess;
use headstart::project_file::{About, BackboneMembers, Listed, ProjectFile, ProjectFileWriter};
use headstart::{Error, Project};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What project files are called.
const ENDING: &str = "headstart";

/// Pictures that are decoded and embedded at once.
const BATCH: usize = 32;

/// A project file that is open to be read.
pub type Opened = ProjectFile<BufReader<File>>;

/// Whether a path is that of a project file, by its name or by what it holds.
pub fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING)) || open(path).is_ok()
}

/// Opens a project file, naming it where that fails.
pub fn open(path: &Path) -> Result<Opened> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    ProjectFile::open(BufReader::new(file)).with_context(|| path.display().to_string())
}

/// The backbone of a project: in its file or, as most are, known by its name.
pub fn backbone(file: &mut Opened, path: &Path) -> Result<Backbone> {
    if let Some(BackboneMembers { weights, config }) = file.backbone()? {
        return Ok(BackboneFiles { config, weights }.backbone()?);
    }
    let name = &file.about().backbone;
    pictures::served_beside(path, name)
        .with_context(|| format!("{}: its backbone “{name}” is not here: name it with --backbone", path.display()))
}

/// Whether every picture that a project shows has its file.
pub fn check_pictures(project: &Project, file: &Opened) -> Result<()> {
    let listed: std::collections::BTreeSet<u32> = file.pictures().iter().map(|picture| picture.id).collect();
    let shown = project.classes().into_iter().flat_map(|class| [class.images, class.test]).flatten();
    match shown.into_iter().find(|id| !listed.contains(id)) {
        Some(id) => Err(Error::ProjectFileInvalid(format!("the file of its picture number {id} is missing")).into()),
        None => Ok(()),
    }
}

/// Gives those pictures of a project that are `wanted` what is on them. One that cannot be decoded here, as browsers decode
/// more kinds, is named and takes no part.
pub async fn restore(
    project: &mut Project,
    file: &mut Opened,
    wanted: impl Fn(&Project, u32) -> bool,
    progress: &mut Progress,
) -> Result<()> {
    let preprocess: Preprocess = project.backbone().card().preprocess();
    let pictures: Vec<Listed> = file.pictures().iter().filter(|picture| wanted(project, picture.id)).cloned().collect();
    let mut seen = 0;
    for batch in pictures.chunks(BATCH) {
        let mut crops = Vec::with_capacity(batch.len());
        for picture in batch {
            match pictures::crop_of(&file.picture(picture)?, &picture.name, &preprocess) {
                Ok(crop) => crops.push((picture.id, crop)),
                Err(error) => progress.done(&format!("Left out: {error}")),
            }
        }
        project.restore_pixels(crops).await?;
        seen += batch.len();
        progress.show(&format!("Embedding: {seen} of {} pictures", pictures.len()));
    }
    Ok(())
}

/// Where the file of a picture is.
pub enum Source {
    /// In the project file that was opened.
    Kept(Listed),
    /// By itself.
    File { id: u32, group: Option<String>, path: PathBuf },
}

impl Source {
    /// The picture's number.
    pub fn id(&self) -> u32 {
        match self {
            Self::Kept(listed) => listed.id,
            Self::File { id, .. } => *id,
        }
    }
}

/// Writes a project with the files of its pictures, all of it or nothing: under another name first, for a disk may be full
/// and the file may be the one that is read.
pub fn write(
    path: &Path,
    project: &Project,
    about: About,
    backbone: Option<&BackboneMembers>,
    mut opened: Option<&mut Opened>,
    sources: &[Source],
) -> Result<()> {
    let part = path.with_added_extension("part");
    let written = File::create(&part).map_err(Into::into).and_then(|file| {
        let mut writer = ProjectFileWriter::new(BufWriter::new(file));
        for source in sources {
            match (source, opened.as_deref_mut()) {
                (Source::Kept(listed), Some(file)) => {
                    let (bytes, small) = (file.picture(listed)?, file.thumbnail(listed)?);
                    writer.put_picture(listed.id, &listed.name, listed.group.as_deref(), &bytes, small.as_deref())?;
                }
                (Source::File { id, group, path }, _) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let crop = project.dataset().sample(*id)?.crop.as_ref();
                    let small = crop.map(pictures::thumbnail).transpose()?;
                    writer.put_picture(*id, &name, group.as_deref(), &pictures::read(path)?, small.as_deref())?;
                }
                (Source::Kept(listed), None) => return Err(Error::ImageUnknown(listed.id).into()),
            }
        }
        backbone.map(|backbone| writer.put_backbone(backbone)).transpose()?;
        writer.finish(about, &project.write(false)?)?.flush()?;
        fs::rename(&part, path)?;
        anyhow::Ok(())
    });
    if written.is_err() {
        // It may not have come to be.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| path.display().to_string())
}
