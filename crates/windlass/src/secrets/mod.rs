//! Secrets in SOPS files: kept, read, rotated, told how old they are, and deployed without being shown.
//!
//! | read | for |
//! |---|---|
//! | [`SecretManager`], [`manage_secrets`] | one file of secrets: store, get, list, rotate, delete |
//! | [`load`], [`open`] | all that a file holds, for rendering |
//! | [`Keys`], [`KeySource`] | where the age keys come from |
//! | [`CreationRulesFile`] | `.sops.yaml`: for whom new files are |
//! | [`check`] | what is overdue, readable by the wrong people, or in plain text |
//! | [`MemoryDir`] | a place for plain text that no disk ever sees |
//! | [`Snapshot`], [`seal`], [`MergeFiles`] | whole files |
//! | [`SecretSource`], [`SopsSource`], [`Unlocked`] | the secrets of environments, as the engine gets them |
//! | [`Redaction`] | the last filter before events, records, errors and logs |
//! | [`encrypt_configuration`] | a configuration with some of its fields encrypted |
//!
//! A file is whatever [SOPS](https://getsops.io) reads and writes. Beside it is another one, `FILE.meta.json`,
//! with what SOPS has no place for: ids, who set a secret and when, how old it may get. That one is a
//! SOPS file for the same recipients too, so that it cannot be changed without a key, and nearly all of
//! it is in the clear, so that ages can be checked without one.

pub mod check;
mod configuration;
mod deployment;
mod error;
mod files;
mod key_file;
pub mod keys;
mod load;
mod manager;
mod memory;
mod metadata;
mod names;
mod object_keys;
mod recipients;
mod rules;
mod source;
mod state;
mod values;
mod whole;

pub use configuration::encrypt_configuration;
pub use deployment::{Redaction, SealingKeys, SecretSource, Unlocked};
pub use error::SecretsError;
pub use key_file::{KeyFile, KeyFileError};
pub(crate) use keys::printed_by;
pub use keys::{KeySource, Keys};
pub use load::{Opened, load, open, secrets_file};
pub use manager::{Keep, SecretManager, manage_secrets};
pub use memory::MemoryDir;
pub use metadata::{AgeState, RotationInfo, SecretDetails, SecretId, SecretInfo, SecretList};
pub use recipients::RecipientChange;
pub use rules::{CreationRulesFile, RULES_FILE};
pub use source::SopsSource;
pub use whole::{MergeFiles, Snapshot, read_file, replace_file, seal};
pub use windlass_core::secret::{Secret, SecretName, Secrets};
