//! Addresses: a directory of this machine, or a host that is reached over SSH.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ssh::{InvalidSshAddress, SshAddress};

/// How a target is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A directory on this machine: `local:ROOT`. A relative root starts at the project.
    Local {
        /// The root as written.
        root: String,
    },
    /// A host: `ssh://[USER@]HOST[:PORT][/][?root=/DIRECTORY]`.
    Ssh(SshAddress),
}

/// The text is no address that this version can reach. What stands before an `@` is left out of it:
/// it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// `local:` without a directory.
    #[error("address {0:?} names no directory: write `local:DIRECTORY`")]
    NoRoot(String),
    /// Another scheme, or none.
    #[error(
        "address {0:?} is not supported: write `local:DIRECTORY` or `ssh://[USER@]HOST[:PORT]`"
    )]
    Unsupported(String),
    /// A NUL, a newline or another control character.
    #[error("address {0:?} contains a control character")]
    Control(String),
    /// `ssh://` with something that is no host.
    #[error("ssh address {0}: write `ssh://[USER@]HOST[:PORT]`, or `local:DIRECTORY`")]
    Ssh(#[from] InvalidSshAddress),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`InvalidAddress`] when it has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.chars().any(char::is_control) {
            return Err(InvalidAddress::Control(shown(text)));
        }
        match text.split_once(':') {
            Some(("local", "")) => Err(InvalidAddress::NoRoot(shown(text))),
            Some(("local", root)) => Ok(Self::Local { root: root.to_owned() }),
            Some(("ssh", rest)) if rest.starts_with("//") => {
                Ok(Self::Ssh(SshAddress::parse(text)?))
            }
            _ => Err(InvalidAddress::Unsupported(shown(text))),
        }
    }

    /// Returns the host as commands and probes see it (`TARGET_ADDRESS`); an IPv6 address is
    /// without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Local { .. } => "127.0.0.1",
            Self::Ssh(address) => address.host(),
        }
    }

    /// Returns what is the same for two addresses that say one directory in different words. Two
    /// names of one host, or links, are not seen through.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Local { root } => format!("local:{}", directory(root)),
            Self::Ssh(address) => {
                let host = address.host().to_ascii_lowercase();
                let port = address.port().unwrap_or(22);
                format!("ssh://[{host}]:{port}?root={}", directory(address.root()))
            }
        }
    }
}

fn directory(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let start = if path.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

/// Returns the text as a message may quote it: short, and without what may be a password.
fn shown(text: &str) -> String {
    let (hidden, text) = text.rsplit_once('@').map_or(("", text), |(_, rest)| ("…@", rest));
    let mut shown: String = hidden.chars().chain(text.chars()).take(80).collect();
    if shown.len() < hidden.len() + text.len() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { root } => write!(f, "local:{root}"),
            Self::Ssh(address) => address.fmt(f),
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

    fn refused(text: &str) -> String {
        Address::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn addresses_round_trip_as_written() {
        for text in ["local:./state/staging", "local:/srv//app/", "ssh://web1", "ssh://u@[::1]:22/"]
        {
            assert_eq!(Address::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn other_addresses_are_refused_with_what_is_possible() {
        for text in ["ftp://x", "web1.internal", "ssh:web1", ""] {
            let error = refused(text);
            assert!(error.contains("local:DIRECTORY") && error.contains("ssh://"), "{error}");
        }
        assert!(refused("local:").contains("names no directory"));
        assert!(refused("local:a\nb").contains("control character"));
        assert!(refused("ssh://a\0b").contains("control character"));
    }

    #[test]
    fn passwords_are_in_no_message() {
        for text in ["ssh://u:hunter2@h", "ftp://u:hunter2@h", "u:hunter2@h\n", "local:\0hunter2@h"]
        {
            let error = Address::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn messages_are_short() {
        assert!(refused(&"x".repeat(10_000)).len() < 300);
    }

    #[test]
    fn one_directory_is_one_place() {
        let place = |text| Address::parse(text).expect("an address").place();
        assert_eq!(place("local:./a//b/"), place("local:a/b"));
        assert_ne!(place("local:/a"), place("local:a"));
        assert_ne!(place("local:../a"), place("local:a"));
        assert_eq!(place("ssh://Web1/"), place("ssh://root@web1:22?root=/"));
        assert_ne!(place("ssh://web1"), place("ssh://web1:2222"));
        assert_ne!(place("ssh://web1"), place("ssh://web1?root=/srv"));
        assert_eq!(place("ssh://web1?root=/srv/"), place("ssh://web1?root=/srv"));
        assert_eq!(Address::parse("ssh://u@[fe80::1]:22").expect("an address").host(), "fe80::1");
    }
}
