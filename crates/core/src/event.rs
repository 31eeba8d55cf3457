//! Events: what the engine says while it works. It never prints; the terminal, JSON lines and
//! records read these.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, ServiceName};
use crate::record::{DeploymentId, DeploymentStatus, TargetState};
use crate::release::ReleaseId;
use crate::target::TargetId;

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Which command of a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandRole {
    /// `check`, on the staged release.
    Check,
    /// `on_change`, after activation.
    OnChange,
    /// A health command.
    Health,
}

/// What happens while the engine works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Files are being rendered.
    Rendering {
        /// The environment.
        environment: EnvironmentName,
        /// How many files are done.
        done: u64,
        /// How many there are.
        total: u64,
    },
    /// A deployment that nobody finished was found: its targets are taken back. A rollback is finished.
    Recovering {
        /// The interrupted deployment.
        deployment_id: DeploymentId,
    },
    /// Something that a person should know, and that does not stop the work.
    Warning {
        /// The environment.
        environment: EnvironmentName,
        /// What.
        message: String,
    },
    /// A deployment begins.
    DeploymentStarted {
        /// Its name.
        deployment_id: DeploymentId,
        /// The environment.
        environment: EnvironmentName,
        /// The release that is deployed.
        release: Option<ReleaseId>,
        /// How many targets it has.
        targets: u64,
    },
    /// A stage begins.
    StageStarted {
        /// Which, from 1.
        stage: u64,
        /// Of how many.
        stages: u64,
        /// The targets of it.
        targets: Vec<TargetId>,
    },
    /// A target moved to another state.
    TargetChanged {
        /// The target.
        target: TargetId,
        /// Its state now.
        state: TargetState,
        /// What went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Files are being staged on a target.
    StagingProgress {
        /// The target.
        target: TargetId,
        /// Bytes written.
        done: u64,
        /// Bytes to write.
        total: u64,
    },
    /// A command on a target ended.
    CommandFinished {
        /// The target.
        target: TargetId,
        /// The service.
        service: ServiceName,
        /// Which of its commands.
        role: CommandRole,
        /// Its exit code; none when a signal or the time limit ended it.
        exit_code: Option<i32>,
        /// The end of what it printed.
        output: String,
    },
    /// A deployment ended.
    DeploymentFinished {
        /// Its name.
        deployment_id: DeploymentId,
        /// What became of it.
        status: DeploymentStatus,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
}
