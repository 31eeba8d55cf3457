//! Targets over SSH: an agent on each host, brought there with the first connection.
//!
//! | read | for |
//! |---|---|
//! | [`Ssh`] | the connections of a run, one for each host |
//! | [`SshConnector`] | starting the agent on one of them |
//! | `bootstrap`, `script` | what the host is asked to run, and what it says before the agent does |
//! | `agents` | the binaries that can be sent |

mod agents;
mod bootstrap;
mod connector;
mod script;
mod stream;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windlass_core::target::{Connection, SshAddress, Target};
use windlass_ssh::{Client, Destination, HostKeyPolicy, Options};

use super::HostError;
use agents::Agents;
pub use connector::SshConnector;
use script::Places;

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
    /// The directory on hosts that keeps the agent: absolute, of letters, digits and `._/-`.
    pub agent_dir: Option<String>,
}

/// The connections of a run: one for each host, however many targets are on it.
#[derive(Debug, Clone)]
pub struct Ssh {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    agents: Agents,
    places: Places,
    hosts: Mutex<HashMap<Destination, Arc<SshConnector>>>,
}

impl Ssh {
    /// Returns what has nothing open yet.
    #[must_use]
    pub fn new(settings: &SshSettings) -> Self {
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
            hosts: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns what starts agents on the host of `target`, whose address is `address`.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] where the target is to be entered in a way that is not supported.
    pub fn connector(
        &self,
        target: &Target,
        address: &SshAddress,
    ) -> Result<Arc<SshConnector>, HostError> {
        refuse_ways(&target.connection)?;
        let destination = destination(address)?;
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(SshConnector::new(Arc::clone(&self.shared), destination.clone()));
        Ok(Arc::clone(hosts.entry(destination.clone()).or_insert_with(new)))
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self::new(&SshSettings::default())
    }
}

fn destination(address: &SshAddress) -> Result<Destination, HostError> {
    let unusable =
        |error: windlass_ssh::DestinationError| HostError::Unreachable(error.to_string());
    let mut destination = Destination::new(address.host()).map_err(unusable)?;
    if let Some(user) = address.user() {
        destination = destination.with_user(user).map_err(unusable)?;
    }
    Ok(match address.port() {
        Some(port) => destination.with_port(port),
        None => destination,
    })
}

/// Refuses ways into a host that an inventory can ask for: to enter it another way would be wrong.
fn refuse_ways(connection: &Connection) -> Result<(), HostError> {
    let refused = |what: &str, instead: &str| {
        Err(HostError::Unreachable(format!("{what} is not supported by this version: {instead}")))
    };
    if connection.become_user.is_some() {
        return refused("becoming another user", "log in as the user who owns the destination");
    }
    if connection.identity_file.is_some() {
        return refused("a key of its own", "write `IdentityFile` in the ssh configuration");
    }
    if !connection.jump.is_empty() {
        return refused("a jump host of its own", "write `ProxyJump` in the ssh configuration");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str) -> Target {
        Target::parse(address).expect("an address")
    }

    fn connector(ssh: &Ssh, text: &str) -> Arc<SshConnector> {
        let address = SshAddress::parse(text).expect("an address");
        ssh.connector(&target(text), &address).expect("a connector")
    }

    #[test]
    fn targets_of_one_host_share_its_connection_and_others_do_not() {
        let ssh = Ssh::default();
        let first = connector(&ssh, "ssh://u@web1:22?root=/a");
        assert!(Arc::ptr_eq(&first, &connector(&ssh, "ssh://u@web1:22?root=/b")));
        assert!(!Arc::ptr_eq(&first, &connector(&ssh, "ssh://v@web1:22?root=/a")));
        assert!(!Arc::ptr_eq(&first, &connector(&ssh, "ssh://u@web2:22")));
    }

    #[test]
    fn ways_that_are_not_supported_are_refused_by_name() {
        let address = SshAddress::parse("ssh://web1").expect("an address");
        let said = |connection: Connection| {
            let target = Target { connection, ..target("ssh://web1") };
            Ssh::default().connector(&target, &address).expect_err("refused").to_string()
        };
        let root = Some("root".to_owned());
        assert!(said(Connection { become_user: root, ..Connection::default() }).contains("user"));
        let key = Some("key".to_owned());
        let key = said(Connection { identity_file: key, ..Connection::default() });
        assert!(key.contains("IdentityFile"), "{key}");
        let jump = said(Connection { jump: vec![address.clone()], ..Connection::default() });
        assert!(jump.contains("ProxyJump"), "{jump}");
    }
}
