//! `ssh://[USER@]HOST[:PORT][/][?root=/DIRECTORY]`.

use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

/// The longest host that is taken, in bytes: that of the DNS (RFC 1035) and a little more.
const LONGEST_HOST: usize = 255;
/// The longest user that is taken, in bytes.
const LONGEST_USER: usize = 255;
/// The longest directory that is taken, in bytes: Linux's `PATH_MAX`.
const LONGEST_ROOT: usize = 4_096;

/// A host that is reached over SSH, and the directory on it that is its root.
///
/// It holds nothing that `ssh` would take for an option or a shell for more than a word
/// (CVE-2017-1000117, CVE-2023-51385): hosts and users are made of the characters that names have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshAddress {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    slash: bool,
    root: Option<String>,
}

/// Why a text is no address of an SSH host. It never quotes what may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshAddress {
    /// It does not begin with `ssh://`.
    #[error("does not begin with `ssh://`")]
    Scheme,
    /// No host.
    #[error("names no host")]
    NoHost,
    /// `ssh://user:password@host`.
    #[error("holds a password")]
    Password,
    /// A host or user that begins with `-`, which `ssh` would take for an option.
    #[error("has a {0} that begins with `-`")]
    Dash(&'static str),
    /// A host or user with a character that names do not have.
    #[error("has a {part} with {character:?} in it")]
    Character {
        /// The host or the user.
        part: &'static str,
        /// The first such character.
        character: char,
    },
    /// A host, user or directory that is too long.
    #[error("has a {0} that is too long")]
    Long(&'static str),
    /// `user@` with nothing before the `@`.
    #[error("has an empty user")]
    EmptyUser,
    /// Brackets around something that is no IPv6 address, or an IPv6 address without them.
    #[error(
        "has brackets that are not around an IPv6 address, or an IPv6 address without brackets"
    )]
    Brackets,
    /// No number from 1 to 65535.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// A path: directories are told by `?root=`.
    #[error("has a path: the directory that is the root is written `?root=/DIRECTORY`")]
    Path,
    /// A query other than `root`, or a fragment.
    #[error("has something after the host that is not `?root=/DIRECTORY`")]
    Query,
    /// A root that is relative, leaves itself, or has a character that URLs give a meaning to.
    #[error("has a root that is not a directory from `/` on, without `..`, `%`, `?`, `&` and `#`")]
    Root,
}

use InvalidSshAddress as Invalid;

impl SshAddress {
    /// Returns the address of `host`: a name, an alias of the SSH configuration, or an IP address
    /// without brackets.
    ///
    /// # Errors
    /// [`InvalidSshAddress`] when it is none of them.
    pub fn new(host: impl Into<String>) -> Result<Self, InvalidSshAddress> {
        let host = host.into();
        check_host(&host)?;
        Ok(Self { user: None, host, port: None, slash: false, root: None })
    }

    /// Returns the same address with a user to log in as.
    ///
    /// # Errors
    /// [`InvalidSshAddress`] when it is no name of a user.
    pub fn with_user(self, user: impl Into<String>) -> Result<Self, InvalidSshAddress> {
        let user = user.into();
        check_user(&user)?;
        Ok(Self { user: Some(user), ..self })
    }

    /// Returns the same address with a port.
    ///
    /// # Errors
    /// [`InvalidSshAddress::Port`] when it is 0.
    pub fn with_port(self, port: u16) -> Result<Self, InvalidSshAddress> {
        if port == 0 { Err(Invalid::Port) } else { Ok(Self { port: Some(port), ..self }) }
    }

    /// Returns the same address with another root than `/`.
    ///
    /// # Errors
    /// [`InvalidSshAddress::Root`] when it is no directory from `/` on.
    pub fn with_root(self, root: impl Into<String>) -> Result<Self, InvalidSshAddress> {
        let root = root.into();
        check_root(&root)?;
        Ok(Self { root: Some(root), ..self })
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`InvalidSshAddress`] when it has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidSshAddress> {
        let rest = text.strip_prefix("ssh://").ok_or(Invalid::Scheme)?;
        // A password may hold anything, so what is before the last `@` is looked at first.
        if rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Err(Invalid::Password);
        }
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let address = Self::parse_authority(authority)?;
        let slash = behind.starts_with('/');
        let behind = behind.strip_prefix('/').unwrap_or(behind);
        let address = Self { slash, ..address };
        match behind.strip_prefix("?root=") {
            Some(root) => address.with_root(root),
            None if behind.is_empty() => Ok(address),
            None if behind.starts_with(['?', '#']) => Err(Invalid::Query),
            None => Err(Invalid::Path),
        }
    }

    /// Reads `[USER@]HOST[:PORT]`, as `ProxyJump` has it.
    ///
    /// # Errors
    /// [`InvalidSshAddress`] when it has another form.
    pub fn parse_authority(text: &str) -> Result<Self, InvalidSshAddress> {
        let (user, place) = match text.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(Invalid::Password),
            Some((user, place)) => (Some(user), place),
            None => (None, text),
        };
        let (host, port) = split_port(place)?;
        let mut address = Self::new(host)?;
        if let Some(user) = user {
            address = address.with_user(user)?;
        }
        match port {
            Some(port) => address.with_port(parse_port(port)?),
            None => Ok(address),
        }
    }

    /// Returns the user, where the address says one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the host as written; an IPv6 address is without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, where the address says one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the directory on the host below which everything lies: `/` unless told otherwise.
    #[must_use]
    pub fn root(&self) -> &str {
        self.root.as_deref().unwrap_or("/")
    }
}

/// Returns the host without brackets, and the text of the port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), Invalid> {
    let Some(inside) = text.strip_prefix('[') else {
        return match text.split_once(':') {
            Some((_, port)) if port.contains(':') => Err(Invalid::Brackets),
            Some((host, port)) => Ok((host, Some(port))),
            None => Ok((text, None)),
        };
    };
    let (host, behind) = inside.split_once(']').ok_or(Invalid::Brackets)?;
    if !is_ipv6(host) {
        return Err(Invalid::Brackets);
    }
    match behind.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if behind.is_empty() => Ok((host, None)),
        None => Err(Invalid::Brackets),
    }
}

fn parse_port(text: &str) -> Result<u16, Invalid> {
    // A leading zero would be lost in the round trip.
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(Invalid::Port)
}

/// Tells whether it is an IPv6 address, perhaps with a zone (`fe80::1%eth0`).
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
    let named = !zone.is_empty()
        && zone.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    named && address.parse::<Ipv6Addr>().is_ok()
}

fn check_host(host: &str) -> Result<(), Invalid> {
    if host.is_empty() {
        return Err(Invalid::NoHost);
    }
    if host.len() <= LONGEST_HOST && is_ipv6(host) {
        return Ok(());
    }
    check_word("host", host, LONGEST_HOST, ".-_")
}

/// Checks the name of a user on a host.
pub(crate) fn check_user(user: &str) -> Result<(), Invalid> {
    if user.is_empty() {
        return Err(Invalid::EmptyUser);
    }
    check_word("user", user, LONGEST_USER, ".-_+@")
}

fn check_word(part: &'static str, word: &str, longest: usize, others: &str) -> Result<(), Invalid> {
    if word.starts_with('-') {
        return Err(Invalid::Dash(part));
    }
    if word.len() > longest {
        return Err(Invalid::Long(part));
    }
    let strange = |c: &char| !c.is_ascii_alphanumeric() && !others.contains(*c);
    match word.chars().find(strange) {
        Some(character) => Err(Invalid::Character { part, character }),
        None => Ok(()),
    }
}

fn check_root(root: &str) -> Result<(), Invalid> {
    if root.len() > LONGEST_ROOT {
        return Err(Invalid::Long("root"));
    }
    let strange = |c: char| c.is_control() || matches!(c, '%' | '?' | '&' | '#');
    let leaves = root.split('/').any(|part| part == "..");
    if !root.starts_with('/') || leaves || root.contains(strange) {
        return Err(Invalid::Root);
    }
    Ok(())
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(if self.slash { "/" } else { "" })?;
        self.root.as_ref().map_or(Ok(()), |root| write!(f, "?root={root}"))
    }
}

impl TryFrom<String> for SshAddress {
    type Error = InvalidSshAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SshAddress> for String {
    fn from(address: SshAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> SshAddress {
        SshAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_part_is_read() {
        let address = parsed("ssh://deploy@web1.internal:2222/?root=/srv/my app");
        assert_eq!(address.user(), Some("deploy"));
        assert_eq!(address.host(), "web1.internal");
        assert_eq!(address.port(), Some(2222));
        assert_eq!(address.root(), "/srv/my app");
        let address = parsed("ssh://web_1");
        assert_eq!((address.user(), address.port(), address.root()), (None, None, "/"));
        assert_eq!(parsed("ssh://me@EXAMPLE.COM@web").user(), Some("me@EXAMPLE.COM"));
        assert_eq!(parsed("ssh://[fe80::1%eth0]:22").host(), "fe80::1%eth0");
    }

    #[test]
    fn addresses_round_trip_as_written() {
        for text in [
            "ssh://web",
            "ssh://web/",
            "ssh://web:22",
            "ssh://u@web/?root=/srv",
            "ssh://web?root=/",
            "ssh://[::1]",
            "ssh://u@[2001:db8::1]:22/",
            "ssh://127.1.2.3:65535",
        ] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let character = |part, character| Invalid::Character { part, character };
        for (text, expected) in [
            ("http://web", Invalid::Scheme),
            ("ssh://", Invalid::NoHost),
            ("ssh://u@", Invalid::NoHost),
            ("ssh:///etc", Invalid::NoHost),
            ("ssh://:22", Invalid::NoHost),
            ("ssh://@web", Invalid::EmptyUser),
            ("ssh://u:secret@web", Invalid::Password),
            ("ssh://u:se/cr?et@web", Invalid::Password),
            ("ssh://-oProxyCommand=id", Invalid::Dash("host")),
            ("ssh://-l@web", Invalid::Dash("user")),
            ("ssh://u@-web", Invalid::Dash("host")),
            ("ssh://we b", character("host", ' ')),
            ("ssh://web;id", character("host", ';')),
            ("ssh://$(id)", character("host", '$')),
            ("ssh://`id`", character("host", '`')),
            ("ssh://a|b@web", character("user", '|')),
            ("ssh://a'b@web", character("user", '\'')),
            ("ssh://web%h", character("host", '%')),
            ("ssh://wéb", character("host", 'é')),
            ("ssh://web:0", Invalid::Port),
            ("ssh://web:65536", Invalid::Port),
            ("ssh://web:022", Invalid::Port),
            ("ssh://web:+22", Invalid::Port),
            ("ssh://web:", Invalid::Port),
            ("ssh://::1", Invalid::Brackets),
            ("ssh://[web]", Invalid::Brackets),
            ("ssh://[::1", Invalid::Brackets),
            ("ssh://[::1]22", Invalid::Brackets),
            ("ssh://[::1%;id]", Invalid::Brackets),
            ("ssh://web/srv/app", Invalid::Path),
            ("ssh://web?user=x", Invalid::Query),
            ("ssh://web#x", Invalid::Query),
            ("ssh://web?root=srv", Invalid::Root),
            ("ssh://web?root=/a/../b", Invalid::Root),
            ("ssh://web?root=/a%20b", Invalid::Root),
            ("ssh://web?root=/a&root=/b", Invalid::Root),
            ("ssh://web?root=/a\u{1b}", Invalid::Root),
        ] {
            assert_eq!(SshAddress::parse(text), Err(expected), "{text}");
        }
        let long = format!("ssh://{}", "a".repeat(LONGEST_HOST + 1));
        assert_eq!(SshAddress::parse(&long), Err(Invalid::Long("host")));
    }

    #[test]
    fn parts_are_checked_however_they_arrive() {
        let web = SshAddress::new("web").expect("a host");
        assert_eq!(web.clone().with_port(0), Err(Invalid::Port));
        assert_eq!(web.clone().with_user("-l"), Err(Invalid::Dash("user")));
        assert_eq!(web.clone().with_root("srv"), Err(Invalid::Root));
        assert_eq!(
            SshAddress::new("a b"),
            Err(Invalid::Character { part: "host", character: ' ' })
        );
        let full = web.with_user("u").and_then(|a| a.with_port(7)).and_then(|a| a.with_root("/s"));
        assert_eq!(full.expect("valid").to_string(), "ssh://u@web:7?root=/s");
        assert_eq!(SshAddress::new("::1").expect("a host").to_string(), "ssh://[::1]");
    }
}
