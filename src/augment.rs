//! Random changes of pictures, so that training sees more of them than there are.
//!
//! A crop is changed by its bytes: one affine map (a smaller square, turned, perhaps mirrored) and then brightness and
//! contrast. A native build and a browser make the same bytes of the same seed: places are fixed-point numbers, and
//! floating point is only added, multiplied, divided, rounded and rooted, all of which IEEE 754 prescribes to the bit
//! (sines and cosines are not; see `sin_cos`).

use crate::image::Crop;
use headstart_kernels::pixels::{Map, ONE};
use rand::{Rng, RngExt};

/// How much pictures are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment {
    /// Whether half of the pictures are mirrored left to right.
    pub flip: bool,
    /// Smallest share of the area that a random square out of the picture keeps, above 0 and at most 1; 1 keeps all.
    pub zoom: f64,
    /// Largest angle by which a picture is turned either way, in degrees, 0 to 180.
    pub rotation: f64,
    /// Largest relative change of the brightness, from 0: the factor lies in [max(0, 1 − b), 1 + b].
    pub brightness: f64,
    /// Largest relative change of the contrast, likewise.
    pub contrast: f64,
}

/// One change out of those that an [`Augment`] allows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Change {
    /// Mirrored left to right, after all else.
    flip: bool,
    /// Side of the square that is kept, as a share of the picture's.
    side: f64,
    /// Middle of that square, x and y as shares of the picture's side.
    centre: [f64; 2],
    /// Degrees clockwise by which the square is turned about its middle.
    angle: f64,
    brightness: f64,
    contrast: f64,
}

impl Augment {
    /// Whether pictures stay as they are.
    pub fn is_off(&self) -> bool {
        !self.flip && self.zoom >= 1.0 && self.rotation == 0.0 && self.brightness == 0.0 && self.contrast == 0.0
    }

    /// Whether anything but mirroring happens to pictures.
    pub fn changes_pixels(&self) -> bool {
        !Self { flip: false, ..*self }.is_off()
    }

    /// A randomly changed copy of a crop, of the same size.
    ///
    /// It draws as often from `rng` whatever is on, so that with one seed a setting changes only what it is about.
    pub fn apply(&self, crop: &Crop, rng: &mut impl Rng) -> Crop {
        self.draw(rng).apply(crop)
    }

    fn draw(&self, rng: &mut impl Rng) -> Change {
        let mut unit = || rng.random::<f64>();
        let flip = unit() < 0.5 && self.flip;
        let side = (self.zoom + (1.0 - self.zoom) * unit()).sqrt();
        let centre = [unit(), unit()].map(|at| side / 2.0 + at * (1.0 - side));
        let angle = self.rotation * (2.0 * unit() - 1.0);
        let factor = |change: f64, at: f64| {
            let low = (1.0 - change).max(0.0);
            low + (1.0 + change - low) * at
        };
        let brightness = factor(self.brightness, unit());
        let contrast = factor(self.contrast, unit());
        Change { flip, side, centre, angle, brightness, contrast }
    }
}

impl Change {
    fn apply(&self, crop: &Crop) -> Crop {
        crop.map(|rgb| {
            let mut rgb = self.map(crop.size()).apply(rgb, crop.size());
            if self.brightness != 1.0 {
                brighten(&mut rgb, self.brightness);
            }
            if self.contrast != 1.0 {
                contrast(&mut rgb, self.contrast);
            }
            rgb
        })
    }

    /// Where the pixels of a picture of this side come from.
    fn map(&self, size: usize) -> Map {
        let fixed = |value: f64| (value * ONE as f64).round() as i64;
        let (sin, cos) = sin_cos(self.angle);
        let (sin, cos) = (sin * self.side, cos * self.side);
        let mirror = if self.flip { -1.0 } else { 1.0 };
        // From the output back to the input: mirrored, turned the other way, shrunk and moved. y points down, so
        // that a positive angle is clockwise.
        let [x, y] = self.centre.map(|at| fixed(at * size as f64 - 0.5));
        Map { x: [fixed(mirror * cos), fixed(sin), x], y: [fixed(-mirror * sin), fixed(cos), y] }
    }
}

/// Sine and cosine of an angle of up to 180 degrees, by their Taylor series: those of the standard library differ in
/// the last bit between a native build and a browser.
fn sin_cos(degrees: f64) -> (f64, f64) {
    let angle = degrees.clamp(-180.0, 180.0) * (std::f64::consts::PI / 180.0);
    let (mut sin, mut cos, mut term) = (0.0, 1.0, 1.0);
    // π³⁰ / 30! is below 1e-17.
    for n in 1..=30 {
        term *= angle / f64::from(n);
        let signed = if n & 2 == 0 { term } else { -term };
        if n & 1 == 1 { sin += signed } else { cos += signed }
    }
    (sin, cos)
}

/// Multiplies every value (torchvision's `adjust_brightness`), rounded to the nearest.
fn brighten(rgb: &mut [u8], factor: f64) {
    through(rgb, |value| value * factor);
}

/// Moves every value away from the mean grey m of the picture, or towards it: f·x + (1 − f)·m (torchvision's
/// `adjust_contrast`), rounded to the nearest.
fn contrast(rgb: &mut [u8], factor: f64) {
    // torchvision's weights of the channels, as whole numbers so that no sum depends on its order.
    let grey = |pixel: &[u8]| 2989 * u64::from(pixel[0]) + 5870 * u64::from(pixel[1]) + 1140 * u64::from(pixel[2]);
    let sum: u64 = rgb.chunks_exact(3).map(grey).sum();
    let mean = sum as f64 / (10_000.0 * (rgb.len() / 3).max(1) as f64);
    through(rgb, |value| value * factor + mean * (1.0 - factor));
}

/// Puts every byte through a function of it.
fn through(rgb: &mut [u8], function: impl Fn(f64) -> f64) {
    // The cast clamps to 0 and 255.
    let table: [u8; 256] = std::array::from_fn(|value| function(value as f64).round() as u8);
    for byte in rgb {
        *byte = table[usize::from(*byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use safetensors::SafeTensors;

    const OFF: Augment = Augment { flip: false, zoom: 1.0, rotation: 0.0, brightness: 0.0, contrast: 0.0 };
    const ALL: Augment = Augment { flip: true, zoom: 0.5, rotation: 20.0, brightness: 0.3, contrast: 0.4 };
    const STILL: Change =
        Change { flip: false, side: 1.0, centre: [0.5; 2], angle: 0.0, brightness: 1.0, contrast: 1.0 };

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn noise(size: usize) -> Crop {
        let mut rng = rng(size as u64);
        let rgb: Vec<u8> = (0..size * size * 3).map(|_| rng.random::<u8>()).collect();
        Crop::new(size, rgb).unwrap()
    }

    fn mirrored(crop: &Crop) -> Crop {
        let rgb = crop.rgb();
        let rows = rgb.chunks_exact(crop.size() * 3);
        let rgb: Vec<u8> =
            rows.flat_map(|row| row.chunks_exact(3).rev().flatten().copied().collect::<Vec<_>>()).collect();
        Crop::new(crop.size(), rgb).unwrap()
    }

    /// Black with one white pixel.
    fn dot(size: usize, x: usize, y: usize) -> Crop {
        let mut rgb = vec![0; size * size * 3];
        rgb[(y * size + x) * 3..][..3].fill(255);
        Crop::new(size, rgb).unwrap()
    }

    /// Mean place of the light.
    fn light(crop: &Crop) -> (f64, f64) {
        let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
        for (index, pixel) in crop.rgb().chunks_exact(3).enumerate() {
            let value = f64::from(pixel[0]);
            x += value * (index % crop.size()) as f64;
            y += value * (index / crop.size()) as f64;
            sum += value;
        }
        (x / sum, y / sum)
    }

    #[test]
    fn off_changes_nothing() {
        assert!(OFF.is_off());
        for size in [1, 2, 7, 96] {
            let crop = noise(size);
            assert_eq!(OFF.apply(&crop, &mut rng(1)), crop, "size {size}");
        }
        let on = [
            Augment { flip: true, ..OFF },
            Augment { zoom: 0.9, ..OFF },
            Augment { rotation: 1.0, ..OFF },
            Augment { brightness: 0.1, ..OFF },
            Augment { contrast: 0.1, ..OFF },
        ];
        assert!(on.iter().all(|augment| !augment.is_off()));
    }

    #[test]
    fn a_flip_is_the_exact_mirror_of_half_of_the_pictures() {
        let augment = Augment { flip: true, ..OFF };
        for size in [1, 2, 7, 96] {
            let crop = noise(size);
            assert_eq!(Change { flip: true, ..STILL }.apply(&crop), mirrored(&crop), "size {size}");
        }
        let crop = noise(5);
        let mut rng = rng(3);
        let changed = (0..1000).filter(|_| {
            let found = augment.apply(&crop, &mut rng);
            assert!(found == crop || found == mirrored(&crop));
            found != crop
        });
        let changed = changed.count();
        assert!((430..570).contains(&changed), "{changed} of 1000 are mirrored");
    }

    #[test]
    fn quarter_turns_are_exact() {
        for size in [1, 2, 7, 32] {
            let crop = noise(size);
            let rgb = crop.rgb();
            let pixel = |x: usize, y: usize| &rgb[(y * size + x) * 3..][..3];
            let clockwise = Change { angle: 90.0, ..STILL }.apply(&crop);
            let expected = (0..size * size).flat_map(|at| pixel(at / size, size - 1 - at % size)).copied();
            assert_eq!(clockwise.rgb(), expected.collect(), "size {size}");
            let half = Change { angle: 180.0, ..STILL }.apply(&crop);
            let expected = rgb.chunks_exact(3).rev().flatten().copied();
            assert_eq!(half.rgb(), expected.collect(), "size {size}");
        }
    }

    #[test]
    fn a_turned_picture_lands_where_it_should() {
        // 12 pixels to the right of the middle of 65, too near for its mirror images to come in: clockwise it goes down.
        for angle in [-150.0, -30.0, 10.0, 45.0, 120.0_f64] {
            let (x, y) = light(&Change { angle, ..STILL }.apply(&dot(65, 44, 32)));
            let (sin, cos) = angle.to_radians().sin_cos();
            let expected = (32.0 + 12.0 * cos, 32.0 + 12.0 * sin);
            let far = (x - expected.0).hypot(y - expected.1);
            assert!(far < 0.1, "{angle}°: ({x}, {y}), not {expected:?}");
        }
    }

    #[test]
    fn a_smaller_square_is_blown_up() {
        // The upper left quarter of the picture: its middle goes to the middle of the result.
        let change = Change { side: 0.5, centre: [0.25; 2], ..STILL };
        let (x, y) = light(&change.apply(&dot(64, 10, 20)));
        assert!((x - 20.5).abs() < 0.05 && (y - 40.5).abs() < 0.05, "({x}, {y})");
        let plain = Crop::new(8, [77; 192]).unwrap();
        assert_eq!(Change { side: 0.3, angle: 33.0, ..STILL }.apply(&plain), plain, "one colour stays one colour");
    }

    #[test]
    fn draws_stay_in_their_ranges_and_reach_their_ends() {
        let mut rng = rng(8);
        let changes: Vec<Change> = (0..2000).map(|_| ALL.draw(&mut rng)).collect();
        let check = |what: &str, value: &dyn Fn(&Change) -> f64, low: f64, high: f64| {
            let values: Vec<f64> = changes.iter().map(value).collect();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(least >= low && most <= high, "{what}: {least} to {most}");
            let slack = 0.01 * (high - low);
            assert!(least < low + slack && most > high - slack, "{what}: only {least} to {most}");
        };
        check("area", &|c| c.side * c.side, 0.5, 1.0);
        check("angle", &|c| c.angle, -20.0, 20.0);
        check("brightness", &|c| c.brightness, 0.7, 1.3);
        check("contrast", &|c| c.contrast, 0.6, 1.4);
        for change in &changes {
            let inside =
                change.centre.iter().all(|at| *at >= change.side / 2.0 && at + change.side / 2.0 < 1.0 + 1e-12);
            assert!(inside, "{change:?} lies in the picture");
        }
        let dark = Augment { brightness: 2.0, ..OFF };
        assert!((0..100).all(|_| dark.draw(&mut rng).brightness >= 0.0), "no negative light");
    }

    #[test]
    fn one_seed_gives_one_picture() {
        let crop = noise(32);
        let series = |seed| {
            let mut rng = rng(seed);
            (0..4).map(|_| ALL.apply(&crop, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(series(1), series(1));
        assert_ne!(series(1), series(2));
        assert_ne!(series(1)[0], series(1)[1]);
        // Written down, so that other bytes would be noticed; the same code compiled to wasm32 gives the same sum.
        let sum = series(1)
            .iter()
            .flat_map(|crop| crop.rgb().to_vec())
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        assert_eq!(sum, 3_866_114_262, "the bytes of seed 1");
    }

    #[test]
    fn a_setting_changes_only_what_it_is_about() {
        let still = OFF.draw(&mut rng(4));
        let change = Augment { contrast: 0.4, ..ALL }.draw(&mut rng(4));
        let other = Augment { contrast: 0.0, ..ALL }.draw(&mut rng(4));
        assert_eq!(still, STILL);
        assert_eq!(Change { contrast: 1.0, ..change }, other);
    }

    #[test]
    fn sines_are_those_of_the_standard_library() {
        for degrees in -180..=180 {
            let (sin, cos) = sin_cos(f64::from(degrees));
            let expected = f64::from(degrees).to_radians().sin_cos();
            assert!((sin - expected.0).abs() < 1e-14 && (cos - expected.1).abs() < 1e-14, "{degrees}°");
        }
    }

    /// Golden pictures of 24 × 24 by torchvision (tests/golden/make_augment_golden.py).
    fn golden(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/augment.safetensors");
        let bytes = std::fs::read(path).unwrap();
        SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().data().to_vec()
    }

    fn difference(found: &Crop, expected: &[u8]) -> u8 {
        assert_eq!(found.rgb().len(), expected.len());
        found.rgb().iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    /// torchvision cuts fractions off where this rounds: a level.
    #[test]
    fn brightness_and_contrast_are_torchvisions() {
        let picture = Crop::new(24, golden("picture")).unwrap();
        for factor in [0.0, 0.6, 1.4] {
            let found = Change { brightness: factor, ..STILL }.apply(&picture);
            assert!(difference(&found, &golden(&format!("brightness_{factor:.1}"))) <= 1, "brightness {factor}");
            let found = Change { contrast: factor, ..STILL }.apply(&picture);
            assert!(difference(&found, &golden(&format!("contrast_{factor:.1}"))) <= 1, "contrast {factor}");
        }
        let found = Change { brightness: 1.3, contrast: 0.7, ..STILL }.apply(&picture);
        assert!(difference(&found, &golden("brightness_1.3_contrast_0.7")) <= 2, "brightness, then contrast");
    }

    /// Away from the edges, which torchvision fills with black.
    #[test]
    fn the_map_is_torchvisions() {
        let picture = Crop::new(24, golden("picture")).unwrap();
        let inside = golden("affine_inside");
        let share = inside.iter().filter(|inside| **inside == 1).count() as f64 / inside.len() as f64;
        assert!(share > 0.5, "{share} of the picture is compared");
        // Turned by 25 degrees and enlarged 1.25 times about the middle, then moved by (2, −1).
        let (angle, side) = (25.0_f64, 0.8);
        let (sin, cos) = angle.to_radians().sin_cos();
        let centre = [-2.0 * cos + sin, 2.0 * sin + cos].map(|offset| 0.5 + offset * side / 24.0);
        for (flip, name) in [(false, "affine"), (true, "affine_flipped")] {
            let found = Change { flip, side, centre, angle, ..STILL }.apply(&picture);
            // The mask is of the picture before it is mirrored.
            let found = if flip { mirrored(&found) } else { found };
            let expected = Crop::new(24, golden(name)).unwrap();
            let expected = if flip { mirrored(&expected) } else { expected };
            let (found, expected) = (found.rgb(), expected.rgb());
            let pairs = found.iter().zip(expected.iter()).zip(&inside);
            let worst = pairs.filter(|(_, inside)| **inside == 1).map(|((a, b), _)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 1, "{name}: {worst} levels");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Bilinear interpolation and reflection invent nothing: every value lies between the least and the largest.
        #[test]
        fn geometry_keeps_to_the_range(size in 1_usize..20, seed: u64, zoom in 0.05_f64..1.0, rotation in 0.0_f64..180.0) {
            let rgb: Vec<u8> = noise(size).rgb().iter().map(|byte| 60 + *byte / 2).collect();
            let (least, most) = (*rgb.iter().min().unwrap(), *rgb.iter().max().unwrap());
            let crop = Crop::new(size, rgb).unwrap();
            let augment = Augment { flip: true, zoom, rotation, ..OFF };
            let found = augment.apply(&crop, &mut rng(seed));
            prop_assert_eq!(found.rgb().len(), crop.rgb().len());
            prop_assert!(found.rgb().iter().all(|byte| (least..=most).contains(byte)));
        }
    }
}
