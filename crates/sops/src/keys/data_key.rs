//! The key that the values of one file are encrypted with.

use std::fmt;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};

/// The 256-bit key of one file; zeroized when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Returns the key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn generate(entropy: &mut dyn Entropy) -> Result<Self, EntropyError> {
        let mut key = Self::new([0; 32]);
        entropy.fill(&mut *key.0)?;
        Ok(key)
    }

    /// Returns the bytes, for deriving other keys from them. Whoever has them can read the file.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}
