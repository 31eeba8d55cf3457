//! Targets: the places that an environment is deployed to.
//!
//! | read | for |
//! |---|---|
//! | [`Target`], [`TargetId`], [`GroupName`] | one place, and what it is called |
//! | [`Address`], [`SshAddress`] | where it is: a directory here, or a host |
//! | [`Connection`], [`Become`] | how its host is entered, beyond what the address says |

mod address;
mod connection;
mod group;
mod ssh;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use address::{Address, InvalidAddress};
pub use connection::{Become, Connection};
pub use group::{GroupName, InvalidGroupName};
pub(crate) use ssh::check_user;
pub use ssh::{InvalidSshAddress, SshAddress};

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
    /// The groups that it is in, by which it can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// How its host is entered.
    #[serde(default, skip_serializing_if = "Connection::is_default")]
    pub connection: Connection,
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
    pub fn at(id: TargetId, address: Address) -> Self {
        Self {
            id,
            address,
            services: None,
            variables: BTreeMap::new(),
            groups: Vec::new(),
            connection: Connection::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_without_groups_are_written_as_before() {
        let target = Target::parse("ssh://deploy@web1:2222/").expect("valid");
        let json = serde_json::to_string(&target).expect("serializes");
        assert_eq!(json, r#"{"id":"ssh://deploy@web1:2222/","address":"ssh://deploy@web1:2222/"}"#);
        assert_eq!(serde_json::from_str::<Target>(&json).expect("reads back"), target);
    }

    #[test]
    fn groups_and_connections_round_trip() {
        let jump = SshAddress::parse("ssh://bastion").expect("valid");
        let target = Target {
            groups: vec![GroupName::new("web").expect("a name")],
            connection: Connection {
                identity_file: Some("~/.ssh/deploy".to_owned()),
                jump: vec![jump],
                becomes: Some(true),
                become_user: Some("root".to_owned()),
            },
            ..Target::parse("ssh://web1").expect("valid")
        };
        let json = serde_json::to_string(&target).expect("serializes");
        assert_eq!(serde_json::from_str::<Target>(&json).expect("reads back"), target);
    }

    #[test]
    fn hostile_addresses_in_records_are_refused() {
        let json = r#"{"id":"x","address":"ssh://-oProxyCommand=id"}"#;
        assert!(serde_json::from_str::<Target>(json).is_err());
    }
}
