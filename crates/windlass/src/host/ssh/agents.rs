//! The agents that can be sent, read once for a run.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::host::{AgentBinary, AgentBinaryError};

/// The machines that agents are built for, as `uname -m` names them.
pub(super) const MACHINES: [&str; 2] = ["x86_64", "aarch64"];

/// How many digits of its digest tell an agent from others: 128 bits.
const DIGITS: usize = 32;

/// An agent that can be sent to hosts of one machine.
#[derive(Debug)]
pub(super) struct Sendable {
    /// `uname -m` of the hosts.
    pub(super) machine: &'static str,
    /// What its file on a host is called by: digits of the BLAKE3 digest of its bytes.
    pub(super) digest: String,
    /// The program.
    pub(super) bytes: Vec<u8>,
}

/// The agents of a run.
#[derive(Debug, Default)]
pub(super) struct Agents(OnceCell<Arc<[Sendable]>>);

impl Agents {
    /// Returns the agents that there are.
    pub(super) async fn get(&self) -> Arc<[Sendable]> {
        let read = || async {
            // Who panics here has no agents: each host then says which one it lacks.
            tokio::task::spawn_blocking(read_all).await.unwrap_or_else(|_| Arc::from([]))
        };
        Arc::clone(self.0.get_or_init(read).await)
    }
}

/// Returns why there is no agent for `machine`.
pub(super) fn why_none(machine: &str) -> String {
    match read(machine) {
        Err(error) => crate::error::describe(&error),
        Ok(_) => format!("the agent for {machine} appeared just now: try again"),
    }
}

fn read_all() -> Arc<[Sendable]> {
    let found = MACHINES.iter().filter_map(|machine| {
        let bytes = read(machine).ok()?;
        let mut digest = blake3::hash(&bytes).to_hex().to_string();
        digest.truncate(DIGITS);
        Some(Sendable { machine, digest, bytes })
    });
    found.collect()
}

fn read(machine: &str) -> Result<Vec<u8>, AgentBinaryError> {
    AgentBinary::find(machine)?.read()
}
