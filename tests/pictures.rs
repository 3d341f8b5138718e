//! Pictures on their way to the backbone: decoding, crop and resize against Pillow, features of real photographs.

mod common;
// The command line's own decoder, so that these are its files and not a copy of them.
#[allow(dead_code)]
#[path = "../src/bin/headstart/pictures.rs"]
mod decoder;
#[path = "../src/bin/headstart/jpeg.rs"]
mod jpeg;

use common::{backbone, bundled_backbone, golden, project, reference};
use headstart::backbone::{Backbone, Card};
use headstart::features::{Cut, Embedder};
use headstart::image::{Crop, Interpolation, Preprocess};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

fn preprocess(size: usize) -> Preprocess {
    Preprocess { size, mean: MEAN, std: STD, crop: 1.0, interpolation: Interpolation::Bilinear }
}

/// Opaque RGBA of a golden RGB picture.
fn opaque(rgb: &[f32]) -> Vec<u8> {
    rgb.chunks_exact(3).flat_map(|p| [p[0] as u8, p[1] as u8, p[2] as u8, 255]).collect()
}

/// Both compute in fixed point and round between the two passes: 1 of 255 is the most that they may differ by, to
/// either side alike.
#[test]
fn crop_and_resize_are_pillows() {
    let expected = golden(&project("tests/golden/image.safetensors"));
    let mut compared = 0;
    for (name, sizes) in [("small", &[32][..]), ("tall", &[32, 96]), ("square", &[32, 96])] {
        let input = &expected[&format!("{name}.input")];
        let (height, width) = (input.shape[0] as u32, input.shape[1] as u32);
        for size in sizes {
            let crop = preprocess(*size).crop(&opaque(&input.data), width, height).unwrap();
            let golden = &expected[&format!("{name}.{size}")].data;
            assert_eq!(crop.rgb().len(), golden.len(), "{name}.{size}");
            let differences: Vec<f32> = crop.rgb().iter().zip(golden).map(|(a, b)| f32::from(*a) - b).collect();
            let largest = differences.iter().fold(0.0_f32, |m, d| m.max(d.abs()));
            let count = differences.len() as f32;
            let share = differences.iter().filter(|d| **d != 0.0).count() as f32 / count;
            let mean = differences.iter().sum::<f32>() / count;
            println!("{name}.{size}: at most {largest} of 255, {:.1} % differ, {mean:+.4} on average", share * 100.0);
            assert!(largest <= 1.0, "{name}.{size} differs by {largest}");
            assert!(
                share < 0.1 && mean.abs() < 0.05,
                "{name}.{size}: {share} of the bytes differ, by {mean} on average"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 5);
}

#[test]
fn normalisation_is_numpys() {
    let expected = golden(&project("tests/golden/image.safetensors"));
    let rgb: Vec<u8> = expected["small.32"].data.iter().map(|byte| *byte as u8).collect();
    let found = preprocess(32).batch([&headstart::image::Crop::new(32, rgb).unwrap()]);
    let golden = &expected["small.32.normalised"].data;
    assert_eq!(found.len(), golden.len());
    let largest = found.iter().zip(golden).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(largest < 1e-6, "differs by {largest}");
}

/// An odd margin leaves its smaller half before the square, as Pillow's whole division does.
#[test]
fn an_odd_margin_is_cut_in_whole_pixels() {
    let rgba: Vec<u8> = (0..12).flat_map(|i| [i, i, i, 255]).collect();
    let reds = |width, height| -> Vec<u8> {
        preprocess(3).crop(&rgba, width, height).unwrap().rgb().iter().copied().step_by(3).collect()
    };
    assert_eq!(reds(4, 3), [0, 1, 2, 4, 5, 6, 8, 9, 10]);
    assert_eq!(reds(3, 4), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

/// One without transparent pixels in the middle is read where it lies, another is copied first.
#[test]
fn what_is_transparent_beside_the_middle_changes_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (width, height) in [(224, 224), (640, 480), (37, 91), (11, 13), (300, 64)] {
        let noise = |_| [rng.random(), rng.random(), rng.random(), 255];
        let mut rgba: Vec<u8> = (0..width * height).flat_map(noise).collect();
        let crops = |rgba: &[u8]| {
            [(96, Interpolation::Bilinear), (128, Interpolation::Bicubic), (9, Interpolation::Bilinear)].map(
                |(size, interpolation)| {
                    let preprocess = Preprocess { crop: 0.875, interpolation, ..preprocess(size) };
                    preprocess.crop(rgba, width, height).unwrap()
                },
            )
        };
        let opaque = crops(&rgba);
        rgba[3] = 0;
        assert!(crops(&rgba) == opaque, "{width} × {height}");
        let middle = ((height / 2 * width + width / 2) * 4 + 3) as usize;
        rgba[middle] = 0;
        assert!(crops(&rgba) != opaque, "{width} × {height}: it shows in the middle");
    }
}

/// crop_pct keeps the middle: of a picture whose outer quarter is black only the white inside is left.
#[test]
fn crop_pct_keeps_the_middle() {
    let inside = |at: u32| (16..48).contains(&at);
    let pixel = |i: u32| if inside(i % 64) && inside(i / 64) { [255; 4] } else { [0, 0, 0, 255] };
    let rgba: Vec<u8> = (0..64 * 64).flat_map(pixel).collect();
    let half = Preprocess { crop: 0.5, ..preprocess(32) };
    assert!(half.crop(&rgba, 64, 64).unwrap().rgb().iter().all(|byte| *byte == 255));
    assert!(preprocess(32).crop(&rgba, 64, 64).unwrap().rgb().contains(&0), "the whole of it has black in it");
}

/// What a picture is does not depend on what it is prepared for; another picture is another.
#[test]
fn a_picture_is_the_same_for_every_backbone() {
    let shaded = |brighter: u8| -> Vec<u8> {
        (0..300 * 200_u32).flat_map(|i| [(i % 251) as u8, (i / 300) as u8 + brighter, 90, 255]).collect()
    };
    let one = shaded(0);
    let known = preprocess(128).picture(&one, 300, 200).unwrap();
    assert_eq!(known.content, known.crop.hash(), "that of its whole centre square at 128 pixels, bilinear");
    for size in [32, 96, 128, 224] {
        for (share, interpolation) in
            [(1.0, Interpolation::Bilinear), (1.0, Interpolation::Bicubic), (0.875, Interpolation::Bilinear)]
        {
            let preprocess = Preprocess { crop: share, interpolation, ..preprocess(size) };
            let found = preprocess.picture(&one, 300, 200).unwrap();
            assert_eq!(found.content, known.content, "{size}, {share}, {interpolation:?}");
            assert_eq!(found.crop, preprocess.crop(&one, 300, 200).unwrap());
            assert_ne!(preprocess.picture(&shaded(1), 300, 200).unwrap().content, known.content);
        }
    }
    assert_eq!(preprocess(96).picture(&[], 0, 0).unwrap_err().code(), "picture_empty");
}

#[test]
fn pictures_without_pixels_are_refused() {
    for (bytes, width, height) in [(0, 0, 0), (0, 0, 5), (16, 2, 3), (16, 4, 0), (15, 2, 2), (4, u32::MAX, u32::MAX)] {
        let error = preprocess(32).crop(&vec![0; bytes], width, height).unwrap_err();
        assert_eq!(error.code(), "picture_empty", "{bytes} bytes for {width} × {height}");
    }
    assert!(
        preprocess(32).crop(&[9, 9, 9, 255], 1, 1).unwrap().rgb().iter().all(|byte| *byte == 9),
        "one pixel is enough"
    );
}

#[derive(Deserialize)]
struct Upright {
    width: u32,
    height: u32,
    quadrants: [[u8; 3]; 4],
    tolerance: u8,
}

/// Every drawn file (tests/golden/make_pictures.py) by the command line's decoder: formats, EXIF orientation, CMYK,
/// 16 bits, transparency on white, the first frame of an animation; and damaged files are refused by name.
#[test]
fn drawn_files_decode_upright() {
    let folder = project("tests/golden/pictures");
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Option<Upright>> = serde_json::from_str(&text).unwrap();
    assert!(expected.len() > 15, "there are files to read");
    for (name, upright) in expected {
        let found = decoder::crop(&folder.join(&name), &preprocess(32));
        let Some(upright) = upright else {
            let error = found.expect_err(&name);
            assert_eq!(error.code(), "picture_unreadable", "{name}");
            assert!(error.value().unwrap().ends_with(&name) && error.to_string().contains(&name), "{error}");
            continue;
        };
        let crop = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        // 48 × 32 is cropped to its middle 32 columns and not resized: a turned file would be cropped elsewhere.
        assert_eq!((upright.width, upright.height), (48, 32));
        for (index, expected) in upright.quadrants.iter().enumerate() {
            let (x, y) = (4 + index % 2 * 24, 8 + index / 2 * 16);
            let at = (y * 32 + x) * 3;
            for (found, expected) in crop.rgb()[at..at + 3].iter().zip(expected) {
                let difference = found.abs_diff(*expected);
                assert!(difference <= upright.tolerance, "{name}, quadrant {index}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn the_card_says_how_pictures_are_prepared() {
    let json = r#"{"architecture":"mobilenetv2_050","pretrained_cfg":{"input_size":[3,128,128],"mean":[0.5,0.4,0.3],
        "std":[0.2,0.3,0.4],"interpolation":"bicubic","crop_pct":0.875}}"#;
    let found = Card::parse(json).unwrap().preprocess();
    let interpolation = Interpolation::Bicubic;
    let expected = Preprocess { size: 128, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4], crop: 0.875, interpolation };
    assert_eq!(found, expected);
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Photographs through decoding, preparation and backbone, against Pillow and PyTorch.
fn photographs(name: &str, backbone: &Backbone) {
    let file = project(&format!("tests/golden/real_features_{name}.safetensors"));
    let bytes = fs::read(&file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let paths = &header.metadata().as_ref().expect("metadata")["paths"];
    let paths: Vec<String> = serde_json::from_str(paths).unwrap();
    let expected = &golden(&file)["features"];
    assert_eq!(expected.shape, [paths.len(), 1280]);
    let embedder = Embedder::new(backbone, Cut::features(backbone), &common::engine()).unwrap();
    let (mut worst, mut sum) = ((1.0, ""), 0.0);
    for (path, expected) in paths.iter().zip(expected.data.chunks_exact(1280)) {
        let crop = decoder::crop(&reference("tasks").join(path), embedder.preprocess()).unwrap();
        let found = block_on(embedder.embed(&[&crop])).unwrap();
        let similarity = cosine(&found[0], expected);
        sum += similarity;
        if similarity < worst.0 {
            worst = (similarity, path);
        }
    }
    println!(
        "{name}: {} photographs, cosine {:.6} on average, worst {:.6} ({})",
        paths.len(),
        sum / paths.len() as f64,
        worst.0,
        worst.1
    );
    assert!(worst.0 > 0.999, "{} has a cosine of {}", worst.1, worst.0);
}

#[test]
#[ignore = "needs the reference backbones and pictures"]
fn photographs_through_the_default_backbone() {
    photographs("default", &bundled_backbone());
}

#[test]
#[ignore = "needs the reference backbones and pictures"]
fn photographs_through_the_reference_backbone() {
    photographs("torchvision", &backbone(&reference("backbones/mobilenet-v2-1.0-torchvision")));
}

/// Bytes go to a GPU as they are, and become there what the CPU is given. A picture of this size ends in the middle of a word.
#[test]
fn pictures_are_normalised_the_same_wherever_that_is_done() {
    let backbone = common::sized_backbone(33);
    let embedder = Embedder::new(&backbone, Cut::map(1), &common::engine()).unwrap();
    let crop = |which: usize| {
        let bytes: Vec<u8> = (0..33 * 33 * 3).map(|at| ((at * 37 + at / 251 + which * 71) % 256) as u8).collect();
        Crop::new(33, bytes).unwrap()
    };
    let crops: Vec<Crop> = (0..3).map(crop).collect();
    let found = block_on(embedder.embed(&crops.iter().collect::<Vec<_>>())).unwrap();
    let expected = block_on(embedder.embed_values(&embedder.preprocess().batch(&crops))).unwrap();
    assert_eq!(found.len(), 3);
    for (found, expected) in found.iter().zip(&expected) {
        common::assert_close("features", found, expected, 1e-5);
    }
    assert_ne!(found[0], found[1]);
}
