//! Checksums that pin what comes from elsewhere.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// A checksum that content must have: `blake3:…` or `sha256:…`, with 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// As `b3sum` prints it.
    Blake3(Digest),
    /// As `sha256sum` prints it.
    Sha256([u8; 32]),
}

/// The text is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a checksum: write `blake3:` or `sha256:` and 64 hexadecimal digits in lower case")]
pub struct InvalidChecksum;

impl Checksum {
    /// Tells whether `bytes` have it.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Blake3(digest) => Digest::of(bytes) == *digest,
            Self::Sha256(digest) => Sha256::digest(bytes).as_slice() == digest,
        }
    }

    /// Returns the checksum of the same kind that `bytes` have, to be shown beside it.
    #[must_use]
    pub fn of_same_kind(&self, bytes: &[u8]) -> Self {
        match self {
            Self::Blake3(_) => Self::Blake3(Digest::of(bytes)),
            Self::Sha256(_) => Self::Sha256(Sha256::digest(bytes).into()),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blake3(digest) => write!(f, "blake3:{digest}"),
            Self::Sha256(digest) => {
                f.write_str("sha256:")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, digits) = text.split_once(':').ok_or(InvalidChecksum)?;
        // Both are 256 bits, written alike.
        let digest: Digest = digits.parse().map_err(|_| InvalidChecksum)?;
        match kind {
            "blake3" => Ok(Self::Blake3(digest)),
            "sha256" => Ok(Self::Sha256(*digest.as_bytes())),
            _ => Err(InvalidChecksum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const BLAKE3: &str = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn the_published_checksums_of_no_bytes() {
        for text in [SHA256, BLAKE3] {
            let checksum: Checksum = text.parse().expect(text);
            assert_eq!(checksum.to_string(), text);
            assert!(checksum.matches(b"") && !checksum.matches(b"x"));
            assert_eq!(checksum.of_same_kind(b""), checksum);
            assert_ne!(checksum.of_same_kind(b"x"), checksum);
        }
    }

    #[test]
    fn what_is_none() {
        let upper = SHA256.to_uppercase();
        for text in ["", "sha256:", &SHA256[..70], "md5:00", &SHA256[7..], &upper] {
            assert_eq!(text.parse::<Checksum>(), Err(InvalidChecksum), "{text}");
        }
    }
}
