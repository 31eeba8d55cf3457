//! Deployments that nobody finished: the process was killed, or its machine went down.
//!
//! Whoever next holds the environment's lock finds their records still in progress. A deployment is
//! taken back: it was never verified. A rollback is finished: what it left is what nobody wanted. A
//! target that somebody else has moved since, from another workspace, is left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::event::Event;
use windlass_core::name::EnvironmentName;
use windlass_core::record::{
    ConfigDeployment, DeploymentId, DeploymentStatus, TargetRecord, TargetState,
};
use windlass_core::release::ReleaseId;
use windlass_core::target::{Target, TargetId};

use crate::engine::Engine;
use crate::error::{Error, TargetFailure, describe};
use crate::executor::{self, Keeper};
use crate::fleet::Fleet;
use crate::host::{Host, HostError};
use crate::records::Past;
use crate::rollback;
use crate::store::StoreError;

/// Where one target belongs.
#[derive(Clone)]
struct Goal {
    /// The release, or nothing.
    release: Option<ReleaseId>,
    /// The release as the object store knows it, if it does.
    known: Option<Arc<Assignment>>,
    /// What the interrupted deployment may have left there.
    over: Vec<Option<ReleaseId>>,
}

/// A target that is not where it belongs, or may not be.
struct Lost {
    target: TargetId,
    error: HostError,
    /// Whether the environment must wait until somebody has looked.
    blocks: bool,
}

impl Engine {
    /// Ends every deployment of `environment` that was interrupted, and returns what the records say
    /// then. The caller holds the lock.
    ///
    /// # Errors
    /// When one cannot be ended, or a newer version wrote a record: what that deployment did, and
    /// whether it is done, cannot be told.
    pub(crate) async fn recover_interrupted(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Past, Error> {
        self.know_secrets(environment).await;
        let listing = self.store.records(Some(environment)).await?;
        for problem in listing.problems {
            if matches!(problem, StoreError::Newer { .. }) {
                return Err(problem.into());
            }
            let problem = describe(&problem);
            self.warn(environment, format!("it may be of an interrupted deployment: {problem}"));
        }
        let past = Past::of(&listing.items);
        let mut ended = Vec::new();
        for record in listing.items.into_iter().filter(|record| !record.status.is_terminal()) {
            let deployment_id = record.deployment_id.clone();
            warn!(%deployment_id, "an interrupted deployment was found");
            self.events.emit(Event::Recovering { deployment_id });
            ended.push(self.recover(record).await?);
        }
        if ended.is_empty() {
            return Ok(past);
        }
        Ok(Past { ended, ..self.past(environment).await? })
    }

    async fn recover(&self, mut record: ConfigDeployment) -> Result<ConfigDeployment, Error> {
        let targets: Vec<Target> = record.targets.iter().map(rollback::target_of).collect();
        let fleet =
            self.fleet_of_recovery(&record.environment, targets, &record.config_path).await?;
        let goals = self.goals(&record);
        let strange = |goal: &Goal| goal.release.is_some() && goal.known.is_none();
        let environment = self.environment(record.environment.as_str()).await;
        let has_secrets = environment.is_ok_and(|environment| environment.secrets.is_some());
        if has_secrets && goals.values().any(strange) {
            self.withhold_strange(&record.environment);
        }
        let id = record.deployment_id.clone();
        let answers = fleet.ask_all(|target, host| {
            let (id, goal) = (id.clone(), goals[&target].clone());
            async move { bring(host.as_ref(), &id, goal).await }
        });
        let mut lost = Vec::new();
        for (target, answer) in answers.await {
            match answer {
                Ok(state) => arrived(&mut record, &target, goals[&target].release, state),
                Err(error) => lost.push(self.lose(&mut record, &fleet, target, error).await?),
            }
        }
        self.end_interrupted(record, lost).await
    }

    /// Records what a target that failed really holds.
    async fn lose(
        &self,
        record: &mut ConfigDeployment,
        fleet: &Fleet,
        target: TargetId,
        error: HostError,
    ) -> Result<Lost, Error> {
        let environment = self.environment(record.environment.as_str()).await;
        let is_gone = environment.is_ok_and(|now| now.targets.iter().all(|t| t.id != target));
        let moved = matches!(error, HostError::Work(WorkError::Moved(_)));
        let seen = fleet.ask([&target], |_, host| async move { host.inspect(None).await }).await;
        if let Some(entry) = entry_of(record, &target) {
            entry.state = if moved { TargetState::Failed } else { TargetState::RollbackFailed };
            entry.error = Some(describe(&error));
            if let Some(Ok(seen)) = seen.into_values().next() {
                entry.release = seen.live.map(|live| live.release);
            }
        }
        let blocks = !(is_gone || moved || error.is_after_the_switch());
        Ok(Lost { target, error, blocks })
    }

    async fn end_interrupted(
        &self,
        mut record: ConfigDeployment,
        lost: Vec<Lost>,
    ) -> Result<ConfigDeployment, Error> {
        if lost.iter().any(|lost| lost.blocks) {
            self.store.update_record(&record).await?;
            let blocking = lost.into_iter().filter(|lost| lost.blocks);
            let failures =
                blocking.map(|lost| TargetFailure { target: lost.target, error: lost.error });
            let (deployment, failures) = (record.deployment_id, failures.collect());
            return Err(Error::Interrupted { deployment, failures });
        }
        let interrupted = "interrupted: the process that carried it out ended";
        let reasons: Vec<_> =
            lost.iter().map(|lost| format!("{}: {}", lost.target, describe(&lost.error))).collect();
        (record.status, record.error) = match (reasons.is_empty(), record.is_rollback()) {
            (true, true) => (DeploymentStatus::Success, None),
            (true, false) => (DeploymentStatus::RolledBack, Some(interrupted.to_owned())),
            (false, _) => {
                let error = format!("{interrupted}; {}", reasons.join("; "));
                (DeploymentStatus::Failed, Some(error))
            }
        };
        if record.succeeded() {
            self.mark_undone(&record).await?;
        }
        self.store.update_record(&record).await?;
        Keeper::new(self.store.as_ref()).forget(&record.deployment_id).await;
        Ok(record)
    }

    /// Returns where each target belongs: where it came from, or for a rollback where it was going.
    fn goals(&self, record: &ConfigDeployment) -> BTreeMap<TargetId, Goal> {
        let goal = |target: &TargetRecord| {
            let release = if record.is_rollback() { target.to } else { target.from };
            let known = release.and_then(|release| self.assignment(release, &target.id).ok());
            Goal { release, known, over: vec![target.from, target.to] }
        };
        record.targets.iter().map(|target| (target.id.clone(), goal(target))).collect()
    }
}

/// Brings a target to where it belongs, if it is not there.
async fn bring(
    host: &dyn Host,
    deployment: &DeploymentId,
    goal: Goal,
) -> Result<TargetState, HostError> {
    let seen = host.inspect(None).await?;
    let live = seen.live.map(|live| live.release);
    if seen.interrupted.is_none() && live == goal.release {
        return Ok(TargetState::NotChecked);
    }
    if !goal.over.contains(&live) {
        return Err(WorkError::Moved(live).into());
    }
    let to = match (goal.release, goal.known) {
        (None, _) => None,
        (Some(_), Some(known)) => Some(known),
        (Some(release), None) => {
            let kept = host.recall(release).await?;
            Some(kept.ok_or(HostError::NotKept(release))?)
        }
    };
    executor::restore(host, deployment, goal.over, to).await
}

/// Records that a target is where it belongs. One that had nothing to do keeps saying so.
fn arrived(
    record: &mut ConfigDeployment,
    target: &TargetId,
    release: Option<ReleaseId>,
    state: TargetState,
) {
    let back = !record.is_rollback();
    let Some(entry) = entry_of(record, target) else { return };
    entry.release = release;
    entry.error = None;
    if entry.state != TargetState::Unchanged {
        entry.state = if back { TargetState::RolledBack } else { state };
    }
}

fn entry_of<'r>(
    record: &'r mut ConfigDeployment,
    target: &TargetId,
) -> Option<&'r mut TargetRecord> {
    record.targets.iter_mut().find(|entry| entry.id == *target)
}
