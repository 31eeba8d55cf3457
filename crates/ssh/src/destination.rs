//! Where to go: `ssh://user@host:port`, or `user@host` as `ssh` takes it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The longest name of a host or user that is taken, in bytes: DNS ends at 253.
const LONGEST_NAME: usize = 255;

/// A host to connect to, with a user and a port where the address says them.
///
/// What it holds is harmless wherever it is put: no name begins with `-`, and none has a character
/// that a shell, a terminal or `ssh` gives a meaning to (CVE-2023-51385, CVE-2017-1000117).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    host: String,
    user: Option<String>,
    port: Option<u16>,
    identity_file: Option<String>,
    jump: Vec<Destination>,
}

/// Why a text is no [`Destination`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// There is no host in it.
    #[error("an SSH address without a host")]
    NoHost,
    /// It is an address of another kind, such as `https://`.
    #[error("`{0}://` is not an SSH address; write ssh://USER@HOST:PORT")]
    Scheme(String),
    /// A password, which would be seen wherever the address is. It is not repeated here.
    #[error("an SSH address with a password in it; use a key and leave the password out")]
    Password,
    /// Something behind the host and port.
    #[error("`{0}` behind the host of an SSH address means nothing")]
    Path(String),
    /// No port from 1 to 65535.
    #[error("`{0}` is not a port: they go from 1 to 65535")]
    Port(String),
    /// Brackets that are not around an IPv6 address.
    #[error("`{0}` has brackets that are not around an IPv6 address")]
    Brackets(String),
    /// A name that a program would take for an option.
    #[error("the {part} `{name}` begins with `-`")]
    LeadingDash {
        /// What is named: host or user.
        part: &'static str,
        /// The name.
        name: String,
    },
    /// A character that no host or user has, and that could mean something to a shell.
    #[error("the {part} {name:?} has a {character:?}; letters, digits and {allowed} are allowed")]
    Character {
        /// What is named: host or user.
        part: &'static str,
        /// The name, quoted so that no character acts on a terminal.
        name: String,
        /// The first character that is not allowed.
        character: char,
        /// What is allowed besides letters and digits.
        allowed: &'static str,
    },
    /// The path of a key that would be more than a path in the ssh configuration.
    #[error("the path of a key is empty, or has a quote, a backslash or a control character in it")]
    IdentityFile,
    /// A name that is longer than DNS and Unix have them.
    #[error("the {part} has {length} bytes; {LONGEST_NAME} are the most")]
    TooLong {
        /// What is named: host or user.
        part: &'static str,
        /// Its length in bytes.
        length: usize,
    },
}

impl Destination {
    /// Returns the destination for a host without a user and a port: those of the configuration.
    ///
    /// # Errors
    ///
    /// [`DestinationError`] for a name that is not one.
    pub fn new(host: impl Into<String>) -> Result<Self, DestinationError> {
        let host = host.into();
        check_host(&host)?;
        Ok(Self { host, user: None, port: None, identity_file: None, jump: Vec::new() })
    }

    /// Returns the same with a user to log in as.
    ///
    /// # Errors
    ///
    /// [`DestinationError`] for a name that is not one.
    pub fn with_user(mut self, user: impl Into<String>) -> Result<Self, DestinationError> {
        let user = user.into();
        check_user(&user)?;
        self.user = Some(user);
        Ok(self)
    }

    /// Returns the same with a port.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Returns the same with the file of a key that is tried beside those of the configuration; `~` and
    /// tokens in it mean what they mean to `IdentityFile`.
    ///
    /// # Errors
    ///
    /// [`DestinationError::IdentityFile`] for a path that would be more than that.
    pub fn with_identity_file(mut self, path: impl Into<String>) -> Result<Self, DestinationError> {
        let path = path.into();
        let strange = |c: char| c.is_control() || matches!(c, '"' | '\\');
        if path.is_empty() || path.contains(strange) {
            return Err(DestinationError::IdentityFile);
        }
        self.identity_file = Some(path);
        Ok(self)
    }

    /// Returns the same, reached through these hosts, the nearest first, whatever the configuration
    /// says; none are those of the configuration.
    #[must_use]
    pub fn with_jump(mut self, jump: Vec<Self>) -> Self {
        self.jump = jump;
        self
    }

    /// Returns the file of the key that is tried beside those of the configuration.
    #[must_use]
    pub fn identity_file(&self) -> Option<&str> {
        self.identity_file.as_deref()
    }

    /// Returns the hosts on the way, the nearest first, where it is not that of the configuration.
    #[must_use]
    pub fn jump(&self) -> &[Self] {
        &self.jump
    }

    /// Returns the host as it was written: a name, an alias of the configuration or an address,
    /// the latter without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the user, where the address says one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the port, where the address says one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Destination {
    /// Writes `ssh://user@host:port`, which reads back as the same destination but for its key and the
    /// hosts on the way.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(formatter, "{}@", user.replace('@', "%40"))?;
        }
        match self.host.contains(':') {
            true => write!(formatter, "[{}]", self.host)?,
            false => formatter.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    /// Reads `ssh://[user@]host[:port][/]` or `[user@]host[:port]`.
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        match text.split_once("://") {
            Some(("ssh", rest)) => from_url(rest),
            Some((scheme, _)) => Err(DestinationError::Scheme(scheme.to_owned())),
            None => from_parts(text),
        }
    }
}

fn from_url(rest: &str) -> Result<Destination, DestinationError> {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !matches!(path, "" | "/") {
        return Err(DestinationError::Path(path.to_owned()));
    }
    if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return Err(DestinationError::Password);
    }
    match authority.rsplit_once('@') {
        Some((user, host)) => from_parts_of(Some(&percent_decoded(user)), host),
        None => from_parts_of(None, authority),
    }
}

fn from_parts(text: &str) -> Result<Destination, DestinationError> {
    match text.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => Err(DestinationError::Password),
        Some((user, host)) => from_parts_of(Some(user), host),
        None => from_parts_of(None, text),
    }
}

fn from_parts_of(user: Option<&str>, host_and_port: &str) -> Result<Destination, DestinationError> {
    let (host, port) = host_and_port_of(host_and_port)?;
    let mut destination = Destination::new(host)?;
    destination.port = port.map(port_of).transpose()?;
    match user {
        Some(user) => destination.with_user(user),
        None => Ok(destination),
    }
}

/// Returns the host without brackets, and the text of the port.
fn host_and_port_of(text: &str) -> Result<(&str, Option<&str>), DestinationError> {
    let Some(inside) = text.strip_prefix('[') else {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok((text, None));
        }
        return Ok(text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))));
    };
    let brackets = || DestinationError::Brackets(text.to_owned());
    let (host, rest) = inside.split_once(']').ok_or_else(brackets)?;
    let address = host.split('%').next().unwrap_or(host);
    address.parse::<Ipv6Addr>().map_err(|_| brackets())?;
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(brackets()),
        Some(port) => Ok((host, Some(port))),
    }
}

fn port_of(text: &str) -> Result<u16, DestinationError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if port > 0 && digits => Ok(port),
        _ => Err(DestinationError::Port(text.to_owned())),
    }
}

/// Returns `text` with `%40` and the like decoded; whatever is malformed stays, and is refused
/// later for its `%`.
fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let hex = others.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = &others[2..];
            }
            _ => {
                decoded.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Checks a host as it may stand in an address, and as the configuration may rename it.
pub(crate) fn check_host(host: &str) -> Result<(), DestinationError> {
    if host.is_empty() {
        return Err(DestinationError::NoHost);
    }
    let address = host.split('%').next().unwrap_or(host);
    if address.parse::<Ipv6Addr>().is_ok() {
        return check_name("host", host, "`.`, `-`, `_`", ".-_:%");
    }
    check_name("host", host, "`.`, `-`, `_`", ".-_")
}

/// Checks a user as it may stand in an address, and as the configuration may name it.
pub(crate) fn check_user(user: &str) -> Result<(), DestinationError> {
    check_name("user", user, "`.`, `-`, `_`, `+`, `@`", ".-_+@")
}

fn check_name(
    part: &'static str,
    name: &str,
    allowed: &'static str,
    others: &str,
) -> Result<(), DestinationError> {
    if name.len() > LONGEST_NAME {
        return Err(DestinationError::TooLong { part, length: name.len() });
    }
    if name.starts_with('-') {
        return Err(DestinationError::LeadingDash { part, name: name.to_owned() });
    }
    let bad = |character: &char| !character.is_ascii_alphanumeric() && !others.contains(*character);
    match name.chars().find(bad) {
        Some(character) => {
            Err(DestinationError::Character { part, name: name.to_owned(), character, allowed })
        }
        None if name.is_empty() => Err(DestinationError::NoHost),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Option<String>, Option<u16>) {
        let destination: Destination = text.parse().unwrap();
        (destination.host, destination.user, destination.port)
    }

    fn refused(text: &str) -> String {
        text.parse::<Destination>().unwrap_err().to_string()
    }

    #[test]
    fn an_address_has_a_host_and_perhaps_a_user_and_a_port() {
        let user = || Some("deploy".to_owned());
        assert_eq!(parsed("web-1"), ("web-1".into(), None, None));
        assert_eq!(parsed("deploy@web-1"), ("web-1".into(), user(), None));
        assert_eq!(parsed("ssh://web-1"), ("web-1".into(), None, None));
        assert_eq!(parsed("ssh://web-1/"), ("web-1".into(), None, None));
        assert_eq!(parsed("ssh://deploy@web-1:2222"), ("web-1".into(), user(), Some(2222)));
        assert_eq!(parsed("deploy@web-1:2222"), ("web-1".into(), user(), Some(2222)));
        assert_eq!(parsed("ssh://[::1]:2222"), ("::1".into(), None, Some(2222)));
        assert_eq!(parsed("[fe80::1%eth0]"), ("fe80::1%eth0".into(), None, None));
        assert_eq!(parsed("fe80::1"), ("fe80::1".into(), None, None));
        let at = Some("me@EXAMPLE.COM".to_owned());
        assert_eq!(parsed("me@EXAMPLE.COM@web"), ("web".into(), at.clone(), None));
        assert_eq!(parsed("ssh://me%40EXAMPLE.COM@web"), ("web".into(), at, None));
    }

    #[test]
    fn a_key_is_a_path_and_nothing_more() {
        let host = || Destination::new("web").unwrap();
        let with = |path: &str| host().with_identity_file(path);
        assert_eq!(with("~/my keys/%r").unwrap().identity_file(), Some("~/my keys/%r"));
        for bad in ["", "a\"b", "a\\b", "a\nProxyCommand=id", "\0"] {
            assert_eq!(with(bad), Err(DestinationError::IdentityFile), "{bad:?}");
        }
        assert_ne!(with("/k").unwrap(), host());
        assert_ne!(host().with_jump(vec![host()]), host());
    }

    #[test]
    fn it_writes_itself_as_an_address_that_reads_back() {
        for text in [
            "ssh://web",
            "ssh://deploy@web:2222",
            "ssh://me%40x.org@web",
            "ssh://[::1]:1",
            "ssh://[::1]",
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn what_a_shell_or_ssh_would_take_for_more_than_a_name_is_refused() {
        for text in [
            "-oProxyCommand=touch",
            "ssh://-oProxyCommand=touch",
            "deploy@-host",
            "-lroot@host",
            "ho st",
            "host;id",
            "host$(id)",
            "host`id`",
            "host|id",
            "host&id",
            "host\nProxyCommand",
            "host\u{1b}[2J",
            "host\0",
            "us'er@host",
            "us$er@host",
            "us%24er@host",
            "ssh://us%24er@host",
            "ssh://us%0aer@host",
            "ssh://us%4@host",
            "hôst",
            "host*",
            "",
            "ssh://",
            "@host",
            "user@",
            "ssh://host/etc",
            "ssh://host?root=/x",
            "ssh://host#x",
            "host:0",
            "host:65536",
            "host:+22",
            "host:",
            "host:22x",
            "a:b:c",
            "[host]",
            "[::1",
            "[::1]x",
            "::g",
            "https://host",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text:?} was taken");
        }
        let long = "x".repeat(256);
        assert_eq!(refused(&long), "the host has 256 bytes; 255 are the most");
    }

    #[test]
    fn the_refusal_says_what_is_wrong_and_never_a_password() {
        assert_eq!(refused("-oX"), "the host `-oX` begins with `-`");
        assert_eq!(
            refused("a;b"),
            "the host \"a;b\" has a ';'; letters, digits and `.`, `-`, `_` are allowed"
        );
        for text in ["ssh://me:hunter2@host", "me:hunter2@host", "ssh://:hunter2@host"] {
            assert!(!refused(text).contains("hunter2"));
        }
    }
}
