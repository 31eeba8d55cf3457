//! Records: what was deployed, by whom, and what became of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeSet;
use crate::name::EnvironmentName;
use crate::release::ReleaseId;
use crate::target::{Address, TargetId};

/// The version of the record format; a newer one is refused, never rewritten.
pub const SCHEMA: u32 = 1;

/// The name of a deployment: `deploy_{environment}_{unix seconds}`, or
/// `rollback_{deployment id}_{unix seconds}`; further ones in the same second end in `_2`, `_3`….
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DeploymentId(String);

/// The text is no deployment id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a deployment id: they look like deploy_staging_1700000000")]
pub struct InvalidDeploymentId(pub String);

impl DeploymentId {
    /// The most bytes an id may have: with `.json` it still fits in a file name.
    pub const MAX_LEN: usize = 240;

    /// Checks `text` and returns it as an id.
    ///
    /// # Errors
    /// [`InvalidDeploymentId`] when it could not be one, so that no id is ever a path.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidDeploymentId> {
        let text = text.into();
        let prefix = text.starts_with("deploy_") || text.starts_with("rollback_");
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if prefix && plain && text.len() <= Self::MAX_LEN {
            Ok(Self(text))
        } else {
            Err(InvalidDeploymentId(text.chars().take(80).collect()))
        }
    }

    /// Returns the id of a deployment of `environment` at `now`, the `nth` in its second (from 1).
    #[must_use]
    pub fn deploy(environment: &EnvironmentName, now: Timestamp, nth: u64) -> Self {
        Self(numbered(format!("deploy_{environment}_{}", now.as_second()), nth))
    }

    /// Returns the id of a rollback of `of` at `now`, the `nth` in its second (from 1). Where ids of
    /// rollbacks of rollbacks would outgrow a file name, the middle is replaced by a digest.
    #[must_use]
    pub fn rollback(of: &Self, now: Timestamp, nth: u64) -> Self {
        let subject = if of.0.len() <= 160 {
            of.0.clone()
        } else {
            format!("{}_{}", &of.0[..120], crate::digest::Digest::of(of.0.as_bytes()).short())
        };
        Self(numbered(format!("rollback_{subject}_{}", now.as_second()), nth))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether it is the name of a rollback.
    #[must_use]
    pub fn is_rollback(&self) -> bool {
        self.0.starts_with("rollback_")
    }
}

fn numbered(stem: String, nth: u64) -> String {
    if nth <= 1 { stem } else { format!("{stem}_{nth}") }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeploymentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

/// What became of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    /// Recorded, not begun.
    Pending,
    /// Being carried out, or interrupted: the lock tells which.
    InProgress,
    /// Every target holds the release.
    Success,
    /// It failed; the targets' states say where each of them is.
    Failed,
    /// It failed and every target was taken back, or a later rollback undid it.
    RolledBack,
}

impl DeploymentStatus {
    /// Tells whether nothing more will happen to it by itself.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::RolledBack)
    }

    /// Returns the name that records use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
        }
    }
}

impl fmt::Display for DeploymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a target is in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Not begun.
    Pending,
    /// Files are being written beside the live ones.
    Staging,
    /// The checks run on the staged release.
    Checking,
    /// Staged and checked; the live release is still the old one.
    Staged,
    /// The switch and the reloads.
    Activating,
    /// Health is being probed.
    Probing,
    /// On the new release, and every probe is good.
    Healthy,
    /// On the new release; the services have no health checks.
    NotChecked,
    /// It already held the release.
    Unchanged,
    /// Staging or a check failed; the live release is still the old one.
    Failed,
    /// A reload or a probe failed on the new release.
    Unhealthy,
    /// It could not be reached.
    Unreachable,
    /// Being taken back.
    RollingBack,
    /// Back on the old release.
    RolledBack,
    /// It could not be taken back: a person must look.
    RollbackFailed,
}

impl TargetState {
    /// Tells whether the target is on the release that was deployed, and not known to be bad.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Healthy | Self::NotChecked | Self::Unchanged)
    }

    /// Returns the name that records use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Staging => "staging",
            Self::Checking => "checking",
            Self::Staged => "staged",
            Self::Activating => "activating",
            Self::Probing => "probing",
            Self::Healthy => "healthy",
            Self::NotChecked => "not_checked",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Unhealthy => "unhealthy",
            Self::Unreachable => "unreachable",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
        }
    }
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a deployment did to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// The target.
    pub id: TargetId,
    /// How it was reached.
    pub address: Address,
    /// Where it is.
    pub state: TargetState,
    /// What was live before; nothing before the first deployment.
    pub from: Option<ReleaseId>,
    /// What was meant to be live afterwards.
    #[serde(default)]
    pub to: Option<ReleaseId>,
    /// What is live now.
    pub release: Option<ReleaseId>,
    /// What went wrong.
    pub error: Option<String>,
}

/// How a deployment and a rollback belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollbackInfo {
    /// In the record of a rollback: the deployment that was asked to be undone, or with `--to` the
    /// one returned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// In the record of a rollback: whether it returns to what `deployment` deployed (`--to`)
    /// instead of undoing it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returns_to: bool,
    /// In the record of a deployment that was undone: the rollback that undid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_by: Option<DeploymentId>,
    /// Why a deployment took its targets back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The record of one deployment or rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigDeployment {
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// Its name.
    pub deployment_id: DeploymentId,
    /// The environment deployed to.
    pub environment: EnvironmentName,
    /// Where the files are on each target.
    #[serde(default)]
    pub config_path: String,
    /// What became of it.
    pub status: DeploymentStatus,
    /// The first digits of `release`; empty where there is none.
    pub config_version: String,
    /// The release deployed; nothing where a rollback of the first deployment left nothing, or
    /// where the release could not be built.
    pub release: Option<ReleaseId>,
    /// When it began.
    pub deployed_at: Timestamp,
    /// Who asked for it.
    pub deployed_by: String,
    /// The sources that were read, as written in the project.
    pub config_files: Vec<String>,
    /// What it changed.
    pub changes: ChangeSet,
    /// What it did to each target.
    pub targets: Vec<TargetRecord>,
    /// How it belongs to a rollback, if it does.
    pub rollback_info: Option<RollbackInfo>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who keeps its release from being collected, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pin>,
}

/// What keeps the release of a deployment, however old it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Who wants it kept.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl ConfigDeployment {
    /// Tells whether it is a rollback that a person asked for.
    #[must_use]
    pub fn is_rollback(&self) -> bool {
        self.rollback_info.as_ref().is_some_and(|info| info.deployment.is_some())
    }

    /// Tells whether it did what it was meant to, whether or not it was undone later.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let ended = matches!(self.status, DeploymentStatus::Success | DeploymentStatus::RolledBack);
        ended && self.error.is_none()
    }

    /// Returns how it ended for its targets, once it has ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let lost = self.targets.iter().any(|target| {
            target.state == TargetState::RollbackFailed
                || (target.state == TargetState::Unhealthy && target.release == target.to)
        });
        match self.status {
            _ if self.succeeded() => Outcome::Done,
            _ if lost || self.moved_a_target() => Outcome::NotWhollyRolledBack,
            DeploymentStatus::RolledBack => Outcome::RolledBack,
            _ => Outcome::NothingChanged,
        }
    }

    /// Tells whether a target was left on another release than before. One that somebody else
    /// moved in the meantime does not count.
    #[must_use]
    pub fn moved_a_target(&self) -> bool {
        let moved = |target: &TargetRecord| target.from != target.to && target.release == target.to;
        self.targets.iter().any(moved)
    }
}

/// How a deployment ended for its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what it was meant to.
    Done,
    /// It failed before anything live changed.
    NothingChanged,
    /// It failed, and every target is as before.
    RolledBack,
    /// It failed, and some target is not as before.
    NotWhollyRolledBack,
}

/// Returns the deployments that are in effect, oldest first: the last is what `rollback ENV`
/// undoes. `records` are one environment's, oldest first.
///
/// A deployment that moved a target comes into effect on top of the earlier ones, also where it
/// failed and could not be wholly taken back. A rollback takes the deployment that it undoes, and
/// whatever came after it, out of effect; one that returns to a deployment takes what came after
/// that out; one that failed leaves its subject in effect. A rollback whose subject was no longer in
/// effect (such as that of a rollback) is like a deployment of its own.
#[must_use]
pub fn in_effect(records: &[ConfigDeployment]) -> Vec<&ConfigDeployment> {
    let mut stack: Vec<&ConfigDeployment> = Vec::new();
    for record in records {
        if !record.status.is_terminal() {
            continue;
        }
        let info = record.rollback_info.as_ref();
        let subject = info.and_then(|info| info.deployment.as_ref());
        let at = subject.and_then(|id| stack.iter().position(|r| r.deployment_id == *id));
        match at {
            Some(_) if !record.succeeded() => {}
            Some(at) if info.is_some_and(|info| info.returns_to) => stack.truncate(at + 1),
            Some(at) => stack.truncate(at),
            None if record.moved_a_target() => stack.push(record),
            None => {}
        }
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> EnvironmentName {
        EnvironmentName::new("staging").expect("a name")
    }

    fn record(id: &str, info: Option<(&str, bool)>) -> ConfigDeployment {
        ConfigDeployment {
            schema: SCHEMA,
            deployment_id: DeploymentId::new(id).expect("an id"),
            environment: environment(),
            config_path: "/etc/shop".to_owned(),
            status: DeploymentStatus::Success,
            config_version: String::new(),
            release: None,
            deployed_at: Timestamp::UNIX_EPOCH,
            deployed_by: "test".to_owned(),
            config_files: Vec::new(),
            changes: ChangeSet::default(),
            targets: vec![TargetRecord {
                id: TargetId::new("local:x"),
                address: Address::Local { root: "x".to_owned() },
                state: TargetState::NotChecked,
                from: None,
                to: Some(ReleaseId(crate::digest::Digest::of(id.as_bytes()))),
                release: Some(ReleaseId(crate::digest::Digest::of(id.as_bytes()))),
                error: None,
            }],
            rollback_info: info.map(|(id, returns_to)| RollbackInfo {
                deployment: Some(DeploymentId::new(id).expect("an id")),
                returns_to,
                ..RollbackInfo::default()
            }),
            duration_ms: 0,
            error: None,
            pinned: None,
        }
    }

    fn failed(id: &str, info: Option<(&str, bool)>) -> ConfigDeployment {
        let error = Some("it broke".to_owned());
        ConfigDeployment { status: DeploymentStatus::Failed, error, ..record(id, info) }
    }

    fn left(records: &[ConfigDeployment]) -> Vec<&str> {
        in_effect(records).into_iter().map(|record| record.deployment_id.as_str()).collect()
    }

    #[test]
    fn rollbacks_walk_back_through_history() {
        let mut records =
            vec![record("deploy_a", None), record("deploy_b", None), record("deploy_c", None)];
        assert_eq!(left(&records), ["deploy_a", "deploy_b", "deploy_c"]);
        records.push(record("rollback_c", Some(("deploy_c", false))));
        assert_eq!(left(&records), ["deploy_a", "deploy_b"]);
        records.push(record("rollback_b", Some(("deploy_b", false))));
        assert_eq!(left(&records), ["deploy_a"]);
    }

    #[test]
    fn undoing_a_rollback_is_a_deployment_of_its_own() {
        let records = [
            record("deploy_a", None),
            record("deploy_b", None),
            record("rollback_1", Some(("deploy_b", false))),
            record("rollback_2", Some(("rollback_1", false))),
        ];
        assert_eq!(left(&records), ["deploy_a", "rollback_2"]);
    }

    #[test]
    fn returning_to_a_deployment_keeps_it_in_effect() {
        let records = [
            record("deploy_a", None),
            record("deploy_b", None),
            record("deploy_c", None),
            record("rollback_1", Some(("deploy_a", true))),
        ];
        assert_eq!(left(&records), ["deploy_a"]);
    }

    #[test]
    fn a_failure_that_changed_nothing_was_never_in_effect() {
        let mut failed = failed("deploy_b", None);
        failed.targets[0].release = None;
        assert_eq!(failed.outcome(), Outcome::NothingChanged);
        assert_eq!(left(&[record("deploy_a", None), failed]), ["deploy_a"]);
    }

    #[test]
    fn a_failure_that_left_a_target_moved_is_undone_first() {
        let records = [record("deploy_a", None), failed("deploy_b", None)];
        assert_eq!(records[1].outcome(), Outcome::NotWhollyRolledBack);
        assert_eq!(left(&records), ["deploy_a", "deploy_b"]);
    }

    #[test]
    fn a_rollback_that_failed_can_be_tried_again() {
        let again = failed("rollback_1", Some(("deploy_b", false)));
        let records = [record("deploy_a", None), record("deploy_b", None), again];
        assert_eq!(left(&records), ["deploy_a", "deploy_b"]);
    }

    #[test]
    fn what_somebody_else_moved_is_not_ours_to_undo() {
        let mut failed = failed("deploy_b", None);
        failed.targets[0].release = Some(ReleaseId(crate::digest::Digest::of(b"theirs")));
        assert_eq!(failed.outcome(), Outcome::NothingChanged);
        assert!(left(&[failed]).is_empty());
    }

    #[test]
    fn a_repair_in_place_that_failed_is_not_as_before() {
        let mut failed = failed("deploy_b", None);
        failed.targets[0].from = failed.targets[0].to;
        failed.targets[0].state = TargetState::Unhealthy;
        assert_eq!(failed.outcome(), Outcome::NotWhollyRolledBack);
    }

    #[test]
    fn a_deployment_that_moved_nothing_is_not_undone() {
        let mut unchanged = record("deploy_b", None);
        unchanged.targets[0].from = unchanged.targets[0].to;
        assert_eq!(left(&[record("deploy_a", None), unchanged]), ["deploy_a"]);
    }

    #[test]
    fn ids_name_environment_and_second_and_stay_short() {
        let now = Timestamp::from_second(1_700_000_000).expect("in range");
        let first = DeploymentId::deploy(&environment(), now, 1);
        assert_eq!(first.as_str(), "deploy_staging_1700000000");
        let second = DeploymentId::deploy(&environment(), now, 2);
        assert_eq!(second.as_str(), "deploy_staging_1700000000_2");
        let mut back = DeploymentId::rollback(&first, now, 1);
        assert_eq!(back.as_str(), "rollback_deploy_staging_1700000000_1700000000");
        assert!(back.is_rollback() && !first.is_rollback());
        for _ in 0..50 {
            back = DeploymentId::rollback(&back, now, 1);
        }
        assert!(back.as_str().len() <= DeploymentId::MAX_LEN);
    }

    #[test]
    fn an_id_is_never_a_path() {
        for bad in ["", "x", "deploy_../x", "deploy_a/b", "deploy_a\n"] {
            assert!(DeploymentId::new(bad).is_err(), "{bad}");
        }
    }
}
