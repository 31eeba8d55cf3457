//! [SOPS](https://getsops.io) files: read, written, edited in place and merged; bytes in, bytes out.
//!
//! A SOPS file is a configuration file whose keys can be read and whose values cannot:
//! `password: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]`. This crate has no file system, no clock and
//! no environment: texts, the time, randomness and keys arrive as arguments, so that every operation
//! can be tested and none of them leaves a plain text behind.
//!
//! ```
//! use windlass_sops::{EncryptedFile, Format, Identities, KeyPair, Rules, SystemEntropy, encrypt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pair = KeyPair::generate();
//! let rules = Rules::for_recipients(vec![pair.recipient().clone()]);
//! let now = "2026-11-20T12:00:00Z".parse()?;
//! let text = encrypt(b"db:\n    password: hunter2\n", Format::Yaml, &rules, now, &mut SystemEntropy)?;
//! assert!(!text.contains("hunter2"));
//!
//! let keys = Identities::parse(pair.secret(), "an example")?;
//! let plain = EncryptedFile::parse(text.as_bytes(), Format::Yaml)?.decrypt(&keys)?;
//! let password = plain.value(&"db.password".parse()?);
//! assert_eq!(password.and_then(|value| value.as_str()), Some("hunter2"));
//! # Ok(())
//! # }
//! ```
//!
//! | read | for |
//! |---|---|
//! | [`EncryptedFile`] | what a file says without a key; [`decrypt`](EncryptedFile::decrypt) and everything that writes it anew |
//! | [`Plain`], [`Tree`], [`Value`] | what it holds, zeroized when dropped |
//! | [`encrypt`], [`Rules`], [`Selection`] | a new file |
//! | [`merge`] | two edits of one file, for git |
//! | [`CreationRules`] | `.sops.yaml` |
//! | [`Recipient`], [`Identities`], [`Unlock`], [`KeyPair`] | who may read |
//! | [`SopsError`], [`Finding`] | what is wrong, where, and what to do |
//!
//! # What the format protects
//!
//! Each value is encrypted with AES-256-GCM under one data key, with the names of the keys above it
//! as additional data, and the data key is wrapped for each recipient. A message authentication code
//! covers the plain values in their order. [`EncryptedFile::decrypt`] returns nothing before all of it
//! has been checked. By its design the format does **not** protect:
//!
//! - comments: they can be removed, moved within their map and, if plain, changed;
//! - the names of keys above values that are not encrypted, that are empty or that are null, and
//!   whether such a key exists when its value is empty or null;
//! - where one plain value ends and the next one starts, and whether it is `1` or `"1"`: the code is
//!   computed over the values put end to end;
//! - the `type` of a value, as far as its text is valid for another type;
//! - which place of a list a value has, beyond the order of all values;
//! - a value at `a: {b: …}` against one at `"a:b"`: both have the same additional data;
//! - the recipients and the rules: who can write the file can add a recipient, who sees values
//!   after the next edit. [`Metadata`] lists them so that they can be compared with `.sops.yaml`.

mod cipher;
mod creation_rules;
mod document;
mod edit;
mod emit;
mod encrypt;
mod encrypted_file;
mod entropy;
mod error;
mod format;
mod keys;
mod mac;
mod merge;
mod metadata;
mod path;
mod place;
mod plain;
mod reencrypt;
mod rules;
mod time;
mod tree;
mod value;
mod walk;

pub use creation_rules::{CreationRule, CreationRules};
pub use edit::set as set_plain;
pub use encrypt::encrypt;
pub use encrypted_file::{EncryptedFile, Listing};
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::{Finding, Problem, SopsError};
pub use format::Format;
pub use keys::data_key::DataKey;
pub use keys::identities::{Identities, IdentityError};
pub use keys::pair::KeyPair;
pub use keys::recipient::{Recipient, RecipientError};
pub use keys::unlock::{Unlock, UnlockError};
pub use merge::{Conflict, MergeError, Merged, merge};
pub use metadata::{AgeEntry, ForeignKey, Metadata};
pub use path::{KeyPath, PathError, Step};
pub use place::Place;
pub use plain::{Entry, Plain};
pub use rules::{Pattern, PatternError, Rules, Selection};
pub use tree::Tree;
pub use value::{Kind, Value};
