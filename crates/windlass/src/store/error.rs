//! What a store refuses, and what goes wrong in it.

use std::io;
use std::path::{Path, PathBuf};

use windlass_core::name::EnvironmentName;
use windlass_core::record::DeploymentId;

use super::envelope::Damage;
use super::holder::Holder;

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The id is taken.
    #[error("deployment {id} exists already")]
    Exists {
        /// The id.
        id: DeploymentId,
    },
    /// There is no such record to update.
    #[error("deployment {id} is not known")]
    Unknown {
        /// The id.
        id: DeploymentId,
    },
    /// Somebody else has the lock.
    #[error("environment `{environment}` is locked by {}", name(holder.as_deref()))]
    Held {
        /// The environment.
        environment: EnvironmentName,
        /// Who has it; nothing where that cannot be read.
        holder: Option<Box<Holder>>,
    },
    /// A newer version wrote it.
    #[error(
        "{path} was written by a newer version of windlass (schema {schema}; this one knows {known})"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema it has.
        schema: u64,
        /// The newest schema that this version knows.
        known: u32,
    },
    /// It is damaged: torn, changed or not what its name says.
    #[error("{path} is damaged: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It could not be read again, so it is not written.
    #[error("{path} cannot be written: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What is wrong with the value.
        reason: String,
    },
    /// The file system failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was being done: `read`, `write`….
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn name(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "somebody who has left no name".to_owned(), Holder::to_string)
}

impl StoreError {
    /// Returns what `damage` means for the file at `path`.
    pub(super) fn damaged(path: &Path, damage: Damage) -> Self {
        let path = path.to_owned();
        match damage {
            Damage::Newer { schema, known } => Self::Newer { path, schema, known },
            Damage::Corrupt { reason } => Self::Corrupt { path, reason },
        }
    }

    /// Returns the file that it is about, where it is about one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Newer { path, .. }
            | Self::Corrupt { path, .. }
            | Self::Unwritable { path, .. }
            | Self::Io { path, .. } => Some(path),
            Self::Exists { .. } | Self::Unknown { .. } | Self::Held { .. } => None,
        }
    }

    /// Returns the error for a file whose content is not what it should be.
    pub(super) fn corrupt(path: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), reason: reason.into() }
    }

    /// Returns the error for `action` on `path`.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
