//! Zips from elsewhere, read so that none of them can do harm: nothing is believed that they say of themselves.
//!
//! A file is unpacked when it is asked for and no further than it may be long, so a zip that would fill a disk costs no
//! more than its directory.

use crate::error::{Error, Result};
use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use zip::read::{ArchiveOffset, Config, ZipArchiveMetadata, ZipReadOptions};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError};

/// Files in one zip.
const MOST_FILES: usize = 100_000;

/// Bytes of a zip's directory, the one thing that is held whole: what that many files need with long names.
const LARGEST_DIRECTORY: u64 = 32 << 20;

/// Bytes of all files of a zip, unpacked.
const LARGEST_WHOLE: u64 = 20_000_000_000;

/// Letters of a file's name with its folders.
const LONGEST_NAME: usize = 1000;

/// How a file lies in a zip of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// As it is: what hardly shrinks, or is to be read in place.
    Stored,
    /// Compressed.
    Deflated,
}

/// A zip of these files, in this order.
///
/// # Errors
/// [`Error::Internal`] where packing fails.
pub(crate) fn pack<'a>(files: impl IntoIterator<Item = (&'a str, Packed, &'a [u8])>) -> Result<Vec<u8>> {
    let internal = |e: ZipError| Error::Internal(e.to_string());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, packed, bytes) in files {
        let method = if packed == Packed::Stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(name, SimpleFileOptions::default().compression_method(method)).map_err(internal)?;
        zip.write_all(bytes).map_err(|e| internal(e.into()))?;
    }
    Ok(zip.finish().map_err(internal)?.into_inner())
}

/// A zip whose names are safe and whose sizes, as far as it tells them, are bearable.
pub(crate) struct Archive<R> {
    reader: R,
    directory: Arc<ZipArchiveMetadata>,
    /// Where in the directory each file stands.
    places: HashMap<String, usize>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads a zip's directory; nothing is unpacked yet.
    ///
    /// # Errors
    /// The `Zip…` errors.
    pub(crate) fn open(mut reader: R) -> Result<Self> {
        let bounded = Bounded { reader: &mut reader, left: LARGEST_DIRECTORY };
        // Nothing may stand in front: of a zip that was cut off, one that is stored in it would be taken for the whole.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, bounded).map_err(|e| damaged("its directory", &e))?;
        let directory = zip.metadata();
        if directory.len() > MOST_FILES {
            return Err(Error::ZipTooManyFiles(directory.len()));
        }
        if directory.has_duplicate_names() {
            return Err(Error::ZipInvalid("two of its files have the same name".into()));
        }
        let mut places = HashMap::with_capacity(directory.len());
        let mut whole: u128 = 0;
        for place in 0..directory.len() {
            let entry = directory.entry(place).map_err(|e| damaged("its directory", &e))?;
            let name = entry.name().map_err(|e| damaged("a name", &e))?.into_owned();
            check_name(&name)?;
            whole += u128::from(entry.size());
            places.insert(name, place);
        }
        if whole > u128::from(LARGEST_WHOLE) {
            return Err(Error::ZipTooLarge(whole));
        }
        Ok(Self { reader, directory, places })
    }

    /// Whether there is a file of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Unpacks a file, none where there is none of this name. It may be so many bytes long.
    ///
    /// # Errors
    /// [`Error::ZipFileTooLarge`], [`Error::ZipInvalid`].
    pub(crate) fn read(&mut self, name: &str, largest: u64) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.places.get(name) else { return Ok(None) };
        let entry = self.directory.entry(*place).map_err(|e| damaged(name, &e))?;
        let told = entry.size();
        if told > largest {
            return Err(Error::ZipFileTooLarge { name: name.into(), bytes: told, largest });
        }
        let unpacked = entry.with_reader(&mut self.reader, ZipReadOptions::new()).map_err(|e| damaged(name, &e))?;
        let mut bytes = Vec::new();
        // What it says of its length may be a lie: what comes out is what is counted.
        unpacked.take(told + 1).read_to_end(&mut bytes).map_err(|e| damaged(name, &ZipError::Io(e)))?;
        if bytes.len() as u64 != told {
            return Err(Error::ZipInvalid(format!("“{name}” is not as long as it says")));
        }
        Ok(Some(bytes))
    }
}

/// Names are for looking up, and nothing is ever written under them. One that leads out of its folder was made to do harm
/// elsewhere, so nothing in such a file deserves trust.
fn check_name(name: &str) -> Result<()> {
    let letters = name.chars().count();
    if letters > LONGEST_NAME {
        return Err(Error::ZipNameTooLong(letters));
    }
    // Old tools for Windows separate folders the other way.
    let leads_out = |part: &str| part == "..";
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    if name.is_empty()
        || is_drive
        || name.starts_with(['/', '\\'])
        || name.split(['/', '\\']).any(leads_out)
        || name.contains(char::is_control)
    {
        return Err(Error::ZipUnsafeName(name.escape_debug().to_string()));
    }
    Ok(())
}

fn damaged(what: &str, error: &ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
            Error::ZipInvalid(format!("its directory is longer than {} MB", LARGEST_DIRECTORY >> 20))
        }
        _ => Error::ZipInvalid(format!("{what} cannot be read ({error})")),
    }
}

/// A reader that gives only so much.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.reader.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}
