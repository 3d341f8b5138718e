//! Golden pictures: five that are drawn here, with the probabilities that the model gives for them, so that whoever has an
//! export can see that it says the same there. They are none of the user's: a model may leave the room, pictures may not.

use super::File;
use crate::backbone::Arithmetic;
use crate::classifier::Model;
use crate::error::{Error, Result};
use crate::predictor::Predictor;
use serde_json::json;

/// Width and height of each, of which programs that resize in another way are sensitive to none but the last.
const SIZES: [[u32; 2]; 5] = [[320, 240], [200, 300], [97, 131], [640, 360], [224, 224]];

/// What golden pictures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    /// A program that prepares pictures as we do.
    Any,
    /// One that has a way of its own: all are of the size that it prepares nothing of.
    Square(u32),
}

/// `golden.json` and `golden/1.png` to `golden/5.png`. `bound` is how far a probability may be from what is written.
pub(super) fn files(model: Model<'_>, sizes: Sizes, bound: f64) -> Result<Vec<File>> {
    // Others compute in floats.
    let backbone = model.backbone.with_arithmetic(Arithmetic::Float)?;
    let predictor = Predictor::of(model.labels.to_vec(), model.head.clone(), &backbone)?;
    let mut files = Vec::with_capacity(SIZES.len() + 1);
    let mut pictures = Vec::with_capacity(SIZES.len());
    for (seed, size) in (1..).zip(SIZES) {
        let [width, height] = if let Sizes::Square(side) = sizes { [side; 2] } else { size };
        let rgb = drawn(width, height, seed);
        let rgba: Vec<u8> = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
        let name = format!("golden/{seed}.png");
        pictures.push(json!({ "file": name, "probabilities": predictor.probabilities(&rgba, width, height)? }));
        files.push(File::new(name, png(&rgb, width, height)?));
    }
    let golden = json!({ "classes": model.names(), "bound": bound, "pictures": pictures });
    files.insert(0, File::json("golden.json", &golden)?);
    Ok(files)
}

/// Discs and stripes on a slope of colour, RGB: whole numbers only, the same everywhere.
fn drawn(width: u32, height: u32, seed: u32) -> Vec<u8> {
    // Numerical Recipes' linear congruential generator; its high bits are good enough to draw with.
    let mut state = seed;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below.max(1)
    };
    let colours: Vec<[u32; 3]> = (0..8).map(|_| [next(256), next(256), next(256)]).collect();
    let discs: Vec<[u32; 3]> = (0..6).map(|_| [next(width), next(height), 8 + next(width.min(height) / 4)]).collect();
    let stripe = 5 + next(12);
    let pixel = |at: u32| {
        let (x, y) = (at % width, at / width);
        let inside = |disc: &[u32; 3]| x.abs_diff(disc[0]).pow(2) + y.abs_diff(disc[1]).pow(2) < disc[2].pow(2);
        let colour = match discs.iter().position(inside) {
            Some(disc) => colours[disc],
            None if (x + 2 * y) / stripe % 3 == 0 => colours[6],
            None => colours[7].map(|part| (part + 255 * x / width) / 2),
        };
        colour.map(|part| part as u8)
    };
    (0..width * height).flat_map(pixel).collect()
}

fn png(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let internal = |e: png::EncodingError| Error::Internal(e.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(internal)?;
    writer.write_image_data(rgb).map_err(internal)?;
    writer.finish().map_err(internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_pictures_differ_and_are_read_as_they_were_drawn() {
        let mut seen = Vec::new();
        for (seed, [width, height]) in (1..).zip(SIZES) {
            let rgb = drawn(width, height, seed);
            let file = png(&rgb, width, height).unwrap();
            let read = image::load_from_memory(&file).unwrap().into_rgb8();
            assert_eq!((read.width(), read.height()), (width, height));
            assert!(read.into_raw() == rgb);
            assert!(!seen.contains(&file));
            // Something is to be seen on it.
            let colours: std::collections::BTreeSet<&[u8]> = rgb.chunks_exact(3).collect();
            assert!(colours.len() > 8, "{}", colours.len());
            seen.push(file);
        }
    }
}
