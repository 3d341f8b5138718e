//! Identity by content: equal bytes have equal hashes, wherever and whenever they are met.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::fmt;

/// The first 128 bits of a SHA-256 (FIPS 180-4), written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(u128);

/// A [`ContentHash`] in the making, of parts of known length.
pub(crate) struct Hasher(Sha256);

/// The whole SHA-256 of some bytes, as 64 hexadecimal digits: what files are checked by that others write too.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ContentHash {
    /// Of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.bytes(bytes);
        hasher.end()
    }

    /// How many bytes it has.
    pub(crate) const BYTES: usize = 16;

    /// These, in little-endian order.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_le_bytes()
    }

    /// Of what [`ContentHash::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// Its lower half, a number as good as drawn by lot.
    pub(crate) fn low(self) -> u64 {
        self.0 as u64
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits { u128::from_str_radix(text, 16).ok().map(Self) } else { None }
    }
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn floats(&mut self, values: &[f32]) {
        // In pieces, so that no second copy of large weights is made.
        let mut piece = [0_u8; 4096];
        for values in values.chunks(piece.len() / 4) {
            for (place, value) in piece.chunks_exact_mut(4).zip(values) {
                place.copy_from_slice(&value.to_le_bytes());
            }
            self.0.update(&piece[..4 * values.len()]);
        }
    }

    pub(crate) fn hash(&mut self, hash: ContentHash) {
        self.0.update(hash.0.to_be_bytes());
    }

    pub(crate) fn end(self) -> ContentHash {
        let digest = self.0.finalize();
        ContentHash(digest.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a content hash is 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_start_of_a_sha_256() {
        // The digest of "abc" in FIPS 180-4's examples begins ba7816bf 8f01cfea 414140de 5dae2223.
        let hash = ContentHash::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223");
        let whole = sha256(b"abc");
        assert!(whole.len() == 64 && whole.starts_with(&hash.to_string()) && whole.ends_with("b410ff61f20015ad"));
        assert_eq!(ContentHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(serde_json::from_str::<ContentHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
        for bad in ["", "+a7816bf8f01cfea414140de5dae2223", "ba78", "zz7816bf8f01cfea414140de5dae2223"] {
            assert_eq!(ContentHash::parse(bad), None, "{bad}");
        }
        let mut floats = Hasher::new();
        let values: Vec<f32> = (0..3000).map(|i| i as f32).collect();
        floats.floats(&values);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(floats.end(), ContentHash::of(&bytes));
    }
}
