//! Plans: what a deployment would do, as a value.

use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::change::ChangeSet;
use crate::digest::Digest;
use crate::name::EnvironmentName;
use crate::record::DeploymentId;
use crate::release::ReleaseId;
use crate::strategy::{Cutover, Pace, Stage};
use crate::target::{Address, TargetId};

/// The version of the plan format; a newer one is refused.
pub const SCHEMA: u32 = 1;

/// Why targets are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Intent {
    /// To a release that was built now.
    Deploy,
    /// Back to what was live before `deployment`.
    Undo {
        /// The deployment to undo.
        deployment: DeploymentId,
    },
    /// Back to what `deployment` deployed.
    Return {
        /// The deployment to return to.
        deployment: DeploymentId,
    },
}

impl Intent {
    /// Returns the deployment that is undone or returned to.
    #[must_use]
    pub const fn subject(&self) -> Option<&DeploymentId> {
        match self {
            Self::Deploy => None,
            Self::Undo { deployment } | Self::Return { deployment } => Some(deployment),
        }
    }
}

/// What is planned for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// The target.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// What is live.
    pub from: Option<ReleaseId>,
    /// What will be live.
    pub to: Option<ReleaseId>,
    /// The digest of what was seen on the target; `apply` refuses when it has changed since.
    pub fingerprint: Digest,
    /// What a person changed on the target since its last deployment; it will be overwritten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Whether an activation was interrupted on the target, or its reloads are still due: they are
    /// made up for, even where the release stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl TargetPlan {
    /// Tells whether the target already holds what it should, and nothing is left to do on it.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.from == self.to && self.drift.is_empty() && !self.interrupted
    }
}

/// How a file on a target differs from its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftIssue {
    /// Other bytes.
    Modified,
    /// Not there.
    Missing,
    /// Other permission bits.
    Mode,
    /// Its link or its place was replaced by something else.
    Replaced,
}

/// A file on a target that differs from its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The file, below `config_path`.
    pub path: String,
    /// How it differs.
    pub issue: DriftIssue,
    /// What the release says: a digest or a mode.
    pub expected: String,
    /// What is there.
    pub actual: String,
}

/// The difference of one text file, as a unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// The file, below `config_path`.
    pub path: String,
    /// The unified diff with its headers; empty where the content is not text.
    pub unified: String,
}

/// What a deployment would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// The first digits of the digest of everything below.
    pub plan_id: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// Where the files go on each target.
    pub config_path: String,
    /// Why.
    #[serde(flatten)]
    pub intent: Intent,
    /// The release that the targets are moved to, where it is one for all.
    pub release: Option<ReleaseId>,
    /// The sources that were read, as written in the project.
    pub config_files: Vec<String>,
    /// What changes, over all targets.
    pub changes: ChangeSet,
    /// The text differences of modified files, over all targets.
    #[serde(default)]
    pub diffs: Vec<FileDiff>,
    /// What is planned for each target.
    pub targets: Vec<TargetPlan>,
    /// In which order.
    pub stages: Vec<Stage>,
    /// How fast, and how long at most.
    #[serde(default, skip_serializing_if = "Pace::is_default")]
    pub pace: Pace,
    /// How many targets may be bad.
    #[serde(default, skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
    /// How the targets begin to serve what they are moved to.
    #[serde(default, skip_serializing_if = "Cutover::is_usual")]
    pub cutover: Cutover,
    /// What a person should know before going on.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Plan {
    /// Returns the plan with its [`Plan::plan_id`] computed.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.plan_id = String::new();
        self.plan_id = Digest::of_json(&self).short();
        self
    }

    /// Tells whether the id is that of the content: nobody edited the plan.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.clone().named().plan_id == self.plan_id
    }

    /// Tells whether every target already holds what it should.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.targets.iter().all(TargetPlan::is_unchanged)
    }
}
