//! Targets over SSH: an agent on each host, brought there with the first connection.
//!
//! | read | for |
//! |---|---|
//! | [`Ssh`] | the connections of a run, one for each host |
//! | [`SshConnector`] | starting the agent on one of them |
//! | `bootstrap`, `script` | what the host is asked to run, and what it says before the agent does |
//! | `sudo` | becoming another user there |
//! | `agents` | the binaries that can be sent |

mod agents;
mod bootstrap;
mod connector;
mod script;
mod stream;
mod sudo;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windlass_core::target::{Become, Connection, SshAddress, Target};
use windlass_ssh::{Client, Destination, DestinationError, HostKeyPolicy, Options};

use super::HostError;
use super::remote::Patience;
use crate::secrets::Redaction;
use agents::Agents;
pub use connector::SshConnector;
use script::Places;
use sudo::Password;

/// How hosts are reached, for a whole run. The default leaves all to the user's SSH configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshSettings {
    /// The configuration file in place of the user's and the system's: `ssh -F`.
    pub config: Option<PathBuf>,
    /// Whether hosts that nobody knows yet are believed once and remembered.
    pub accept_new: bool,
    /// Time for a connection to come up, where the configuration has no `ConnectTimeout`; there is twice
    /// as much from then on to a verified host key.
    pub connect_timeout: Option<Duration>,
    /// How long a target may take to answer one request, where that is bounded.
    pub host_timeout: Option<Duration>,
    /// The directory on hosts that keeps the agent: absolute, of letters, digits and `._/-`.
    pub agent_dir: Option<String>,
    /// As whom the work is done where a target does not say.
    pub becomes: Become,
    /// The program that prints the password for `sudo`, with its arguments.
    pub become_password_command: Option<Vec<String>>,
}

/// The connections of a run: one for each host and way to work there, however many targets are on it.
#[derive(Debug, Clone)]
pub struct Ssh {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    agents: Agents,
    places: Places,
    becomes: Become,
    patience: Patience,
    password: Password,
    hosts: Mutex<HashMap<Entry, Arc<SshConnector>>>,
}

/// A host, and who works there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    destination: Destination,
    /// Who the work is done as, over `sudo`, where it is not whoever logs in.
    user: Option<String>,
}

impl Ssh {
    /// Returns what has nothing open yet.
    #[must_use]
    pub fn new(settings: &SshSettings) -> Self {
        Self::filtered(settings, Redaction::default())
    }

    /// Returns the same, with `redaction` hearing of the password for `sudo`.
    #[must_use]
    pub fn filtered(settings: &SshSettings, redaction: Redaction) -> Self {
        let mut options = Options::from_env();
        options.config_file.clone_from(&settings.config);
        options.host_keys = settings.accept_new.then_some(HostKeyPolicy::AcceptNew);
        if let Some(timeout) = settings.connect_timeout {
            options.connect_timeout = timeout;
            options.handshake_timeout = timeout.saturating_mul(2);
        }
        let shared = Shared {
            client: Client::new(options),
            agents: Agents::default(),
            places: Places::new(settings.agent_dir.as_deref()),
            becomes: settings.becomes.clone(),
            patience: Patience { answer: settings.host_timeout, ..Patience::default() },
            password: Password::new(settings.become_password_command.clone(), redaction),
            hosts: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns how long agents are waited for.
    pub(super) fn patience(&self) -> Patience {
        self.shared.patience
    }

    /// Returns what starts agents on the host of `target`, whose address is `address`. A relative path
    /// of a key starts at `base`.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] where the way to the host is none, or its key is not there.
    pub fn connector(
        &self,
        target: &Target,
        address: &SshAddress,
        base: &Path,
    ) -> Result<Arc<SshConnector>, HostError> {
        let user = target.connection.becomes(&self.shared.becomes).map(str::to_owned);
        let entry = Entry { destination: way(address, &target.connection, base)?, user };
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(SshConnector::new(Arc::clone(&self.shared), entry.clone()));
        Ok(Arc::clone(hosts.entry(entry.clone()).or_insert_with(new)))
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self::new(&SshSettings::default())
    }
}

/// Returns where `address` is, with the key and the hosts on the way that are the target's own.
fn way(
    address: &SshAddress,
    connection: &Connection,
    base: &Path,
) -> Result<Destination, HostError> {
    let mut way = destination(address)?;
    if let Some(file) = &connection.identity_file {
        let path = key_file(file, base)?;
        way = way.with_identity_file(path).map_err(unusable)?;
    }
    let jump = connection.jump.iter().map(destination).collect::<Result<_, _>>()?;
    Ok(way.with_jump(jump))
}

fn destination(address: &SshAddress) -> Result<Destination, HostError> {
    let mut destination = Destination::new(address.host()).map_err(unusable)?;
    if let Some(user) = address.user() {
        destination = destination.with_user(user).map_err(unusable)?;
    }
    Ok(match address.port() {
        Some(port) => destination.with_port(port),
        None => destination,
    })
}

fn unusable(error: DestinationError) -> HostError {
    HostError::Unreachable(error.to_string())
}

/// Returns the path of a key, from `base` on where it is relative; `~` and tokens are left to those who
/// read the ssh configuration. A key that is asked for by name has to be there.
fn key_file(file: &str, base: &Path) -> Result<String, HostError> {
    if file.starts_with('~') || file.contains(['%', '$']) {
        return Ok(file.to_owned());
    }
    let path = base.join(file);
    match path.to_str() {
        Some(text) if path.is_file() => Ok(text.to_owned()),
        _ => Err(HostError::Unreachable(format!("the key {} is not there", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str) -> Target {
        Target::parse(address).expect("an address")
    }

    fn connector(ssh: &Ssh, text: &str) -> Arc<SshConnector> {
        let address = SshAddress::parse(text).expect("an address");
        ssh.connector(&target(text), &address, Path::new("/")).expect("a connector")
    }

    #[test]
    fn targets_of_one_host_share_its_connection_and_others_do_not() {
        let ssh = Ssh::default();
        let first = connector(&ssh, "ssh://u@web1:22?root=/a");
        assert!(Arc::ptr_eq(&first, &connector(&ssh, "ssh://u@web1:22?root=/b")));
        assert!(!Arc::ptr_eq(&first, &connector(&ssh, "ssh://v@web1:22?root=/a")));
        assert!(!Arc::ptr_eq(&first, &connector(&ssh, "ssh://u@web2:22")));
    }

    fn with(ssh: &Ssh, connection: Connection) -> Result<Arc<SshConnector>, HostError> {
        let address = SshAddress::parse("ssh://web1").expect("an address");
        let target = Target { connection, ..target("ssh://web1") };
        ssh.connector(&target, &address, Path::new("/nonexistent"))
    }

    #[test]
    fn each_way_to_a_host_has_a_connection() {
        let ssh = Ssh::default();
        let plain = || Connection::default();
        let jump = vec![SshAddress::parse("ssh://bastion").expect("an address")];
        let key = Some("~/.ssh/deploy".to_owned());
        let ways = [
            plain(),
            Connection { jump, ..plain() },
            Connection { identity_file: key, ..plain() },
            Connection { becomes: Some(true), ..plain() },
            Connection { becomes: Some(true), become_user: Some("app".to_owned()), ..plain() },
        ];
        let connectors: Vec<_> =
            ways.iter().map(|way| with(&ssh, way.clone()).expect("a connector")).collect();
        for (index, connector) in connectors.iter().enumerate() {
            let again = with(&ssh, ways[index].clone()).expect("a connector");
            assert!(Arc::ptr_eq(connector, &again));
            let others = connectors.iter().filter(|other| Arc::ptr_eq(connector, other));
            assert_eq!(others.count(), 1);
        }
    }

    #[test]
    fn a_key_that_is_asked_for_has_to_be_there() {
        let key = |file: &str| {
            let identity_file = Some(file.to_owned());
            let connection = Connection { identity_file, ..Connection::default() };
            with(&Ssh::default(), connection).map(|_| ())
        };
        let missing = key("keys/deploy").expect_err("not there").to_string();
        assert!(missing.contains("/nonexistent/keys/deploy"), "{missing}");
        assert!(key("a\"b%h").expect_err("no path").to_string().contains("quote"));
        key("~/.ssh/%r").expect("found out later");
    }
}
