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
    /// Whether the work is done as another user, over `sudo`, where it is not as `[ssh]` says.
    #[serde(rename = "become", default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<bool>,
    /// Who that other user is, where it is not who `[ssh]` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub become_user: Option<String>,
}

impl Connection {
    /// Tells whether it says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns who the work is done as, over `sudo`, where `default` says what holds for all hosts;
    /// nobody where it is done as whoever logs in.
    #[must_use]
    pub fn becomes<'a>(&'a self, default: &'a Become) -> Option<&'a str> {
        self.becomes
            .unwrap_or(default.wanted)
            .then(|| self.become_user.as_deref().unwrap_or(&default.user))
    }
}

/// Whether, and as whom, work on hosts is done over `sudo` unless a target says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Become {
    /// Whether it is: not, unless told otherwise.
    pub wanted: bool,
    /// As whom: `root`, unless told otherwise.
    pub user: String,
}

impl Default for Become {
    fn default() -> Self {
        Self { wanted: false, user: "root".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_the_last_word_on_who_does_the_work() {
        let all = Become { wanted: true, user: "deploy".to_owned() };
        let own = |becomes, user: Option<&str>| Connection {
            becomes,
            become_user: user.map(str::to_owned),
            ..Connection::default()
        };
        let nobody = Become::default();
        assert_eq!(own(None, None).becomes(&nobody), None);
        assert_eq!(own(None, Some("app")).becomes(&nobody), None);
        assert_eq!(own(Some(true), None).becomes(&nobody), Some("root"));
        assert_eq!(own(Some(true), Some("app")).becomes(&nobody), Some("app"));
        assert_eq!(own(None, None).becomes(&all), Some("deploy"));
        assert_eq!(own(None, Some("app")).becomes(&all), Some("app"));
        assert_eq!(own(Some(false), Some("app")).becomes(&all), None);
    }
}
