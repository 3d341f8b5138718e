//! RGB bytes packed without loss, so that a session can hold more pictures: photographs take half as much, drawings a
//! tenth.
//!
//! Prediction from the neighbours as PNG does it, red and blue as differences from green as in lossless WebP, a plane for
//! each, and the compressor of a PNG library, which takes a fraction of a millisecond a picture.

use headstart_kernels::pixels::{from_prediction_errors, prediction_errors};
use std::sync::Arc;

/// Packs a square picture `[size, size, 3]`; none where that saves nothing.
pub fn pack(rgb: &[u8], size: usize) -> Option<Arc<[u8]>> {
    let packed = fdeflate::compress_to_vec(&prediction_errors(rgb, size));
    (packed.len() < rgb.len()).then(|| packed.into())
}

/// The bytes `[size, size, 3]` of what [`pack`] gave; black where it was anything else.
// Not within whoever asks for bytes, which are seldom packed: a browser compiles what is often called as a whole.
#[inline(never)]
pub fn unpack(packed: &[u8], size: usize) -> Vec<u8> {
    let length = size * size * 3;
    let planes = fdeflate::decompress_to_vec_bounded(packed, length).unwrap_or_default();
    from_prediction_errors(&planes, [size; 2]).unwrap_or_else(|| vec![0; length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A slope with a texture on it, about as smooth as photographs are.
    fn smooth(size: usize) -> Vec<u8> {
        let pixel = |i: usize| {
            let (x, y) = (i % size, i / size);
            let light = x + y + (x * y) % 5;
            [light, light + x % 3, light / 2].map(|value| value as u8)
        };
        (0..size * size).flat_map(pixel).collect()
    }

    #[test]
    fn what_is_smooth_takes_half_as_much() {
        let rgb = smooth(96);
        let packed = pack(&rgb, 96).unwrap();
        assert!(packed.len() * 2 < rgb.len(), "{} of {} bytes", packed.len(), rgb.len());
        assert_eq!(unpack(&packed, 96), rgb);
    }

    /// More than the decompressor gives at a time, in runs that go on over its border.
    #[test]
    fn what_is_flat_is_packed_too() {
        for size in [128, 130, 224] {
            let mut rgb = vec![7; size * size * 3];
            assert_eq!(unpack(&pack(&rgb, size).unwrap(), size), rgb, "size {size}");
            rgb[..size * size].copy_from_slice(&smooth(size)[..size * size]);
            assert_eq!(unpack(&pack(&rgb, size).unwrap(), size), rgb, "size {size}, half of it flat");
        }
    }

    #[test]
    fn what_is_damaged_is_black() {
        let packed = pack(&smooth(32), 32).unwrap();
        for cut in [0, 1, packed.len() / 2] {
            assert_eq!(unpack(&packed[..cut], 32), vec![0; 32 * 32 * 3], "{cut} bytes");
        }
        assert_eq!(unpack(&packed, 31), vec![0; 31 * 31 * 3], "of another size");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the bytes are: noise, or runs of few values that overflow every difference.
        #[test]
        fn nothing_is_lost(size in 1_usize..24, seed: u64, levels in 1_u64..256) {
            let mut state = seed | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                ((state >> 11) % levels * (255 / levels.max(1))) as u8
            };
            let rgb: Vec<u8> = (0..size * size * 3).map(|_| next()).collect();
            if let Some(packed) = pack(&rgb, size) {
                prop_assert!(packed.len() < rgb.len());
                prop_assert_eq!(unpack(&packed, size), rgb);
            }
        }
    }
}
