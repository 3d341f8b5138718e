//! Trains on a folder that holds one folder of pictures a class, and says what it makes of another picture:
//!
//!     cargo run --release --no-default-features --example folder -- pictures/train photo.jpg

use headstart::backbone::Backbone;
use headstart::engine::EngineChoice;
use headstart::train::{EventKind, TrainConfig};
use headstart::{Error, Project};
use pollster::block_on;
use std::time::Instant;
use std::{env, fs, path::Path};

const CARD: &str = include_str!("../../www/public/backbones/mobilenet-v2-0.75-128/config.json");
const WEIGHTS: &[u8] = include_bytes!("../../www/public/backbones/mobilenet-v2-0.75-128/model.safetensors");

/// Seconds since the program began.
fn clock() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [folder, photo] = [1, 2].map(|at| env::args().nth(at).ok_or("usage: folder DIR PICTURE"));
    let mut project = block_on(Project::new(EngineChoice::Cpu, Backbone::parse(CARD, WEIGHTS)?, clock))?;
    for class in fs::read_dir(folder?)?.collect::<Result<Vec<_>, _>>()? {
        let id = project.dataset_mut().add_class(&class.file_name().to_string_lossy())?;
        for file in fs::read_dir(class.path())? {
            let picture = read(&file?.path())?;
            block_on(project.add_image(id, &picture, picture.dimensions(), None, None))?;
        }
    }
    project.start_training(&TrainConfig::default())?;
    while block_on(project.step())?.kind != EventKind::Done {}
    let report = project.report().ok_or(Error::NotTrained)?;
    println!("{:?} right of the pictures that were held out", report.validation_accuracy);
    let picture = read(Path::new(&photo?))?;
    for answer in block_on(project.predict(&picture, picture.width(), picture.height()))? {
        println!("{:5.1} % {}", 100.0 * answer.probability, answer.class_name);
    }
    Ok(())
}

/// A picture's RGBA8 pixels, upright as the file has them.
fn read(file: &Path) -> image::ImageResult<image::RgbaImage> {
    Ok(image::open(file)?.into_rgba8())
}
