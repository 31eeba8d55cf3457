//! Going on with a rollout whose process died.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::error;
use windlass_agent::work::Assignment;
use windlass_core::event::Event;
use windlass_core::record::{ConfigDeployment, DeploymentId, TargetRecord};
use windlass_core::release::ReleaseId;
use windlass_core::target::{Target, TargetId};

use crate::engine::Engine;
use crate::error::Error;
use crate::executor::{Move, Start};
use crate::fleet::Fleet;
use crate::rollback;
use crate::store::SavedRollout;

impl Engine {
    /// Goes on with a deployment or a rollback whose process died, from where it was written down, and
    /// returns the record. Whatever had been asked and not answered is asked again; deadlines are those
    /// of the beginning, and health has to be shown anew. One that has ended is returned as it is.
    ///
    /// Whoever deploys instead takes the deployment back first.
    ///
    /// # Errors
    /// [`Error::NotResumable`] when where it stood was not written down; when somebody is still at it,
    /// that the environment is locked; otherwise as [`Engine::deploy`].
    pub async fn resume(
        &self,
        id: &DeploymentId,
        resumed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let outcome = self.try_resume(id, resumed_by).await;
        outcome.inspect_err(|failure| error!(%id, error = %failure, "resuming failed"))
    }

    async fn try_resume(
        &self,
        id: &DeploymentId,
        resumed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let environment = self.deployment(id.as_str()).await?.environment;
        let _lock = self.lock(&environment, resumed_by, "resume").await?;
        self.know_secrets(&environment).await;
        let record = self.deployment(id.as_str()).await?;
        if record.status.is_terminal() {
            return if record.succeeded() {
                Ok(record)
            } else {
                Err(Error::Failed(Box::new(record)))
            };
        }
        let saved = self.saved_rollout(&record).await?;
        let targets: Vec<Target> = record.targets.iter().map(rollback::target_of).collect();
        let fleet = self.fleet(&targets, &record.config_path)?;
        let moves = self.moves_again(&record, &saved, &fleet).await?;
        self.events.emit(Event::DeploymentStarted {
            deployment_id: record.deployment_id.clone(),
            environment,
            release: record.release,
            targets: record.targets.len() as u64,
        });
        self.drive(record, Start::Saved(Box::new(saved)), &fleet, moves, began).await
    }

    async fn saved_rollout(&self, record: &ConfigDeployment) -> Result<SavedRollout, Error> {
        let deployment = record.deployment_id.clone();
        let reason = "its process died before it wrote down where it stood".to_owned();
        let saved = self.store.rollout(&deployment).await?;
        saved.ok_or(Error::NotResumable { deployment, reason })
    }

    /// Returns what each target that moves comes from and goes to.
    async fn moves_again(
        &self,
        record: &ConfigDeployment,
        saved: &SavedRollout,
        fleet: &Fleet,
    ) -> Result<BTreeMap<TargetId, Move>, Error> {
        let mut moves = BTreeMap::new();
        let stages = saved.rollout.stages().iter();
        let moving: BTreeSet<&TargetId> = stages.flat_map(|stage| &stage.targets).collect();
        for target in record.targets.iter().filter(|target| moving.contains(&target.id)) {
            let from = self.end_of(fleet, target, target.from).await?;
            let to = self.end_of(fleet, target, target.to).await?;
            moves.insert(target.id.clone(), Move { from, to });
        }
        Ok(moves)
    }

    async fn end_of(
        &self,
        fleet: &Fleet,
        target: &TargetRecord,
        release: Option<ReleaseId>,
    ) -> Result<Option<Arc<Assignment>>, Error> {
        match release {
            Some(release) => Ok(Some(self.restorable(fleet, &target.id, release).await?)),
            None => Ok(None),
        }
    }
}
