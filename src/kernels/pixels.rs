//! Loops over the bytes of pictures, `[height, width, channels]`.

/// Bytes of a pixel without alpha.
const RGB: usize = 3;

/// Appends a picture as planes `[3, height, width]` with each channel's bytes multiplied by the first number of its pair, and the
/// second added.
#[inline(never)]
pub fn normalise(rgb: &[u8], by: [[f32; 2]; RGB], planes: &mut Vec<f32>) {
    let (pixels, _) = rgb.as_chunks::<RGB>();
    planes.reserve(pixels.len() * RGB);
    for (channel, [scale, shift]) in by.into_iter().enumerate() {
        planes.extend(pixels.iter().map(|pixel| f32::from(pixel[channel]) * scale + shift));
    }
}

/// The same, with the channels of a pixel beside each other.
pub(crate) fn normalise_pixels(rgb: &[u8], by: [[f32; 2]; RGB], pixels: &mut [f32]) {
    // Four pixels have the same channels at the same places of three vectors.
    const FOUR: usize = 4 * RGB;
    let [scales, shifts]: [[f32; FOUR]; 2] = [0, 1].map(|which| std::array::from_fn(|at| by[at % RGB][which]));
    let ((fours, rest), (to, to_rest)) = (rgb.as_chunks::<FOUR>(), pixels.as_chunks_mut::<FOUR>());
    for (from, to) in fours.iter().zip(to) {
        *to = std::array::from_fn(|at| f32::from(from[at]) * scales[at] + shifts[at]);
    }
    for (at, (from, to)) in rest.iter().zip(to_rest).enumerate() {
        *to = f32::from(*from) * scales[at] + shifts[at];
    }
}

/// Pixels with their first and third channel exchanged, where they lie: of BGRA, RGBA.
#[inline(never)]
pub fn exchange_red_and_blue(pixels: &mut [[u8; 4]]) {
    for pixel in pixels {
        let [first, second, third, alpha] = *pixel;
        *pixel = [third, second, first, alpha];
    }
}

/// Red, green and blue of each pixel.
#[inline(never)]
pub fn without_alpha(rgba: &[[u8; 4]]) -> Vec<u8> {
    let mut rgb = vec![0; rgba.len() * RGB];
    for ([r, g, b, _], to) in rgba.iter().zip(rgb.as_chunks_mut().0) {
        *to = [*r, *g, *b];
    }
    rgb
}

/// Whether nothing of some pixels is transparent.
#[inline(never)]
pub fn are_opaque(rgba: &[[u8; 4]]) -> bool {
    // All of them, in vectors.
    rgba.iter().fold(255, |all, [.., alpha]| all & alpha) == 255
}

/// Pixels, not premultiplied, on white: c·a + 255·(1 − a), rounded to the nearest.
#[inline(never)]
pub fn on_white(rgba: &[[u8; 4]], rgb: &mut [u8]) {
    for (pixel, to) in rgba.iter().zip(rgb.as_chunks_mut::<RGB>().0) {
        let alpha = u32::from(pixel[3]);
        for (to, &c) in to.iter_mut().zip(pixel) {
            // Exact for a = 0.
            *to = ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
}

/// A picture of this width mirrored left to right.
#[inline(never)]
pub fn mirrored(rgb: &[u8], width: usize) -> Vec<u8> {
    let mut mirrored = vec![0; rgb.len()];
    let row = (width * RGB).max(1);
    for (from, to) in rgb.chunks_exact(row).zip(mirrored.chunks_exact_mut(row)) {
        let (from, to) = (from.as_chunks::<RGB>().0, to.as_chunks_mut::<RGB>().0);
        to.iter_mut().zip(from.iter().rev()).for_each(|(to, pixel)| *to = *pixel);
    }
    mirrored
}

/// What is left of a picture of this width where each byte is predicted from its neighbours, as planes `[3, height, width]`: green, and
/// red and blue as differences from that.
#[inline(never)]
pub fn prediction_errors(rgb: &[u8], width: usize) -> Vec<u8> {
    let row = (width * RGB).max(1);
    let (mut errors, nothing) = (vec![0; rgb.len()], vec![0; row]);
    let mut upper = nothing.as_slice();
    for (line, errors) in rgb.chunks_exact(row).zip(errors.chunks_exact_mut(row)) {
        let of = line.iter().zip(before(line).zip(upper.iter().zip(before(upper))));
        for ((byte, (left, (upper, corner))), error) in of.zip(errors) {
            *error = byte.wrapping_sub(paeth([left, *upper, corner]));
        }
        upper = line;
    }
    let mut planes = Vec::with_capacity(rgb.len());
    let (errors, _) = errors.as_chunks::<RGB>();
    planes.extend(errors.iter().map(|[red, green, _]| red.wrapping_sub(*green)));
    planes.extend(errors.iter().map(|[_, green, _]| *green));
    planes.extend(errors.iter().map(|[_, green, blue]| blue.wrapping_sub(*green)));
    planes
}

/// The picture that [`prediction_errors`] was given; none where these are not as many as a picture of this width and height has.
#[inline(never)]
pub fn from_prediction_errors(planes: &[u8], [width, height]: [usize; 2]) -> Option<Vec<u8>> {
    let (row, pixels) = (width * RGB, width * height);
    if planes.len() != pixels * RGB {
        return None;
    }
    let [red, green, blue] = [0, 1, 2].map(|channel| &planes[channel * pixels..][..pixels]);
    let mut rgb = vec![0; pixels * RGB];
    let nothing = vec![0; row];
    for y in 0..height {
        let (above, below) = rgb.split_at_mut(y * row);
        let upper = if y > 0 { &above[above.len() - row..] } else { &nothing };
        let (upper, _) = upper.as_chunks::<RGB>();
        let (mut left, mut corner) = ([0; RGB], [0; RGB]);
        for (x, (pixel, upper)) in below.as_chunks_mut::<RGB>().0.iter_mut().zip(upper).enumerate() {
            let at = y * width + x;
            let errors = [red[at].wrapping_add(green[at]), green[at], blue[at].wrapping_add(green[at])];
            for (channel, error) in errors.into_iter().enumerate() {
                pixel[channel] = error.wrapping_add(paeth([left[channel], upper[channel], corner[channel]]));
            }
            (left, corner) = (*pixel, *upper);
        }
    }
    Some(rgb)
}

/// The byte of the same channel one pixel before each; nothing before the first pixel.
fn before(line: &[u8]) -> impl Iterator<Item = u8> {
    [0; RGB].into_iter().chain(line.iter().copied())
}

/// The Paeth predictor (PNG, third edition, 9.4): whichever of left, upper and upper left is nearest to
/// left + upper − upper left.
#[inline(always)]
fn paeth([left, upper, corner]: [u8; 3]) -> u8 {
    let target = i16::from(left) + i16::from(upper) - i16::from(corner);
    let [to_left, to_upper, to_corner] = [left, upper, corner].map(|byte| target.abs_diff(i16::from(byte)));
    if to_left <= to_upper && to_left <= to_corner {
        left
    } else if to_upper <= to_corner {
        upper
    } else {
        corner
    }
}

/// 1 as a fixed-point number.
pub const ONE: i64 = 1 << 16;

/// Where the pixels of a changed picture come from, in fixed-point numbers.
///
/// With u and v twice the place of an output pixel's middle, seen from the middle of the picture (odd or even whole
/// numbers), the place in the input is (a·u + b·v) / 2 + c, counted in pixels from the middle of the first one.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// a, b and c of x.
    pub x: [i64; 3],
    /// a, b and c of y.
    pub y: [i64; 3],
}

impl Map {
    /// Bytes of the mapped square picture: bilinear, with what lies outside reflected at the edges.
    #[inline(never)]
    pub fn apply(&self, rgb: &[u8], side: usize) -> Vec<u8> {
        let size = side as i64;
        let row = side * RGB;
        let mut out = Vec::with_capacity(rgb.len());
        for down in 0..size {
            for right in 0..size {
                let (u, v) = (2 * right + 1 - size, 2 * down + 1 - size);
                let place = |[a, b, c]: [i64; 3]| ((a * u + b * v) >> 1) + c;
                let (x, y) = (place(self.x), place(self.y));
                // The shares of the right and the lower neighbour.
                let (to_right, to_lower) = (x & (ONE - 1), y & (ONE - 1));
                let [left, right] = [0, 1].map(|step| reflect((x >> 16) + step, size) * RGB);
                let [upper, lower] = [0, 1].map(|step| reflect((y >> 16) + step, size) * row);
                for channel in 0..RGB {
                    let byte = |at: usize| i64::from(rgb[at + channel]);
                    let across = |line| byte(line + left) * (ONE - to_right) + byte(line + right) * to_right;
                    let both = across(upper) * (ONE - to_lower) + across(lower) * to_lower;
                    // Both shares together have 32 bits; half of the last place rounds to the nearest.
                    out.push(((both + (1 << 31)) >> 32) as u8);
                }
            }
        }
        out
    }
}

/// The pixel that is seen at `index` when edges are mirrors: … 1 0 | 0 1 … n−1 | n−1 n−2 …
fn reflect(index: i64, size: i64) -> usize {
    let index = index.rem_euclid(2 * size);
    index.min(2 * size - 1 - index) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of this size with something different everywhere.
    fn picture([width, height]: [usize; 2]) -> Vec<u8> {
        (0..width * height * RGB).map(|i| (i * 89 % 251 + i / 7) as u8).collect()
    }

    #[test]
    fn planes_have_the_bytes_of_a_channel() {
        let mut planes = vec![9.0];
        normalise(&[1, 2, 3, 4, 5, 6], [[1.0, 0.5], [2.0, 0.0], [0.5, -1.0]], &mut planes);
        assert_eq!(planes, [9.0, 1.5, 4.5, 4.0, 10.0, 0.5, 2.0]);
    }

    #[test]
    fn alpha_goes_or_mixes_with_white() {
        let rgba = [[10, 20, 30, 255], [0, 100, 255, 0], [0, 100, 255, 51]];
        assert_eq!(without_alpha(&rgba), [10, 20, 30, 0, 100, 255, 0, 100, 255]);
        let mut rgb = vec![0; 9];
        on_white(&rgba, &mut rgb);
        assert_eq!(rgb, [10, 20, 30, 255, 255, 255, 204, 224, 255]);
        assert!(are_opaque(&rgba[..1]) && are_opaque(&[]) && !are_opaque(&rgba));
    }

    #[test]
    fn blue_first_becomes_red_first() {
        // More than a vector, and some.
        let mut pixels: Vec<[u8; 4]> = (0..21).map(|at| [at, 100 + at, 200 + at, 255 - at]).collect();
        exchange_red_and_blue(&mut pixels);
        assert!((0..21).zip(&pixels).all(|(at, pixel)| *pixel == [200 + at, 100 + at, at, 255 - at]));
    }

    #[test]
    fn mirroring_turns_every_row() {
        assert_eq!(mirrored(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2), [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
    }

    #[test]
    fn a_picture_comes_back_from_its_prediction_errors() {
        for [width, height] in [[1, 1], [1, 5], [4, 1], [7, 3], [16, 16]] {
            let rgb = picture([width, height]);
            let planes = prediction_errors(&rgb, width);
            assert_eq!(from_prediction_errors(&planes, [width, height]), Some(rgb));
            assert_eq!(from_prediction_errors(&planes[1..], [width, height]), None);
        }
        // What is flat is predicted to the byte but for its first pixel.
        let planes = prediction_errors(&[[200, 100, 50]; 12].concat(), 4);
        assert_eq!(planes.iter().filter(|error| **error != 0).count(), 3);
        assert_eq!([planes[0], planes[12], planes[24]], [100, 100, 206], "red and blue are differences");
    }

    #[test]
    fn edges_are_mirrors() {
        assert_eq!([-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map(|i| reflect(i, 3)), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert!([-5, 0, 1, 9].iter().all(|i| reflect(*i, 1) == 0));
        let rgb = picture([5, 5]);
        assert_eq!(Map { x: [ONE, 0, 2 * ONE], y: [0, ONE, 2 * ONE] }.apply(&rgb, 5), rgb, "nothing changes");
    }
}
