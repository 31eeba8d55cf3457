//! What the caller decides; everything about a single host comes from the ssh configuration.

use std::path::PathBuf;
use std::time::Duration;

/// What happens to a host whose key is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeyPolicy {
    /// It is refused: `StrictHostKeyChecking yes`, and `ask`, as nobody is asked.
    #[default]
    Strict,
    /// It is believed this once and remembered: `accept-new`. So is `no`, which would also let a
    /// changed key pass: that never happens here.
    AcceptNew,
}

/// When a host that says nothing is taken for gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// The silence after which the host is asked for a sign of life.
    pub interval: Duration,
    /// The silences in a row that end the connection.
    pub count: u32,
}

impl Keepalive {
    /// Returns the longest silence there can be.
    #[must_use]
    pub fn limit(self) -> Duration {
        self.interval.saturating_mul(self.count.max(1))
    }
}

impl Default for Keepalive {
    /// Returns three times 15 seconds, what ssh_config(5) gives as its example.
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), count: 3 }
    }
}

/// How often a connection is tried that the server dropped before it said anything, as sshd does
/// beyond `MaxStartups`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many times it is tried again.
    pub times: usize,
    /// The first pause; each is twice the one before, with jitter.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Retry {
    /// Returns ten times with pauses from 0.1 to 3 seconds: about 20 seconds in all.
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(3));
        Self { times: 10, first, longest }
    }
}

/// How to connect, for a whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program that resolves the ssh configuration with `-G`. Where it is not installed, hosts
    /// have the defaults of OpenSSH.
    pub ssh_program: PathBuf,
    /// The configuration file that stands for the user's and the system's: `-F`.
    pub config_file: Option<PathBuf>,
    /// The home of the user, where `~/.ssh` is.
    pub home: PathBuf,
    /// The name of the user on this machine, who is also the one to log in as by default.
    pub local_user: String,
    /// The socket of the agent, from `SSH_AUTH_SOCK`; `IdentityAgent` goes before it.
    pub agent: Option<PathBuf>,
    /// The shell that runs a `ProxyCommand`, from `SHELL`.
    pub shell: PathBuf,
    /// What happens to unknown hosts, where it is not what the configuration says.
    pub host_keys: Option<HostKeyPolicy>,
    /// Time for `ssh -G`.
    pub configuration_timeout: Duration,
    /// Time for a TCP connection, where the configuration has no `ConnectTimeout`.
    pub connect_timeout: Duration,
    /// Time from then on to a verified host key.
    pub handshake_timeout: Duration,
    /// Time for logging in, which includes an agent that asks its user.
    pub authentication_timeout: Duration,
    /// Time for the host to open a channel.
    pub channel_timeout: Duration,
    /// When a silent host is taken for gone, where the configuration has no `ServerAliveInterval`.
    pub keepalive: Keepalive,
    /// How often a dropped connection is tried again.
    pub retry: Retry,
    /// Bytes that a host may send on a channel ahead of what was taken in.
    pub window: u32,
}

impl Options {
    /// Returns the defaults with the home, user, shell and agent of this process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let user = variable("USER").or_else(|| variable("LOGNAME"));
        Self {
            home: std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
            local_user: user.map_or_else(String::new, |user| user.to_string_lossy().into_owned()),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            shell: variable("SHELL").map_or_else(|| PathBuf::from("/bin/sh"), PathBuf::from),
            ..Self::default()
        }
    }
}

impl Default for Options {
    /// Returns what holds for a user without a home, an agent and a configuration of their own.
    fn default() -> Self {
        Self {
            ssh_program: PathBuf::from("ssh"),
            config_file: None,
            home: PathBuf::from("/"),
            local_user: String::new(),
            agent: None,
            shell: PathBuf::from("/bin/sh"),
            host_keys: None,
            configuration_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(20),
            authentication_timeout: Duration::from_secs(30),
            channel_timeout: Duration::from_secs(20),
            keepalive: Keepalive::default(),
            retry: Retry::default(),
            window: 256 * 1024,
        }
    }
}
