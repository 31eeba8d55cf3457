//! Fingerprints of secrets: two people with the key can agree that a value is the same, and nobody
//! else can try values against them.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::digest::{Digest, DigestKey};

/// Whoever has the material of one key learns nothing of the others.
const FINGERPRINTS: &str = "windlass 2026-11 fingerprints of secrets";
const DIGESTS: &str = "windlass 2026-11 digests of files with secrets";

/// What fingerprints of an environment's secrets depend on. Whoever has it can test guesses, so it
/// is as secret as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// Returns the key that `material` gives, which must hold 256 bits of chance: the data key of the
    /// secrets file, or better a key in it that outlives the data key.
    #[must_use]
    pub fn derive(material: &[u8]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(FINGERPRINTS, material)))
    }

    /// Returns the fingerprint of a value.
    #[must_use]
    pub fn fingerprint(&self, value: &[u8]) -> Fingerprint {
        let hash = blake3::keyed_hash(&self.0, value);
        Fingerprint(hash.to_hex()[..Fingerprint::DIGITS].to_owned())
    }

    /// Returns the key of the digests of files that hold secrets. It does not give the other away.
    #[must_use]
    pub fn digest_key(&self) -> DigestKey {
        DigestKey::from_bytes(blake3::derive_key(DIGESTS, &*self.0))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// 16 hexadecimal digits, 64 bits: the same for the same value and key, and otherwise another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// How many digits there are.
    pub const DIGITS: usize = 16;

    /// Returns the first digits of a digest under a [`DigestKey`].
    #[must_use]
    pub(crate) fn of_keyed(digest: &Digest) -> Self {
        Self(digest.to_string()[..Self::DIGITS].to_owned())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_fingerprint_under_the_same_key_only() {
        let (key, same, other) = (
            FingerprintKey::derive(&[1; 32]),
            FingerprintKey::derive(&[1; 32]),
            FingerprintKey::derive(&[2; 32]),
        );
        let print = key.fingerprint(b"hunter2");
        assert_eq!(print, same.fingerprint(b"hunter2"));
        assert_ne!(print, key.fingerprint(b"hunter3"));
        assert_ne!(print, other.fingerprint(b"hunter2"));
        assert_eq!(print.to_string().len(), Fingerprint::DIGITS);
        assert!(!blake3::hash(b"hunter2").to_hex().starts_with(&print.to_string()));
    }

    #[test]
    fn keys_are_not_shown() {
        let key = FingerprintKey::derive(b"material");
        assert_eq!(format!("{key:?} {:?}", key.digest_key()), "[key] [key]");
    }
}
