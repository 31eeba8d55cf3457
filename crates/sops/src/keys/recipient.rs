//! Whom a file is encrypted for.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::ssh_ed25519::SshRecipient;

/// An age recipient: `age1…`, or an `ssh-ed25519` public key.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519(Box<age::x25519::Recipient>),
    Ssh(SshRecipient),
}

/// Says why a text is no recipient that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// A secret key where a public one belongs; it is not repeated here.
    #[error("a secret key is given where a recipient belongs")]
    SecretKey,
    /// A recipient of an age plugin.
    #[error("{0}: recipients of age plugins are not supported")]
    Plugin(String),
    /// A post-quantum recipient.
    #[error("{0}: post-quantum recipients are not supported")]
    PostQuantum(String),
    /// An SSH key of another kind.
    #[error("{0}: among SSH keys, only ssh-ed25519 can be a recipient")]
    SshKind(String),
    /// Anything else.
    #[error("{0}: not an age recipient")]
    Invalid(String),
}

impl RecipientError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::SecretKey => {
                "give the public key, `age1…`; `age-keygen -y` shows it. Treat the secret key as leaked"
            }
            Self::Plugin(_) | Self::PostQuantum(_) => {
                "name an `age1…` recipient of X25519, or an ssh-ed25519 key"
            }
            Self::SshKind(_) => {
                "name an ssh-ed25519 key (`ssh-keygen -t ed25519`) or an `age1…` recipient"
            }
            Self::Invalid(_) => "a recipient is `age1…` with 62 characters, or `ssh-ed25519 AAAA…`",
        })
    }
}

impl Recipient {
    /// Returns the recipient as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn as_age(&self) -> &dyn age::Recipient {
        match &self.key {
            Key::X25519(key) => key.as_ref(),
            Key::Ssh(key) => key,
        }
    }

    pub(super) fn of_x25519(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), key: Key::X25519(Box::new(key)) }
    }

    pub(super) fn of_ssh(key: SshRecipient) -> Self {
        Self { text: format!("ssh-ed25519 {}", STANDARD.encode(key.wire())), key: Key::Ssh(key) }
    }

    /// Returns the recipient without what does not tell it from others, such as an SSH key's comment.
    pub fn identity(&self) -> String {
        match &self.key {
            Key::X25519(key) => key.to_string(),
            Key::Ssh(key) => format!("ssh-ed25519 {}", STANDARD.encode(key.wire())),
        }
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let shown = || text.to_owned();
        if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
            return Err(RecipientError::SecretKey);
        }
        if text.starts_with("age1pq1") {
            return Err(RecipientError::PostQuantum(shown()));
        }
        if text.starts_with("age1") && text.matches('1').count() > 1 {
            return Err(RecipientError::Plugin(shown()));
        }
        let key =
            if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
                Key::Ssh(ssh(text)?)
            } else {
                let key = text.parse().map_err(|_| RecipientError::Invalid(shown()))?;
                Key::X25519(Box::new(key))
            };
        Ok(Self { text: shown(), key })
    }
}

fn ssh(text: &str) -> Result<SshRecipient, RecipientError> {
    let mut words = text.split_ascii_whitespace();
    if words.next() != Some("ssh-ed25519") {
        return Err(RecipientError::SshKind(text.to_owned()));
    }
    let wire = words.next().and_then(|letters| STANDARD.decode(letters).ok());
    wire.and_then(SshRecipient::from_wire).ok_or_else(|| RecipientError::Invalid(text.to_owned()))
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.text)
    }
}

/// Two recipients are equal when they are the same key, whatever comment an SSH key has.
impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Recipient {}
