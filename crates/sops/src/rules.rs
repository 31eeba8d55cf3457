//! Which values of a file are encrypted, and for whom.

use std::fmt;

use regex::Regex;
use thiserror::Error;

use crate::keys::recipient::Recipient;

/// What decides how a new file is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Who may read it.
    pub recipients: Vec<Recipient>,
    /// Which values are encrypted.
    pub selection: Selection,
    /// Whether the authentication code covers encrypted values only, so that the others may be changed
    /// by hand.
    pub mac_only_encrypted: bool,
}

impl Rules {
    /// Returns rules that encrypt every value, but those whose key ends with `_unencrypted`.
    pub fn for_recipients(recipients: Vec<Recipient>) -> Self {
        Self { recipients, selection: Selection::default(), mac_only_encrypted: false }
    }
}

/// Which values of a file are encrypted; one rule for a file, as SOPS has it.
///
/// A suffix or pattern is held against every key on the way to a value, not the last one alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// All but those under a key with this end.
    UnencryptedSuffix(String),
    /// Those under a key with this end.
    EncryptedSuffix(String),
    /// All but those under a key that this matches.
    UnencryptedRegex(Pattern),
    /// Those under a key that this matches.
    EncryptedRegex(Pattern),
    /// All but those with a comment above them, or above a key on the way, that this matches.
    UnencryptedCommentRegex(Pattern),
    /// Those with a comment above them, or above a key on the way, that this matches.
    EncryptedCommentRegex(Pattern),
}

impl Default for Selection {
    fn default() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }
}

/// A regular expression, matched in linear time.
#[derive(Clone)]
pub struct Pattern(Regex);

/// Says why a text is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pattern}` is not a regular expression: {problem}")]
pub struct PatternError {
    pattern: String,
    problem: String,
}

impl Pattern {
    /// Returns the pattern that `text` is.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let error = |error: regex::Error| {
            let problem = error.to_string();
            let problem = problem.lines().last().unwrap_or_default();
            let problem = problem.strip_prefix("error: ").unwrap_or(problem).to_owned();
            PatternError { pattern: text.to_owned(), problem }
        };
        Ok(Self(Regex::new(text).map_err(error)?))
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns whether it matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// The names of the six rules in metadata and creation rules, as [`Selection::field`] gives them.
pub(crate) const FIELDS: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

impl Selection {
    /// Returns the rule that the field `name` makes with `text`.
    pub(crate) fn of_field(name: &str, text: &str) -> Result<Option<Self>, PatternError> {
        Ok(Some(match name {
            "unencrypted_suffix" => Self::UnencryptedSuffix(text.to_owned()),
            "encrypted_suffix" => Self::EncryptedSuffix(text.to_owned()),
            "unencrypted_regex" => Self::UnencryptedRegex(Pattern::new(text)?),
            "encrypted_regex" => Self::EncryptedRegex(Pattern::new(text)?),
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex(Pattern::new(text)?),
            "encrypted_comment_regex" => Self::EncryptedCommentRegex(Pattern::new(text)?),
            _ => return Ok(None),
        }))
    }

    /// Returns the name of the rule in a file's metadata.
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// Returns the suffix or pattern of the rule.
    pub fn text(&self) -> &str {
        match self {
            Self::UnencryptedSuffix(text) | Self::EncryptedSuffix(text) => text,
            Self::UnencryptedRegex(pattern)
            | Self::EncryptedRegex(pattern)
            | Self::UnencryptedCommentRegex(pattern)
            | Self::EncryptedCommentRegex(pattern) => pattern.as_str(),
        }
    }

    /// Returns whether a value is encrypted that is under `keys` and has `comments` above it and above
    /// the keys on the way, outermost first.
    ///
    /// A comment is asked for with itself as the last of `comments`, and `is_comment` set: the comment
    /// that switches encryption on stays in the clear.
    pub(crate) fn encrypts<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k str>,
        comments: &[&str],
        is_comment: bool,
    ) -> bool {
        match self {
            Self::UnencryptedSuffix(end) => {
                end.is_empty() || !keys.any(|key| key.ends_with(end.as_str()))
            }
            Self::EncryptedSuffix(end) => keys.any(|key| key.ends_with(end.as_str())),
            Self::UnencryptedRegex(pattern) => !keys.any(|key| pattern.is_match(key)),
            Self::EncryptedRegex(pattern) => keys.any(|key| pattern.is_match(key)),
            Self::UnencryptedCommentRegex(pattern) => {
                !comments.iter().any(|text| pattern.is_match(text))
            }
            Self::EncryptedCommentRegex(pattern) => {
                let above = comments.len() - usize::from(is_comment && !comments.is_empty());
                comments[..above].iter().any(|text| pattern.is_match(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(field: &str, text: &str) -> Selection {
        Selection::of_field(field, text).expect("a pattern").expect("a field")
    }

    #[test]
    fn a_rule_is_held_against_every_key_on_the_way() {
        let encrypts = |field, text, keys: &[&str]| {
            selection(field, text).encrypts(keys.iter().copied(), &[], false)
        };
        assert!(encrypts("unencrypted_suffix", "_plain", &["a", "b"]));
        assert!(!encrypts("unencrypted_suffix", "_plain", &["a_plain", "b"]));
        assert!(encrypts("encrypted_suffix", "_enc", &["a_enc", "b"]));
        assert!(!encrypts("encrypted_suffix", "_enc", &["a", "b"]));
        assert!(encrypts("encrypted_regex", "^(data|stringData)$", &["data", "x"]));
        assert!(!encrypts("encrypted_regex", "^(data|stringData)$", &["metadata"]));
        assert!(!encrypts("unencrypted_regex", "^meta", &["metadata", "name"]));
        assert!(!encrypts("encrypted_regex", "x", &[]));
    }

    #[test]
    fn comments_switch_for_what_is_below_them() {
        let encrypts = |field, comments: &[&str], is_comment| {
            selection(field, "sops:").encrypts(["a"].into_iter(), comments, is_comment)
        };
        assert!(encrypts("encrypted_comment_regex", &[" sops:"], false));
        assert!(!encrypts("encrypted_comment_regex", &[" sops:"], true));
        assert!(encrypts("encrypted_comment_regex", &[" sops:", " another"], true));
        assert!(!encrypts("encrypted_comment_regex", &[], false));
        assert!(!encrypts("unencrypted_comment_regex", &[" sops:"], true));
        assert!(encrypts("unencrypted_comment_regex", &[" other"], false));
    }

    #[test]
    fn a_pattern_that_is_none_says_why() {
        let error = Pattern::new("a(").expect_err("it is not closed");
        assert_eq!(error.to_string(), "`a(` is not a regular expression: unclosed group");
    }
}
