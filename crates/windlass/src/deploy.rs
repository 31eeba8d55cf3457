//! Plan, deploy and apply.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};
use windlass_agent::site::{Inspection, Live};
use windlass_agent::work::Assignment;
use windlass_core::change::ChangeSet;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::event::Event;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::{self, Intent, Plan, TargetPlan};
use windlass_core::record::{
    self, ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetRecord, TargetState,
};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::{Address, Target, TargetId};

use crate::build::Built;
use crate::engine::Engine;
use crate::error::Error;
use crate::executor::{Execution, Move};
use crate::fleet::{self, Fleet};
use crate::objects::Hold;
use crate::planner::{Draft, Wanted};
use crate::project::PROJECT_FILE;
use crate::store::LockGuard;

/// A plan file of more bytes than this is refused.
const MAX_PLAN: u64 = 64 << 20;

/// What is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The services of the project that the environment runs.
    Project,
    /// Single files, each rendered and placed under its own name in the `config_path`.
    Files(Vec<PathBuf>),
}

/// A plan, and what was seen on the targets while it was made.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) seen: BTreeMap<TargetId, Inspection>,
    pub(crate) fleet: Fleet,
    /// Keeps the objects of the plan until its record refers to them.
    pub(crate) hold: Hold,
}

impl Engine {
    /// Returns what a deployment would do. Nothing on a target changes; what was rendered is kept
    /// in the object store, so that `apply` deploys exactly that.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong in the inputs, or what stands in the way.
    pub async fn plan(&self, environment: &str, input: &Input) -> Result<Plan, Error> {
        let environment = self.environment(environment).await?;
        Ok(self.plan_deployment(&environment, input).await?.plan)
    }

    async fn plan_deployment(
        &self,
        environment: &Environment,
        input: &Input,
    ) -> Result<Planned, Error> {
        refuse_shared_directories(&environment.targets, &self.base)?;
        let built = self.build(environment, input)?;
        let draft = self.draft(environment, &built).await?;
        let fleet = self.fleet(&environment.targets, &environment.config_path)?;
        self.look(draft, fleet, built.hold).await
    }

    async fn draft(&self, environment: &Environment, built: &Built) -> Result<Draft, Error> {
        let wanted = |target: &Target| {
            let manifest = Arc::clone(&built.manifests[&built.release.targets[&target.id]]);
            Some((built.id, manifest))
        };
        let targets = environment.targets.iter().map(|target| (target.clone(), wanted(target)));
        let mut warnings = built.warnings.clone();
        warnings.extend(self.left_behind(environment).await?);
        Ok(Draft {
            environment: environment.name.clone(),
            project: Some(built.release.project.clone()),
            config_path: environment.config_path.clone(),
            intent: Intent::Deploy,
            config_files: built.config_files.clone(),
            strategy: environment.strategy.clone(),
            targets: targets.collect(),
            warnings,
        })
    }

    /// Returns warnings where the last deployment put files that this one does not reach: they stay.
    async fn left_behind(&self, environment: &Environment) -> Result<Vec<String>, Error> {
        let listing = self.store.records(Some(&environment.name)).await?;
        let Some(last) = listing.items.into_iter().find(ConfigDeployment::succeeded) else {
            return Ok(Vec::new());
        };
        let mut warnings = Vec::new();
        let id = &last.deployment_id;
        if last.config_path != environment.config_path {
            let (old, new) = (&last.config_path, &environment.config_path);
            warnings.push(format!(
                "config_path was {old} and is {new}: the files of {id} stay in {old}"
            ));
        }
        let is_known = |id: &TargetId| environment.targets.iter().any(|target| target.id == *id);
        let left = last.targets.iter().filter(|t| t.release.is_some() && !is_known(&t.id));
        warnings.extend(left.map(|target| {
            format!("{} is no longer a target: the files of {id} stay on it", target.id)
        }));
        Ok(warnings)
    }

    /// Looks at the targets of a draft and returns its plan.
    pub(crate) async fn look(
        &self,
        draft: Draft,
        fleet: Fleet,
        hold: Hold,
    ) -> Result<Planned, Error> {
        let (plan, seen) = draft.plan(&fleet, &self.objects).await?;
        Ok(Planned { plan, seen, fleet, hold })
    }

    /// Deploys to an environment and returns the record.
    ///
    /// # Errors
    /// [`Error::Failed`] with the record when targets did not do their part; any other error means
    /// that nothing on a target changed. A failure is recorded and logged before it is returned.
    pub async fn deploy(
        &self,
        environment: &str,
        input: &Input,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let outcome = self.try_deploy(environment, input, deployed_by).await;
        outcome.inspect_err(|failure| error!(environment, error = %failure, "deployment failed"))
    }

    async fn try_deploy(
        &self,
        environment: &str,
        input: &Input,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let environment = self.environment(environment).await?;
        let _lock = self.lock(&environment.name, deployed_by, "deploy").await?;
        self.remember(&environment).await?;
        let planned = match self.recover_interrupted(&environment.name).await {
            Ok(_) => self.plan_deployment(&environment, input).await,
            Err(interrupted) => Err(interrupted),
        };
        match planned {
            Ok(planned) => self.carry_out(planned, deployed_by, began).await,
            Err(failure) => {
                let attempt = Attempt::deploy(&environment, input);
                self.record_failure(attempt, deployed_by, &failure).await?;
                Err(failure)
            }
        }
    }

    /// Reads a plan that was saved, for [`Engine::apply`].
    ///
    /// # Errors
    /// [`Error::BadPlan`] when it is not a plan, was edited, or is of a newer version.
    pub fn read_plan(path: &Path) -> Result<Plan, Error> {
        let bad = |reason: String| Error::BadPlan { path: path.to_owned(), reason };
        let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
        if !metadata.is_file() || metadata.len() > MAX_PLAN {
            return Err(bad("not a plan file".to_owned()));
        }
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(format!("not a plan: {error}")))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        if schema.is_some_and(|schema| schema > u64::from(plan::SCHEMA)) {
            return Err(bad("it was written by a newer version of windlass".to_owned()));
        }
        let plan: Plan =
            serde_json::from_value(value).map_err(|error| bad(format!("not a plan: {error}")))?;
        if plan.is_intact() {
            Ok(plan)
        } else {
            Err(bad("it was changed after it was made".to_owned()))
        }
    }

    /// Carries out exactly `plan`, if every target is still as it was when the plan was made.
    ///
    /// # Errors
    /// [`Error::Stale`] when a target has changed since; otherwise as [`Engine::deploy`].
    pub async fn apply(&self, plan: Plan, deployed_by: &str) -> Result<ConfigDeployment, Error> {
        let environment = plan.environment.clone();
        let outcome = self.try_apply(plan, deployed_by).await;
        outcome.inspect_err(|failure| error!(%environment, error = %failure, "apply failed"))
    }

    async fn try_apply(&self, plan: Plan, deployed_by: &str) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let _lock = self.lock(&plan.environment, deployed_by, "apply").await?;
        self.recover_interrupted(&plan.environment).await?;
        let targets: Vec<_> = plan.targets.iter().map(target_of).collect();
        let fleet = self.fleet(&targets, &plan.config_path)?;
        let hold = self.hold_objects()?;
        let seen = self.see_again(&plan, &fleet).await?;
        self.carry_out(Planned { plan, seen, fleet, hold }, deployed_by, began).await
    }

    /// Looks at the targets of a saved plan and refuses if one of them has changed.
    async fn see_again(
        &self,
        plan: &Plan,
        fleet: &Fleet,
    ) -> Result<BTreeMap<TargetId, Inspection>, Error> {
        let mut wanted: BTreeMap<TargetId, Arc<Manifest>> = BTreeMap::new();
        for target in &plan.targets {
            if let Some(to) = target.to {
                let assignment = self.restorable(fleet, &target.id, to).await?;
                wanted.insert(target.id.clone(), Arc::new(assignment.manifest.clone()));
            }
        }
        let answers = fleet.ask_all(|id, host| {
            let manifest = wanted.get(&id).cloned();
            async move { host.inspect(manifest).await }
        });
        let seen = fleet::all_or_failures(answers.await)?;
        let changed = plan.targets.iter().filter(|t| seen[&t.id].fingerprint != t.fingerprint);
        let stale: Vec<_> =
            changed.map(|target| format!("{} has changed since", target.id)).collect();
        if stale.is_empty() { Ok(seen) } else { Err(Error::Stale(stale)) }
    }

    /// Takes the lock of an environment.
    pub(crate) async fn lock(
        &self,
        environment: &EnvironmentName,
        who: &str,
        why: &str,
    ) -> Result<Box<dyn LockGuard>, Error> {
        let holder = self.holder(who, why);
        Ok(self.store.lock(environment, &holder, self.lock_wait).await?)
    }

    /// Records the plan as begun, carries it out and records how it ended.
    pub(crate) async fn carry_out(
        &self,
        planned: Planned,
        deployed_by: &str,
        began: Duration,
    ) -> Result<ConfigDeployment, Error> {
        let Planned { plan, seen, fleet, hold } = planned;
        for warning in &plan.warnings {
            self.warn(&plan.environment, warning.clone());
        }
        let record = self.begin(&plan, deployed_by).await?;
        drop(hold);
        let moves = match self.moves(&plan, &fleet, &seen).await {
            Ok(moves) => moves,
            Err(failure) => return self.abandon(record, failure).await,
        };
        self.events.emit(Event::DeploymentStarted {
            deployment_id: record.deployment_id.clone(),
            environment: plan.environment.clone(),
            release: plan.release,
            targets: plan.targets.len() as u64,
        });
        let (events, stop) = (&self.events, &self.stop);
        let execution = Execution { plan: &plan, fleet: &fleet, moves, events, stop, record };
        let mut record = execution.run().await;
        record.duration_ms = millis(self.clock.monotonic().saturating_sub(began));
        self.finish(&plan, &fleet, record).await
    }

    /// Records a deployment as failed before anything was done, and returns why.
    async fn abandon(
        &self,
        mut record: ConfigDeployment,
        failure: Error,
    ) -> Result<ConfigDeployment, Error> {
        record.status = DeploymentStatus::Failed;
        record.error = Some(describe(&failure));
        self.store.update_record(&record).await?;
        Err(failure)
    }

    async fn moves(
        &self,
        plan: &Plan,
        fleet: &Fleet,
        seen: &BTreeMap<TargetId, Inspection>,
    ) -> Result<BTreeMap<TargetId, Move>, Error> {
        let mut moves = BTreeMap::new();
        for target in plan.targets.iter().filter(|target| !target.is_unchanged()) {
            let from = seen[&target.id].live.as_ref().map(assignment_of);
            let to = match target.to {
                Some(to) => Some(self.restorable(fleet, &target.id, to).await?),
                None => None,
            };
            moves.insert(target.id.clone(), Move { from, to });
        }
        Ok(moves)
    }

    /// Returns the time now, or just after the newest record where the clock has stepped back:
    /// records stay in the order in which they were made.
    async fn moment(&self, environment: &EnvironmentName) -> Result<Timestamp, Error> {
        let records = self.store.records(Some(environment)).await?.items;
        let newest = records.first().map(|newest| newest.deployed_at);
        let after =
            newest.and_then(|newest| newest.checked_add(SignedDuration::from_nanos(1)).ok());
        Ok(self.clock.now().max(after.unwrap_or(Timestamp::MIN)))
    }

    async fn begin(&self, plan: &Plan, deployed_by: &str) -> Result<ConfigDeployment, Error> {
        let now = self.moment(&plan.environment).await?;
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
        };
        let name = |nth| id_of(&plan.intent, &plan.environment, now, nth);
        Ok(self.store.create_numbered(&name, record).await?)
    }

    async fn finish(
        &self,
        plan: &Plan,
        fleet: &Fleet,
        record: ConfigDeployment,
    ) -> Result<ConfigDeployment, Error> {
        if record.succeeded() {
            self.mark_undone(&record).await?;
        }
        if let Err(source) = self.store.update_record(&record).await {
            return Err(Error::Unrecorded { record: Box::new(record), source });
        }
        if record.succeeded() {
            prune(plan, fleet).await;
        }
        self.events.emit(Event::DeploymentFinished {
            deployment_id: record.deployment_id.clone(),
            status: record.status,
            duration_ms: record.duration_ms,
        });
        if record.succeeded() { Ok(record) } else { Err(Error::Failed(Box::new(record))) }
    }

    /// Saves a deployment or a rollback that failed before there was a plan.
    pub(crate) async fn record_failure(
        &self,
        attempt: Attempt<'_>,
        deployed_by: &str,
        failure: &Error,
    ) -> Result<ConfigDeployment, Error> {
        let Attempt { environment, config_path, targets, config_files, intent } = attempt;
        let now = self.moment(environment).await?;
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
            error: Some(describe(failure)),
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
    fn deploy<'a>(environment: &'a Environment, input: &Input) -> Attempt<'a> {
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

/// Refuses targets that are one directory, reached over links.
fn refuse_shared_directories(targets: &[Target], base: &Path) -> Result<(), Error> {
    let mut places: BTreeMap<PathBuf, &TargetId> = BTreeMap::new();
    let mut problems = Vec::new();
    for target in targets {
        let Address::Local { root } = &target.address;
        let place = base.join(root);
        // What does not exist yet is no link: the project file's own check is enough.
        let Ok(place) = place.canonicalize() else { continue };
        if let Some(first) = places.insert(place, &target.id) {
            let message = format!("targets {first} and {} are the same directory", target.id);
            let problem = Diagnostic::error(message).in_file(PROJECT_FILE);
            problems.push(problem.hint("remove one of them, or give it another root"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Removes what targets keep of older releases: each keeps the live one and the one before.
async fn prune(plan: &Plan, fleet: &Fleet) {
    let before: BTreeMap<TargetId, Vec<ReleaseId>> =
        plan.targets.iter().map(|t| (t.id.clone(), t.from.into_iter().collect())).collect();
    // Where files were only repaired, the one before is still the one to go back to.
    let moved =
        plan.targets.iter().filter(|target| target.from != target.to).map(|target| &target.id);
    let answers = fleet
        .ask(moved, |id, host| {
            let keep = before[&id].clone();
            async move { host.prune(keep).await }
        })
        .await;
    for (target, answer) in answers {
        if let Err(failure) = answer {
            warn!(%target, error = %failure, "older releases were not removed");
        }
    }
}

/// Returns the release that is live on a target, as something it can be taken back to.
pub(crate) fn assignment_of(live: &Live) -> Arc<Assignment> {
    Arc::new(Assignment::from(live.clone()))
}

fn target_of(plan: &TargetPlan) -> Target {
    Target { id: plan.id.clone(), address: plan.address.clone(), services: None }
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

/// Returns an error and its causes in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a target is wanted to hold, from what the object store knows.
pub(crate) fn wanted(assignment: &Assignment) -> Wanted {
    Some((assignment.id, Arc::new(assignment.manifest.clone())))
}
