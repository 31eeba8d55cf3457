//! Hosts: how the engine reaches a target.

mod local;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use windlass_agent::site::{Inspection, Recovered};
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::{Address, Target};

pub use local::LocalHost;

use crate::events::Events;
use crate::objects::Objects;

/// Why a host did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The host is there, and its work failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The work on the host ended without an answer.
    #[error("work on the target ended without an answer: {0}")]
    Lost(String),
}

/// A target, reached. Each call is one exchange with the host and leaves it wholly on one release.
#[async_trait]
pub trait Host: Send + Sync {
    /// Returns what is on the target, and what stands in the way of `wanted`. Changes nothing.
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError>;

    /// Brings the target back to one whole release after an interruption, if there was one.
    async fn recover(&self) -> Result<Option<Recovered>, HostError>;

    /// Stages a release beside the live one and, with `checked`, runs its checks.
    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError>;

    /// Switches to a release (to nothing, if none), reloads what changed and waits for its health.
    async fn activate(
        &self,
        deployment: &DeploymentId,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError>;

    /// Probes the health checks of the live release once; `None` where it has none.
    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError>;

    /// Removes the releases on the target that are neither live nor in `keep`.
    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError>;
}

/// What it takes to reach a host.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Where relative local roots start.
    pub base: Arc<Path>,
    /// Where files come from.
    pub objects: Objects,
    /// Who is told what happens.
    pub events: Events,
}

/// Returns the host behind `target`, whose files live in `config_path`.
///
/// # Errors
/// When `config_path` is not a place below a root.
pub fn reach(
    target: &Target,
    config_path: &str,
    reach: &Reach,
) -> Result<Arc<dyn Host>, HostError> {
    match &target.address {
        Address::Local { root } => Ok(Arc::new(LocalHost::new(target, root, config_path, reach)?)),
    }
}
