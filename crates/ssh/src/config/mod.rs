//! What the user's ssh configuration says about a host.

mod dump;
mod program;
mod tokens;

use std::path::PathBuf;
use std::time::Duration;

use crate::destination::{Destination, DestinationError};
use crate::known_hosts::HostName;
use crate::options::{HostKeyPolicy, Keepalive};

pub(crate) use program::resolve;
pub(crate) use tokens::Tokens;

/// All that is needed to connect to one host, as `ssh -G` resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// What was asked for.
    pub destination: Destination,
    /// The name or address to connect to: `HostName`.
    pub host_name: String,
    /// The user to log in as.
    pub user: String,
    /// The port to connect to.
    pub port: u16,
    /// How to get there.
    pub route: Route,
    /// The address family that `AddressFamily` allows.
    pub family: Family,
    /// The address to connect from: `BindAddress`.
    pub bind_address: Option<String>,
    /// Files of keys, in order. Those that are not there are no error.
    pub identity_files: Vec<PathBuf>,
    /// Files of certificates, in order: `CertificateFile`.
    pub certificate_files: Vec<PathBuf>,
    /// Whether only the keys of the files are used, though the agent has others.
    pub identities_only: bool,
    /// Whether keys may be used at all: `PubkeyAuthentication`.
    pub public_keys: bool,
    /// The socket of the agent.
    pub agent: Option<PathBuf>,
    /// The known hosts files of the user; what is learned goes into the first.
    pub user_known_hosts: Vec<PathBuf>,
    /// The known hosts files of the system.
    pub global_known_hosts: Vec<PathBuf>,
    /// What happens to a host that is not known.
    pub host_keys: HostKeyPolicy,
    /// The name that stands for the host in known hosts files: `HostKeyAlias`.
    pub host_key_alias: Option<String>,
    /// Whether names are hashed when hosts are added.
    pub hash_known_hosts: bool,
    /// The file of keys and certificates that are refused: `RevokedHostKeys`.
    pub revoked_host_keys: Option<PathBuf>,
    /// Algorithms that are allowed; empty where the configuration is not known.
    pub algorithms: Algorithms,
    /// Time for a connection to come up, where the configuration says one.
    pub connect_timeout: Option<Duration>,
    /// When a silent host is taken for gone, where the configuration says so.
    pub keepalive: Option<Keepalive>,
}

impl HostConfig {
    /// Returns the name of the host in known hosts files.
    #[must_use]
    pub fn known_as(&self) -> HostName {
        HostName::new(&self.host_name, self.port, self.host_key_alias.as_deref())
    }

    /// Returns the known hosts files in the order in which they are read.
    #[must_use]
    pub fn known_hosts_files(&self) -> Vec<PathBuf> {
        self.user_known_hosts.iter().chain(&self.global_known_hosts).cloned().collect()
    }
}

/// How to get to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Over TCP.
    Direct,
    /// Through these hosts, the nearest first: `ProxyJump`.
    Jump(Vec<Destination>),
    /// Through the input and output of a command for the user's shell: `ProxyCommand`.
    Command(String),
}

/// Which addresses are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Any.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// The algorithms that the configuration allows, by the names of OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Algorithms {
    /// `KexAlgorithms`.
    pub key_exchange: Vec<String>,
    /// `Ciphers`.
    pub ciphers: Vec<String>,
    /// `MACs`.
    pub macs: Vec<String>,
    /// `HostKeyAlgorithms`, most preferred first.
    pub host_keys: Vec<String>,
    /// `PubkeyAcceptedAlgorithms`.
    pub public_keys: Vec<String>,
    /// `CASignatureAlgorithms`.
    pub authorities: Vec<String>,
}

/// Why there is no configuration for a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The program is there and cannot be run.
    #[error("`{program} -G` cannot be run")]
    Program {
        /// The program.
        program: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It does not accept the configuration.
    #[error("`ssh -G` refuses the configuration: {0}")]
    Refused(String),
    /// It printed too much.
    #[error("`ssh -G` printed more than {0} bytes")]
    TooLong(usize),
    /// It printed a value that makes no sense.
    #[error("`ssh -G` says `{key} {value}`, which is not understood")]
    Value {
        /// The name of the option, in lower case.
        key: String,
        /// Its value.
        value: String,
    },
    /// A `%` sequence that means nothing there.
    #[error("`%{token}` in `{value}` means nothing there")]
    Token {
        /// What follows the percent sign.
        token: String,
        /// The whole value.
        value: String,
    },
    /// An environment variable that is not set.
    #[error("`${{{name}}}` in `{value}` is not set")]
    Variable {
        /// The name of the variable.
        name: String,
        /// The whole value.
        value: String,
    },
    /// A name that would not be safe.
    #[error("the ssh configuration gives a name that is not safe")]
    Name(#[from] DestinationError),
    /// More hosts on the way than anybody needs, or a circle of them.
    #[error("ProxyJump leads through too many hosts, or in a circle")]
    TooManyJumps,
    /// An option that this client does not have and that cannot be left out.
    #[error("`{0}` of the ssh configuration is not supported")]
    Unsupported(&'static str),
}
