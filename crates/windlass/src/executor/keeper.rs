//! What a rollout that is under way leaves for whoever goes on with it.

use tracing::warn;
use windlass_core::record::DeploymentId;

use crate::store::{SavedRollout, StateStore};

/// Writes a rollout down where it stands somewhere else than before.
#[derive(Clone, Copy)]
pub(crate) struct Keeper<'a> {
    store: &'a dyn StateStore,
}

impl<'a> Keeper<'a> {
    pub(crate) const fn new(store: &'a dyn StateStore) -> Self {
        Self { store }
    }

    /// Writes it down. Where that fails the rollout goes on: if its process dies, it is taken back by
    /// its record, as if nothing had been written down.
    pub(super) async fn keep(&self, saved: SavedRollout) {
        let deployment_id = saved.deployment_id.clone();
        if let Err(error) = self.store.save_rollout(&saved).await {
            warn!(%deployment_id, %error, "where the rollout stands was not written down");
        }
    }

    /// Removes what was written down of a deployment that ended.
    pub(crate) async fn forget(&self, deployment_id: &DeploymentId) {
        if let Err(error) = self.store.forget_rollout(deployment_id).await {
            warn!(%deployment_id, %error, "where the rollout stood was not removed");
        }
    }
}
