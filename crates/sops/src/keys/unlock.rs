//! How a file's data key is had.

use thiserror::Error;

use super::data_key::DataKey;
use crate::metadata::AgeEntry;

/// Whoever can open a data key: a set of [`Identities`](crate::Identities), or a service that holds
/// keys and gives none away.
pub trait Unlock {
    /// Returns the data key that one of `entries` wraps.
    ///
    /// # Errors
    ///
    /// If no entry is for a key that is at hand, or the one that is does not open.
    fn unlock(&self, entries: &[AgeEntry]) -> Result<DataKey, UnlockError>;
}

/// Says why a data key could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// No key is at hand.
    #[error("no age key is at hand; the file is encrypted for {}", .recipients.join(", "))]
    NoIdentity {
        /// For whom the file is encrypted.
        recipients: Vec<String>,
    },
    /// None of the keys is one that the file is encrypted for.
    #[error(
        "none of the keys at hand ({}) opens the file; it is encrypted for {}",
        .at_hand.join(", "),
        .recipients.join(", ")
    )]
    NotForUs {
        /// For whom the file is encrypted.
        recipients: Vec<String>,
        /// The recipients of the keys that were tried.
        at_hand: Vec<String>,
    },
    /// The data key for one of the keys at hand is damaged.
    #[error("the data key for {recipient} cannot be decrypted: {problem}")]
    Damaged {
        /// The recipient whose entry it is.
        recipient: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key service refused.
    #[error("the data key could not be had: {0}")]
    Refused(String),
}

impl UnlockError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoIdentity { .. } => Some(
                "point SOPS_AGE_KEY_FILE at your key file, or make a key with `secrets init` and have \
                 it added with `secrets recipients add`"
                    .to_owned(),
            ),
            Self::NotForUs { at_hand, .. } => {
                let mine = at_hand.first()?;
                Some(format!("ask somebody who can read the file to run `secrets recipients add {mine}`"))
            }
            Self::Damaged { .. } => Some("take sops.age from an earlier commit".to_owned()),
            Self::Refused(_) => None,
        }
    }
}

/// Opens a file whose data key is known already.
impl Unlock for DataKey {
    fn unlock(&self, _: &[AgeEntry]) -> Result<DataKey, UnlockError> {
        Ok(self.clone())
    }
}
