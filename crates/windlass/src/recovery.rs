//! Deployments that nobody finished: the process was killed, or its machine went down.
//!
//! Whoever next holds the environment's lock finds their records still in progress. A deployment is
//! taken back: it was never verified. A rollback is finished: what it left is what nobody wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;
use windlass_agent::work::Assignment;
use windlass_core::event::Event;
use windlass_core::name::EnvironmentName;
use windlass_core::record::{ConfigDeployment, DeploymentStatus, TargetState};
use windlass_core::target::{Target, TargetId};

use crate::deploy::describe;
use crate::engine::Engine;
use crate::error::{Error, TargetFailure};
use crate::executor;
use crate::fleet::Fleet;
use crate::rollback;

impl Engine {
    /// Ends every deployment of `environment` that was interrupted. The caller holds the lock.
    pub(crate) async fn recover_interrupted(
        &self,
        environment: &EnvironmentName,
    ) -> Result<(), Error> {
        let records = self.store.records(Some(environment)).await?.items;
        for record in records.into_iter().filter(|record| !record.status.is_terminal()) {
            let deployment_id = record.deployment_id.clone();
            warn!(%deployment_id, "an interrupted deployment was found");
            self.events.emit(Event::Recovering { deployment_id });
            self.recover(record).await?;
        }
        Ok(())
    }

    async fn recover(&self, mut record: ConfigDeployment) -> Result<(), Error> {
        let targets: Vec<Target> = record.targets.iter().map(rollback::target_of).collect();
        let fleet = Fleet::reach(&targets, &record.config_path, &self.how_to_reach())?;
        let goals = self.goals(&record)?;
        let id = record.deployment_id.clone();
        let answers = fleet.ask_all(|target, host| {
            let (id, goal) = (id.clone(), goals.get(&target).cloned().flatten());
            async move {
                let seen = host.inspect(None).await?;
                let live = seen.live.map(|live| live.release);
                if seen.interrupted.is_none() && live == goal.as_ref().map(|goal| goal.id) {
                    return Ok(TargetState::NotChecked);
                }
                executor::restore(host.as_ref(), &id, goal).await
            }
        });
        let back = !record.is_rollback();
        let mut failures = Vec::new();
        for (target, answer) in answers.await {
            let release = goals.get(&target).and_then(|goal| goal.as_ref().map(|goal| goal.id));
            let Some(entry) = record.targets.iter_mut().find(|entry| entry.id == target) else {
                continue;
            };
            match answer {
                Ok(state) => {
                    entry.state = if back { TargetState::RolledBack } else { state };
                    entry.release = release;
                }
                Err(error) => {
                    entry.state = TargetState::RollbackFailed;
                    entry.error = Some(describe(&error));
                    failures.push(TargetFailure { target, error });
                }
            }
        }
        self.end_interrupted(record, failures).await
    }

    async fn end_interrupted(
        &self,
        mut record: ConfigDeployment,
        failures: Vec<TargetFailure>,
    ) -> Result<(), Error> {
        if !failures.is_empty() {
            return Err(Error::Targets(failures));
        }
        if record.is_rollback() {
            record.status = DeploymentStatus::Success;
            self.store.update_record(&record).await?;
            return self.mark_undone(&record).await;
        }
        record.status = DeploymentStatus::RolledBack;
        record.error = Some("interrupted: the process that carried it out ended".to_owned());
        Ok(self.store.update_record(&record).await?)
    }

    /// Returns where each target belongs: where it came from, or for a rollback where it was going.
    fn goals(
        &self,
        record: &ConfigDeployment,
    ) -> Result<BTreeMap<TargetId, Option<Arc<Assignment>>>, Error> {
        let mut goals = BTreeMap::new();
        for target in &record.targets {
            let goal = if record.is_rollback() { target.to } else { target.from };
            let goal = goal.map(|release| self.assignment(release, &target.id)).transpose()?;
            goals.insert(target.id.clone(), goal);
        }
        Ok(goals)
    }
}
