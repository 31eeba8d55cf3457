//! Hosts: how the engine reaches a target.

mod agent_binary;
mod embedded_agents;
mod local;
pub mod remote;
pub mod ssh;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use windlass_agent::site::{Inspection, Survey};
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::event::redacted_output;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::redact::Redactor;
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::{Address, Target};

pub use agent_binary::{AgentBinary, AgentBinaryError};
pub use local::LocalHost;
pub use remote::RemoteHost;
pub use ssh::{Ssh, SshSettings};

use crate::events::Events;
use crate::objects::Objects;

/// Why a host did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The host is there, and its work failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A release that the target should go back to is nowhere any more.
    #[error("release {} is neither in the object store nor on the target", .0.short())]
    NotKept(ReleaseId),
    /// The work on the host ended without an answer.
    #[error("work on the target ended without an answer: {0}")]
    Lost(String),
    /// No agent could be asked; nothing was done.
    #[error("{0}")]
    Unreachable(String),
    /// Nobody confirmed it in time, so that it went back by itself; or somebody else has changed it.
    #[error("{0}")]
    Unconfirmed(String),
    /// An agent's work failed, as it says itself.
    #[error("{message}")]
    Remote {
        /// What that means for the target.
        class: RemoteClass,
        /// What went wrong, with its causes.
        message: String,
    },
}

/// What a failure that an agent reports means for its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteClass {
    /// As [`WorkError::Site`]: it is where it was, or its journal says what is left to do.
    Files,
    /// As [`RemoteClass::Files`]: content that came is not what the release says.
    Content,
    /// As [`WorkError::Command`] and [`WorkError::Refused`]: it did what it was asked, but for a
    /// command.
    Command,
}

impl HostError {
    /// Returns the error without values of secrets in what commands, probes and programs said. It is
    /// the whole output that is filtered, before any excerpt of it is made.
    pub(crate) fn redacted(self, redactor: &Redactor) -> Self {
        match self {
            Self::Work(WorkError::Refused { service, role, exit, output }) => {
                let output = redacted_output(&output, redactor);
                WorkError::Refused { service, role, exit, output }.into()
            }
            Self::Work(WorkError::Unhealthy(mut reasons)) => {
                reasons.iter_mut().for_each(|reason| redactor.redact_in(reason));
                WorkError::Unhealthy(reasons).into()
            }
            Self::Lost(why) => Self::Lost(redactor.redact(&why).into_owned()),
            Self::Unreachable(why) => Self::Unreachable(redactor.redact(&why).into_owned()),
            Self::Unconfirmed(why) => Self::Unconfirmed(redactor.redact(&why).into_owned()),
            Self::Remote { class, message } => {
                Self::Remote { class, message: redactor.redact(&message).into_owned() }
            }
            other => other,
        }
    }

    /// Returns the error with `note` in the place of what commands and probes said.
    pub(crate) fn withheld(self, note: &str) -> Self {
        match self {
            Self::Work(WorkError::Refused { service, role, exit, .. }) => {
                WorkError::Refused { service, role, exit, output: note.to_owned() }.into()
            }
            Self::Work(WorkError::Unhealthy(_)) => {
                WorkError::Unhealthy(vec![note.to_owned()]).into()
            }
            Self::Remote { class: class @ RemoteClass::Command, .. } => {
                Self::Remote { class, message: note.to_owned() }
            }
            other => other,
        }
    }

    /// Tells whether the target refused before anything live changed, or took it back by itself.
    pub(crate) const fn is_before_the_switch(&self) -> bool {
        match self {
            Self::Work(error) => matches!(
                error,
                WorkError::Site(_)
                    | WorkError::Moved(_)
                    | WorkError::Guard(_)
                    | WorkError::WentBack(_)
                    | WorkError::NotArmed
            ),
            Self::NotKept(_) | Self::Unreachable(_) | Self::Unconfirmed(_) => true,
            Self::Remote { class, .. } => !matches!(class, RemoteClass::Command),
            Self::Lost(_) => false,
        }
    }

    /// Tells whether the target did what it was asked, and a reload or a probe failed after it.
    pub(crate) const fn is_after_the_switch(&self) -> bool {
        use WorkError::{Command, Refused, Unhealthy};
        match self {
            Self::Work(error) => {
                matches!(error, Command { .. } | Refused { .. } | Unhealthy(_))
            }
            Self::Remote { class, .. } => matches!(class, RemoteClass::Command),
            Self::NotKept(_) | Self::Unreachable(_) | Self::Unconfirmed(_) | Self::Lost(_) => false,
        }
    }
}

/// A target, reached. Each call is one exchange with the host and leaves it wholly on one release.
#[async_trait]
pub trait Host: Send + Sync {
    /// Returns what is on the target, and what stands in the way of `wanted`. Changes nothing.
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError>;

    /// Returns what the host is like where the target is. Changes nothing.
    async fn survey(&self) -> Result<Survey, HostError>;

    /// Returns a release as the target itself keeps it, or nothing where it does not: it may have
    /// been deployed from another workspace.
    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError>;

    /// Stages a release beside the live one and, with `checked`, runs its checks.
    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError>;

    /// Switches from one of `over` to a release (to nothing, if none), reloads what changed and
    /// waits for its health. A target that holds something else is left alone.
    async fn activate(
        &self,
        deployment: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError>;

    /// Probes the health checks of the live release once; `None` where it has none.
    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError>;

    /// Removes the releases on the target that are neither live nor in `keep`.
    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError>;

    /// Removes what is kept on the host for work on it, such as the agent, and returns the paths. What
    /// was deployed stays. A host that needs nothing keeps nothing.
    async fn forget(&self) -> Result<Vec<String>, HostError> {
        Ok(Vec::new())
    }
}

/// Reaches targets: over what their addresses say, or however a test wants to.
pub trait Reacher: Send + Sync {
    /// Returns the host behind `target`, whose files live in `config_path`.
    ///
    /// # Errors
    /// When `config_path` is not a place below a root, or the address cannot be reached.
    fn reach(
        &self,
        target: &Target,
        config_path: &str,
        how: &Reach,
    ) -> Result<Arc<dyn Host>, HostError>;
}

/// Reaches targets over what their addresses say.
#[derive(Debug, Clone, Default)]
pub struct ByAddress {
    ssh: Ssh,
}

impl ByAddress {
    /// Returns what reaches hosts over `ssh`, and directories of this machine in process.
    #[must_use]
    pub const fn new(ssh: Ssh) -> Self {
        Self { ssh }
    }
}

/// What it takes to reach a host.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Where relative local roots start.
    pub base: Arc<Path>,
    /// Where files come from.
    pub objects: Objects,
    /// Who is told what happens.
    pub events: Events,
    /// How long a target that was switched waits to be confirmed over a new connection, before it goes
    /// back by itself; none where it waits for nobody.
    pub confirm: Option<Duration>,
}

impl Reacher for ByAddress {
    fn reach(
        &self,
        target: &Target,
        config_path: &str,
        how: &Reach,
    ) -> Result<Arc<dyn Host>, HostError> {
        match &target.address {
            Address::Local { .. } if target.connection.becomes == Some(true) => {
                let why = "becoming another user is for hosts over SSH: start windlass as the user who \
                           owns the destination";
                Err(HostError::Unreachable(why.to_owned()))
            }
            Address::Local { root } => {
                Ok(Arc::new(LocalHost::new(target, root, config_path, how)?))
            }
            Address::Ssh(address) => {
                let connector = self.ssh.connector(target, address, &how.base)?;
                let host = RemoteHost::new(target, address.root(), config_path, connector, how)?;
                Ok(Arc::new(host.with_patience(self.ssh.patience())))
            }
        }
    }
}
