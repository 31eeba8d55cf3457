//! How a host is entered.

use serde::{Deserialize, Serialize};

use super::SshAddress;

/// How a target's host is entered, beyond what its address says. The default leaves everything to
/// the user's SSH configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Connection {
    /// The file with the key to log in with, as written: `~` is the operator's home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
    /// The hosts on the way, the one that is entered first being the first (`ProxyJump`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jump: Vec<SshAddress>,
    /// Who the work is done as, over `sudo`; whoever logged in where it is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub become_user: Option<String>,
}

impl Connection {
    /// Tells whether it says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
