//! Files: folders of pictures, decoding, backbones.

use headstart::backbone::Backbone;
use headstart::image::{Crop, Preprocess};
use headstart::{Error, Result};
use image::{DynamicImage, ImageDecoder, ImageReader};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the backbone that comes with the program.
pub const DEFAULT_BACKBONE: &str = "mobilenet-v2-0.5-96";

const DEFAULT_CONFIG: &str = include_str!("../../../www/public/backbones/mobilenet-v2-0.5-96/config.json");
const DEFAULT_WEIGHTS: &[u8] = include_bytes!("../../../www/public/backbones/mobilenet-v2-0.5-96/model.safetensors");

/// Endings of files that are taken for pictures in a folder.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "gif", "webp", "bmp"];

/// Loads a backbone by name or from a folder.
pub fn backbone(name: &str) -> anyhow::Result<Backbone> {
    if name == DEFAULT_BACKBONE {
        return Ok(Backbone::parse(DEFAULT_CONFIG, DEFAULT_WEIGHTS)?);
    }
    let folder = Path::new(name);
    let config = read(&folder.join("config.json"))?;
    let config = String::from_utf8(config).map_err(|e| Error::BackboneConfigInvalid(e.to_string()))?;
    let weights = read(&folder.join("model.safetensors"))?;
    Ok(Backbone::parse(&config, &weights)?)
}

/// Reads a file, naming it where that fails.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))
}

/// The classes of a folder: each sub-folder's name with the pictures in it, both sorted.
pub fn folders(dir: &Path) -> anyhow::Result<Vec<(String, Vec<PathBuf>)>> {
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
pub fn crop(path: &Path, preprocess: &Preprocess) -> Result<Crop> {
    let picture = decode(path).map_err(|e| {
        // Decoders explain themselves over several lines; an error of ours is one.
        let reason = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = reason.trim_end_matches('.').to_string();
        Error::PictureUnreadable { name: path.display().to_string(), reason }
    })?;
    let rgba = picture.into_rgba8();
    preprocess.crop(&rgba, rgba.width(), rgba.height())
}

/// The content decides the format, not the file's name. Orientation is as EXIF has it.
fn decode(path: &Path) -> image::ImageResult<DynamicImage> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
