//! The journal: what is being done, for whoever comes after a crash.

use serde::{Deserialize, Serialize};
use windlass_core::name::ServiceName;
use windlass_core::record::DeploymentId;
use windlass_core::release::ReleaseId;

use super::dir::Dir;
use super::durable::{read_sealed, write_sealed};
use super::{Interrupted, SiteError};

/// The name of the journal in the state directory.
pub(super) const JOURNAL: &str = "journal";

const MOST_BYTES: u64 = 16 << 20;

/// How far an activation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Files are being put in place; what `current` says decides between finishing and undoing.
    Activating,
    /// Everything is in place; only the reloads are due.
    Activated,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) deployment: DeploymentId,
    pub(super) phase: Phase,
    pub(super) from: Option<ReleaseId>,
    pub(super) to: Option<ReleaseId>,
    /// The reloads that become due with the switch.
    pub(super) reloads: Vec<ServiceName>,
    /// The reloads that were due already, whichever way this activation ends.
    pub(super) carried: Vec<ServiceName>,
}

impl Journal {
    /// Returns the reloads that are due once `to` is live, each once.
    pub(super) fn due(&self) -> Vec<ServiceName> {
        union(&self.carried, &self.reloads)
    }

    /// Reads the journal, or nothing where nothing is being done.
    pub(super) fn read(state: &Dir) -> Result<Option<Self>, SiteError> {
        read_sealed(state, JOURNAL, MOST_BYTES)
    }

    /// Writes the journal: afterwards it is on the disk.
    pub(super) fn write(&self, state: &Dir) -> Result<(), SiteError> {
        write_sealed(state, state, JOURNAL, self)
    }

    /// Removes the journal: afterwards nothing is being done, after a power cut too.
    pub(super) fn clear(state: &Dir) -> Result<(), SiteError> {
        if state.unlink(JOURNAL)? { state.sync() } else { Ok(()) }
    }
}

/// Returns `first` and what of `second` is not in it.
pub(super) fn union(first: &[ServiceName], second: &[ServiceName]) -> Vec<ServiceName> {
    let mut all = Vec::with_capacity(first.len() + second.len());
    for service in first.iter().chain(second) {
        if !all.contains(service) {
            all.push(service.clone());
        }
    }
    all
}

impl From<Journal> for Interrupted {
    fn from(journal: Journal) -> Self {
        Self {
            reloads: journal.due(),
            deployment: journal.deployment,
            from: journal.from,
            to: journal.to,
            phase: journal.phase,
        }
    }
}
