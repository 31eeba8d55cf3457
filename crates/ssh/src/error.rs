//! What can go wrong, each with the host and with what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::Tried;
use crate::config::ConfigError;
use crate::known_hosts::CertificateProblem;

/// Where on the way to a session a time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// `ssh -G` was asked.
    Configuration,
    /// The network was to bring up a connection.
    Connecting,
    /// The server was to greet: it accepted the connection and says nothing.
    Greeting,
    /// Keys were exchanged and the host's was checked.
    KeyExchange,
    /// The user was to be logged in.
    Authentication,
    /// The server was to open a channel.
    Channel,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Configuration => "asking `ssh -G`",
            Self::Connecting => "connecting",
            Self::Greeting => "waiting for the server's greeting",
            Self::KeyExchange => "exchanging keys",
            Self::Authentication => "logging in",
            Self::Channel => "opening a channel",
        })
    }
}

/// What kind of trouble an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The ssh configuration is not usable.
    Configuration,
    /// The host has no address or cannot be reached.
    Unreachable,
    /// The host is there and takes no connection on that port.
    Refused,
    /// The server takes no more connections or sessions now.
    Busy,
    /// The host's key is unknown, changed or revoked.
    HostKey,
    /// Nobody was logged in.
    Authentication,
    /// A time limit was reached.
    TimedOut,
    /// What the server says is not the protocol.
    Protocol,
    /// The connection was there and is gone.
    Lost,
}

/// Why there is no connection, or no command on one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration for the host cannot be had.
    #[error("{host}: no usable ssh configuration")]
    Configuration {
        /// The host as it was asked for.
        host: String,
        /// Why.
        #[source]
        source: ConfigError,
    },
    /// The name has no address.
    #[error("{host}: `{name}` has no address")]
    Lookup {
        /// The host as it was asked for.
        host: String,
        /// The name that was looked up.
        name: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// No connection comes up.
    #[error("{host}: {address} cannot be reached")]
    Unreachable {
        /// The host as it was asked for.
        host: String,
        /// The last address that was tried.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nothing listens at the port.
    #[error("{host}: {address} refuses connections; is sshd running, and on that port?")]
    Refused {
        /// The host as it was asked for.
        host: String,
        /// The address.
        address: String,
    },
    /// The command of the way there cannot be used.
    #[error("{host}: the ProxyCommand `{command}` failed: {said}")]
    ProxyCommand {
        /// The host as it was asked for.
        host: String,
        /// The command.
        command: String,
        /// What it wrote to its standard error, or how it ended.
        said: String,
    },
    /// A host on the way there cannot be used.
    #[error("{host}: no way through {jump}")]
    Jump {
        /// The host as it was asked for.
        host: String,
        /// The host on the way.
        jump: String,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// The jump host does not connect any further.
    #[error("{host}: {jump} opens no connection to {address}: {reason}")]
    Tunnel {
        /// The host as it was asked for.
        host: String,
        /// The host on the way.
        jump: String,
        /// Where it was to connect to.
        address: String,
        /// What it says.
        reason: String,
    },
    /// The server closes connections before it greets, as sshd does beyond `MaxStartups` and to
    /// addresses that it punishes.
    #[error(
        "{host}: the server dropped the connection {times} times before greeting: {said}; connect to \
         fewer hosts at once, or raise MaxStartups in its sshd_config"
    )]
    Dropped {
        /// The host as it was asked for.
        host: String,
        /// How many times.
        times: usize,
        /// The last reason.
        said: String,
    },
    /// The key of the host is not to be trusted.
    #[error("{host}: the host key is not accepted, and nothing was sent")]
    HostKey {
        /// The host as it was asked for.
        host: String,
        /// Why.
        #[source]
        source: Box<HostKeyError>,
    },
    /// No key opens the door.
    #[error(transparent)]
    Authentication(Box<AuthenticationError>),
    /// A time limit was reached.
    #[error("{host}: no answer within {} s while {phase}", .after.as_secs_f64())]
    TimedOut {
        /// The host as it was asked for.
        host: String,
        /// What was being done.
        phase: Phase,
        /// The limit.
        after: Duration,
    },
    /// The server does not speak the protocol, or none of the algorithms that are allowed.
    #[error("{host}: the server and this client do not understand each other: {problem}")]
    Protocol {
        /// The host as it was asked for.
        host: String,
        /// What happened.
        problem: String,
    },
    /// The server opens no more sessions on this connection (`MaxSessions`). One that is closed
    /// makes room.
    #[error("{host}: the server opens no more sessions on this connection: {reason}")]
    NoMoreSessions {
        /// The host as it was asked for.
        host: String,
        /// What it says.
        reason: String,
    },
    /// The server does not run the command.
    #[error("{host}: the server does not run commands for this user")]
    CommandRefused {
        /// The host as it was asked for.
        host: String,
    },
    /// The connection ended while it was needed.
    #[error("{host}: the connection was lost: {reason}")]
    Lost {
        /// The host as it was asked for.
        host: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// Returns what kind of trouble it is; a jump host's trouble is of its own kind.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Configuration { .. } | Self::ProxyCommand { .. } => Class::Configuration,
            Self::Lookup { .. } | Self::Unreachable { .. } | Self::Tunnel { .. } => {
                Class::Unreachable
            }
            Self::Refused { .. } => Class::Refused,
            Self::Dropped { .. } | Self::NoMoreSessions { .. } => Class::Busy,
            Self::HostKey { .. } => Class::HostKey,
            Self::Authentication(_) | Self::CommandRefused { .. } => Class::Authentication,
            Self::TimedOut { .. } => Class::TimedOut,
            Self::Protocol { .. } => Class::Protocol,
            Self::Lost { .. } => Class::Lost,
            Self::Jump { source, .. } => source.class(),
        }
    }

    /// Returns the host as it was asked for.
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Configuration { host, .. }
            | Self::Lookup { host, .. }
            | Self::Unreachable { host, .. }
            | Self::Refused { host, .. }
            | Self::ProxyCommand { host, .. }
            | Self::Jump { host, .. }
            | Self::Tunnel { host, .. }
            | Self::Dropped { host, .. }
            | Self::HostKey { host, .. }
            | Self::TimedOut { host, .. }
            | Self::Protocol { host, .. }
            | Self::NoMoreSessions { host, .. }
            | Self::CommandRefused { host }
            | Self::Lost { host, .. } => host,
            Self::Authentication(error) => &error.host,
        }
    }

    /// Returns whether the same may work in a moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self.class(), Class::Busy | Class::TimedOut | Class::Lost)
    }
}

/// Why the key of a host is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostKeyError {
    /// Nobody knows the host.
    #[error(
        "`{name}` is not in {} and shows the {algorithm} key {fingerprint}{}; compare it with the \
         host's, then add it with `ssh-keyscan`, or set StrictHostKeyChecking accept-new",
        listed(.files),
        passed_over(.certificate)
    )]
    Unknown {
        /// The name that was looked for.
        name: String,
        /// The algorithm of the key.
        algorithm: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// Where it was looked for.
        files: Vec<PathBuf>,
        /// Why the certificate of the host does not count, if it has one.
        certificate: Option<CertificateProblem>,
    },
    /// The host has another key than the one it is known by.
    #[error(
        "`{name}` shows the {algorithm} key {fingerprint}, but is known by another since {}:{line}: \
         it was set up anew, or somebody is in between; if you know that it is the former, run \
         ssh-keygen -R '{name}' -f {}",
        .file.display(),
        .file.display()
    )]
    Changed {
        /// The name that was looked for.
        name: String,
        /// The algorithm of the key that is shown.
        algorithm: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// The file with the other key.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The key was revoked.
    #[error(
        "`{name}` shows the {algorithm} key {fingerprint}, which {} revokes: the host must get a new \
         key",
        place(.file, .line)
    )]
    Revoked {
        /// The name that was looked for.
        name: String,
        /// The algorithm of the key.
        algorithm: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// The file that revokes it.
        file: PathBuf,
        /// Its line, from 1, in a known hosts file.
        line: Option<usize>,
    },
    /// Known hosts cannot be read.
    #[error("the known hosts cannot be read")]
    Unreadable(#[source] io::Error),
    /// It cannot be found out whether the key is revoked.
    #[error("`{}` does not tell whether the key is revoked", .file.display())]
    Revocation {
        /// The file of `RevokedHostKeys`.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A new host cannot be remembered.
    #[error("the new host cannot be added to {}", .file.display())]
    NotRecorded {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A new host cannot be remembered, as there is no file for it.
    #[error("the host is not known, and with UserKnownHostsFile none it cannot be remembered")]
    NoFile,
}

fn listed(files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() { "any known hosts file".to_owned() } else { files.join(", ") }
}

fn passed_over(certificate: &Option<CertificateProblem>) -> String {
    certificate
        .as_ref()
        .map_or_else(String::new, |problem| format!(" (its certificate does not count: {problem})"))
}

fn place(file: &std::path::Path, line: &Option<usize>) -> String {
    let file = file.display();
    line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub struct AuthenticationError {
    /// The host as it was asked for.
    pub host: String,
    /// The user.
    pub user: String,
    /// What was tried, in order, and how each ended.
    pub tried: Vec<Tried>,
    /// What the server would go on with.
    pub methods: Vec<String>,
    /// What the server said before it hung up, if it did.
    pub ended: Option<String>,
    /// The text that the server shows before a login.
    pub banner: Option<String>,
}

impl AuthenticationError {
    fn wants_to_ask(&self) -> bool {
        let asking = |method: &String| {
            matches!(method.as_str(), "password" | "keyboard-interactive" | "gssapi-with-mic")
        };
        self.methods.iter().any(asking) && !self.methods.iter().any(|method| method == "publickey")
    }

    fn advice(&self) -> &'static str {
        let encrypted = self.tried.iter().any(Tried::is_locked);
        if self.wants_to_ask() {
            "the server wants a password or a conversation, and nobody is asked here: give the user \
             a key on the host"
        } else if self.ended.is_some() {
            "fewer keys help where the server counts them (MaxAuthTries): name the right one with \
             IdentityFile and IdentitiesOnly"
        } else if encrypted {
            "no passphrase is asked for: add the key to the agent with ssh-add"
        } else {
            "add the public key to authorized_keys on the host, or name the right one with \
             IdentityFile; no password is asked for"
        }
    }
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, user, tried, methods, .. } = self;
        write!(formatter, "{host}: nobody could be logged in as `{user}`")?;
        match tried.is_empty() {
            true => write!(formatter, "; there is no key to try")?,
            false => {
                let tried: Vec<_> = tried.iter().map(Tried::to_string).collect();
                write!(formatter, "; tried {}", tried.join(", "))?;
            }
        }
        if !methods.is_empty() {
            write!(formatter, "; the server takes {}", methods.join(", "))?;
        }
        if let Some(ended) = &self.ended {
            write!(formatter, "; then it hung up: {ended}")?;
        }
        if let Some(banner) = &self.banner {
            write!(formatter, "; it says: {banner}")?;
        }
        write!(formatter, "; {}", self.advice())
    }
}
