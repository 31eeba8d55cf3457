//! What can go wrong, for people and for programs.

use std::path::PathBuf;

use windlass_core::diagnostic::{Diagnostic, Severity};
use windlass_core::name::EnvironmentName;
use windlass_core::record::{ConfigDeployment, DeploymentId};
use windlass_core::release::ReleaseId;
use windlass_core::rollout::Refusal;
use windlass_core::strategy::StageError;
use windlass_core::target::TargetId;

use crate::host::HostError;
use crate::secrets::SecretsError;
use crate::store::StoreError;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no `windlass.toml`.
    #[error("no project: there is no windlass.toml in {} or above", start.display())]
    NoProject {
        /// Where the search began.
        start: PathBuf,
    },
    /// Inputs are wrong; all that is wrong with them.
    #[error("{}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// No environment has this name.
    #[error("unknown environment `{name}`")]
    UnknownEnvironment {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An environment of this name exists.
    #[error("environment `{0}` exists already")]
    EnvironmentExists(EnvironmentName),
    /// No deployment has this id.
    #[error("unknown deployment `{0}`")]
    UnknownDeployment(String),
    /// No deployment of the environment is in effect.
    #[error("nothing to roll back: no deployment of `{0}` is in effect")]
    NothingInEffect(EnvironmentName),
    /// The deployment cannot be undone or returned to.
    #[error("cannot roll back {deployment}: {reason}")]
    NotReversible {
        /// The deployment.
        deployment: DeploymentId,
        /// Why not.
        reason: String,
    },
    /// The deployment cannot be gone on with.
    #[error("cannot resume {deployment}: {reason}")]
    NotResumable {
        /// The deployment.
        deployment: DeploymentId,
        /// Why not.
        reason: String,
    },
    /// Nobody carries the deployment out who could be asked for something.
    #[error("nobody is carrying out {0}")]
    NotUnderWay(DeploymentId),
    /// Nothing is being deployed to the environment.
    #[error("nothing is being deployed to environment `{0}`")]
    NothingUnderWay(EnvironmentName),
    /// The rollout does not do what it was asked for.
    #[error("{deployment}: {refusal}")]
    CommandRefused {
        /// The deployment.
        deployment: DeploymentId,
        /// Why not.
        refusal: Refusal,
    },
    /// The environment wants to be asked first.
    #[error("environment `{0}` is protected")]
    Protected(EnvironmentName),
    /// Objects of a release are gone.
    #[error("release {} cannot be restored: {missing} of its files are no longer in the object store", release.short())]
    Collected {
        /// The release.
        release: ReleaseId,
        /// How many files.
        missing: usize,
    },
    /// Nothing can be collected while others refer to objects that no record names yet.
    #[error("something is being deployed or planned in this workspace")]
    Busy,
    /// What a release needs cannot be told without its key.
    #[error("release {} holds secrets that cannot be unlocked here", .0.short())]
    LockedRelease(ReleaseId),
    /// A deployment that has no release has nothing to keep.
    #[error("{0} has no release to keep")]
    NothingToPin(DeploymentId),
    /// A plan was made for something else than what is there now.
    #[error("the plan is stale: {}", .0.join("; "))]
    Stale(Vec<String>),
    /// A plan file cannot be used.
    #[error("{}: {reason}", path.display())]
    BadPlan {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Files that are not Windlass's stand where a release belongs.
    #[error("{}", .0.join("; "))]
    Obstructed(Vec<String>),
    /// Targets cannot take part.
    #[error("{}", targets(.0))]
    Targets(Vec<TargetFailure>),
    /// A deployment was carried out and failed; its record says how.
    #[error("{}", .0.error.as_deref().unwrap_or("the deployment failed"))]
    Failed(Box<ConfigDeployment>),
    /// An earlier deployment was interrupted, and targets could not be taken to where they belong.
    #[error("{deployment} was interrupted and has to be ended first: {}", targets(.failures))]
    Interrupted {
        /// The deployment.
        deployment: DeploymentId,
        /// The targets, and why not.
        failures: Vec<TargetFailure>,
    },
    /// A deployment was carried out, and how it ended could not be written down: its record still
    /// says that it is in progress, and the next run takes it back.
    #[error("{}: how it ended could not be recorded", .record.deployment_id)]
    Unrecorded {
        /// What should have been written.
        record: Box<ConfigDeployment>,
        /// Why it could not be.
        source: StoreError,
    },
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is wrong with secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A file or directory of the operator's machine could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// A target that cannot take part, and why.
#[derive(Debug)]
pub struct TargetFailure {
    /// The target.
    pub target: TargetId,
    /// Why.
    pub error: HostError,
}

impl Error {
    /// Returns the error for one diagnostic.
    #[must_use]
    pub fn invalid(diagnostic: Diagnostic) -> Self {
        Self::Invalid(vec![diagnostic])
    }

    /// Returns the error for stages that a strategy made and that cannot be carried out.
    pub(crate) fn unsound(errors: &[StageError]) -> Self {
        Self::Invalid(errors.iter().map(|error| Diagnostic::error(error.to_string())).collect())
    }

    /// Returns a function that makes an [`Error::Io`] of a failure to `action` on `path`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    /// Returns the stable name of this kind of error, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoProject { .. } => "no_project",
            Self::Invalid(_) => "invalid",
            Self::UnknownEnvironment { .. } => "unknown_environment",
            Self::EnvironmentExists(_) => "environment_exists",
            Self::UnknownDeployment(_) => "unknown_deployment",
            Self::NothingInEffect(_) => "nothing_to_roll_back",
            Self::NotReversible { .. } => "not_reversible",
            Self::NotResumable { .. } => "not_resumable",
            Self::NotUnderWay(_) | Self::NothingUnderWay(_) => "not_under_way",
            Self::CommandRefused { .. } => "command_refused",
            Self::Protected(_) => "protected",
            Self::Collected { .. } => "collected",
            Self::Busy => "busy",
            Self::LockedRelease(_) => "locked_release",
            Self::NothingToPin(_) => "nothing_to_pin",
            Self::Stale(_) => "stale_plan",
            Self::BadPlan { .. } => "bad_plan",
            Self::Obstructed(_) => "obstructed",
            Self::Targets(_) => "target",
            Self::Failed(_) => "failed",
            Self::Interrupted { .. } => "interrupted",
            Self::Unrecorded { .. } => "unrecorded",
            Self::Store(StoreError::Held { .. }) => "locked",
            Self::Store(_) => "state",
            Self::Secrets(SecretsError::Locked { .. }) => "locked",
            Self::Secrets(_) => "secrets",
            Self::Io { .. } => "io",
        }
    }
}

/// Returns an error and its causes in one line.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
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

fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    match errors.as_slice() {
        [] => "invalid input".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

fn targets(failures: &[TargetFailure]) -> String {
    let lines =
        failures.iter().map(|failure| format!("{}: {}", failure.target, describe(&failure.error)));
    lines.collect::<Vec<_>>().join("; ")
}
