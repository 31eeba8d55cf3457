//! A rollout under way, as it outlives the process that drives it.

use serde::{Deserialize, Serialize};
use windlass_core::record::DeploymentId;
use windlass_core::rollout::Rollout;

/// A rollout under way, with what its driver has to know besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRollout {
    /// [`SavedRollout::SCHEMA`] when it was written.
    pub schema: u32,
    /// The deployment that is rolled out.
    pub deployment_id: DeploymentId,
    /// How long a target must be healthy before it counts, in milliseconds.
    pub min_healthy_ms: u64,
    /// Whether no target may fail.
    pub tolerates_none: bool,
    /// Where it stands.
    pub rollout: Rollout,
}

impl SavedRollout {
    /// The version of the format; a newer one is refused.
    pub const SCHEMA: u32 = 1;
}
