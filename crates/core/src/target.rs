//! Targets: the places that an environment is deployed to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::ServiceName;

/// The identity of a target within its environment: its name, or its address as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(String);

impl TargetId {
    /// Returns `text` as an identity.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One place to deploy to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its identity, unique in the environment.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// The services it runs; all of the environment's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<ServiceName>>,
    /// What `${KEY}` becomes on this target, over the variables of the environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl Target {
    /// Returns the target at `address`, identified by the address as written.
    ///
    /// # Errors
    /// [`InvalidAddress`] when `address` is none.
    pub fn parse(address: &str) -> Result<Self, InvalidAddress> {
        Ok(Self::at(TargetId::new(address), Address::parse(address)?))
    }

    /// Returns the target `id` at `address`, which runs all services of its environment.
    #[must_use]
    pub const fn at(id: TargetId, address: Address) -> Self {
        Self { id, address, services: None, variables: BTreeMap::new() }
    }
}

/// How a target is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A directory on this machine: `local:ROOT`. A relative root starts at the project.
    Local {
        /// The root as written.
        root: String,
    },
}

/// The text is no address that this version can reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// `local:` without a directory.
    #[error("address {0:?} names no directory: write `local:DIRECTORY`")]
    NoRoot(String),
    /// Another scheme.
    #[error("address {0:?} is not supported: this version deploys to `local:DIRECTORY`")]
    Unsupported(String),
    /// A NUL, a newline or another control character.
    #[error("address {0:?} contains a control character")]
    Control(String),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`InvalidAddress`] when it has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.chars().any(char::is_control) {
            return Err(InvalidAddress::Control(text.to_owned()));
        }
        match text.split_once(':') {
            Some(("local", "")) => Err(InvalidAddress::NoRoot(text.to_owned())),
            Some(("local", root)) => Ok(Self::Local { root: root.to_owned() }),
            _ => Err(InvalidAddress::Unsupported(text.to_owned())),
        }
    }

    /// Returns the host as commands and probes see it (`TARGET_ADDRESS`).
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Local { .. } => "127.0.0.1",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { root } => write!(f, "local:{root}"),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_round_trip_as_written() {
        let target = Target::parse("local:./state/staging").expect("valid");
        assert_eq!(target.id.as_str(), "local:./state/staging");
        assert_eq!(target.address.to_string(), "local:./state/staging");
    }

    #[test]
    fn other_addresses_are_refused_with_what_is_possible() {
        let error = Target::parse("ftp://x").expect_err("no such scheme");
        assert!(error.to_string().contains("local:DIRECTORY"));
        assert!(Target::parse("local:").is_err());
        assert!(Target::parse("local:a\nb").is_err());
    }
}
