//! What can be wrong with a file, where, and what to do about it; never a value.

use std::fmt;

use thiserror::Error;

use crate::entropy::EntropyError;
use crate::keys::recipient::RecipientError;
use crate::keys::unlock::UnlockError;
use crate::path::KeyPath;
use crate::place::Place;
use crate::rules::PatternError;

/// Something wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it is, if it is at one place.
    pub place: Option<Place>,
    /// The key whose value it is about; empty for what is about no key.
    pub key: KeyPath,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "line {}, column {}: ", place.line, place.column)?;
        }
        if !self.key.steps().is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.problem)
    }
}

/// What can be wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not of its format.
    #[error("{0}")]
    Syntax(String),
    /// The text is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Maps and lists are nested without a sensible end.
    #[error("nested more than {limit} levels deep", limit = crate::document::MAX_DEPTH)]
    TooDeep,
    /// A YAML alias.
    #[error("an alias cannot be in a SOPS file: every value is encrypted for its own key")]
    Alias,
    /// A YAML tag that says more than what kind of scalar follows.
    #[error("the tag {0} has no meaning in a SOPS file")]
    Tag(String),
    /// A scalar is not what its tag or its look says.
    #[error("not a value of the kind that it is marked as")]
    NotOfItsTag,
    /// A key that is no text.
    #[error("a key must be text")]
    KeyNotText,
    /// The same key twice.
    #[error("the key is there twice")]
    DuplicateKey,
    /// The document is no map.
    #[error("a SOPS file holds keys and values: a list or a single value cannot be encrypted")]
    RootNotMap,
    /// A map or list where the format has values only.
    #[error("the format holds no maps or lists here")]
    Nested,
    /// A key that SOPS needs for itself.
    #[error("the name is reserved for the SOPS metadata")]
    ReservedKey,
    /// A whole number beyond 64 bits.
    #[error("a number of more than 64 bits would lose digits")]
    NumberTooLarge,
    /// What is to be encrypted is encrypted already.
    #[error("the value is encrypted already, among values in the clear")]
    CiphertextAmongPlain,
    /// A value in the clear where the file's rules want it encrypted.
    #[error("the value is in the clear, and the rules of this file say that it is encrypted")]
    PlainAmongCiphertext,
    /// A ciphertext that is not complete or not well-formed.
    #[error("the ciphertext is damaged: {0}")]
    MalformedCiphertext(&'static str),
    /// A nonce of another length.
    #[error("the ciphertext has a nonce of {0} bytes instead of 32")]
    NonceLength(usize),
    /// Authentication failed.
    #[error("the ciphertext was not made for this key of this file, or was changed")]
    NotAuthentic,
    /// A type that SOPS does not have, or whose values look otherwise.
    #[error("the value is not of the type that the ciphertext says")]
    WrongType,
    /// Bytes in a format that holds text only.
    #[error("the value is binary, and {0} files hold text only")]
    BinaryInText(&'static str),
    /// A value that the format has no way to write.
    #[error("{0} files have no way to write this value")]
    NotRepresentable(&'static str),
}

impl Problem {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Alias => "write out what the alias stands for",
            Self::Tag(_) => "leave the tag out, or quote the value",
            Self::KeyNotText => "put the key in quotes",
            Self::RootNotMap => "put the content under a key, such as `data`",
            Self::ReservedKey => "give the key another name",
            Self::NumberTooLarge => "put the number in quotes",
            Self::CiphertextAmongPlain => {
                "take the encrypted value out, or decrypt the file that it comes from"
            }
            Self::PlainAmongCiphertext => {
                "set the value with `secrets set` or `secrets edit`, which encrypt it; or name its key \
                 by the file's rules for what stays in the clear"
            }
            Self::MalformedCiphertext(_) | Self::NonceLength(_) => {
                "take the value from an earlier commit, or set it anew"
            }
            Self::NotAuthentic => {
                "a ciphertext cannot be moved to another key or file: take it from an earlier commit, or \
                 set the value anew"
            }
            Self::BinaryInText(_) => {
                "encode the value with base64, or keep it in a file of its own"
            }
            _ => return None,
        })
    }
}

/// Says why a SOPS file could not be read or written.
///
/// No message holds a value or a part of one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SopsError {
    /// Something is wrong at these places of the file: all of them, in the order of the text.
    #[error("{}", listed(.0))]
    Content(Vec<Finding>),
    /// The file has no SOPS metadata.
    #[error("the file is not encrypted: it has no SOPS metadata")]
    NotEncrypted,
    /// A file that is to be encrypted has SOPS metadata.
    #[error("the file is encrypted already")]
    AlreadyEncrypted,
    /// The metadata is incomplete or contradicts itself.
    #[error("sops.{field}: {problem}")]
    Metadata {
        /// The name of the metadata's field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The data key is shared among groups of keys.
    #[error("the data key is split among {0} key groups, which Windlass does not put together")]
    KeyGroups(usize),
    /// No recipient of the file is an age key.
    #[error("the file has no age recipient, only {}", .0.join(", "))]
    NoAgeRecipient(Vec<String>),
    /// The data key cannot be had.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The file's authentication code is missing.
    #[error("sops.mac: missing, so that nobody can tell whether the file was changed")]
    MacMissing,
    /// The file's authentication code cannot be decrypted.
    #[error("sops.mac: cannot be decrypted: {0}")]
    MacUnreadable(Problem),
    /// The file's authentication code is of other values.
    #[error(
        "sops.mac: the values are not those that were encrypted: one was changed, added, removed or moved"
    )]
    MacMismatch,
    /// A file for nobody.
    #[error("no recipients: nobody could decrypt the file")]
    NoRecipients,
    /// A recipient that cannot be used.
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// The data key could not be wrapped.
    #[error("the data key cannot be encrypted for {recipient}")]
    Wrap {
        /// For whom.
        recipient: String,
        /// What `age` says.
        #[source]
        source: std::io::Error,
    },
    /// A rule's regular expression.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The data key would have to be wrapped for keys that are not age's.
    #[error("the data key cannot be renewed: the file is also encrypted for {}", .0.join(", "))]
    ForeignKeys(Vec<String>),
    /// A recipient that is not one.
    #[error("{0} is not a recipient of the file")]
    NotARecipient(String),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A key that is not there.
    #[error("{0}: there is no such key")]
    NoSuchKey(KeyPath),
    /// A key that cannot be there.
    #[error("{path}: cannot be set: {problem}")]
    CannotSet {
        /// The key.
        path: KeyPath,
        /// Why not.
        problem: &'static str,
    },
    /// `.sops.yaml` uses what Windlass does not have.
    #[error("{field}: {problem}")]
    CreationRule {
        /// Which field of which rule, such as `creation_rules[0].kms`.
        field: String,
        /// What is wrong with it.
        problem: String,
        /// Where it is.
        place: Option<Place>,
    },
}

impl SopsError {
    /// Returns what is wrong and where, one for each thing: those of [`SopsError::Content`], and
    /// nothing for an error that is about the file as a whole.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Content(findings) => findings,
            _ => &[],
        }
    }

    /// Returns what to do about it; each of [`SopsError::findings`] has a hint of its own.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotEncrypted => "encrypt it with `secrets encrypt`",
            Self::AlreadyEncrypted => "change it with `secrets edit` or `secrets set`",
            Self::KeyGroups(_) => {
                "decrypt it with `sops` and encrypt it again with all age recipients in one group"
            }
            Self::NoAgeRecipient(_) => "add one with `sops rotate --add-age age1… --in-place FILE`",
            Self::MacMissing | Self::MacUnreadable(_) | Self::MacMismatch => {
                "compare with the last commit: the file was edited without its key, or two edits were \
                 merged line by line; merge with the merge driver of `secrets`"
            }
            Self::NoRecipients => "name one in `.sops.yaml`, such as `age: age1…`",
            Self::ForeignKeys(_) => "run `sops rotate --in-place FILE`, which reaches those keys",
            Self::Unlock(error) => return error.hint(),
            Self::Recipient(error) => return error.hint().map(str::to_owned),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_and_whose() {
        let finding = Finding {
            place: Some(Place { line: 3, column: 5, width: 9 }),
            key: KeyPath::key("password"),
            problem: Problem::NonceLength(7),
        };
        let error = SopsError::Content(vec![finding.clone(), finding]);
        let line =
            "line 3, column 5: password: the ciphertext has a nonce of 7 bytes instead of 32";
        assert_eq!(error.to_string(), format!("{line}\n{line}"));
        assert_eq!(error.findings().len(), 2);
    }
}
