//! Events: what the engine says while it works. It never prints; the terminal, JSON lines and
//! records read these.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, ServiceName};
use crate::record::{DeploymentId, DeploymentStatus, TargetState};
use crate::redact::Redactor;
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

impl fmt::Display for CommandRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Check => "check",
            Self::OnChange => "on_change",
            Self::Health => "health",
        })
    }
}

impl Event {
    /// Takes the values of secrets out of everything that a person, a command or a library said.
    pub fn redact(&mut self, redactor: &Redactor) {
        match self {
            Self::Warning { message, .. } => redactor.redact_in(message),
            Self::TargetChanged { error: Some(error), .. } => redactor.redact_in(error),
            Self::CommandFinished { output, .. } => *output = redacted_output(output, redactor),
            Self::TargetChanged { error: None, .. }
            | Self::Rendering { .. }
            | Self::Recovering { .. }
            | Self::DeploymentStarted { .. }
            | Self::StageStarted { .. }
            | Self::StagingProgress { .. }
            | Self::DeploymentFinished { .. } => {}
        }
    }
}

/// Output of as many bytes may be the end of more.
const MAYBE_CUT: usize = 48 << 10;

/// Returns the output of a command without values of secrets. Where its beginning was let go it may
/// begin with the end of one.
#[must_use]
pub fn redacted_output(output: &str, redactor: &Redactor) -> String {
    let is_cut = output.len() >= MAYBE_CUT;
    let clean = if is_cut { redactor.redact_tail(output) } else { redactor.redact(output) };
    clean.into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, SecretName, Secrets};

    fn redactor() -> Redactor {
        let name = SecretName::new("TOKEN").expect("a name");
        Redactor::new(&Secrets::new([(name, Secret::new("correct horse"))]).expect("one"))
    }

    #[test]
    fn what_others_said_is_filtered() {
        let target = TargetId::new("web");
        let service = ServiceName::new("web").expect("a name");
        let said = || "token is correct horse".to_owned();
        let mut events = [
            Event::Warning {
                environment: EnvironmentName::new("staging").expect("a name"),
                message: said(),
            },
            Event::TargetChanged {
                target: target.clone(),
                state: TargetState::Failed,
                error: Some(said()),
            },
            Event::CommandFinished {
                target,
                service,
                role: CommandRole::Check,
                exit_code: None,
                output: said(),
            },
        ];
        for event in &mut events {
            event.redact(&redactor());
            let json = serde_json::to_string(event).expect("serializes");
            assert!(json.contains("token is [secret TOKEN]"), "{json}");
        }
    }

    #[test]
    fn output_that_was_cut_does_not_begin_with_half_a_value() {
        let cut = format!("t horse\n{}", "x".repeat(MAYBE_CUT));
        assert!(redacted_output(&cut, &redactor()).starts_with("[secret TOKEN]\nx"));
        assert_eq!(redacted_output("t horse\nx", &redactor()), "t horse\nx");
    }
}
