//! Where random bytes come from.

use thiserror::Error;

/// A source of random bytes for data keys and nonces, good enough for keys.
///
/// The wrapping of a data key for a recipient does not ask it: `age` takes that from the operating
/// system.
pub trait Entropy {
    /// Fills `bytes` with random ones, all of them, or fails.
    ///
    /// # Errors
    ///
    /// If the source has none to give.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// Says that a source had no random bytes to give.
#[derive(Debug, Error)]
#[error("no random bytes could be had: {0}")]
pub struct EntropyError(pub String);

/// The random numbers of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|error| EntropyError(error.to_string()))
    }
}
