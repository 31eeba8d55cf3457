//! The keys of whoever reads a file.

use std::fmt;

use thiserror::Error;

use super::armor::{self, Closed};
use super::data_key::DataKey;
use super::openssh;
use super::recipient::Recipient;
use super::ssh_ed25519::SshIdentity;
use super::unlock::{Unlock, UnlockError};
use crate::metadata::AgeEntry;

/// Secret keys, with which files can be read.
#[derive(Default)]
pub struct Identities(Vec<Identity>);

enum Identity {
    X25519(Box<age::x25519::Identity>),
    Ssh(Box<SshIdentity>),
}

/// Says why a text holds no keys that can be used; the text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A line that is no key.
    #[error("{source_name}, line {line}: {problem}")]
    Line {
        /// Where the text comes from.
        source_name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An SSH key that cannot be used.
    #[error("{source_name}: the SSH key {problem}")]
    SshKey {
        /// Where the text comes from.
        source_name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Identities {
    /// Returns the keys in `text`: those of an age key file, one or several a line as
    /// `SOPS_AGE_KEY` has them, or one SSH private key. `source` says where it comes from, for errors.
    ///
    /// # Errors
    ///
    /// If something in it is neither a key nor a comment. No keys at all are no error.
    pub fn parse(text: &str, source: &str) -> Result<Self, IdentityError> {
        if openssh::is_private_key(text) {
            return Ok(Self(vec![Identity::Ssh(Box::new(openssh::identity(text, source)?))]));
        }
        let mut identities = Self::default();
        for (at, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'))
        {
            for word in line.split_ascii_whitespace() {
                let error = |problem| IdentityError::Line {
                    source_name: source.to_owned(),
                    line: at + 1,
                    problem,
                };
                identities.0.push(identity(word).map_err(error)?);
            }
        }
        Ok(identities)
    }

    /// Adds the keys of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the recipients of these keys, in their order.
    pub fn recipients(&self) -> Vec<Recipient> {
        self.0.iter().map(Identity::recipient).collect()
    }
}

fn identity(word: &str) -> Result<Identity, &'static str> {
    if word.starts_with("AGE-PLUGIN-") {
        return Err("keys of age plugins are not supported");
    }
    if word.starts_with("AGE-SECRET-KEY-PQ-") {
        return Err("post-quantum keys are not supported");
    }
    if word.starts_with("age1") || word.starts_with("ssh-") {
        return Err("a public key is given where a secret one belongs");
    }
    let key = word.parse().map_err(|_| "not an age key (AGE-SECRET-KEY-1…)")?;
    Ok(Identity::X25519(Box::new(key)))
}

impl Identity {
    fn recipient(&self) -> Recipient {
        match self {
            Self::X25519(key) => Recipient::of_x25519(key.to_public()),
            Self::Ssh(key) => Recipient::of_ssh(key.public().clone()),
        }
    }

    fn as_age(&self) -> &dyn age::Identity {
        match self {
            Self::X25519(key) => key.as_ref(),
            Self::Ssh(key) => key.as_ref(),
        }
    }
}

impl Unlock for Identities {
    /// Tries the entries whose recipient is one of the keys first, and then the others: a recipient in
    /// the metadata is no more than a name.
    fn unlock(&self, entries: &[AgeEntry]) -> Result<DataKey, UnlockError> {
        let recipients = || entries.iter().map(|entry| entry.recipient.clone()).collect::<Vec<_>>();
        if self.is_empty() {
            return Err(UnlockError::NoIdentity { recipients: recipients() });
        }
        let at_hand: Vec<_> = self.recipients();
        let ours = |entry: &&AgeEntry| {
            entry.recipient.parse::<Recipient>().is_ok_and(|recipient| at_hand.contains(&recipient))
        };
        let (first, then): (Vec<_>, Vec<_>) = entries.iter().partition(ours);
        let mut damaged = None;
        for entry in first.into_iter().chain(then) {
            match armor::unwrap(&entry.wrapped_key, self.0.iter().map(Identity::as_age)) {
                Ok(key) => return Ok(key),
                Err(Closed::NotOurs) => {}
                Err(Closed::Damaged(problem)) => {
                    let recipient = entry.recipient.clone();
                    damaged.get_or_insert(UnlockError::Damaged { recipient, problem });
                }
            }
        }
        let at_hand = at_hand.iter().map(ToString::to_string).collect();
        Err(damaged.unwrap_or_else(|| UnlockError::NotForUs { recipients: recipients(), at_hand }))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identities").field(&self.recipients()).finish()
    }
}
