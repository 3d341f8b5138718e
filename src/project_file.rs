//! A project as one file, the same that the page saves and opens: a zip of
//!
//! - `manifest.json`: version, name, the list of pictures, and length and SHA-256 of every other member;
//! - `project.json` and `model.zip`: the project's written form ([`Written`]) without its pixels;
//! - `pictures/ID.EXTENSION`: the pictures as they came, and `thumbnails/ID`;
//! - `backbone/model.safetensors` and `backbone/config.json`: a backbone that is none of those that come with Headstart.
//!
//! `www/storage/project-file.ts` reads and writes the same form on the page.

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::identity;
use crate::project::Written;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Raised when an older reader would misread a newer file.
const VERSION: u32 = 1;

const MANIFEST: &str = "manifest.json";
const PROJECT: &str = "project.json";
const MODEL: &str = "model.zip";
const WEIGHTS: &str = "backbone/model.safetensors";
const CONFIG: &str = "backbone/config.json";

/// Bytes of the manifest, which is the one member whose length nothing else tells.
const LARGEST_MANIFEST: u64 = 32 << 20;

/// Bytes of any other member: more than the largest model that can be read.
const LARGEST_MEMBER: u64 = 512 << 20;

/// Letters of any text in the manifest.
const LONGEST_TEXT: usize = 1000;

/// What a file says of a project that is no part of the project itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What a person calls it.
    pub name: String,
    /// Whether its result is about other pictures than those that are there.
    pub stale: bool,
    /// The folder's name of its backbone, or what to call the one that lies beside.
    pub backbone: String,
}

/// A picture in a project file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its number in the project.
    pub id: u32,
    /// The name of the file that it came from.
    pub name: String,
    /// Its capture group.
    pub group: Option<String>,
    file: String,
    thumbnail: Option<String>,
}

impl Listed {
    fn texts(&self) -> impl Iterator<Item = &String> {
        let Self { name, group, file, thumbnail, .. } = self;
        [Some(name), Some(file), group.as_ref(), thumbnail.as_ref()].into_iter().flatten()
    }
}

/// A backbone's two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackboneMembers {
    /// The bytes of its `model.safetensors`.
    pub weights: Vec<u8>,
    /// The text of its `config.json`, where it has one.
    pub config: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    headstart_project_file: u32,
    name: String,
    stale: bool,
    backbone: String,
    pictures: Vec<Listed>,
    members: BTreeMap<String, Member>,
}

#[derive(Serialize, Deserialize)]
struct Member {
    bytes: u64,
    sha256: String,
}

/// A project file that is open to be read.
pub struct ProjectFile<R> {
    archive: Archive<R>,
    manifest: Manifest,
    about: About,
}

impl<R: Read + Seek> ProjectFile<R> {
    /// Opens a project file; of its members only the manifest is read.
    ///
    /// # Errors
    /// The `Zip…` and `ProjectFile…` errors.
    pub fn open(reader: R) -> Result<Self> {
        let mut archive = Archive::open(reader)?;
        let bytes = archive.read(MANIFEST, LARGEST_MANIFEST)?;
        let bytes = bytes.ok_or_else(|| Error::ProjectFileKind(format!("it has no {MANIFEST} in it")))?;
        let manifest = Manifest::read(&bytes)?;
        let Manifest { name, stale, backbone, .. } = &manifest;
        let about = About { name: name.clone(), stale: *stale, backbone: backbone.clone() };
        Ok(Self { archive, manifest, about })
    }

    /// What the file says of the project.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The pictures whose files are in it, in order.
    pub fn pictures(&self) -> &[Listed] {
        &self.manifest.pictures
    }

    /// The project's written form, without its pixels.
    ///
    /// # Errors
    /// See [`ProjectFile::picture`].
    pub fn written(&mut self) -> Result<Written> {
        let project = String::from_utf8(self.member(PROJECT)?);
        let project = project.map_err(|_| invalid(format!("its {PROJECT} is no text")))?;
        Ok(Written { project, model: self.member_if_there(MODEL)?, pictures: None })
    }

    /// The backbone's files, where they are in it.
    ///
    /// # Errors
    /// See [`ProjectFile::picture`].
    pub fn backbone(&mut self) -> Result<Option<BackboneMembers>> {
        let Some(weights) = self.member_if_there(WEIGHTS)? else { return Ok(None) };
        let config = self.member_if_there(CONFIG)?.map(String::from_utf8).transpose();
        let config = config.map_err(|_| invalid(format!("its {CONFIG} is no text")))?;
        Ok(Some(BackboneMembers { weights, config }))
    }

    /// A picture's file as it came.
    ///
    /// # Errors
    /// [`Error::ProjectFileMemberMissing`], [`Error::ProjectFileMemberChanged`], and the `Zip…` errors.
    pub fn picture(&mut self, listed: &Listed) -> Result<Vec<u8>> {
        self.member(&listed.file)
    }

    /// A picture's small version, where there is one.
    ///
    /// # Errors
    /// See [`ProjectFile::picture`].
    pub fn thumbnail(&mut self, listed: &Listed) -> Result<Option<Vec<u8>>> {
        listed.thumbnail.as_deref().map(|path| self.member(path)).transpose()
    }

    fn member_if_there(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        let expected = self.manifest.members.contains_key(path) || self.archive.has(path);
        expected.then(|| self.member(path)).transpose()
    }

    fn member(&mut self, path: &str) -> Result<Vec<u8>> {
        let missing = || Error::ProjectFileMemberMissing(path.into());
        let Member { bytes: length, sha256 } = self.manifest.members.get(path).ok_or_else(missing)?;
        let bytes = self.archive.read(path, LARGEST_MEMBER)?.ok_or_else(missing)?;
        if bytes.len() as u64 != *length || identity::sha256(&bytes) != *sha256 {
            return Err(Error::ProjectFileMemberChanged(path.into()));
        }
        Ok(bytes)
    }
}

impl Manifest {
    fn read(bytes: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| invalid(format!("its {MANIFEST}: {e}")))?;
        // Asked first: what else there is depends on it.
        match value.get("headstart_project_file") {
            Some(version) if *version == VERSION => {}
            Some(version) => return Err(Error::ProjectFileVersion(shortened(&version.to_string(), 20))),
            None => return Err(Error::ProjectFileKind(format!("its {MANIFEST} is another one's"))),
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| invalid(format!("its {MANIFEST}: {e}")))?;
        if let Some(text) = manifest.texts().find(|text| text.chars().count() > LONGEST_TEXT) {
            let letters = text.chars().count();
            return Err(invalid(format!("“{}” in its {MANIFEST} has {letters} letters", shortened(text, 20))));
        }
        let mut ids = BTreeSet::new();
        match manifest.pictures.iter().find(|picture| !ids.insert(picture.id)) {
            Some(twice) => Err(invalid(format!("the picture number {} is there twice", twice.id))),
            None => Ok(manifest),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let about = [&self.name, &self.backbone].into_iter();
        about.chain(self.pictures.iter().flat_map(Listed::texts)).chain(self.members.keys())
    }
}

/// A project file in the making.
pub struct ProjectFileWriter<W: Write + Seek> {
    zip: ZipWriter<W>,
    pictures: Vec<Listed>,
    members: BTreeMap<String, Member>,
}

impl<W: Write + Seek> ProjectFileWriter<W> {
    /// Begins with nothing in it.
    pub fn new(writer: W) -> Self {
        Self { zip: ZipWriter::new(writer), pictures: Vec::new(), members: BTreeMap::new() }
    }

    /// Puts a picture in as it came, and small where somebody has made that.
    ///
    /// # Errors
    /// [`Error::FileNotWritten`].
    pub fn put_picture(
        &mut self,
        id: u32,
        name: &str,
        group: Option<&str>,
        bytes: &[u8],
        thumbnail: Option<&[u8]>,
    ) -> Result<()> {
        let file = self.put(format!("pictures/{id}{}", extension(name)), bytes, false)?;
        let thumbnail = thumbnail.map(|small| self.put(format!("thumbnails/{id}"), small, false)).transpose()?;
        self.pictures.push(Listed { id, name: name.into(), group: group.map(Into::into), file, thumbnail });
        Ok(())
    }

    /// Puts a backbone in that whoever opens the file may not have.
    ///
    /// # Errors
    /// [`Error::FileNotWritten`].
    pub fn put_backbone(&mut self, backbone: &BackboneMembers) -> Result<()> {
        self.put(WEIGHTS.into(), &backbone.weights, false)?;
        if let Some(config) = &backbone.config {
            self.put(CONFIG.into(), config.as_bytes(), false)?;
        }
        Ok(())
    }

    /// Puts the project itself in, and ends the file.
    ///
    /// # Errors
    /// [`Error::FileNotWritten`].
    pub fn finish(mut self, about: About, written: &Written) -> Result<W> {
        self.put(PROJECT.into(), written.project.as_bytes(), true)?;
        if let Some(model) = &written.model {
            self.put(MODEL.into(), model, false)?;
        }
        let About { name, stale, backbone } = about;
        let (pictures, members) = (std::mem::take(&mut self.pictures), std::mem::take(&mut self.members));
        let manifest = Manifest { headstart_project_file: VERSION, name, stale, backbone, pictures, members };
        let manifest = serde_json::to_vec(&manifest).map_err(|e| Error::Internal(e.to_string()))?;
        self.put(MANIFEST.into(), &manifest, true)?;
        self.zip.finish().map_err(not_written)
    }

    /// Pictures and weights hardly compress.
    fn put(&mut self, path: String, bytes: &[u8], compress: bool) -> Result<String> {
        let method = if compress { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options = SimpleFileOptions::default().compression_method(method);
        self.zip.start_file(path.as_str(), options).map_err(not_written)?;
        self.zip.write_all(bytes).map_err(not_written)?;
        self.members.insert(path.clone(), Member { bytes: bytes.len() as u64, sha256: identity::sha256(bytes) });
        Ok(path)
    }
}

/// What other programs know a picture's file by.
fn extension(name: &str) -> String {
    let Some((_, ending)) = name.rsplit_once('.') else { return String::new() };
    let plain = (1..=5).contains(&ending.len()) && ending.bytes().all(|letter| letter.is_ascii_alphanumeric());
    if plain { format!(".{}", ending.to_ascii_lowercase()) } else { String::new() }
}

fn shortened(text: &str, letters: usize) -> String {
    let start: String = text.chars().take(letters).collect();
    if start.len() < text.len() { start + "…" } else { start }
}

fn invalid(reason: String) -> Error {
    Error::ProjectFileInvalid(reason)
}

fn not_written(error: impl ToString) -> Error {
    Error::FileNotWritten(error.to_string())
}
