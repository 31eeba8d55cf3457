//! Requests, what is heard while they are carried out, and answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;
use windlass_core::event::{CommandRole, Event};
use windlass_core::name::ServiceName;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::{Address, TargetId};

use super::Failure;
use crate::guard::Arm;
use crate::run::visible;
use crate::site::{Inspection, Survey};
use crate::work::Assignment;

/// Where on a host: one target of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The root of the target on the host; a relative one starts where the agent was started.
    pub root: String,
    /// The directory of the files below it.
    pub config_path: String,
    /// The target, for the commands of its services.
    pub target: TargetId,
    /// How the operator reaches it, for its commands and probes.
    pub address: Address,
}

/// What an agent is asked to do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Where.
    pub place: Place,
    /// What.
    pub ask: Ask,
}

/// What an agent is asked to do: the calls of [`Worker`](crate::work::Worker).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// To show that it is there.
    Ping,
    /// What the host is like where the target is.
    Survey,
    /// What is on the target, and what is in the way of a release.
    Inspect {
        /// The files of that release.
        wanted: Option<Arc<Manifest>>,
    },
    /// A release as the target keeps it.
    Recall {
        /// Which.
        release: ReleaseId,
    },
    /// To stage a release, and to run its checks.
    Prepare {
        /// For which deployment.
        deployment: DeploymentId,
        /// The release.
        to: Arc<Assignment>,
        /// Whether its checks are run.
        checked: bool,
    },
    /// To make a release live that was staged before.
    Activate {
        /// For which deployment.
        deployment: DeploymentId,
        /// What may be live now.
        over: Vec<Option<ReleaseId>>,
        /// The release; nothing, if nothing is to be live.
        to: Option<ReleaseId>,
    },
    /// As `activate`, and to go back by itself unless somebody confirms over another connection.
    ActivateArmed {
        /// For which deployment.
        deployment: DeploymentId,
        /// What may be live now.
        over: Vec<Option<ReleaseId>>,
        /// The release; nothing, if nothing is to be live.
        to: Option<ReleaseId>,
        /// How it is to be confirmed.
        arm: Arm,
    },
    /// Not to go back, and to wait until health checks agree.
    Confirm {
        /// What tells the revert from others.
        nonce: String,
    },
    /// To probe the health checks of a release that the target keeps, once.
    Probe {
        /// Which.
        live: ReleaseId,
    },
    /// To remove the releases that are neither live nor kept.
    Prune {
        /// What is kept.
        keep: Vec<ReleaseId>,
    },
}

impl Ask {
    /// Tells whether doing it twice is as good as once, so that it can be asked again by somebody who does not know
    /// whether it was heard.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        use Ask::{Confirm, Inspect, Ping, Probe, Recall, Survey};
        let looks = matches!(self, Ping | Survey | Inspect { .. } | Recall { .. } | Probe { .. });
        looks || matches!(self, Confirm { .. })
    }
}

/// The answer to a request.
pub type Answer = Result<Reply, Failure>;

/// The answer to a request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is there.
    Pong,
    /// What the host is like.
    Surveyed(Box<Survey>),
    /// What it saw.
    Inspected(Box<Inspection>),
    /// The release, if the target keeps it.
    Recalled(Option<Arc<Assignment>>),
    /// The release is staged and, if that was asked for, checked.
    Prepared,
    /// The release is live.
    Activated {
        /// Whether health checks found it healthy; else there were none to ask.
        checked: bool,
    },
    /// The release is live until nobody has confirmed it in time.
    Armed {
        /// Whether the host looks at it after a restart; else the next contact does.
        outlives_restart: bool,
    },
    /// What the probes found; nothing where there are none.
    Probed(Option<bool>),
    /// What was not kept is gone.
    Pruned,
}

/// The content that a host does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Each once, in the order in which it is to be sent.
    pub digests: Vec<Digest>,
}

/// Something that happened on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It began something else.
    Began(Phase),
    /// Files are being staged.
    Staging {
        /// Bytes written.
        done: u64,
        /// Bytes to write.
        total: u64,
    },
    /// A command ended.
    Command {
        /// The service.
        service: ServiceName,
        /// Which of its commands.
        role: CommandRole,
        /// Its exit code; none when a signal or the time limit ended it.
        exit_code: Option<i32>,
        /// The end of what it printed.
        output: String,
    },
}

/// What a target is at, as far as an agent may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Files are being staged.
    Staging,
    /// Checks are running.
    Checking,
    /// The release is being made live.
    Activating,
    /// Health checks are being asked.
    Probing,
}

impl Said {
    /// Returns what an agent says of an event, or nothing where it is not for an agent to say.
    #[must_use]
    pub fn of(event: Event) -> Option<Self> {
        Some(match event {
            Event::TargetChanged { state, .. } => Self::Began(Phase::of(state)?),
            Event::StagingProgress { done, total, .. } => Self::Staging { done, total },
            Event::CommandFinished { service, role, exit_code, output, .. } => {
                Self::Command { service, role, exit_code, output }
            }
            _ => return None,
        })
    }

    /// Returns the event, as one of `target`. Text is made harmless for terminals.
    #[must_use]
    pub fn into_event(self, target: TargetId) -> Event {
        match self {
            Self::Began(phase) => {
                Event::TargetChanged { target, state: phase.state(), error: None }
            }
            Self::Staging { done, total } => {
                Event::StagingProgress { target, done: done.min(total), total }
            }
            Self::Command { service, role, exit_code, output } => {
                let output = visible(&output);
                Event::CommandFinished { target, service, role, exit_code, output }
            }
        }
    }
}

impl Phase {
    fn of(state: TargetState) -> Option<Self> {
        Some(match state {
            TargetState::Staging => Self::Staging,
            TargetState::Checking => Self::Checking,
            TargetState::Activating => Self::Activating,
            TargetState::Probing => Self::Probing,
            _ => return None,
        })
    }

    const fn state(self) -> TargetState {
        match self {
            Self::Staging => TargetState::Staging,
            Self::Checking => TargetState::Checking,
            Self::Activating => TargetState::Activating,
            Self::Probing => TargetState::Probing,
        }
    }
}
