//! BLAKE3 digests: the name of everything content-addressed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

/// A 256-bit [BLAKE3](https://github.com/BLAKE3-team/BLAKE3-specs) digest, written as 64 lowercase
/// hexadecimal digits; `b3sum` prints the same for the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the digest of `value`'s compact JSON, which is canonical when the value's maps are
    /// ordered (`BTreeMap`) and it holds no floats.
    ///
    /// # Panics
    /// When `value` cannot be JSON (a map whose keys are not strings): a mistake in the type.
    #[must_use]
    pub fn of_json<T: Serialize>(value: &T) -> Self {
        Self::of(&serde_json::to_vec(value).expect("canonical values serialize to JSON"))
    }

    /// Returns the first 12 hexadecimal digits, as people see it.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest computed piece by piece, for content that is streamed.
#[derive(Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Returns a hasher that has seen no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a hasher that has seen no bytes, of keyed digests where there is a key.
    #[must_use]
    pub fn with_key(key: Option<&DigestKey>) -> Self {
        key.map_or_else(Self::new, |key| Self(blake3::Hasher::new_keyed(&key.0)))
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes added so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// What the digest of a file depends on besides its content, where that holds secrets: without the
/// key nobody can try values against the digest. In JSON 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// Returns `bytes` as a key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the keyed digest of `content`.
    #[must_use]
    pub fn digest(&self, content: &[u8]) -> Digest {
        Digest(*blake3::keyed_hash(&self.0, content).as_bytes())
    }
}

impl Drop for DigestKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Serialize for DigestKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Digest(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DigestKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Ok(Digest(bytes)) = text.parse() else {
            return Err(serde::de::Error::custom("not a key of digests (64 hexadecimal digits)"));
        };
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// The text is not 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest (64 hexadecimal digits): {0:?}")]
pub struct InvalidDigest(String);

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lowercase = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match blake3::Hash::from_hex(text) {
            Ok(hash) if lowercase => Ok(Self(*hash.as_bytes())),
            _ => Err(InvalidDigest(text.to_owned())),
        }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_test_vector_for_no_input() {
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Digest::of(b"")));
    }

    #[test]
    fn streaming_gives_the_same_digest() {
        let mut hasher = Hasher::new();
        hasher.update(b"wind");
        hasher.update(b"lass");
        assert_eq!(hasher.finish(), Digest::of(b"windlass"));
    }

    #[test]
    fn a_keyed_digest_is_streamed_too_and_depends_on_the_key() {
        let key = DigestKey::from_bytes([7; 32]);
        let mut hasher = Hasher::with_key(Some(&key));
        hasher.update(b"windlass");
        assert_eq!(hasher.finish(), key.digest(b"windlass"));
        assert_ne!(key.digest(b"windlass"), Digest::of(b"windlass"));
        assert_ne!(key.digest(b"windlass"), DigestKey::from_bytes([8; 32]).digest(b"windlass"));
    }

    #[test]
    fn a_key_survives_json_and_says_nothing_in_errors() {
        let key = DigestKey::from_bytes([7; 32]);
        let json = serde_json::to_string(&key).expect("serializes");
        assert_eq!(serde_json::from_str::<DigestKey>(&json).expect("reads"), key);
        let error = serde_json::from_str::<DigestKey>("\"0707\"").expect_err("too short");
        assert!(!error.to_string().contains("0707"));
    }

    #[test]
    fn refuses_uppercase_and_other_lengths() {
        let upper = Digest::of(b"").to_string().to_uppercase();
        assert!(upper.parse::<Digest>().is_err());
        assert!("af13".parse::<Digest>().is_err());
    }
}
