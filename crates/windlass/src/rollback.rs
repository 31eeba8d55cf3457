//! Rollback: plans whose release is an earlier one.

use std::collections::BTreeSet;

use tracing::error;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::{Intent, Plan};
use windlass_core::record::{
    self, ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetRecord,
};
use windlass_core::release::{Release, ReleaseId};
use windlass_core::target::Target;

use crate::carry_out::{self, Planned};
use crate::engine::Engine;
use crate::error::Error;
use crate::planner::Draft;
use crate::records::{Attempt, Past};

/// What is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The latest deployment of an environment that is in effect is undone.
    Latest(EnvironmentName),
    /// This deployment is undone: what was live before it is live again.
    Undo(DeploymentId),
    /// What this deployment deployed is live again.
    Return(DeploymentId),
}

impl Engine {
    /// Returns what a rollback would do.
    ///
    /// # Errors
    /// When there is nothing to go back to, or a release can no longer be restored.
    pub async fn plan_rollback(&self, subject: &Subject) -> Result<Plan, Error> {
        let (record, intent) = self.subject(subject).await?;
        Ok(self.look_back(&record, intent, Past::default()).await?.plan)
    }

    /// Rolls back and returns the record of the rollback.
    ///
    /// # Errors
    /// As [`Engine::deploy`]. A target that fails does not keep the others from going back.
    pub async fn rollback(
        &self,
        subject: &Subject,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let outcome = self.try_rollback(subject, deployed_by).await;
        outcome.inspect_err(|failure| error!(?subject, error = %failure, "rollback failed"))
    }

    async fn try_rollback(
        &self,
        subject: &Subject,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let environment = match subject {
            Subject::Latest(environment) => environment.clone(),
            Subject::Undo(id) | Subject::Return(id) => {
                self.deployment(id.as_str()).await?.environment
            }
        };
        let _lock = self.lock(&environment, deployed_by, "rollback").await?;
        let (record, intent) = self.subject(subject).await?;
        let mut past = self.recover_interrupted(&environment).await?;
        if let Some(ended) = past.ended.drain(..).find(|ended| intent_of(ended) == intent) {
            return if ended.succeeded() { Ok(ended) } else { Err(Error::Failed(Box::new(ended))) };
        }
        match self.look_back(&record, intent.clone(), past).await {
            Ok(planned) => self.carry_out(planned, deployed_by, began).await,
            Err(failure) => {
                let targets: Vec<_> = record.targets.iter().map(target_of).collect();
                let attempt = Attempt {
                    environment: &record.environment,
                    config_path: &record.config_path,
                    targets: &targets,
                    config_files: record.config_files.clone(),
                    intent,
                };
                self.record_failure(attempt, deployed_by, &failure).await?;
                Err(failure)
            }
        }
    }

    async fn subject(&self, subject: &Subject) -> Result<(ConfigDeployment, Intent), Error> {
        match subject {
            Subject::Latest(environment) => self.latest(environment).await,
            Subject::Undo(id) => {
                let record = self.deployment(id.as_str()).await?;
                refuse_undoing(&record)?;
                Ok((record, Intent::Undo { deployment: id.clone() }))
            }
            Subject::Return(id) => {
                let record = self.deployment(id.as_str()).await?;
                refuse_returning(&record)?;
                Ok((record, Intent::Return { deployment: id.clone() }))
            }
        }
    }

    /// Returns what `rollback ENV` means: the latest deployment in effect is undone. Where a
    /// deployment was interrupted it is that one, and where a rollback was, the same is meant again.
    async fn latest(
        &self,
        environment: &EnvironmentName,
    ) -> Result<(ConfigDeployment, Intent), Error> {
        let records = self.store.records(Some(environment)).await?.items;
        let interrupted = records.into_iter().find(|record| !record.status.is_terminal());
        let record = match interrupted {
            Some(record) if record.is_rollback() => return self.again(&record).await,
            Some(record) => record,
            None => self.latest_in_effect(environment).await?,
        };
        let deployment = record.deployment_id.clone();
        Ok((record, Intent::Undo { deployment }))
    }

    async fn again(
        &self,
        rollback: &ConfigDeployment,
    ) -> Result<(ConfigDeployment, Intent), Error> {
        let intent = intent_of(rollback);
        match intent.subject() {
            Some(subject) => Ok((self.deployment(subject.as_str()).await?, intent)),
            None => Ok((rollback.clone(), intent)),
        }
    }

    async fn latest_in_effect(
        &self,
        environment: &EnvironmentName,
    ) -> Result<ConfigDeployment, Error> {
        let mut records = self.history(Some(environment)).await?;
        if records.is_empty() {
            self.environment(environment.as_str()).await?;
        }
        records.reverse();
        let latest = record::in_effect(&records).last().map(|record| (*record).clone());
        latest.ok_or_else(|| Error::NothingInEffect(environment.clone()))
    }

    async fn look_back(
        &self,
        record: &ConfigDeployment,
        intent: Intent,
        past: Past,
    ) -> Result<Planned, Error> {
        let goal: fn(&TargetRecord) -> Option<ReleaseId> = match intent {
            Intent::Return { .. } => |target| target.release,
            _ => |target| target.from,
        };
        let hold = self.hold_objects()?;
        let reached: Vec<_> = record.targets.iter().map(target_of).collect();
        let fleet =
            self.fleet_again(&record.environment, reached.clone(), &record.config_path).await?;
        let mut targets = Vec::new();
        for (target, entry) in reached.into_iter().zip(&record.targets) {
            let wanted = match goal(entry) {
                Some(release) => {
                    carry_out::wanted(self.restorable(&fleet, &entry.id, release).await?.as_ref())
                }
                None => None,
            };
            targets.push((target, wanted));
        }
        let environment = self.environment(record.environment.as_str()).await.ok();
        let draft = Draft {
            environment: record.environment.clone(),
            project: self.project_of(record),
            config_path: record.config_path.clone(),
            intent,
            config_files: record.config_files.clone(),
            warnings: environment.iter().flat_map(|now| not_part_of(record, now)).collect(),
            fingerprints: None,
            budget: environment.as_ref().map(|now| now.budget.clone()).unwrap_or_default(),
            strategy: environment.map(|now| now.strategy.way_back()).unwrap_or_default(),
            targets,
        };
        self.look(draft, fleet, hold, past).await
    }

    /// Returns the project whose releases a deployment moved, where this workspace knows it.
    fn project_of(&self, record: &ConfigDeployment) -> Option<String> {
        let mut releases =
            record.targets.iter().flat_map(|target| [target.to, target.from]).flatten();
        let read = |id: ReleaseId| self.objects.read_json::<Release>(&id.0).ok();
        releases.find_map(read).map(|release| release.project)
    }

    /// Marks the deployments that `by`, the newest, took out of effect as rolled back. It is done
    /// before `by` is recorded as ended, so that whoever comes after a crash does it again.
    pub(crate) async fn mark_undone(&self, by: &ConfigDeployment) -> Result<(), Error> {
        if !by.is_rollback() {
            return Ok(());
        }
        let mut records = self.store.records(Some(&by.environment)).await?.items;
        records.retain(|record| record.deployment_id != by.deployment_id);
        records.insert(0, by.clone());
        records.reverse();
        let ids = |records: &[ConfigDeployment]| -> BTreeSet<DeploymentId> {
            record::in_effect(records).iter().map(|record| record.deployment_id.clone()).collect()
        };
        let after = ids(&records);
        records.retain(|record| record.deployment_id != by.deployment_id);
        let before = ids(&records);
        for mut record in records {
            let id = &record.deployment_id;
            if before.contains(id) && !after.contains(id) {
                record.status = DeploymentStatus::RolledBack;
                let info = record.rollback_info.get_or_insert_with(RollbackInfo::default);
                info.rolled_back_by = Some(by.deployment_id.clone());
                self.store.update_record(&record).await?;
            }
        }
        Ok(())
    }
}

/// Returns a warning for each target that a deployment did not have: it stays as it is.
fn not_part_of(record: &ConfigDeployment, now: &Environment) -> Vec<String> {
    let took_part = |target: &&Target| record.targets.iter().any(|entry| entry.id == target.id);
    let others = now.targets.iter().filter(|target| !took_part(target));
    let id = &record.deployment_id;
    others.map(|target| format!("{} had no part in {id}: it stays as it is", target.id)).collect()
}

fn refuse_undoing(record: &ConfigDeployment) -> Result<(), Error> {
    let refuse = |reason: String| {
        Err(Error::NotReversible { deployment: record.deployment_id.clone(), reason })
    };
    let by = record.rollback_info.as_ref().and_then(|info| info.rolled_back_by.as_ref());
    match by {
        Some(by) => refuse(format!("{by} rolled it back already")),
        None if !record.status.is_terminal() => Ok(()),
        None if !record.succeeded() && !record.moved_a_target() => {
            refuse("it failed and changed nothing".to_owned())
        }
        None => Ok(()),
    }
}

/// Returns what the deployment of `record` was meant to do.
fn intent_of(record: &ConfigDeployment) -> Intent {
    let info = record.rollback_info.clone().unwrap_or_default();
    match info.deployment {
        None => Intent::Deploy,
        Some(deployment) if info.returns_to => Intent::Return { deployment },
        Some(deployment) => Intent::Undo { deployment },
    }
}

fn refuse_returning(record: &ConfigDeployment) -> Result<(), Error> {
    if record.succeeded() {
        return Ok(());
    }
    let reason = format!("its status is {}, so there is nothing to return to", record.status);
    Err(Error::NotReversible { deployment: record.deployment_id.clone(), reason })
}

pub(crate) fn target_of(record: &TargetRecord) -> Target {
    Target::at(record.id.clone(), record.address.clone())
}
