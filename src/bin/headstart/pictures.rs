//! Files: folders of pictures, decoding, backbones.

use crate::jpeg;
use headstart::Error;
use headstart::backbone::{Backbone, Reference};
use headstart::image::{Crop, Picture, Preprocess};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, RgbaImage};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// Name of the backbone that comes with the program.
pub const DEFAULT_BACKBONE: &str = "mobilenet-v2-0.75-128";

const DEFAULT_CONFIG: &str = include_str!("../../../www/public/backbones/mobilenet-v2-0.75-128/config.json");
const DEFAULT_WEIGHTS: &[u8] = include_bytes!("../../../www/public/backbones/mobilenet-v2-0.75-128/model.safetensors");

/// Endings of files that are taken for pictures in a folder.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "gif", "webp", "bmp"];

/// The files of a backbone.
pub struct BackboneFiles {
    /// The text of its `config.json`; none of weights that came alone.
    pub config: Option<String>,
    /// The bytes of its `model.safetensors`.
    pub weights: Vec<u8>,
}

impl BackboneFiles {
    /// Reads the files of the bundled backbone, of a folder, or of a weights file with its card beside it or alone.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        if name == DEFAULT_BACKBONE {
            return Ok(Self { config: Some(DEFAULT_CONFIG.into()), weights: DEFAULT_WEIGHTS.into() });
        }
        let path = Path::new(name);
        let (config, weights) = if path.is_file() {
            let card = path.with_file_name("config.json");
            (card.is_file().then_some(card), path.to_path_buf())
        } else {
            (Some(path.join("config.json")), path.join("model.safetensors"))
        };
        let config = config.as_deref().map(read).transpose()?.map(String::from_utf8).transpose();
        let config = config.map_err(|e| Error::BackboneConfigInvalid(e.to_string()))?;
        Ok(Self { config, weights: read(&weights)? })
    }

    /// What they hold.
    pub fn backbone(&self) -> headstart::Result<Backbone> {
        match &self.config {
            Some(config) => Backbone::parse(config, &self.weights),
            None => Backbone::recognise(&self.weights),
        }
    }
}

/// Loads a backbone by name, from a folder or from a weights file; a folder's name is the backbone's.
pub fn backbone(name: &str) -> anyhow::Result<Backbone> {
    let (backbone, path) = (BackboneFiles::read(name)?.backbone()?, Path::new(name));
    let folder = path.file_name().filter(|_| name == DEFAULT_BACKBONE || path.is_dir());
    Ok(match folder.and_then(OsStr::to_str) {
        Some(folder) => backbone.named(folder),
        None => backbone,
    })
}

/// Finds the backbone that a saved model refers to.
pub fn served(model: &Path) -> impl Fn(&Reference) -> Option<Backbone> {
    |reference| served_beside(model, &reference.name)
}

/// Finds a backbone by the name of its folder: the bundled one, or a folder of that name beside the file that names it.
pub fn served_beside(file: &Path, name: &str) -> Option<Backbone> {
    if name == DEFAULT_BACKBONE {
        return backbone(name).ok();
    }
    // A name that leads elsewhere is none of a folder: files come from anywhere.
    let is_plain = Path::new(name).file_name() == Some(OsStr::new(name));
    is_plain.then(|| backbone(file.with_file_name(name).to_str()?).ok()).flatten()
}

/// Whether a path is a weights file, whatever it is called: safetensors begin with the length of a JSON object, then that.
pub fn is_weights(path: &Path) -> bool {
    let mut start = [0; 9];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start[8] == b'{'
}

/// Reads a file, naming it where that fails.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))
}

/// Classes with the files of their pictures.
pub type Folders = Vec<(String, Vec<PathBuf>)>;

/// The classes of a folder: each sub-folder's name with the pictures in it, both sorted.
pub fn folders(dir: &Path) -> anyhow::Result<Folders> {
    let mut classes = Vec::new();
    for path in sorted(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') {
            let pictures = sorted(&path)?.into_iter().filter(|file| is_picture(file)).collect();
            classes.push((name, pictures));
        }
    }
    Ok(classes)
}

fn sorted(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|e| anyhow::anyhow!("{}: {e}", dir.display()))?;
    let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    path.is_file() && ENDINGS.contains(&ending.as_str())
}

/// Decodes a picture, turns it upright and prepares it.
pub fn crop(path: &Path, preprocess: &Preprocess) -> headstart::Result<Crop> {
    let rgba = opened(path)?;
    preprocess.crop(&rgba, rgba.width(), rgba.height())
}

/// The same for a picture that is kept.
pub fn picture(path: &Path, preprocess: &Preprocess) -> headstart::Result<Picture> {
    let rgba = opened(path)?;
    preprocess.picture(&rgba, rgba.width(), rgba.height())
}

/// The same as [`crop`] of a file's bytes.
pub fn crop_of(bytes: &[u8], name: &str, preprocess: &Preprocess) -> headstart::Result<Crop> {
    let rgba = upright(Ok(bytes), name)?;
    preprocess.crop(&rgba, rgba.width(), rgba.height())
}

/// A picture small, to show in a list: a JPEG of its crop.
pub fn thumbnail(crop: &Crop) -> anyhow::Result<Vec<u8>> {
    let (side, mut bytes) = (crop.size() as u32, Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 85).encode(&crop.rgb(), side, side, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn opened(path: &Path) -> headstart::Result<RgbaImage> {
    upright(fs::read(path), &path.display().to_string())
}

fn upright(bytes: io::Result<impl AsRef<[u8]>>, name: &str) -> headstart::Result<RgbaImage> {
    let picture = bytes.map_err(Into::into).and_then(|bytes| decode(bytes.as_ref())).map_err(|e| {
        // Decoders explain themselves over several lines; an error of ours is one.
        let reason = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = reason.trim_end_matches('.').to_string();
        Error::PictureUnreadable { name: name.into(), reason }
    })?;
    Ok(picture.into_rgba8())
}

/// The content decides the format, not the file's name. Orientation is as EXIF has it.
fn decode(bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    if is_jpeg && jpeg::is_cut_off(bytes) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its end is missing").into());
    }
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = match is_jpeg.then(|| jpeg::decode(bytes)).flatten() {
        Some(picture) => picture.into(),
        None => DynamicImage::from_decoder(decoder)?,
    };
    picture.apply_orientation(orientation);
    Ok(picture)
}
