//! Records of deployments: what they say of the past, and how new ones are made.

use jiff::{SignedDuration, Timestamp};
use windlass_core::change::ChangeSet;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::{Intent, Plan, TargetPlan};
use windlass_core::record::{
    self, ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetRecord, TargetState,
};
use windlass_core::target::Target;

use crate::deploy::Input;
use crate::engine::Engine;
use crate::error::{Error, describe};

/// What the records of an environment say, read once for one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// When the newest of them began.
    pub(crate) newest: Option<Timestamp>,
    /// The newest that did what it was meant to.
    pub(crate) last_good: Option<ConfigDeployment>,
    /// Those that had been interrupted and were ended just now.
    pub(crate) ended: Vec<ConfigDeployment>,
}

impl Past {
    /// Returns what `records`, newest first, say.
    pub(crate) fn of(records: &[ConfigDeployment]) -> Self {
        Self {
            newest: records.first().map(|newest| newest.deployed_at),
            last_good: records.iter().find(|record| record.succeeded()).cloned(),
            ended: Vec::new(),
        }
    }
}

impl Engine {
    /// Reads what the records of an environment say.
    pub(crate) async fn past(&self, environment: &EnvironmentName) -> Result<Past, Error> {
        Ok(Past::of(&self.store.records(Some(environment)).await?.items))
    }

    /// Returns the time now, or just after the newest record where the clock has stepped back:
    /// records stay in the order in which they were made.
    fn moment(&self, newest: Option<Timestamp>) -> Timestamp {
        let after =
            newest.and_then(|newest| newest.checked_add(SignedDuration::from_nanos(1)).ok());
        self.clock.now().max(after.unwrap_or(Timestamp::MIN))
    }

    /// Saves the record of a plan that is about to be carried out.
    pub(crate) async fn begin(
        &self,
        plan: &Plan,
        past: &Past,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let now = self.moment(past.newest);
        let record = ConfigDeployment {
            schema: record::SCHEMA,
            deployment_id: id_of(&plan.intent, &plan.environment, now, 1),
            environment: plan.environment.clone(),
            config_path: plan.config_path.clone(),
            status: DeploymentStatus::InProgress,
            config_version: plan.release.map(|release| release.short()).unwrap_or_default(),
            release: plan.release,
            deployed_at: now,
            deployed_by: deployed_by.to_owned(),
            config_files: plan.config_files.clone(),
            changes: plan.changes.clone(),
            targets: plan.targets.iter().map(target_record).collect(),
            rollback_info: rollback_info(&plan.intent),
            duration_ms: 0,
            error: None,
            pinned: None,
        };
        let name = |nth| id_of(&plan.intent, &plan.environment, now, nth);
        Ok(self.store.create_numbered(&name, record).await?)
    }

    /// Saves a deployment or a rollback that failed before there was a plan.
    pub(crate) async fn record_failure(
        &self,
        attempt: Attempt<'_>,
        deployed_by: &str,
        failure: &Error,
    ) -> Result<ConfigDeployment, Error> {
        let Attempt { environment, config_path, targets, config_files, intent } = attempt;
        let now = self.moment(self.past(environment).await?.newest);
        let record = ConfigDeployment {
            schema: record::SCHEMA,
            deployment_id: id_of(&intent, environment, now, 1),
            environment: environment.clone(),
            config_path: config_path.to_owned(),
            status: DeploymentStatus::Failed,
            config_version: String::new(),
            release: None,
            deployed_at: now,
            deployed_by: deployed_by.to_owned(),
            config_files,
            changes: ChangeSet::default(),
            targets: targets.iter().map(pending).collect(),
            rollback_info: rollback_info(&intent),
            duration_ms: 0,
            error: Some(self.redaction.clean(describe(failure))),
            pinned: None,
        };
        let name = |nth| id_of(&intent, environment, now, nth);
        Ok(self.store.create_numbered(&name, record).await?)
    }
}

/// A deployment or a rollback for which there was no plan.
pub(crate) struct Attempt<'a> {
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) config_path: &'a str,
    pub(crate) targets: &'a [Target],
    pub(crate) config_files: Vec<String>,
    pub(crate) intent: Intent,
}

impl Attempt<'_> {
    pub(crate) fn deploy<'a>(environment: &'a Environment, input: &Input) -> Attempt<'a> {
        let config_files = match input {
            Input::Project => Vec::new(),
            Input::Files(files) => files.iter().map(|file| file.display().to_string()).collect(),
        };
        Attempt {
            environment: &environment.name,
            config_path: &environment.config_path,
            targets: &environment.targets,
            config_files,
            intent: Intent::Deploy,
        }
    }
}

/// Returns the id of the `nth` deployment or rollback of the second.
fn id_of(intent: &Intent, environment: &EnvironmentName, now: Timestamp, nth: u64) -> DeploymentId {
    match intent.subject() {
        None => DeploymentId::deploy(environment, now, nth),
        Some(subject) => DeploymentId::rollback(subject, now, nth),
    }
}

fn rollback_info(intent: &Intent) -> Option<RollbackInfo> {
    intent.subject().map(|subject| RollbackInfo {
        deployment: Some(subject.clone()),
        returns_to: matches!(intent, Intent::Return { .. }),
        ..RollbackInfo::default()
    })
}

fn pending(target: &Target) -> TargetRecord {
    TargetRecord {
        id: target.id.clone(),
        address: target.address.clone(),
        state: TargetState::Pending,
        from: None,
        to: None,
        release: None,
        error: None,
    }
}

fn target_record(plan: &TargetPlan) -> TargetRecord {
    let state = if plan.is_unchanged() { TargetState::Unchanged } else { TargetState::Pending };
    TargetRecord {
        id: plan.id.clone(),
        address: plan.address.clone(),
        state,
        from: plan.from,
        to: plan.to,
        release: plan.from,
        error: None,
    }
}
